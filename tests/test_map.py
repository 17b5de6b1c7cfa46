"""A measured reach, drawn for wide and narrow terminals and for scripts."""

from __future__ import annotations

from typing import Any

from labrunner.cli.map_table import Shown, draw
from labrunner.model.reach import Listener, Probe, Reach
from labrunner.reach import table

ANY = "0.0.0.0"  # noqa: S104  what containers bind to, not we


def _probe(source: str, target: str, port: int, state: Any, **more: Any) -> Probe:
    given: dict[str, Any] = {"via": "10.0.0.2", "by": "address", "network": "n", **more}
    return Probe(source=source, target=target, port=port, state=state, **given)


EXAMPLE = Reach(
    containers=("db", "my-payment-service", "web"),
    listeners=(
        Listener("db", ANY, 5432),
        Listener("my-payment-service", "127.0.0.1", 8000),
        Listener("web", "::", 80),
        Listener("host", ANY, 8080, "web:80"),
    ),
    probes=(
        _probe("web", "db", 5432, "open"),
        _probe("web", "db", 5432, "unknown_name", via="db", by="name", network=""),
        _probe("web", "my-payment-service", 8000, "refused"),
        _probe("web", "host", 8080, "filtered", by="gateway"),
        _probe("db", "web", 80, "refused", detail="icmp-port-unreachable"),
        _probe("db", "web", 80, "unknown_name", via="web", by="name", network=""),
        _probe("db", "my-payment-service", 8000, "no_route"),
        _probe("my-payment-service", "web", 80, "open", detail="paused"),
        _probe("my-payment-service", "db", 5432, "unknown_name", via="db", by="name"),
        _probe("my-payment-service", "host", 8080, "open", by="gateway"),
    ),
    seconds=0.42,
)

TABLE = """\
3 containers, 3 of 8 ways open (10 probes, 0.4 s)

                              my-
                              payment-
                    db        service   web       host
from \\ to           :5432     :8000     :80       :8080
db                  -         no route  rejected  -
my-payment-service  no name   -         paused    open
web                 open*     refused   -         filtered

open      accepts connections
open*     accepts by address; its name does not lead there
paused    the kernel still accepts, but the container is paused: nobody answers
refused   reached, but nothing listens at that address
rejected  a firewall rule said no
filtered  no answer: no shared network, or a rule that drops
no route  no way to that address
no name   it has no address, and its name is not known there
-         itself, or not tried

host:8080 leads to web:80
my-payment-service:8000 listens on 127.0.0.1 only"""


def test_draw_80() -> None:
    """At 80 columns it is a table with a legend of the words that occur."""
    drawn = draw(Shown(EXAMPLE), 80)
    assert drawn == TABLE
    assert max(map(len, drawn.splitlines())) <= 80


def test_draw_40() -> None:
    """At 40 columns it is a list, and still fits."""
    drawn = draw(Shown(EXAMPLE), 40)
    assert max(map(len, drawn.splitlines())) <= 40
    assert "web\n  open*     db:5432\n  refused   my-payment-service:8000\n" in drawn


def test_colour_adds_nothing() -> None:
    """With the colours taken out, a coloured map is the plain one."""
    coloured = draw(Shown(EXAMPLE), 80, lambda text, style: f"\x1b[{style}m{text}\x1b[0m")
    plain = draw(Shown(EXAMPLE), 80)
    for code in ("2", "31", "32", "33", "0"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert [line.rstrip() for line in coloured.splitlines()] == plain.splitlines()


def test_draw_nothing() -> None:
    """No containers, and containers on which nothing listens, are said in a sentence."""
    assert draw(Shown(Reach((), (), (), 0.0))) == "No container is running."
    assert draw(Shown(Reach(("a",), (), (), 0.0))) == "1 container: nothing listens anywhere."


def test_json() -> None:
    """The JSON has every probe and the table's word for each pair."""
    data = table.to_json(EXAMPLE)
    assert data["probes"][0]["state"] == "open"
    way = {"source": "db", "target": "web", "port": 80, "protocol": "tcp"}
    assert {**way, "word": "rejected"} in data["table"]
