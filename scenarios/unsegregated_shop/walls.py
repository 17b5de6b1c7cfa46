"""Checks of the steps in which the shop is taken apart into pairs that talk."""

from __future__ import annotations

import json
import time
from datetime import datetime
from itertools import permutations
from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed, ruined

from .facts import BEFORE, OLD, PORTS, TALKING, lost_cards, missing, samples

if TYPE_CHECKING:
    from labrunner import Lab, Reach

SLOWER = 2.0
"""How many times slower the best order may be before it is more than a machine's noise."""

STRANGERS = tuple(
    (source, target)
    # the database first: of several leaks, that one is told about
    for target, source in permutations(reversed(PORTS), 2)
    if (source, target) not in TALKING and (target, source) not in TALKING
)
"""Who must not reach whom."""

REACHED = ("open", "refused")
"""A refusal is an answer too: the packets arrive."""

ENDS = {
    ("name", "unknown_name"): "name unknown",
    ("name", "filtered"): "name filtered",
    ("name", "no_route"): "name without a route",
    ("address", "filtered"): "address filtered",
    ("address", "no_route"): "address without a route",
}
"""How a stranger's try may end: what was dialled, and what came of it."""


# --- a network for each pair --------------------------------------------------------------


def pairs(lab: Lab) -> Verdict:
    """Each talking pair has a network of its own, and the database's leads nowhere else."""
    if problem := missing(lab) or lost_cards(lab):
        return problem
    places = memberships(lab)
    for pair in TALKING:
        if problem := no_own_network(places, pair):
            return problem
    own = [n for n, members in places.items() if members == {"payment-service", "payment-db"}]
    leaks = [name for name in own if (found := lab.network(name)) and not found.internal]
    if leaks:
        return not_yet(
            f"The network {leaks[0]} leads out through the host; the database needs no way out.",
            expected="payment-service and payment-db on a network made with --internal",
            seen=f"{leaks[0]}: Internal is false",
            look=f"docker network inspect -f '{{{{.Internal}}}}' {leaks[0]}",
        )
    return passed(f"{len(TALKING)} pairs, each on a network of its own.")


def memberships(lab: Lab) -> dict[str, set[str]]:
    """Which services of the shop are on each network, the big one left out."""
    places: dict[str, set[str]] = {}
    for name in PORTS:
        container = lab.container(name)
        for network in container.networks if container else ():
            places.setdefault(network, set()).add(name)
    places.pop(OLD, None)
    return places


def no_own_network(places: dict[str, set[str]], pair: tuple[str, str]) -> Verdict | None:
    """A verdict where two services have no network that is theirs alone."""
    first, second = pair
    shared = {n: members for n, members in places.items() if members >= set(pair)}
    if any(members == set(pair) for members in shared.values()):
        return None
    if shared:
        name, members = next(iter(shared.items()))
        return not_yet(
            f"The network {name} holds {len(members)} services: "
            "a big neighbourhood with a new name.",
            expected=f"a network with {first} and {second} and nobody else of the shop",
            seen=f"on {name}: {', '.join(sorted(members))}",
            look=f"docker network inspect {name}",
        )
    seen = [f"on {n}: {', '.join(sorted(m))}" for n, m in places.items() if m & set(pair)]
    return not_yet(
        f"{first} and {second} share no network but {OLD}.",
        expected="a network with these two and nobody else of the shop",
        seen="; ".join(seen) or "neither is on another network",
        look=f"docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {first}",
    )


# --- the big network is left --------------------------------------------------------------


def emptied(lab: Lab) -> Verdict:
    """Nobody is left on the big network, orders work, and only the talking pairs talk."""
    measured = segregated(lab)
    if isinstance(measured, Verdict):
        return measured
    return passed(f"Orders work, and {tries(measured)}.")


def segregated(lab: Lab) -> Reach | Verdict:
    """What was measured, or the first thing that is wrong with it."""
    if problem := missing(lab) or lost_cards(lab) or outage(lab) or hole(lab):
        return problem
    measured = lab.reach()
    if unseen := set(PORTS).difference(measured.containers):
        raise LookupError(f"not measured: {', '.join(sorted(unseen))}")
    for source, target in STRANGERS:
        got_in = [p for p in measured.between(source, target) if p.state in REACHED]
        if got_in:
            ways = sorted({f"{p.via}:{p.port}" for p in got_in})
            places = sorted({p.network for p in got_in if p.network})
            return not_yet(
                f"{source} still reaches {target}.",
                expected=f"no way from {source} to {target}, by name or by address",
                seen=f"{' and '.join(ways)} let it in (network {', '.join(places) or 'unknown'})",
                look="lab map",
            )
    return left_behind(lab) or stranded(lab) or measured


def left_behind(lab: Lab) -> Verdict | None:
    """A verdict where somebody is on the big network yet, if only alone."""
    containers = [c for c in map(lab.container, PORTS) if c and OLD in c.networks]
    if not containers:
        return None
    names = ", ".join(c.name for c in containers)
    return not_yet(
        f"{names} is on {OLD} still; whoever joins it next can talk to it.",
        expected=f"nobody of the shop on {OLD}",
        seen=names,
        look=f"docker network inspect {OLD}",
    )


def stranded(lab: Lab) -> Verdict | None:
    """A verdict where the network is gone that a container was made on.

    Docker 20.10 does not mind; 26.1 then neither starts the container nor connects it anywhere.
    """
    for container in map(lab.container, PORTS):
        first = str(container.attrs["HostConfig"]["NetworkMode"]) if container else ""
        if container and first not in container.networks and lab.network(first) is None:
            return not_yet(
                f"{container.name} was made on {first}, which is gone: after a stop or a reboot, "
                "newer engines do not start it again.",
                expected=f"{first} there and empty, or containers that were made on other networks",
                seen=f"no network {first}",
                look=f"docker inspect -f '{{{{.HostConfig.NetworkMode}}}}' {container.name}",
            )
    return None


def outage(lab: Lab) -> Verdict | None:
    """A verdict where an order cannot be placed through the gateway.

    The gateway remembers an address for a second, so one that just changed is waited for.
    """
    deadline = time.monotonic() + 3
    while True:
        reply = lab.exec("gateway", ["curl", "-s", "-m", "8", "http://localhost/health"])
        trouble = error_in(reply.out)
        if not trouble.startswith("gateway") or time.monotonic() > deadline:
            break
    if not trouble:
        return None
    return not_yet(
        f"Orders are broken: {trouble}.",
        expected="the gateway's /health to say ok for every service that an order needs",
        seen=trouble,
        look="docker exec gateway curl -s localhost/health",
    )


def error_in(text: str) -> str:
    """The error that a service answered; "" where it is well."""
    try:
        return str(json.loads(text).get("error", ""))
    except ValueError:
        return f"gateway: {text.strip() or 'no answer'}"


def hole(lab: Lab) -> Verdict | None:
    """A verdict where a service behind the gateway is published on the host."""
    for container in map(lab.container, PORTS):
        ports = container.published if container and container.name != "gateway" else ()
        # at the host's own loopback, no container can call
        open_ports = [p for p in ports if not p.address.startswith("127.") and p.address != "::1"]
        if container and open_ports:
            port = open_ports[0]
            return not_yet(
                f"{container.name} is published: every network reaches it through the host.",
                expected="no published ports behind the gateway",
                seen=f"{port.address}:{port.host_port} leads to {container.name}:{port.port}",
                look="docker ps",
            )
    return None


def tries(measured: Reach) -> str:
    """How the intruder's ways to the database end, e.g. "name unknown, address filtered"."""
    found = {(p.by, p.state) for p in measured.between("user-service", "payment-db")}
    ends = ", ".join(ENDS.get(end, " ".join(end)) for end in sorted(found, reverse=True))
    return f"from user-service to payment-db: {ends}"


# --- proof --------------------------------------------------------------------------------


def proof(lab: Lab) -> Verdict:
    """The walls stand, orders work, and the best order takes no longer than before."""
    measured = segregated(lab)
    if isinstance(measured, Verdict):
        return measured
    before = no_before(lab) or samples(lab, BEFORE)
    after = samples(lab, "/notes/after")
    if isinstance(before, Verdict):
        return before
    if isinstance(after, Verdict):
        return after
    if problem := copied(before, after) or measured_early(lab):
        return problem
    first, then = f"{min(before) * 1000:.1f}", f"{min(after) * 1000:.1f}"
    times = f"best of {len(before)} before: {first} ms, best of {len(after)} after: {then} ms"
    if min(after) > SLOWER * min(before):
        return not_yet(
            "The best order took more than twice as long: something kept the machine busy.",
            expected="the best time after, not far from the best time before",
            seen=times,
            look="docker stats --no-stream",
        )
    return passed(f"Orders work, as fast as before but for noise ({times}), and {tries(measured)}.")


def no_before(lab: Lab) -> Verdict | None:
    """A verdict where nobody can measure any more what the times after it are compared with."""
    if lab.file("gateway", BEFORE) is not None:
        return None
    return ruined(
        f"The note {BEFORE} is gone: gateway was made anew, or the note removed.",
        expected="the times of orders on the one network, which is empty now",
        seen="no such file in gateway",
    )


def copied(before: list[float], after: list[float]) -> Verdict | None:
    """A verdict where the times of after the split are those of before it."""
    again = set(before) & set(after)
    if 2 * len(again) <= len(set(after)):
        return None
    return not_yet(
        "The times in /notes/after are those in /notes/before: nothing was measured anew.",
        expected="times of orders that were placed after the split",
        seen=f"in both notes: {', '.join(f'{each:g}' for each in sorted(again)[:3])}",
        look="docker exec gateway head /notes/before /notes/after",
    )


def measured_early(lab: Lab) -> Verdict | None:
    """A verdict where the times of after the split are older than the split itself."""
    walls = [n for n in map(lab.network, memberships(lab)) if n]
    written = lab.exec("gateway", ["stat", "-c", "%Y", "/notes/after"])
    times = (datetime.fromisoformat(n.attrs["Created"]).timestamp() for n in walls)
    made = max(times, default=0.0)
    if written.code != 0 or int(written.out) >= int(made):
        return None
    return not_yet(
        "The times in /notes/after are older than the networks that they should be measured on.",
        expected="orders timed after the split",
        seen=f"written {int(made) - int(written.out)} s before the last network was made",
        look="docker exec gateway ls -l --time-style=full-iso /notes",
    )
