"""The way out of a sandbox that has one: as far as its own gateway, and no further."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labrunner.engine import reach
from labrunner.engine.host import LABEL, ROLE

if TYPE_CHECKING:
    import docker

    from labrunner.engine.host import Host

from tests.reach.suburb import House, address, rules, sandbox, settle


@pytest.fixture(scope="module")
def host(engine: docker.DockerClient, image: str) -> Iterator[Host]:
    """A sandbox with a way out, with a network that has none and a rule against one container."""
    with sandbox(engine, image, internet=True) as made:
        made.client.api.create_network("front", driver="bridge")
        made.client.api.create_network("inner", driver="bridge", internal=True)
        settle(made, House("free", "front"), House("inside", "inner"), House("held", "front"))
        lost = House("lost", "front", then="ip route delete default; nc -lk -p 80 &", tcp=("81",))
        settle(made, lost, House("hostly", "host"), House("alone", "none"))
        rules(made, f"DOCKER-USER -s {address(made, 'held')} ! -d 198.18.0.0/16 -j DROP")
        yield made


@pytest.mark.engine
def test_who_gets_out(host: Host) -> None:
    """Who has no way out is told apart by the reason."""
    found = {one.container: (one.state, one.detail) for one in reach.measure(host).outside}
    assert found == {
        "free": ("open", ""),
        "inside": ("blocked", "internal"),
        "held": ("blocked", "no answer"),
        "lost": ("blocked", "no default route"),
        "hostly": ("open", ""),
        "alone": ("none", "no network"),
    }


@pytest.mark.engine
def test_nothing_leaves(engine: docker.DockerClient, host: Host) -> None:
    """Our own gateway answers what is sent on the way out, and passes none of it on."""
    label = {"label": [f"{LABEL}={host.lab_id}", f"{ROLE}=host"]}
    (box,) = engine.api.containers(filters=label)
    outside = Path(f"/proc/{engine.api.inspect_container(box['Id'])['State']['Pid']}/net")
    assert "198.19.255.1" in (outside / "fib_trie").read_text("ascii")

    def passed_on() -> int:
        names, values = [
            line.split()
            for line in (outside / "snmp").read_text("ascii").splitlines()
            if line.startswith("Ip:")
        ]
        return int(values[names.index("ForwDatagrams")])

    before = passed_on()
    # whoever asks no resolver but Docker's: another's questions for names do go outside
    measured = reach.measure(host, only={"free", "inside", "held"})
    assert {one.state for one in measured.outside} == {"open", "blocked"}
    assert passed_on() == before
