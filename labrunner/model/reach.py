"""Who can talk to whom, measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ReachState = Literal["open", "refused", "filtered", "no_route", "unknown_name"]


@dataclass(frozen=True)
class Probe:
    """One try to connect over TCP, from inside one container's network namespace.

    Attributes:
        source: name of the container that tried.
        target: name of the container (or ``host``) that was tried.
        via: the name or address that was dialled.
        by: whether ``via`` is a name, an address, or a gateway address of the host.
        network: the network that the address belongs to ("" for a name).
        port: TCP port.
        state: what came of it.
        address: the address that was tried ("" for a name that leads nowhere, or elsewhere).
        detail: what more is known: the kind of ``REJECT`` rule that answered, as iptables
            names it (``icmp-port-unreachable``, ``tcp-reset`` …); ``paused``; where a name
            leads instead.
    """

    source: str
    target: str
    via: str
    by: Literal["name", "address", "gateway"]
    network: str
    port: int
    state: ReachState
    address: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Listener:
    """A listening TCP port of a container or of the host.

    Attributes:
        owner: container name or ``host``.
        address: address it is bound to (``0.0.0.0``, ``127.0.0.1``, ``::`` …).
        port: TCP port.
        behind: ``container:port`` for a published port of the host.
    """

    owner: str
    address: str
    port: int
    behind: str = ""


@dataclass(frozen=True)
class Reach:
    """Who can talk to whom, measured.

    Attributes:
        containers: names of the running containers that were looked at.
        listeners: every listening TCP port that was found.
        probes: every try.
        seconds: how long the measurement took.
    """

    containers: tuple[str, ...]
    listeners: tuple[Listener, ...]
    probes: tuple[Probe, ...]
    seconds: float

    def between(self, source: str, target: str, port: int | None = None) -> tuple[Probe, ...]:
        """Every probe from one container to another (on one port, if given)."""
        return tuple(
            p
            for p in self.probes
            if p.source == source and p.target == target and (port is None or p.port == port)
        )

    def can(self, source: str, target: str, port: int | None = None) -> bool:
        """Whether anything between the two is open, by whatever way."""
        return any(p.state == "open" for p in self.between(source, target, port))
