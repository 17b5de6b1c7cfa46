"""A measured reach, drawn for wide and narrow terminals and for scripts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labrunner.cli.map_table import Compared, Shown, draw
from labrunner.model.reach import Listener, Outside, Probe, Reach
from labrunner.reach import changes, keeping, kept, picture, table
from labrunner.store import LabRecord, Store

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


# --- all protocols ------------------------------------------------------------------------


def _udp(source: str, target: str, port: int, state: Any, **more: Any) -> Probe:
    return _probe(source, target, port, state, protocol="udp", **more)


def _echo(source: str, target: str, state: Any, **more: Any) -> Probe:
    return _probe(source, target, 0, state, protocol="icmp", **more)


MANY = Reach(
    containers=("names", "web"),
    listeners=(
        Listener("names", ANY, 53),
        Listener("names", ANY, 53, protocol="udp"),
        Listener("web", ANY, 514, protocol="udp"),
        Listener("host", ANY, 8080, "web:80"),
    ),
    probes=(
        _probe("web", "names", 53, "filtered"),
        _udp("web", "names", 53, "open"),
        _udp("names", "web", 514, "open", detail="no answer"),
        _echo("web", "names", "open"),
        _echo("names", "web", "filtered"),
        Probe("host", "web", "127.0.0.1", "published", "", 8080, "open"),
    ),
    seconds=0.3,
    outside=(Outside("names", "open"), Outside("web", "blocked", "on internal networks only")),
)

EVERYTHING = """\
2 containers, 0 of 1 ways open (6 probes, 0.3 s)

TCP: connections
           names     host
from \\ to  :53       :8080
names      -         -
web        filtered  -

UDP: datagrams
           names     web
from \\ to  :53       :514
names      -         arrives
web        answers   -

ICMP: echo requests (ping)
from \\ to  names     web
names      -         filtered
web        answers   -

Published ports, tried by the host itself
127.0.0.1:8080  web:80  open

The way out of the host
names: a way out
web: none, though the host has one

open      accepts connections
answers   what was sent is answered
arrives   it gets there; whether somebody takes it, nobody says
filtered  no answer: no shared network, or a rule that drops
-         itself, or not tried

host:8080 leads to web:80"""


def test_all_of_it() -> None:
    """Each protocol has a table of its own, and so have published ports and the way out."""
    assert draw(Shown(MANY, everything=True), 80) == EVERYTHING
    narrow = draw(Shown(MANY, everything=True), 25)
    assert max(map(len, narrow.splitlines())) <= 25
    assert "web\n  answers   names:53/udp" in narrow


def test_by_default_it_is_tcp_alone() -> None:
    """What answers a datagram says nothing about connections."""
    drawn = draw(Shown(MANY), 80)
    assert "filtered" in drawn
    assert "answers" not in drawn
    assert "UDP" not in drawn


def test_a_riddle_names_no_cause() -> None:
    """The table says who reaches whom; that a port is bound to loopback is for the learner."""
    drawn = draw(Shown(EXAMPLE, riddle=True), 80)
    assert "refused" in drawn
    assert "host:8080 leads to web:80" in drawn
    assert "127.0.0.1" not in drawn


# --- changes ------------------------------------------------------------------------------


def _after(**changed: Any) -> Reach:
    return replace(EXAMPLE, **changed)


def _told(before: Reach, after: Reach) -> list[str]:
    return changes.tell(changes.compare(before, after))


def test_nothing_has_changed() -> None:
    """The same measured again, in another order and time, is the same."""
    again = _after(
        probes=tuple(reversed(EXAMPLE.probes)),
        listeners=tuple(reversed(EXAMPLE.listeners)),
        seconds=9.0,
    )
    assert changes.compare(EXAMPLE, again) == ()
    compared = Compared("last", 0.0, ())
    assert draw(Shown(EXAMPLE, compared=compared)).endswith("nothing has changed")


def test_ways_that_open_and_close() -> None:
    """By source, target and port, with the words of before and after."""
    other: dict[tuple[str, str], Any] = {
        ("web", "my-payment-service"): "open",
        ("my-payment-service", "host"): "filtered",
    }
    after = _after(
        probes=tuple(
            replace(p, state=other.get((p.source, p.target), p.state)) for p in EXAMPLE.probes
        )
    )
    found = changes.compare(EXAMPLE, after)
    assert [(c.kind, c.source, c.target, c.port) for c in found] == [
        ("opened", "web", "my-payment-service", 8000),
        ("closed", "my-payment-service", "host", 8080),
    ]
    assert changes.tell(found) == [
        "open now: web to my-payment-service:8000 (before: refused)",
        "closed now: my-payment-service to host:8080 (filtered)",
    ]


def test_the_table_marks_what_changed() -> None:
    """The cell, and no other; the legend says what the mark is."""
    before = replace(MANY, probes=tuple(p for p in MANY.probes if p.protocol != "udp"))
    before = replace(before, probes=(*before.probes, _udp("web", "names", 53, "filtered")))
    found = changes.compare(before, MANY)
    shown = Shown(MANY, everything=True, compared=Compared("last", 0.0, found))
    marked = [
        (table_.columns[0].protocol, row.source, column.target)
        for table_ in shown.tables
        for row in table_.rows
        for column, cell in zip(table_.columns, row.cells, strict=True)
        if cell.changed
    ]
    # the same source, target and port by TCP is not the same way
    assert marked == [("udp", "names", "web"), ("udp", "web", "names")]
    drawn = draw(shown, 80)
    assert drawn.count("answers <") == 1
    assert "<         another word than before" in drawn
    assert max(map(len, draw(shown, 40).splitlines())) <= 40


def test_who_comes_and_goes() -> None:
    """Of a newcomer, what is open is news; of who has gone, that it has gone is all."""
    without = _after(
        containers=("db", "my-payment-service"),
        listeners=tuple(one for one in EXAMPLE.listeners if one.owner != "web"),
        probes=tuple(p for p in EXAMPLE.probes if "web" not in (p.source, p.target)),
    )
    assert _told(EXAMPLE, without) == ["gone: web"]
    assert _told(without, EXAMPLE) == [
        "new: web",
        "listens now: web:80 (::)",
        "open now: web to db:5432",
    ]


def test_ports_on_which_somebody_listens() -> None:
    """Anew, no more, at another address; nobody is told that a port that is gone is closed."""
    kept_ones = tuple(one for one in EXAMPLE.listeners if one.owner != "db")
    moved = tuple(replace(o, address=ANY) if o.port == 8000 else o for o in kept_ones)
    after = _after(
        listeners=(*moved, Listener("db", ANY, 6432)),
        probes=tuple(p for p in EXAMPLE.probes if p.target != "db"),
    )
    assert _told(EXAMPLE, after) == [
        "listens now: db:6432 (0.0.0.0)",
        "listens no more: db:5432",
        "my-payment-service:8000 listens on 0.0.0.0 now, before on 127.0.0.1",
    ]


def test_a_riddles_changes_name_no_cause() -> None:
    """That somebody listens is told, and not at which address."""
    bare = _after(listeners=())
    assert changes.tell(changes.compare(bare, EXAMPLE), riddle=True)[0] == (
        "listens now: db:5432, host:8080, my-payment-service:8000, web:80"
    )
    moved = _after(listeners=tuple(replace(one, address=ANY) for one in EXAMPLE.listeners))
    found = changes.compare(EXAMPLE, moved)
    assert found
    compared = Compared("last", 0.0, found)
    assert "127.0.0.1" not in draw(Shown(moved, riddle=True, compared=compared))
    assert "127.0.0.1" in draw(Shown(moved, compared=compared))


def test_the_way_out_and_published_ports() -> None:
    """They change, too."""
    shut = Probe("host", "web", "127.0.0.1", "published", "", 8080, "refused")
    after = replace(
        MANY,
        probes=(*MANY.probes[:-1], shut),
        outside=(Outside("names", "blocked"), MANY.outside[1]),
    )
    assert _told(MANY, after) == [
        "closed now: host to host:8080 (refused)",
        "way out of names: none, though the host has one (before: a way out)",
    ]


def test_several_sources_are_one_sentence() -> None:
    """A hundred ways that close at once do not take a hundred lines."""
    names = tuple(f"c{number}" for number in range(9))
    probes = tuple(_probe(name, "web", 80, "open") for name in names)
    before = Reach((*names, "web"), (Listener("web", ANY, 80),), probes, 0.1)
    after = replace(before, probes=tuple(replace(p, state="filtered") for p in probes))
    assert _told(before, after) == [
        "closed now: c0, c1, c2, c3, c4, c5, c6, c7 and c8 to web:80 (filtered)"
    ]


# --- what is kept -------------------------------------------------------------------------


@pytest.fixture
def record(tmp_path: Path) -> LabRecord:
    """A lab that exists in name only, with its private folder."""
    return LabRecord(
        id="shop-abc123",
        scenario="shop",
        host="sandbox",
        engine="",
        folder=tmp_path,
        seed=1,
        language="en",
        step="first",
        farewell=False,
        state="running",
        created=0.0,
    )


def test_what_is_kept_comes_back_as_it_was(record: LabRecord) -> None:
    """Every field of a measurement; the first one counts for every beginning."""
    kept.keep(record, MANY, at=5.0)
    for point in kept.POINTS:
        assert kept.recall(record, point) == kept.Kept(5.0, "first", MANY)
    kept.keep(record, EXAMPLE, at=6.0)
    assert kept.to_compare(record, "last") == ("last", kept.Kept(6.0, "first", EXAMPLE))
    assert kept.to_compare(record, "lab") == ("lab", kept.Kept(5.0, "first", MANY))


def test_another_step_has_another_beginning(record: LabRecord) -> None:
    """A measurement of the step before is none of this one."""
    kept.keep(record, MANY, at=5.0)
    later = replace(record, step="second")
    assert kept.to_compare(later, "step") is None
    kept.keep(later, EXAMPLE, at=6.0)
    assert kept.to_compare(later, "step") == ("step", kept.Kept(6.0, "second", EXAMPLE))


def test_without_a_last_map_the_step_counts(record: LabRecord) -> None:
    """What was measured beside the learner's work serves the first comparison."""
    kept.keep(record, MANY, at=5.0, points=())
    assert kept.to_compare(record, "last") == ("step", kept.Kept(5.0, "first", MANY))


def test_a_beginning_is_never_replaced(record: LabRecord) -> None:
    """What was measured beside the learner's work, and came late, is no better than a map."""
    kept.keep(record, MANY, at=5.0)
    kept.keep(record, EXAMPLE, at=6.0, points=("last", "step", "lab"))
    for point in kept.POINTS[1:]:
        assert kept.to_compare(record, point) == (point, kept.Kept(5.0, "first", MANY))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"at": 1}', '{"at": 1, "step": "first", "reach": {}}']
)
def test_what_is_damaged_counts_as_absent(record: LabRecord, text: str) -> None:
    """A file that is cut off, or of another version, costs a comparison and no more."""
    kept.keep(record, MANY)
    for file in record.folder.iterdir():
        file.write_text(text)
    assert kept.to_compare(record, "last") is None
    assert kept.places(record) == picture.Places()


def test_a_folder_that_is_gone_stays_gone(record: LabRecord) -> None:
    """Whoever keeps something of a lab that was stopped meanwhile makes nothing anew."""
    gone = replace(record, folder=record.folder / "gone")
    kept.keep(gone, MANY)
    kept.keep_places(gone, picture.Places(("front",), ("web",)))
    assert not gone.folder.exists()


def test_places_are_kept(record: LabRecord) -> None:
    """The next picture has everything where it was."""
    places = picture.Places(("front",), ("web", "db"))
    kept.keep_places(record, places)
    assert kept.places(record) == places


def test_who_comes_late_makes_nothing(tmp_path: Path) -> None:
    """A store that is gone is not made again, nor is anything of a lab that it does not have."""
    gone = tmp_path / "gone" / "labs.db"
    keeping.measure(gone, "shop-abc123", "first")
    assert list(tmp_path.iterdir()) == []
    Store(tmp_path / "labs.db").close()
    (tmp_path / "locks").mkdir(exist_ok=True)
    before = {path.name for path in tmp_path.iterdir()}
    keeping.measure(tmp_path / "labs.db", "shop-abc123", "first")
    assert {p.name for p in tmp_path.iterdir() if "labs.db-" not in p.name} == before
