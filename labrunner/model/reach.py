"""Who can talk to whom, measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ReachState = Literal["open", "refused", "filtered", "no_route", "unknown_name"]
Protocol = Literal["tcp", "udp", "icmp"]
OutsideState = Literal["open", "blocked", "none"]


@dataclass(frozen=True)
class Probe:
    """One try, from inside one container's network namespace or the host's.

    Attributes:
        source: name of the container (or ``host``) that tried.
        target: name of the container (or ``host``) that was tried.
        via: the name or address that was dialled.
        by: whether ``via`` is a name, an address, a gateway address of the host, or an address
            of the host at which a port of ``target`` is published (tried by the host itself).
        network: the network that the address belongs to ("" for a name).
        port: TCP or UDP port (of the host where it is published); 0 for an echo (ICMP).
        state: what came of it.
        address: the address that was tried ("" for a name that leads nowhere, or elsewhere).
        detail: what more is known: the kind of ``REJECT`` rule that answered, as iptables
            names it (``icmp-port-unreachable``, ``tcp-reset`` …); ``paused``; ``no answer``
            for a datagram that arrived and was not answered; where a name leads instead.
        protocol: what was sent.
    """

    source: str
    target: str
    via: str
    by: Literal["name", "address", "gateway", "published"]
    network: str
    port: int
    state: ReachState
    address: str = ""
    detail: str = ""
    protocol: Protocol = "tcp"


@dataclass(frozen=True)
class Listener:
    """A port of a container or of the host on which something listens.

    Attributes:
        owner: container name or ``host``.
        address: address it is bound to (``0.0.0.0``, ``127.0.0.1``, ``::`` …).
        port: TCP or UDP port.
        behind: ``container:port`` for a published port of the host.
        protocol: TCP, or UDP.
    """

    owner: str
    address: str
    port: int
    behind: str = ""
    protocol: Protocol = "tcp"


@dataclass(frozen=True)
class Outside:
    """Whether a container has a way out of its host.

    Nothing outside is ever asked: a packet goes as far as our own gateway, and no further.

    Attributes:
        container: its name.
        state: ``open``; ``blocked``, where the host has a way out and the container has not;
            ``none``, where there is no outside: the host or the container has no network.
        detail: why, in a few words.
    """

    container: str
    state: OutsideState
    detail: str = ""


@dataclass(frozen=True)
class Reach:
    """Who can talk to whom, measured.

    Attributes:
        containers: names of the running containers that were looked at.
        listeners: every port on which something listens, TCP and UDP.
        probes: every try.
        seconds: how long the measurement took.
        outside: for each container, whether it has a way out of the host.
    """

    containers: tuple[str, ...]
    listeners: tuple[Listener, ...]
    probes: tuple[Probe, ...]
    seconds: float
    outside: tuple[Outside, ...] = ()

    def between(
        self, source: str, target: str, port: int | None = None, protocol: Protocol = "tcp"
    ) -> tuple[Probe, ...]:
        """Every probe from one container to another, of a protocol (on one port, if given)."""
        return tuple(
            p
            for p in self.probes
            if p.source == source
            and p.target == target
            and p.protocol == protocol
            and (port is None or p.port == port)
        )

    def can(
        self, source: str, target: str, port: int | None = None, protocol: Protocol = "tcp"
    ) -> bool:
        """Whether anything between the two is open, by whatever way."""
        return any(p.state == "open" for p in self.between(source, target, port, protocol))


@dataclass(frozen=True)
class Interface:
    """One end of a container's, as its own kernel shows it.

    Attributes:
        name: ``eth0`` …
        mac: its hardware address.
        mtu: the longest packet that it takes.
        network: the network that it is on ("" where the engine knows of none).
    """

    name: str
    mac: str
    mtu: int
    network: str = ""


@dataclass(frozen=True)
class Neighbour:
    """Who was seen to own an address, in the table of neighbours of a container or the host."""

    seen_by: str
    address: str
    mac: str


@dataclass(frozen=True)
class Condition:
    """What is known of a container beside who reaches it.

    Attributes:
        name: its name.
        state: ``running``, ``paused``, ``exited``, ``created`` …
        exit_code: what it ended with, where it has ended.
        addresses: network and address, for each network that it is on ("" for none there).
        aliases: network and name, for each name that it goes by beside its own.
        expected: ``protocol/port`` on which it should listen: published, or exposed by its image.
        published: host address, host port, ``protocol/port`` of the container.
        mode: its network mode (``host``, ``none``, ``container:…``, or a network).
        interfaces: its ends.
        owned: every address that its own kernel has, the engine's or not.
        cpus: how much processor time it may take (0: as much as there is).
        throttled: share of its recent time slices in which it had to wait for more.
    """

    name: str
    state: str
    exit_code: int = 0
    addresses: tuple[tuple[str, str], ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    expected: tuple[str, ...] = ()
    published: tuple[tuple[str, int, str], ...] = ()
    mode: str = ""
    interfaces: tuple[Interface, ...] = ()
    owned: tuple[str, ...] = ()
    cpus: float = 0.0
    throttled: float = 0.0


@dataclass(frozen=True)
class Segment:
    """A network: whether it is internal, whether its members may talk, and its MTU (0: default)."""

    name: str
    internal: bool = False
    icc: bool = True
    mtu: int = 0


@dataclass(frozen=True)
class Facts:
    """What was seen beside the ways, and from which a fault gets its name.

    Attributes:
        containers: of every container, those that do not run among them.
        networks: the networks that they are on.
        neighbours: owners of addresses that were seen.
    """

    containers: tuple[Condition, ...] = ()
    networks: tuple[Segment, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()


@dataclass(frozen=True)
class Trouble:
    """A fault with a name.

    Attributes:
        name: which it is (``stopped``, ``loopback``, ``drop`` …); see `labrunner.reach.troubles`.
        containers: whom it concerns, the faulty one first.
        message: one sentence, in the learner's language.
        look: a command that shows it.
    """

    name: str
    containers: tuple[str, ...]
    message: str
    look: str = ""
