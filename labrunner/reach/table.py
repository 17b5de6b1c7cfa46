"""A measurement as a table: columns, words, what they mean, and what no table can show.

Data in, data out, in the language that is spoken; whoever shows it only lays it out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from labrunner.model.reach import Protocol
from labrunner.words import count, tr

if TYPE_CHECKING:
    from labrunner.model.reach import Probe, Reach, Trouble

Way = tuple[str, str, Protocol, int]
"""Source, target, protocol and port."""

MEANING = {
    "open": "accepts connections",
    "open*": "accepts by address; its name does not lead there",
    "answers": "what was sent is answered",
    "arrives": "it gets there; whether somebody takes it, nobody says",
    "paused": "the kernel still accepts, but the container is paused: nobody answers",
    "refused": "reached, but nothing listens at that address",
    "rejected": "a firewall rule said no",
    "filtered": "no answer: no shared network, or a rule that drops",
    "no route": "no way to that address",
    "no name": "it has no address, and its name is not known there",
    "-": "itself, or not tried",
}
"""What each word in a table stands for, most open first."""

STATES = ("open", "refused", "filtered", "no_route", "unknown_name")
PROTOCOLS: tuple[Protocol, ...] = ("tcp", "udp", "icmp")
TITLES = {
    "tcp": "TCP: connections",
    "udp": "UDP: datagrams",
    "icmp": "ICMP: echo requests (ping)",
    "published": "Published ports, tried by the host itself",
    "outside": "The way out of the host",
}
"""What stands above each table where there are several."""
WAYS_OUT = {
    "open": "a way out",
    "blocked": "none, though the host has one",
    "none": "none: there is nothing outside",
}
NO_ANSWER = "no answer"
LOOPBACK = "loopback"


@dataclass(frozen=True, order=True)
class Column:
    """What is tried from everywhere: a port of a container or of the host."""

    target: str
    port: int
    protocol: Protocol = "tcp"

    @property
    def label(self) -> str:
        """``web:80``, ``names:53/udp``, ``web (ping)``."""
        if self.protocol == "icmp":
            return tr("{1} (ping)", named(self.target))
        kind = "" if self.protocol == "tcp" else f"/{self.protocol}"
        return f"{named(self.target)}:{self.port}{kind}"


@dataclass(frozen=True)
class Cell:
    """What came of all tries from one container on one column.

    Attributes:
        word: one of `MEANING`.
        label: the same in the language that is spoken.
        changed: whether it is another word than before.
    """

    word: str
    label: str
    changed: bool = False


@dataclass(frozen=True)
class Row:
    """All that was tried from one container."""

    source: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """Sources down, targets across."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Hole:
    """A published port, as it was tried at an address of the host.

    Attributes:
        at: ``127.0.0.1:8080``.
        target: the container, and the port where it is known: ``web:80``.
        word, label: what came of it.
    """

    at: str
    target: str
    word: str
    label: str


@dataclass(frozen=True)
class WayOut:
    """Whether a container has a way out: the state, and a label that says so."""

    container: str
    state: str
    label: str
    detail: str = ""


@dataclass(frozen=True)
class Meaning:
    """One line of a legend: the word, its label, what it stands for."""

    word: str
    label: str
    meaning: str


def table(reach: Reach, protocol: Protocol = "tcp", changed: Collection[Way] = ()) -> Table:
    """All ways of one protocol.

    Args:
        reach: what was measured.
        protocol: ``tcp``, ``udp`` or ``icmp``.
        changed: ways to mark, as `labrunner.reach.changes.ways` has them.
    """
    found = columns(reach, protocol)

    def made(source: str, column: Column) -> Cell:
        word = cell(reach, source, column)
        way = (source, column.target, column.protocol, column.port)
        return Cell(word, tr(word), way in changed)

    rows = (Row(source, tuple(made(source, c) for c in found)) for source in reach.containers)
    return Table(found, tuple(rows))


def columns(reach: Reach, protocol: Protocol = "tcp") -> tuple[Column, ...]:
    """Every target and port that somebody listens on: containers first, the host last."""
    found = {Column(o.owner, o.port, protocol) for o in reach.listeners if o.protocol == protocol}
    if protocol == "icmp":
        # an echo needs nobody who listens
        found = {Column(p.target, p.port, protocol) for p in reach.probes if p.protocol == protocol}
    return tuple(sorted(found, key=lambda column: (column.target == "host", column)))


def cell(reach: Reach, source: str, column: Column) -> str:
    """One word for everything that was tried from a container on a column."""
    probes = reach.between(source, column.target, column.port, column.protocol)
    if not probes:
        return "-"
    best = min(probes, key=lambda p: STATES.index(p.state))
    if best.state == "open":
        return _open(best, probes)
    return word(best)


def word(probe: Probe) -> str:
    """One word for one try."""
    if probe.state == "open":
        return _open(probe, (probe,))
    if by_rule(probe):
        return "rejected"
    return {"no_route": "no route", "unknown_name": "no name"}.get(probe.state, probe.state)


def _open(best: Probe, probes: Sequence[Probe]) -> str:
    if best.detail == "paused":
        return "paused"
    if best.protocol != "tcp":
        # of several answers one is enough
        silent = all(p.detail == NO_ANSWER for p in probes if p.state == "open")
        return "arrives" if silent else "answers"
    names = [p for p in probes if p.by == "name"]
    lost = names and all(p.state == "unknown_name" for p in names)
    return "open*" if lost else "open"


def by_rule(probe: Probe) -> bool:
    """Whether a rule answered: the prober names its kind, and only where it can be nothing else."""
    if probe.state == "refused":
        return bool(probe.detail)
    return probe.state == "no_route" and probe.detail.startswith("icmp")


def legend(tables: Iterable[Table], holes: Iterable[Hole] = ()) -> tuple[Meaning, ...]:
    """What the words stand for that are in these tables."""
    used = {cell.word for one in tables for row in one.rows for cell in row.cells}
    used |= {hole.word for hole in holes}
    return tuple(Meaning(w, tr(w), tr(MEANING[w])) for w in MEANING if w in used)


def published(reach: Reach) -> tuple[Hole, ...]:
    """What the host itself found at its published ports."""
    leads = {(one.port, one.protocol): one.behind for one in reach.listeners if one.behind}
    found = {
        Hole(
            Column(p.via, p.port, p.protocol).label,
            leads.get((p.port, p.protocol), p.target),
            word(p),
            tr(word(p)),
        )
        for p in reach.probes
        if p.by == "published"
    }
    return tuple(sorted(found, key=lambda hole: (hole.target, hole.at, hole.word)))


def outside(reach: Reach) -> tuple[WayOut, ...]:
    """Who has a way out of the host."""
    return tuple(
        WayOut(one.container, one.state, tr(WAYS_OUT[one.state]), one.detail)
        for one in reach.outside
    )


# --- in sentences -------------------------------------------------------------------------


def summary(reach: Reach) -> str:
    """How much was tried, and how much of it is open."""
    tries = [p for p in reach.probes if p.protocol == "tcp" and p.by != "published"]
    ways = {(p.source, p.target, p.port) for p in tries}
    open_ways = {(p.source, p.target, p.port) for p in tries if p.state == "open"}
    return tr(
        "{1}, {2} of {3} ways open ({4}, {5} s)",
        containers(reach),
        len(open_ways),
        len(ways),
        count(len(reach.probes), "probe", "probes"),
        f"{reach.seconds:.1f}",
    )


def nothing(reach: Reach) -> str:
    """Why there is no table; "" where there is one."""
    if not reach.containers:
        return tr("No container is running.")
    if not columns(reach):
        return tr("{1}: nothing listens anywhere.", containers(reach))
    return ""


def containers(reach: Reach) -> str:
    """How many were looked at."""
    return count(len(reach.containers), "container", "containers")


def told_by(troubles: Iterable[Trouble]) -> frozenset[str]:
    """Containers of which a named fault says already that they listen on loopback only."""
    return frozenset(name for one in troubles if one.name == LOOPBACK for name in one.containers)


def notes(reach: Reach, *, riddle: bool = False, told: Collection[str] = ()) -> list[str]:
    """What the table cannot show: holes through the host, and ports that only loopback has.

    Args:
        reach: what was measured.
        riddle: the learner is to find out why things are as they are: no cause is named.
        told: containers of which the second is said elsewhere; see `told_by`.
    """
    said = []
    leads = {(one.port, one.protocol): one.behind for one in reach.listeners if one.behind}
    for (port, protocol), behind in sorted(leads.items()):
        kind = "" if protocol == "tcp" else f"/{protocol}"
        said.append(tr("host:{1} leads to {2}", f"{port}{kind}", behind))
    if riddle:
        return said
    for column, addresses in sorted(bound(reach).items()):
        if column.target not in told and all(map(is_loopback, addresses)):
            said.append(tr("{1} listens on {2} only", column.label, tr(" and ").join(addresses)))
    return said


def bound(reach: Reach) -> dict[Column, tuple[str, ...]]:
    """The addresses on which each port listens."""
    found: dict[Column, set[str]] = {}
    for one in reach.listeners:
        column = Column(one.owner, one.port, one.protocol)
        found.setdefault(column, set()).add(one.address)
    return {column: tuple(sorted(addresses)) for column, addresses in found.items()}


def named(owner: str) -> str:
    """A container has its own name; the host has one in each language."""
    return tr("host") if owner == "host" else owner


def listed(names: Sequence[str]) -> str:
    """``a, b and c``, in the language that is spoken."""
    *most, last = names
    return tr(" and ").join([", ".join(most), last]) if most else last


def is_loopback(address: str) -> bool:
    """Whether only the machine itself reaches what listens there."""
    return address.startswith("127.") or address == "::1"


# --- for programs -------------------------------------------------------------------------


def to_json(reach: Reach) -> dict[str, Any]:
    """It as plain data, with the word that the table has for each pair; always English."""
    return {
        **asdict(reach),
        "table": list(_cells(reach)),
        "published": [
            {"at": hole.at, "target": hole.target, "word": hole.word} for hole in published(reach)
        ],
    }


def _cells(reach: Reach) -> Iterator[dict[str, Any]]:
    for protocol in PROTOCOLS:
        for source in reach.containers:
            for column in columns(reach, protocol):
                if source != column.target:
                    yield {
                        "source": source,
                        **asdict(column),
                        "word": cell(reach, source, column),
                    }
