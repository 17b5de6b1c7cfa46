"""Faults by their names: what a measurement and what was seen beside it add up to.

Data in, data out; nothing here looks at an engine. Each function knows one symptom. What only
one of two explains is the other's doing: silence between networks is no rule's, and an answer
from an address that two have is nobody's fault but theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from labrunner.model.reach import Trouble
from labrunner.reach.table import by_rule, is_loopback
from labrunner.reach.ways import HOST, Ways, shares_namespace
from labrunner.words import tr

if TYPE_CHECKING:
    from labrunner.model.reach import Condition, Facts, Probe, Reach

Rule = Callable[[Ways], Iterator[Trouble]]
Service = tuple[str, str, int, str]
"""Target, protocol, port (0 for an echo), and what answered."""

DEFAULT = "bridge"
"""The network of Docker's own on which names are not known."""
SMALL = 1280
"""Bytes that every network must take (RFC 8200); what takes less is mostly a mistake."""
STARVED = 0.5
"""Share of time slices in which a container had to wait that its users notice."""
ENDED = ("exited", "dead", "created", "restarting")


def find(reach: Reach, facts: Facts) -> tuple[Trouble, ...]:
    """Every fault that has a name, the plainest first."""
    ways = Ways(reach, facts)
    return tuple(trouble for rule in RULES for trouble in rule(ways))


# --- containers ---------------------------------------------------------------------------


def _stopped(ways: Ways) -> Iterator[Trouble]:
    for one in ways.facts.containers:
        if one.state in ENDED:
            said = tr("{1} does not run: {2}, exit code {3}.", one.name, one.state, one.exit_code)
            yield Trouble("stopped", (one.name,), said, f"docker logs {one.name}")


def _paused(ways: Ways) -> Iterator[Trouble]:
    for one in ways.running:
        if one.state == "paused":
            said = tr("{1} is paused: connections are accepted, and nobody answers.", one.name)
            yield Trouble("paused", (one.name,), said, f"docker unpause {one.name}")


def _no_address(ways: Ways) -> Iterator[Trouble]:
    for one in ways.running:
        if shares_namespace(one):
            continue
        lost = [(n, a) for n, a in one.addresses if a and a not in one.owned]
        if not any(address for _network, address in one.addresses) and not one.owned:
            said = tr("{1} has no address: it is on no network.", one.name)
        elif lost:
            network, address = lost[0]
            said = tr("{1} has lost its address {2} on {3}.", one.name, address, network)
        else:
            continue
        yield Trouble("no_address", (one.name,), said, f"docker inspect {one.name}")


def _starved(ways: Ways) -> Iterator[Trouble]:
    for one in ways.running:
        if one.throttled >= STARVED:
            said = tr(
                "{1} is short of processor time: its limit ({2} CPUs) stops it {3} % of the time.",
                one.name,
                f"{one.cpus:g}",
                round(100 * one.throttled),
            )
            yield Trouble("starved", (one.name,), said, f"docker stats --no-stream {one.name}")


# --- networks -----------------------------------------------------------------------------


def _apart(ways: Ways) -> Iterator[Trouble]:
    """Grouped by networks: of forty containers there would be hundreds of pairs."""
    groups: dict[frozenset[str], list[str]] = {}
    for one in ways.running:
        if on := ways.networks(one.name):
            groups.setdefault(on, []).append(one.name)
    for (here, some), (there, others) in combinations(groups.items(), 2):
        if not here & there:
            said = tr(
                "{1} (on {2}) and {3} (on {4}) have no network in common.",
                _list(some),
                _list(here),
                _list(others),
                _list(there),
            )
            look = f"docker network inspect {min(here)}"
            yield Trouble("apart", (*some, *others), said, look)


def _icc(ways: Ways) -> Iterator[Trouble]:
    for segment in ways.facts.networks:
        members = [one.name for one in ways.running if segment.name in ways.networks(one.name)]
        if not segment.icc and len(members) > 1:
            said = tr(
                "{1}: the members of {2} may not talk (icc is off).", _list(members), segment.name
            )
            yield Trouble("icc", tuple(members), said, f"docker network inspect {segment.name}")


def _two_owners(ways: Ways) -> Iterator[Trouble]:
    for address, owners in ways.owners.items():
        said = tr(
            "{1} has two owners: {2}. Now the one answers and now the other.",
            address,
            ", ".join(owners),
        )
        yield Trouble("two_owners", owners, said, f"docker exec {owners[-1]} ip address")


def _mtu(ways: Ways) -> Iterator[Trouble]:
    sizes: dict[str, dict[int, list[str]]] = {}
    for one in ways.running:
        for end in one.interfaces if not shares_namespace(one) else ():
            if end.network:
                sizes.setdefault(end.network, {}).setdefault(end.mtu, []).append(one.name)
    for network, found in sorted(sizes.items()):
        small, large = min(found), max(found)
        if small != large:
            said = tr(
                "On {1} {2} takes packets of {3} bytes, {4} of {5}: large ones are lost.",
                network,
                _list(found[small]),
                small,
                _list(found[large]),
                large,
            )
        elif small < SMALL:
            said = tr(
                "{1} takes packets of {2} bytes only: {3} lose large ones.",
                network,
                small,
                _list(found[small]),
            )
        else:
            continue
        look = f"docker exec {found[small][0]} ip link"
        yield Trouble("mtu", tuple(found[small]), said, look)


# --- names --------------------------------------------------------------------------------


def _no_names(ways: Ways) -> Iterator[Trouble]:
    nameless: set[str] = set()
    unknown: dict[str, list[str]] = {}
    for probe in _by_name(ways):
        shared = ways.shared(probe.source, probe.target)
        if probe.state != "unknown_name" or not shared or probe.via != probe.target:
            continue
        if probe.detail:
            yield _leads_elsewhere(probe)
        elif shared == {DEFAULT}:
            nameless |= {probe.source, probe.target}
        elif ways.condition(probe.source).mode != HOST:
            unknown.setdefault(probe.source, []).append(probe.target)
    for source, targets in unknown.items():
        said = tr("{1} does not know its neighbours' names: {2}.", source, _list(targets))
        look = f"docker exec {source} cat /etc/resolv.conf"
        yield Trouble("name_unknown", (source, *targets), said, look)
    if nameless:
        said = tr("{1}: on the default network {2} names are not known.", _list(nameless), DEFAULT)
        look = f"docker network inspect {DEFAULT}"
        yield Trouble("no_names", tuple(sorted(nameless)), said, look)


def _leads_elsewhere(probe: Probe) -> Trouble:
    """A name, perhaps in a hosts file, that is somebody else's address."""
    where = probe.detail.removeprefix("leads to ")
    said = tr(
        "In {1} the name {2} leads to {3}, which is not {4}.",
        probe.source,
        probe.via,
        where,
        probe.target,
    )
    look = f"docker exec {probe.source} getent ahostsv4 {probe.via}"
    return Trouble("name_elsewhere", (probe.source, probe.target), said, look)


def _by_name(ways: Ways) -> Iterator[Probe]:
    """One try for each name that was asked for: whatever was asked for there."""
    seen: set[tuple[str, str, str]] = set()
    for probe in ways.reach.probes:
        key = (probe.source, probe.target, probe.via)
        if probe.by == "name" and key not in seen:
            seen.add(key)
            yield probe


def _backend(ways: Ways) -> Iterator[Trouble]:
    """An alias of several of which one does not serve what another does."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in ways.running:
        for place in one.aliases:
            groups.setdefault(place, []).append(one.name)
    broken = {(p.target, p.protocol, p.port) for p in ways.neighbourly() if p.state != "open"}
    told: set[tuple[str, str, int]] = set()
    for (_network, alias), members in sorted(groups.items()):
        served = {(x.protocol, x.port) for x in ways.reach.listeners if x.owner in members}
        for protocol, port in sorted(served):
            good = [
                m
                for m in members
                if ways.serves(m, protocol, port) and (m, protocol, port) not in broken
            ]
            bad = [m for m in members if m not in good]
            if good and bad and (alias, protocol, port) not in told:
                told.add((alias, protocol, port))
                said = tr(
                    "{1} leads to {2} and to {3}, and only {2} serves {4}.",
                    alias,
                    _list(good),
                    _list(bad),
                    f"{port}/{protocol}",
                )
                look = f"docker logs {bad[0]}"
                yield Trouble("backend", (*bad, *good), said, look)


# --- ports --------------------------------------------------------------------------------


def _loopback(ways: Ways) -> Iterator[Trouble]:
    bound: dict[tuple[str, str, int], set[str]] = {}
    for one in ways.reach.listeners:
        if one.owner != HOST:
            bound.setdefault((one.owner, one.protocol, one.port), set()).add(one.address)
    for (owner, protocol, port), addresses in sorted(bound.items()):
        if all(map(is_loopback, addresses)):
            place = f"{port}/{protocol}"
            said = (
                tr(
                    "{1} listens on {2} of the host's loopback only: the host gets there, and who"
                    " shares its network.",
                    owner,
                    place,
                )
                if ways.condition(owner).mode == HOST
                else tr(
                    "{1} listens on {2} of its own loopback only: no other container gets there.",
                    owner,
                    place,
                )
            )
            yield Trouble("loopback", (owner,), said, f"docker exec {owner} ss -lntu")


def _nobody_behind(ways: Ways) -> Iterator[Trouble]:
    for probe in ways.reach.probes:
        if probe.by == "published" and probe.state == "refused" and not probe.detail:
            said = tr(
                "Port {1} of the host leads to {2}, where nobody accepts.",
                f"{probe.port}/{probe.protocol}",
                probe.target,
            )
            yield Trouble("nobody_behind", (probe.target,), said, f"docker port {probe.target}")


def _no_listener(ways: Ways) -> Iterator[Trouble]:
    for one in ways.running:
        published = {inner for _address, _port, inner in one.published}
        for place in one.expected:
            protocol, _, port = place.partition("/")
            if place in published or not port.isdigit() or _listens(ways, one, protocol, int(port)):
                continue
            said = tr("Nothing listens on {1} of {2}.", f"{port}/{protocol}", one.name)
            yield Trouble("no_listener", (one.name,), said, f"docker logs {one.name}")


def _listens(ways: Ways, one: Condition, protocol: str, port: int) -> bool:
    return any(
        (x.owner, x.protocol, x.port) == (one.name, protocol, port) for x in ways.reach.listeners
    )


# --- rules --------------------------------------------------------------------------------


def _drop(ways: Ways) -> Iterator[Trouble]:
    """Silence at an address that both have on a network of theirs, where others may talk."""
    silent = [p for p in ways.neighbourly() if p.state == "filtered" and not _forbidden(ways, p)]
    heard = {(p.source, p.target) for p in ways.neighbourly() if p.state != "filtered"}
    dead = {(p.source, p.target) for p in silent} - heard
    for (target, protocol, port, _), sources in _grouped(silent).items():
        mute = [s for s in sources if (s, target) in dead]
        rest = [s for s in sources if s not in mute]
        if rest:
            yield _dropped(rest, target, _what(protocol, port))
        if mute and not port:
            yield _dropped(mute, target, tr("everything"))


def _dropped(sources: list[str], target: str, what: str) -> Trouble:
    said = tr("A rule drops {1} from {2} to {3}.", what, _list(sources), target)
    return Trouble("drop", (target, *sources), said, "iptables -S")


def _reject(ways: Ways) -> Iterator[Trouble]:
    found = [p for p in ways.neighbourly() if by_rule(p)]
    for (target, protocol, port, kind), sources in _grouped(found).items():
        what = _what(protocol, port)
        said = tr("A rule rejects {1} from {2} to {3} ({4}).", what, _list(sources), target, kind)
        yield Trouble("reject", (target, *sources), said, "iptables -S")


def _what(protocol: str, port: int) -> str:
    return f"{port}/{protocol}" if port else tr("echoes (ping)")


def _forbidden(ways: Ways, probe: Probe) -> bool:
    """Whether the network itself forbids it."""
    segment = ways.segments.get(probe.network)
    return segment is not None and not segment.icc


def _grouped(probes: Iterable[Probe]) -> dict[Service, list[str]]:
    """Who met the same at the same place."""
    found: dict[Service, list[str]] = {}
    for probe in probes:
        sources = found.setdefault((probe.target, probe.protocol, probe.port, probe.detail), [])
        if probe.source not in sources:
            sources.append(probe.source)
    return found


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


RULES: tuple[Rule, ...] = (
    _stopped,
    _paused,
    _no_address,
    _two_owners,
    _nobody_behind,
    _loopback,
    _no_listener,
    _backend,
    _no_names,
    _drop,
    _reject,
    _icc,
    _mtu,
    _starved,
    _apart,
)
