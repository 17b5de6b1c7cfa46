"""A sandbox full of faults, each planted for real."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.engine import images
from labrunner.model.topology import Limits
from tests.waiting import ends

if TYPE_CHECKING:
    import docker

    from labrunner.engine.host import Host

IDLE = "exec sleep infinity"
WAIT = 60
NETWORKS = ("red", "green", "blue", "grey")


@contextmanager
def sandbox(engine: docker.DockerClient, image: str, *, internet: bool = False) -> Iterator[Host]:
    """An empty sandbox, removed at the end."""
    from labrunner.engine import sandbox as sandboxes

    lab_id = f"reach-test-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory(prefix="reach-test-", dir="/tmp") as folder:
        spec = sandboxes.SandboxSpec(
            lab_id=lab_id,
            hostname="lab-host",
            limits=Limits(),
            images=images.ensure(engine, {"tools:1": images.RUNNER_IMAGES["tools:1"]}),
            internet=internet,
            folder=Path(folder),
        )
        try:
            host = sandboxes.create(engine, spec, host_image=image)
            yield host
            host.close()
        finally:
            sandboxes.remove(engine, lab_id)


@dataclass(frozen=True)
class House:
    """A container: on which network, what listens in it, and what is odd about it.

    Attributes:
        tcp: addresses and ports that accept connections (``80``, ``127.0.0.1:81``).
        udp: ports that take datagrams and answer none.
        more: further arguments of the host's configuration.
        then: what is done in it, as its root, before anything listens.
    """

    name: str
    network: str
    tcp: Sequence[str] = ()
    udp: Sequence[str] = ()
    aliases: Sequence[str] = ()
    exposed: Sequence[Any] = ()
    then: str = ""
    more: Mapping[str, Any] | None = None

    def script(self) -> str:
        """What runs in it."""
        lines = [self.then] if self.then else []
        lines += [f"nc -lk {_place(place)} &" for place in self.tcp]
        lines += [f"nc -lku {_place(place)} > /dev/null &" for place in self.udp]
        return "\n".join([*lines, IDLE])


def _place(place: str) -> str:
    address, _, port = place.rpartition(":")
    return f"-s {address} -p {port}" if address else f"-p {port}"


def settle(host: Host, *houses: House, built: bool = False) -> None:
    """Build containers, unless they are, and wait until they listen."""
    for house in () if built else houses:
        move_in(host, house)
    for house in houses:
        pid = host.client.api.inspect_container(house.name)["State"]["Pid"]
        for table, places in (("tcp", house.tcp), ("udp", house.udp)):
            for place in places:
                port = int(place.rpartition(":")[2])
                assert ends(lambda t=table, p=port, of=pid: _listens(host, of, t, p), WAIT), (  # type: ignore[misc]
                    f"{house.name} does not listen on {place}"
                )


def move_in(host: Host, house: House) -> None:
    """Build one container."""
    api = host.client.api
    ends_: Any = {house.network: api.create_endpoint_config(aliases=list(house.aliases))}
    made = api.create_container(
        "tools:1",
        command=["sh", "-c", house.script()],
        name=house.name,
        ports=list(house.exposed),
        networking_config=api.create_networking_config(ends_) if house.aliases else None,
        host_config=api.create_host_config(
            network_mode=house.network, cap_add=["NET_ADMIN"], init=True, **(house.more or {})
        ),
    )
    api.start(made["Id"])


def _listens(host: Host, pid: int, table: str, port: int) -> bool:
    done = host.run(["sh", "-c", f"cat /proc/{pid}/net/{table} /proc/{pid}/net/{table}6"])
    return f":{port:04X} " in done.out


@contextmanager
def crowd(
    engine: docker.DockerClient, image: str, containers: int, networks: int
) -> Iterator[Host]:
    """A sandbox with so many containers, each of which listens, spread over networks."""
    with sandbox(engine, image) as host:
        for network in NETWORKS[:networks]:
            host.client.api.create_network(network, driver="bridge")
        houses = [
            House(f"c{n}", NETWORKS[n % networks], ("80",), ("53",)) for n in range(containers)
        ]
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(partial(move_in, host), houses))
        settle(host, *houses, built=True)
        yield host


def address(host: Host, name: str) -> str:
    """The address of a container on its first network."""
    networks = host.client.api.inspect_container(name)["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])


def rules(host: Host, *lines: str) -> None:
    """Firewall rules of the host, each before those that are there."""
    for line in lines:
        done = host.run(["iptables", "-w", "-I", *line.split()])
        assert done.code == 0, done
