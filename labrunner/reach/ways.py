"""A measurement, ready to be asked: what is between two containers, and what they share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from labrunner.model.reach import Condition
from labrunner.reach.table import is_loopback

if TYPE_CHECKING:
    from labrunner.model.reach import Facts, Probe, Reach

HOST = "host"
NO_CONDITION = Condition("", "")


class Ways:
    """What was measured and seen, by whom it concerns.

    Args:
        reach: who reaches whom.
        facts: what else was seen.
    """

    def __init__(self, reach: Reach, facts: Facts) -> None:
        self.reach, self.facts = reach, facts
        self.conditions = {one.name: one for one in facts.containers}
        self.segments = {one.name: one for one in facts.networks}
        self.running = [self.conditions[n] for n in reach.containers if n in self.conditions]
        self._networks = {one.name: self._networks_of(one) for one in self.running}
        self.owners = dict(self._find_owners())

    def condition(self, name: str) -> Condition:
        """What is known of a container; of the host, nothing."""
        return self.conditions.get(name, NO_CONDITION)

    def networks(self, name: str) -> frozenset[str]:
        """Networks that a running container is on, be it through another's namespace."""
        return self._networks.get(name, frozenset())

    def shared(self, one: str, other: str) -> frozenset[str]:
        """Networks that two running containers are on."""
        return self.networks(one) & self.networks(other)

    def neighbourly(self) -> Iterator[Probe]:
        """Tries whose failure nothing explains but a rule: what the two share is in order."""
        at_odds = {name for names in self.owners.values() for name in names}
        for probe in self.reach.probes:
            if probe.by == "name" or probe.address in self.owners or probe.source in at_odds:
                continue
            if probe.by == "published":
                yield probe
            elif probe.by == "gateway":
                if self._leads_out(probe):
                    yield probe
            elif probe.network in self.networks(probe.source) and self._owns(probe):
                yield probe

    def _owns(self, probe: Probe) -> bool:
        """Whether the target's own kernel has the address that was tried."""
        return ":" in probe.address or probe.address in self.condition(probe.target).owned

    def serves(self, name: str, protocol: str, port: int) -> bool:
        """Whether something listens there that others may reach."""
        return any(
            one.owner == name
            and one.port == port
            and one.protocol == protocol
            and not is_loopback(one.address)
            for one in self.reach.listeners
        )

    def _leads_out(self, probe: Probe) -> bool:
        """Whether silence at a gateway means anything.

        An internal network's passes nothing on, and Docker's program for published ports keeps
        to itself what becomes of a datagram.
        """
        segment = self.segments.get(probe.network)
        if segment is None or segment.internal or probe.network not in self.networks(probe.source):
            return False
        return probe.protocol != "udp" or not any(
            x.behind and (x.protocol, x.port) == ("udp", probe.port) for x in self.reach.listeners
        )

    def _networks_of(self, one: Condition) -> frozenset[str]:
        """Its own networks, or those of the container whose namespace it lives in."""
        maker = one
        if one.mode.startswith("container:"):
            others = (o for o in self.running if not o.mode.startswith("container:"))
            maker = next((o for o in others if o.owned == one.owned), one)
        return frozenset(network for network, address in maker.addresses if address)

    def _find_owners(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Addresses that two have: whose they are, and who else says that they are its own."""
        rightful = {a: one.name for one in self.running for _n, a in one.addresses if a}
        claims: dict[str, set[str]] = {}
        by_mac: dict[str, str] = {}
        for one in self.running:
            if not shares_namespace(one):
                by_mac.update((end.mac, one.name) for end in one.interfaces)
                for address in one.owned:
                    claims.setdefault(address, set()).add(one.name)
        hosts = {probe.address for probe in self.reach.probes if probe.by == "gateway"}
        for seen in self.facts.neighbours:
            owner = by_mac.get(seen.mac)
            # an address that a container gave itself, and that nobody else has, is its own
            own = owner in claims.get(seen.address, ()) and seen.address not in {*rightful, *hosts}
            if owner is not None and rightful.get(seen.address) != owner and not own:
                claims.setdefault(seen.address, set()).add(owner)
                claims[seen.address].add(rightful.get(seen.address, HOST))
        for address, names in sorted(claims.items()):
            if len(names) > 1:
                first = rightful.get(address, HOST)
                yield address, tuple(sorted(names, key=lambda name: (name != first, name)))


def shares_namespace(one: Condition) -> bool:
    """Whether a container has no network of its own to itself."""
    return one.mode == HOST or one.mode.startswith("container:")
