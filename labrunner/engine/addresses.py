"""Subnets for a lab on an engine that is not its own: small, and clear of what is in use."""

from __future__ import annotations

import ipaddress
import os
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.engine.client import engine_errors
from labrunner.errors import EngineError, UsageError

if TYPE_CHECKING:
    import docker

Subnet = ipaddress.IPv4Network

POOL = "10.213.0.0/16"
"""Where a lab's subnets come from, unless ``LABRUNNER_POOL`` says otherwise."""

PREFIX = 24
TRIES = 5
"""How often another subnet is tried where somebody else took one first."""


def free_subnets(
    client: docker.DockerClient, count: int, networks: Sequence[Mapping[str, Any]] | None = None
) -> list[Subnet]:
    """``count`` subnets that overlap with no network of the engine and no route of this machine.

    They are drawn, so that two labs that start at the same moment hardly ever choose the same.

    Args:
        client: the engine.
        count: how many.
        networks: the engine's, where they were listed a moment ago.

    Raises:
        EngineError: the pool has fewer; names what takes its place.
        UsageError: ``LABRUNNER_POOL`` is no subnet.
    """
    if count == 0:
        return []
    pool = _pool()
    taken = dict.fromkeys(_routes(), "a route of this machine")
    # a network of the engine is such a route too; its name says more
    with engine_errors("looking for free subnets"):
        taken.update(_engine_subnets(client.api.networks() if networks is None else networks))
    free = list(_free(pool, taken))
    if len(free) < count:
        blockers = sorted({name for subnet, name in taken.items() if subnet.overlaps(pool)})
        raise EngineError(
            f"no {count} free subnets in {pool}: {', '.join(blockers)} are in the way",
            "stop other labs (lab stop --all), remove unused networks, "
            "or set LABRUNNER_POOL to another private range",
        )
    return random.sample(free, count)


def create_network(
    client: docker.DockerClient, name: str, subnet: Subnet | None, **options: Any
) -> str:
    """Create a bridge, on another subnet where somebody took that one meanwhile; its id.

    Args:
        client: the engine.
        name: the network's name.
        subnet: from `free_subnets`; ``None``: the engine chooses.
        options: what else the engine is told.
    """
    import docker.errors
    from docker.types import IPAMConfig, IPAMPool

    tries = TRIES
    while True:
        ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet))]) if subnet else None
        try:
            return str(client.api.create_network(name, driver="bridge", ipam=ipam, **options)["Id"])
        except docker.errors.APIError as error:
            tries -= 1
            if not tries or subnet is None or "overlap" not in str(error).lower():
                raise
            (subnet,) = free_subnets(client, 1)


def host_address(network: Mapping[str, Any]) -> str:
    """The host's own address on a bridge, also where no container is told of it; else "".

    An internal network has no gateway for its members, but the host has an address on it all the
    same: the subnet's first, unless another was asked for.

    Args:
        network: what the engine's ``inspect`` or list says of it.
    """
    if network.get("Driver") != "bridge":
        return ""
    for pool in (network.get("IPAM") or {}).get("Config") or ():
        # older engines take "10.0.0.7/24" for the network that this is in
        subnet = ipaddress.ip_network(pool.get("Subnet") or "::/0", strict=False)
        if isinstance(subnet, Subnet):
            first = next(iter(subnet.hosts()), "")
            return str(pool.get("Gateway") or first).partition("/")[0]
    return ""


def _pool() -> Subnet:
    wanted = os.environ.get("LABRUNNER_POOL") or POOL
    try:
        return Subnet(wanted)
    except ValueError as error:
        raise UsageError(f"LABRUNNER_POOL: {error}", f"write it as {POOL}") from error


def _free(pool: Subnet, taken: Iterable[Subnet]) -> Iterator[Subnet]:
    blockers = [subnet for subnet in taken if subnet.overlaps(pool)]
    for candidate in pool.subnets(new_prefix=max(PREFIX, pool.prefixlen)):
        if not any(candidate.overlaps(blocker) for blocker in blockers):
            yield candidate


def _engine_subnets(networks: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Subnet, str]]:
    for network in networks:
        for config in (network.get("IPAM") or {}).get("Config") or ():
            subnet = ipaddress.ip_network(config.get("Subnet") or "0.0.0.0/32", strict=False)
            if isinstance(subnet, Subnet):
                yield subnet, f"network {network['Name']}"


def _routes() -> Iterator[Subnet]:
    """This machine's routes but the default one; none where it is not Linux."""
    table = Path("/proc/net/route")
    if not table.is_file():
        return
    for line in table.read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        address, mask = (int.from_bytes(bytes.fromhex(fields[i])[::-1]) for i in (1, 7))
        if mask:
            yield Subnet((address, mask.bit_count()))
