"""What the checks of the shop know and ask: its services, its database, the learner's notes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, ruined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labrunner import Lab

OLD = "my-unsegregated-network"
PORTS = {
    "gateway": 80,
    "order-service": 8000,
    "user-service": 8000,
    "payment-service": 8000,
    "payment-db": 5432,
}
TALKING = (
    ("gateway", "order-service"),
    ("order-service", "user-service"),
    ("order-service", "payment-service"),
    ("payment-service", "payment-db"),
)
"""Who has to call whom; nobody else has any business with anybody."""

BEFORE = "/notes/before"
LOOT = "/srv/loot"
NO_CONNECTION = 2
"""The exit code of psql where it cannot connect."""
SHOWN = 120
"""Of a learner's file, a verdict shows no more letters than these."""
RUNS = 3
"""Fewer measurements than these prove nothing."""

ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
NAME = re.compile(r"(?<![\w.-])[a-z]+(?:-[a-z]+)+(?![\w-])")
"""A name with a hyphen in it, as the shop's services have; what follows a dot is no part of it."""
DOTTED = re.compile(r"\d\.\d")
"""Something like an address, also where two of them are glued together."""
SERVED = re.compile(r'"POST /orders\S* HTTP/[\d.]+" 200 (\d+\.\d+) s$', re.MULTILINE)
"""An order in the gateway's log, with the seconds that it took there."""
ROUNDED = 0.002
"""Seconds by which the gateway's clock, which counts milliseconds, may be late."""
SAMPLE = re.compile(
    r"^[ \t]*(?:(?P<status>\d{3})[ \t]+(?P<seconds>\d+[.,]\d+)"
    r"|(?P<seconds_first>\d+[.,]\d+)[ \t]+(?P<status_last>\d{3}))\s*$",
    re.MULTILINE,
)
"""A line of a note on times: the status of an order and its seconds, whichever stands first."""


def query(lab: Lab, statement: str, patience: float = 3.0) -> list[str] | None:
    """The lines that a query of the payment database gives; ``None`` where it does not answer.

    A database that was just started is waited for, ``patience`` seconds at most.
    """
    argv = ["psql", "-At", "-c", statement]
    result = lab.exec("payment-db", argv, not_ready=NO_CONNECTION, patience=patience)
    return None if result.code == NO_CONNECTION else result.out.splitlines()


def missing(lab: Lab, names: Iterable[str] = PORTS) -> Verdict | None:
    """A verdict where one of the shop's containers is absent or does not run."""
    for name in names:
        container = lab.container(name)
        if container is None:
            return not_yet(
                f"There is no container {name}.",
                expected=f"a running container called {name}",
                seen="no container of that name",
                look="docker ps -a",
            )
        if container.status == "paused":
            return not_yet(
                f"{name} is paused: its callers get through and then wait in vain.",
                expected=f"the container {name} running",
                seen="paused",
                look=f"docker unpause {name}",
            )
        if not container.running:
            return not_yet(
                f"{name} does not run, it is {container.status}: "
                "to its callers that looks like a wrong network.",
                expected=f"the container {name} running",
                seen=f"{container.status}, exit code {container.exit_code}",
                look=f"docker start {name}",
            )
    return None


def lost_cards(lab: Lab) -> Verdict | None:
    """A verdict where the database was made anew and its rows are gone."""
    found = query(lab, "SELECT 1 FROM cards LIMIT 1")
    if found:
        return None
    if found is None:
        return not_yet(
            "payment-db runs, but the database in it does not answer.",
            expected="a database that takes connections",
            seen=lab.logs("payment-db", lines=1).strip(),
            look="docker logs --tail 5 payment-db",
        )
    return ruined(
        "The cards are gone: payment-db was made anew, or emptied.",
        expected="the rows that the lab put into the table cards",
        seen="an empty table, or none",
    )


def note(lab: Lab, path: str, what: str, shape: re.Pattern[str]) -> str | Verdict:
    """What the learner saved at this path in the gateway, or why it does not count."""
    text = lab.file("gateway", path)
    if text is None:
        return not_yet(
            f"There is no note {path} in gateway yet.",
            expected=f"{what} in {path}, in the container gateway",
            seen="no such file in gateway (a redirect of your own shell saves on your machine)",
            look="docker exec gateway ls -l /notes",
        )
    if not shape.search(text):
        return not_yet(
            f"The note {path} is there, but what it should hold is not in it.",
            expected=what,
            seen=excerpt(text) or "an empty file: nothing went through the pipe",
            look=f"docker exec gateway cat {path}",
        )
    return text


def excerpt(text: str) -> str:
    """How a file begins, for a verdict: whole lines where they are few and short."""
    begin = " / ".join(line.strip() for line in text.strip().splitlines()[:4])
    return begin if len(begin) <= SHOWN else f"{begin[:SHOWN].rstrip()}..."


def owners(lab: Lab) -> dict[str, str]:
    """Whose address is whose: address to container name."""
    return {ip: c.name for c in lab.containers() for ip in c.networks.values() if ip}


def samples(lab: Lab, path: str) -> list[float] | Verdict:
    """Seconds of each order in a note, or why the note proves nothing."""
    text = note(lab, path, "a line such as `200 0.0123` for each order", SAMPLE)
    if isinstance(text, Verdict):
        return text
    lines = list(SAMPLE.finditer(text))
    times = [seconds(line) for line in lines]
    statuses = [line["status"] or line["status_last"] for line in lines]
    problem = no_measurement(statuses, times) or unlike(lab, times)
    if problem:
        return not_yet(
            problem,
            expected=f"at least {RUNS} lines, each `200` and the seconds that an order took",
            seen=excerpt(text),
            look=f"docker exec gateway cat {path}",
        )
    return times


def seconds(line: re.Match[str]) -> float:
    """How long the order of one line took."""
    return float((line["seconds"] or line["seconds_first"]).replace(",", "."))


def no_measurement(statuses: list[str], times: list[float]) -> str:
    """Why such lines prove nothing, whoever wrote them; "" where they may."""
    failed = [status for status in statuses if status != "200"]
    if failed:
        return (
            f"{len(failed)} of {len(statuses)} were not orders but failures "
            f"(status {failed[0]}): how fast something fails says nothing."
        )
    if len(times) < RUNS:
        return f"{len(times)} measured, at least {RUNS} needed: one run proves nothing."
    if len(set(times)) < RUNS:
        return "The same time again and again: one order written down several times is one order."
    return ""


def unlike(lab: Lab, times: list[float]) -> str:
    """Why these cannot be times of this shop's orders; "" where they can."""
    paid = query(lab, "SELECT count(*) FROM payments WHERE via = 'gateway'")
    if paid and int(paid[0]) < len(times):
        return "More times in the note than orders paid through the gateway: time real orders."
    served = [float(took) for took in SERVED.findall(lab.logs("gateway", lines=5000))]
    if served and min(times) + ROUNDED < min(served):
        return (
            f"The note has an order of {min(times) * 1000:.1f} ms; the fastest in the gateway's "
            f"own log took {min(served) * 1000:.0f} ms."
        )
    return ""
