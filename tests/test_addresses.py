"""Subnets of labs on an engine that others use, too."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from labrunner.engine.addresses import create_network, free_subnets, host_address
from labrunner.errors import UsageError

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.engine


def test_a_subnet_that_somebody_took_meanwhile_is_given_up(engine: docker.DockerClient) -> None:
    """Two labs that start at the same moment may choose the same: one of them goes elsewhere."""
    (subnet,) = free_subnets(engine, 1)
    made = []
    try:
        for _ in range(2):
            made.append(create_network(engine, f"labtest-{secrets.token_hex(4)}", subnet))  # noqa: PERF401  what was made is removed
        (one, other) = (
            engine.api.inspect_network(each)["IPAM"]["Config"][0]["Subnet"] for each in made
        )
        assert one == str(subnet)
        assert other != one
    finally:
        for each in made:
            engine.api.remove_network(each)


def test_subnets_of_a_lab_do_not_overlap(engine: docker.DockerClient) -> None:
    """As many as are wanted, each another one."""
    found = free_subnets(engine, 20)
    assert not any(a.overlaps(b) for a in found for b in found if a is not b)


@pytest.mark.parametrize(
    ("subnet", "address"),
    [("10.9.8.0/24", "10.9.8.1"), ("10.9.8.7/24", "10.9.8.1"), ("10.9.8.7/32", "10.9.8.7")],
)
def test_the_hosts_own_address_is_found_whatever_an_engine_took(subnet: str, address: str) -> None:
    """Older engines take any address of a network for its subnet, and networks of one address."""
    network = {"Driver": "bridge", "IPAM": {"Config": [{"Subnet": subnet}]}}
    assert host_address(network) == address


def test_a_pool_that_is_none_is_said_to_be(
    engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slip in a setting is named, with a right one."""
    monkeypatch.setenv("LABRUNNER_POOL", "10.213.0.0")
    assert free_subnets(engine, 0) == []
    monkeypatch.setenv("LABRUNNER_POOL", "10.213.0.1/16")
    with pytest.raises(UsageError, match="LABRUNNER_POOL"):
        free_subnets(engine, 1)
