"""What changed between two measurements: as data, and in sentences.

A way is a source, a target, a protocol and a port: what happens to UDP says nothing about TCP.
What follows from a change is not said again: of a container that has gone, that nobody reaches
it; of a port that nobody listens on any more, that it is closed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal

from labrunner.reach.table import (
    MEANING,
    PROTOCOLS,
    WAYS_OUT,
    Column,
    Way,
    bound,
    cell,
    columns,
    listed,
    named,
    word,
)
from labrunner.words import tr

if TYPE_CHECKING:
    from labrunner.model.reach import Protocol, Reach

Kind = Literal["come", "gone", "listens", "silent", "moved", "opened", "closed", "other", "way out"]
OPEN = frozenset({"open", "open*", "answers", "arrives"})
UNTRIED = "-"
HOST = "host"


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was.

    Attributes:
        kind: what happened: a container has ``come`` or is ``gone``; something ``listens`` on a
            port or is ``silent`` there, or has ``moved`` to other addresses; a way ``opened``,
            ``closed``, or leads to ``other`` words; a container's ``way out``.
        target: the container (or ``host``) that it is about.
        source: of a way, where it begins.
        port, protocol: of a way or a listener.
        before, after: the words, addresses or states ("" where there was nothing).
    """

    kind: Kind
    target: str
    source: str = ""
    protocol: Protocol = "tcp"
    port: int = 0
    before: str = ""
    after: str = ""

    @property
    def column(self) -> Column:
        """What a way leads to, or where something listens."""
        return Column(self.target, self.port, self.protocol)


def compare(before: Reach, after: Reach) -> tuple[Change, ...]:
    """Everything that is not as it was, in the order in which it is told."""
    old, new = set(before.containers), set(after.containers)
    come = (Change("come", name) for name in after.containers if name not in old)
    gone = (Change("gone", name) for name in before.containers if name not in new)
    ways = sorted(
        chain(_ways(before, after), _holes(before, after)),
        key=lambda change: ("opened", "closed", "other").index(change.kind),
    )
    return (*come, *gone, *_listeners(before, after), *ways, *_ways_out(before, after))


def ways(changes: Iterable[Change]) -> frozenset[Way]:
    """The ways that a table marks."""
    return frozenset((c.source, c.target, c.protocol, c.port) for c in changes if c.source)


def _listeners(before: Reach, after: Reach) -> Iterator[Change]:
    """Ports on which somebody listens anew, no more, or at other addresses."""
    was, now = bound(before), bound(after)
    there = {*after.containers, HOST}
    found: dict[Kind, set[Column]] = {
        "listens": now.keys() - was.keys(),
        "silent": {c for c in was.keys() - now.keys() if c.target in there},
        "moved": {c for c in now.keys() & was.keys() if now[c] != was[c]},
    }
    for kind, those in found.items():
        for column in sorted(those):
            yield Change(
                kind,
                column.target,
                protocol=column.protocol,
                port=column.port,
                before=", ".join(was.get(column, ())),
                after=", ".join(now.get(column, ())),
            )


def _ways(before: Reach, after: Reach) -> Iterator[Change]:
    old = set(before.containers)
    for protocol in PROTOCOLS:
        known = set(columns(before, protocol))
        for column in columns(after, protocol):
            for source in after.containers:
                # of what was not there before, only what is open is news
                new = source not in old or column not in known
                was = UNTRIED if new else cell(before, source, column)
                yield from _way(source, column, was, cell(after, source, column))


def _way(source: str, column: Column, was: str, now: str) -> Iterator[Change]:
    if now in (was, UNTRIED) or (was == UNTRIED and now not in OPEN):
        return
    kind: Kind = "other"
    if (was in OPEN) != (now in OPEN):
        kind = "opened" if now in OPEN else "closed"
    earlier = "" if was == UNTRIED else was
    yield Change(kind, column.target, source, column.protocol, column.port, earlier, now)


def _holes(before: Reach, after: Reach) -> Iterator[Change]:
    """Published ports, as the host itself finds them."""
    was, now = _tried(before), _tried(after)
    for column in sorted(now):
        yield from _way(HOST, column, was.get(column, UNTRIED), now[column])


def _tried(reach: Reach) -> dict[Column, str]:
    """The most open word for each published port, which is one of the host's own."""
    found: dict[Column, str] = {}
    for probe in reach.probes:
        if probe.by == "published":
            column = Column(HOST, probe.port, probe.protocol)
            words = [word(probe), found.get(column, UNTRIED)]
            found[column] = min(words, key=[*MEANING].index)
    return found


def _ways_out(before: Reach, after: Reach) -> Iterator[Change]:
    was = {one.container: one.state for one in before.outside}
    for one in after.outside:
        state = was.get(one.container, "")
        if state != one.state and (state or one.state == "open"):
            yield Change("way out", one.container, before=state, after=one.state)


# --- in sentences -------------------------------------------------------------------------


def tell(changes: Collection[Change], *, riddle: bool = False) -> list[str]:
    """The changes in sentences, the same thing for several containers in one.

    Args:
        changes: from `compare`.
        riddle: the learner is to find out why things are as they are: at which addresses
            somebody listens is not told.
    """
    port = _port if riddle else _port_and_address
    told = [
        *_names("new: {1}", (named(c.target) for c in changes if c.kind == "come")),
        *_names("gone: {1}", (named(c.target) for c in changes if c.kind == "gone")),
        *_names("listens now: {1}", (port(c) for c in changes if c.kind == "listens")),
        *_names("listens no more: {1}", (_port(c) for c in changes if c.kind == "silent")),
    ]
    told += [
        tr("{1} listens on {2} now, before on {3}", c.column.label, c.after, c.before)
        for c in changes
        if c.kind == "moved" and not riddle
    ]
    same: dict[tuple[Kind, Column, str, str], list[str]] = {}
    for c in changes:
        if c.source:
            same.setdefault((c.kind, c.column, c.before, c.after), []).append(named(c.source))
    told += [_told(*key, listed(sources)) for key, sources in same.items()]
    told += [_way_out(c) for c in changes if c.kind == "way out"]
    return told


def _names(sentence: str, names: Iterable[str]) -> list[str]:
    found = ", ".join(names)
    return [tr(sentence, found)] if found else []


def _port(change: Change) -> str:
    return change.column.label


def _port_and_address(change: Change) -> str:
    return f"{change.column.label} ({change.after})"


def _told(kind: Kind, column: Column, before: str, after: str, sources: str) -> str:
    if kind == "closed":
        return tr("closed now: {1} to {2} ({3})", sources, column.label, tr(after))
    if kind == "other":
        labels = tr(after), tr(before)
        return tr("other now: {1} to {2} ({3}, before: {4})", sources, column.label, *labels)
    if not before:
        return tr("open now: {1} to {2}", sources, column.label)
    return tr("open now: {1} to {2} (before: {3})", sources, column.label, tr(before))


def _way_out(change: Change) -> str:
    name, now = named(change.target), tr(WAYS_OUT[change.after])
    if not change.before:
        return tr("way out of {1}: {2}", name, now)
    return tr("way out of {1}: {2} (before: {3})", name, now, tr(WAYS_OUT[change.before]))
