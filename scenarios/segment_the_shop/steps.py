"""The checks: each looks at one goal, and every one says what is still open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_network
from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed

from .facts import DESK, NEEDED, PORTS, Finding, arrows, few, places, with_rest
from .notes import figures, note, ways_in
from .rights import rights, routers, statuses
from .ways import doors, inside, unneeded, ways_out
from .works import missing, works

if TYPE_CHECKING:
    from labrunner import Lab, Reach
    from labrunner.view import ContainerView, NetworkView

SMALL = 26
"""A subnet of so many bits has 64 addresses: room enough, and it cannot come from the pool."""

ROOM = (254, 255, 256)
"""/24 networks in the pool: with those that the engine has itself, or without."""


@dataclass(frozen=True)
class Shop:
    """The shop as it is now; each part is measured once, when it is first asked for."""

    lab: Lab

    @cached_property
    def containers(self) -> dict[str, ContainerView]:
        """The services that run."""
        found = (self.lab.container(name) for name in PORTS)
        return {c.name: c for c in found if c and c.running}

    @cached_property
    def reach(self) -> Reach:
        """Who reaches whom."""
        return self.lab.reach()

    @cached_property
    def _statuses(self) -> dict[str, dict[str, str]]:
        return statuses(self.lab, self.containers)

    @cached_property
    def ways(self) -> list[Finding]:
        """Ways between services, and out of the shop, that must not be."""
        return [*inside(self.reach), *ways_out(self.lab, self.containers)]

    @cached_property
    def doors(self) -> list[Finding]:
        """Ports on the host that must not be, and the one that must."""
        return list(doors(self.lab, self.containers, self.reach))

    @cached_property
    def routers(self) -> list[Finding]:
        """Who passes on packets, or could see to it."""
        return list(routers(self.lab, self.containers, self._statuses))

    @cached_property
    def rights(self) -> list[Finding]:
        """What containers may do that they do not need."""
        return list(rights(self.containers, self._statuses))

    @property
    def open(self) -> list[Finding]:
        """All of it."""
        return [*self.ways, *self.doors, *self.routers, *self.rights]


def reported(shop: Shop, *parts: list[Finding], well: str) -> Verdict:
    """The shop works and the first of these findings, or that all is well; and what is open."""
    first = next((f for part in parts for f in part), None)
    verdict = first.verdict() if first else passed(well)
    return with_rest(verdict, shop.open)


def survey(lab: Lab) -> Verdict:
    """The plan has each way that the shop needs, and no other."""
    # of what does not run, nobody can say what it may do
    if problem := missing(lab):
        return problem
    return with_rest(_plan(lab), Shop(lab).open)


def _plan(lab: Lab) -> Verdict:
    what = "each call that the shop needs, as CALLER CALLED"
    plan = ways_in(lab, "/plan", what)
    if isinstance(plan, Verdict):
        return plan
    for source, target in sorted(plan.difference(NEEDED)):
        turned = (target, source) in NEEDED
        return not_yet(
            f"{source} -> {target} is the wrong way round: who calls stands first."
            if turned
            else f"{source} never calls {target}, neither for an order nor for the report.",
            expected=what,
            seen=f"{source} {target}",
            look=f"docker logs {target}",
        )
    lost = [pair for pair in NEEDED if pair not in plan]
    if lost:
        return not_yet(
            f"The plan has {len(plan)} ways; with these alone the shop would not work.",
            expected=what,
            seen=", ".join(arrows(pair for pair in NEEDED if pair in plan)),
            look="docker logs SERVICE, after an order and after a report",
        )
    return passed(f"The shop needs {len(NEEDED)} ways, and all of them are in the plan.")


def cut(lab: Lab) -> Verdict:
    """Nobody reaches what must be out of reach, and the shop works."""
    if problem := works(lab):
        return problem
    shop = Shop(lab)
    number = len(places(shop.containers.values()))
    return reported(
        shop, shop.ways, well=f"The shop works on {number} networks, and no wall has a hole."
    )


def cost(lab: Lab) -> Verdict:
    """The database's network has a small subnet of its own, and the figures are right."""
    if problem := works(lab):
        return problem
    shop = Shop(lab)
    return with_rest(shop.ways[0].verdict() if shop.ways else _cost(lab, shop), shop.open)


def _cost(lab: Lab, shop: Shop) -> Verdict:
    networks = [n for n in map(lab.network, places(shop.containers.values())) if n]
    around = [n for n in networks if n.name in shop.containers["payment-db"].networks]
    for network in around:
        if ip_network(network.subnet).prefixlen < SMALL:
            return not_yet(
                f"{network.name}, around the database, takes {_size(network)} addresses.",
                expected=f"a subnet that you chose, /{SMALL} or smaller",
                seen=network.subnet,
                look=f"docker network inspect -f '{{{{.IPAM.Config}}}}' {network.name}",
            )
    for unused in _unused(lab, shop):
        return not_yet(
            f"The network {unused.name} takes {_size(unused)} addresses, and nobody is on it.",
            expected="no network that nobody uses",
            seen=f"{unused.name}, {unused.subnet}",
            look="docker network ls",
        )
    text = note(lab, "/cost", "lines such as `networks 2`, `addresses 512` and `room 100`")
    return text if isinstance(text, Verdict) else _counted(figures(text), networks)


def _unused(lab: Lab, shop: Shop) -> list[NetworkView]:
    """Networks without a member; not that on which a container began, or it would not start again.

    Those of the engine itself are always there.
    """
    begun = {str(c.attrs["HostConfig"]["NetworkMode"]) for c in shop.containers.values()}
    kept = {"bridge", "host", "none", *begun}
    names = [n["Name"] for n in lab.client.api.networks() if n["Name"] not in kept]
    return [n for n in map(lab.network, names) if n and n.subnet and not n.members]


def _size(network: NetworkView) -> int:
    return ip_network(network.subnet).num_addresses


def _counted(noted: dict[str, int], networks: list[NetworkView]) -> Verdict:
    addresses = sum(map(_size, networks))
    for what, right in (
        ("networks", (len(networks),)),
        ("addresses", (addresses,)),
        ("room", ROOM),
    ):
        if noted.get(what) not in right:
            return not_yet(
                f"The figure for {what} is not what was measured.",
                expected=f"a line with the word {what} and the number, as it is now",
                seen=f"{what} {noted[what]}" if what in noted else f"no line {what}",
                look="docker network ls; docker network inspect; docker info",
            )
    return passed(f"{len(networks)} networks take {addresses} addresses.")


def outside(lab: Lab) -> Verdict:
    """Only the gateway is published, on loopback; nobody else has a way in or out."""
    if problem := works(lab):
        return problem
    shop = Shop(lab)
    return reported(
        shop,
        shop.ways,
        shop.doors,
        well="One door leads in, from the host itself, and nobody but gateway has a way out.",
    )


def middle(lab: Lab) -> Verdict:
    """Who is on two networks passes nothing on, and nobody may change routes."""
    if problem := works(lab):
        return problem
    shop = Shop(lab)
    two = sorted(c.name for c in shop.containers.values() if len(c.networks) > 1)
    return reported(
        shop,
        shop.ways,
        shop.doors,
        shop.routers,
        well=f"In the middle are {', '.join(two) or 'none'}, and no packet gets past them.",
    )


def least(lab: Lab) -> Verdict:
    """No container may do what it does not need."""
    if problem := works(lab):
        return problem
    shop = Shop(lab)
    return reported(
        shop,
        shop.ways,
        shop.doors,
        shop.routers,
        shop.rights,
        well=f"{len(PORTS)} services do their work without a right too many.",
    )


def handover(lab: Lab) -> Verdict:
    """Everything holds, also after a restart, and what is left open is written down."""
    if problem := works(lab):
        return problem
    shop = Shop(lab)
    first = next(iter([*shop.open, *_strangers(lab, shop), *_stranded(lab, shop)]), None)
    if first is None:
        return _left(lab, shop)
    return with_rest(first.verdict(), shop.open)


def _strangers(lab: Lab, shop: Shop) -> list[Finding]:
    """Containers that are no part of the shop and are on its networks."""
    ours = places(shop.containers.values())
    return [
        Finding(
            f"{c.name} is on {network}, and no part of the shop",
            "nobody on the shop's networks but the shop",
            c.name,
            f"docker network inspect {network}",
        )
        for c in lab.containers()
        for network in c.networks
        if c.name not in PORTS and c.name != DESK and network in ours
    ]


def _stranded(lab: Lab, shop: Shop) -> list[Finding]:
    """Containers that newer engines do not start again: the network is gone that they began on."""
    found = []
    for container in shop.containers.values():
        begun = str(container.attrs["HostConfig"]["NetworkMode"])
        if begun not in container.networks and lab.network(begun) is None:
            found.append(
                Finding(
                    f"{container.name} was made on {begun}, which is gone; it will not start again",
                    "each container made on a network that is there",
                    f"no network {begun}",
                    f"docker inspect -f '{{{{.HostConfig.NetworkMode}}}}' {container.name}",
                )
            )
    return found


def _left(lab: Lab, shop: Shop) -> Verdict:
    what = "each way that is open and not needed, as CALLER CALLED"
    noted = ways_in(lab, "/open", what)
    if isinstance(noted, Verdict):
        return noted
    real = unneeded(shop.reach)
    for source, target in sorted(noted - real):
        needed = (source, target) in NEEDED
        return not_yet(
            f"{source} -> {target} is needed: it belongs into the plan, not here."
            if needed
            else f"{source} -> {target} is in the note, and it is not open.",
            expected=what,
            seen=f"{source} {target}",
            look="lab map",
        )
    if lost := sorted(real - noted):
        return not_yet(
            f"{len(lost)} of {len(real)} ways that are open stand in no note.",
            expected=what,
            seen=f"one of them begins at {lost[0][0]}",
            look="lab map",
        )
    return passed(
        f"Orders and the report work. {len(real)} ways are open that nobody needs, and you know "
        f"each of them: {few(arrows(sorted(real)))}."
    )
