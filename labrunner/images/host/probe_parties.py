"""The part of the prober that knows who there is: containers and their host, and what they serve.

Imported by ``probe_survey.py``, which lies beside it in the image.
"""

# importing pathlib would cost more than all that is done with paths here:
# ruff: noqa: PTH208

from __future__ import annotations

import os

TYPE_CHECKING = False  # importing typing would cost as much as the whole measurement
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from labrunner.images.host.probe_dial import Dialer, Space, Try
    from labrunner.images.host.probe_facts import owned
    from labrunner.images.host.probe_names import Resolver, read
    from labrunner.images.host.probe_post import Message
    from labrunner.images.host.probe_sockets import TCP, UDP, Bound, listeners, sockets_of
else:
    from probe_facts import owned
    from probe_names import read
    from probe_sockets import TCP, UDP, listeners, sockets_of

LOOPBACK = "127.0.0.1"
HOST = "host"
SANDBOX_DNS = "198.18.0.1"
"""Where a sandbox's resolver is; see resolver.py."""
EVERY = ("0.0.0.0", "::")  # noqa: S104  what a listener may be bound to, not what we bind


class Party:
    """A container, or the host: where tries start and end.

    Attributes:
        addresses: the networks' names by its address on each.
        gateways: the networks' names by the host's address on each.
        ports: for each protocol what it listens on, by port: the addresses that it is bound to.
        owned: every address that its kernel has.
    """

    def __init__(self, name: str, space: Space, given: dict[str, Any]) -> None:
        self.name, self.space, self.given = name, space, given
        self.pid = space.pid
        self.addresses: dict[str, str] = {}
        self.gateways: dict[str, str] = {}
        for network, ends in given.get("networks", {}).items():
            for key in ("ip", "ip6"):
                if ends.get(key):
                    self.addresses[ends[key]] = network
            if ends.get("gateway"):
                self.gateways[ends["gateway"]] = network
        self.ports: dict[str, dict[int, set[str]]] = {TCP: {}, UDP: {}}
        self.owned = owned(self.pid)
        self.resolver: Resolver | None = None

    def listen(self, found: Iterable[Bound]) -> None:
        """Take note of listeners: protocol, address and port."""
        for protocol, address, port in found:
            self.ports[protocol].setdefault(port, set()).add(address)

    def serves(self, protocol: str, address: str, port: int) -> bool:
        """Whether something listens on that port at that address of its own."""
        bound = self.ports.get(protocol, {}).get(port, set())
        return address in bound or not bound.isdisjoint(EVERY)

    def owns(self, inodes: set[str]) -> set[str]:
        """Which of these sockets a process of this container holds (by its control group)."""
        mine: set[str] = set()
        group = read(f"/proc/{self.pid}/cgroup")
        for entry in filter(str.isdigit, os.listdir("/proc")):
            if group and read(f"/proc/{entry}/cgroup") == group:
                mine |= sockets_of(entry)
        return mine & inodes


class Way:
    """One way from a source to a target that was tried, or is one of several that were."""

    def __init__(self, source: Party, target: Party, port: int, protocol: str) -> None:
        self.source, self.target, self.port, self.protocol = source, target, port, protocol
        self.by, self.network, self.address = "", "", ""
        self.tried: Try | Message | None = None
        self.behind: tuple[Party, int] | None = None

    def along(self, by: str, network: str, address: str, tried: Try | Message) -> Way:
        """Say how it was tried."""
        self.by, self.network, self.address, self.tried = by, network, address, tried
        return self


class Door:
    """A published port: what came of trying it, and of trying whoever is behind it."""

    def __init__(self, party: Party, at: str, port: int, inner: int, protocol: str) -> None:
        self.party, self.at, self.port = party, at, port
        self.inner, self.protocol = inner, protocol
        self.first: Try | Message | None = None
        self.behind: list[tuple[str, Try | Message]] = []

    def ways(self, host: Party) -> Iterable[Way]:
        """The ways from the host to whoever is behind it."""
        for address, tried in self.behind:
            way = Way(host, self.party, self.inner, self.protocol)
            yield way.along("address", self.party.addresses[address], address, tried)


class Parties:
    """The containers that are looked at, and the host that they are on.

    Attributes:
        host: the host.
        all: the containers.
        spaces: who lives in which network namespace.
        behind: the container and port behind a published port of the host.
        owners: namespaces that have an address, by the address.
    """

    def __init__(
        self, dialer: Dialer, request: dict[str, Any], say: Callable[[dict[str, Any]], None]
    ) -> None:
        self.dialer, self.say = dialer, say
        self.sandbox = bool(request.get("sandbox"))
        self.host = Party(HOST, dialer.home, {})
        self.all: list[Party] = []
        for given in request["containers"]:
            try:
                self.all.append(Party(given["name"], dialer.space(int(given["pid"])), given))
            except (FileNotFoundError, ProcessLookupError):
                say({"gone": given["name"]})
        self.spaces: dict[int, list[Party]] = {}
        for party in self.all:
            self.spaces.setdefault(party.space.key, []).append(party)
        self.behind: dict[Bound, tuple[Party, int]] = {}
        self.owners: dict[str, set[int]] = {}
        for party in (*self.all, self.host):
            for address in party.owned:
                self.owners.setdefault(address, set()).add(party.space.key)

    # --- who is where ---------------------------------------------------------------------

    def ways(self, source: Party, target: Party) -> dict[str, tuple[str, str]]:
        """Addresses at which a target may be tried from a source → how, on which network."""
        if source.space.key == target.space.key:
            ways = {LOOPBACK: ("address", "")}
            return {**ways, **{a: ("address", n) for a, n in target.addresses.items()}}
        if target.space.key == self.host.space.key:
            return {gateway: ("gateway", n) for gateway, n in source.gateways.items()}
        members = self.spaces[target.space.key] if not target.addresses else [target]
        return {a: ("address", n) for member in members for a, n in member.addresses.items()}

    def share(self, source: Party, target: Party) -> bool:
        """Whether the two are on one network, without which Docker's resolver knows no name."""
        return not self._networks(source).isdisjoint(target.addresses.values())

    def adjoin(self, way: Way) -> bool:
        """Whether no router is on a way: the source is itself where the address is."""
        home = self.host.space.key
        return (
            way.by == "gateway"
            or way.source.space.key in (home, way.target.space.key)
            or way.network in self._networks(way.source)
        )

    def _networks(self, party: Party) -> set[str]:
        """Networks on which a container has an address, be it by another's namespace."""
        return {n for member in self.spaces[party.space.key] for n in member.addresses.values()}

    def led_to(self, protocol: str, address: str, port: int) -> tuple[Party, int] | None:
        """The container and port that are behind a port of the host."""
        places = (address, *EVERY)
        found = (self.behind.get((protocol, place, port)) for place in places)
        return next((one for one in found if one is not None), None)

    def served(self, party: Party, protocol: str, address: str, port: int) -> bool:
        """Whether something listens there; behind the host's address that may be any of its own."""
        own = (address,) if party is self.host or address in party.owned else party.addresses
        return any(party.serves(protocol, a, port) for a in (*own, address))

    # --- what they serve -------------------------------------------------------------------

    def find_listeners(self) -> None:
        """Fill in the ports of every party and tell of them."""
        for party in self.all:
            for address, port, inner, protocol in party.given.get("published", ()):
                self.behind[protocol, address or EVERY[0], port] = party, inner
        home = self.host.space.key
        for key, members in self.spaces.items():
            if key != home:
                left = self._share_out(
                    listeners(self.dialer, members[0].space), members, shared=False
                )
                maker = next((m for m in members if m.addresses), members[0])
                maker.listen(left)  # held by nobody that we may see
        left = self._share_out(
            listeners(self.dialer, self.host.space), self.spaces.get(home, []), shared=True
        )
        self.host.listen([*self._ours(left), *self.behind])
        for party in (*self.all, self.host):
            for protocol, ports in party.ports.items():
                for port, addresses in sorted(ports.items()):
                    for address in sorted(addresses):
                        self._tell(party, protocol, address, port)

    def _ours(self, found: list[Bound]) -> Iterable[Bound]:
        """Of the host's own listeners those that belong to the lab.

        A sandbox's resolver stands for the world outside. On a machine of somebody's own,
        no datagram is sent to services that it has for itself.
        """
        for one in found:
            if one[0] == TCP or (self.sandbox and one[1:] != (SANDBOX_DNS, 53)):
                yield one

    def _tell(self, party: Party, protocol: str, address: str, port: int) -> None:
        behind = self.behind.get((protocol, address, port)) if party is self.host else None
        inner = f"{behind[0].name}:{behind[1]}" if behind else ""
        self.say({"listener": [party.name, address, port, inner, protocol]})

    def _share_out(
        self, found: dict[Bound, str], members: list[Party], *, shared: bool
    ) -> list[Bound]:
        """Give each listener of a namespace to its owner; what is left over."""
        if len(members) == 1 and not shared:
            members[0].listen(list(found))
            return []
        for party in members:
            mine = party.owns(set(found.values()))
            party.listen([at for at, inode in found.items() if inode in mine])
            found = {at: inode for at, inode in found.items() if inode not in mine}
        return list(found)
