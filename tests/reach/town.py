"""A town of containers with one fault each."""

from __future__ import annotations

import functools
import secrets
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.engine.addresses import free_subnets
from labrunner.engine.host import LABEL, ROLE
from labrunner.engine.local import LocalHost
from labrunner.model.reach import Probe, Reach
from labrunner.model.topology import HostKind
from tests.waiting import ends

if TYPE_CHECKING:
    import docker


LOOPBACK = ("127.0.0.1", 0)
ANY = "0.0.0.0"  # noqa: S104  what containers bind to, not we


class FarHost(LocalHost):
    """A host of which this process sees nothing but the engine's API, as a sandbox is."""

    kind: HostKind = "sandbox"


@dataclass
class Town:
    """Labelled networks and containers on a real engine, and how to make and remove them."""

    engine: docker.DockerClient
    image: str
    lab_id: str = field(default_factory=lambda: f"reach-test-{secrets.token_hex(3)}")
    spare: int = 0

    @property
    def labels(self) -> dict[str, str]:
        """What marks everything that it makes."""
        return {LABEL: self.lab_id, ROLE: "part"}

    def name(self, short: str) -> str:
        """A container's or network's full name."""
        return short if short in ("bridge", "host", "none") else f"{self.lab_id}-{short}"

    def networks(self, *shorts: str, **options: Any) -> None:
        """Bridge networks, all with the same options."""
        from docker.types import IPAMConfig, IPAMPool

        for short, subnet in zip(shorts, free_subnets(self.engine, len(shorts)), strict=True):
            self.engine.api.create_network(
                self.name(short),
                driver="bridge",
                labels=self.labels,
                ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet))]),
                **options,
            )

    def start(
        self,
        short: str,
        script: str,
        *networks: str,
        aliases: Sequence[str] = (),
        mode: str = "",
        user: str = "0",
        ports: dict[int, Any] | None = None,
    ) -> None:
        """A container that runs a shell script, on these networks."""
        api = self.engine.api
        first = [self.name(n) for n in networks[:1]]
        ends: Any = {n: api.create_endpoint_config(aliases=list(aliases)) for n in first}
        bindings: Any = ports or {}
        made = api.create_container(
            self.image,
            entrypoint=["/bin/busybox", "sh", "-c", script],
            command=[],
            user=user,
            name=self.name(short),
            labels=self.labels,
            ports=list(ports or {}),
            networking_config=api.create_networking_config(ends) if aliases else None,
            host_config=api.create_host_config(
                network_mode=mode or first[0], cap_add=["NET_ADMIN"], port_bindings=bindings
            ),
        )
        for network in networks[1:]:
            api.connect_container_to_network(made["Id"], self.name(network))
        api.start(made["Id"])

    def inspect(self, short: str) -> dict[str, Any]:
        """What the engine says of a container."""
        attrs: dict[str, Any] = self.engine.api.inspect_container(self.name(short))
        return attrs

    def address(self, short: str, network: str) -> str:
        """A container's address on a network."""
        ends = self.inspect(short)["NetworkSettings"]["Networks"]
        return str(ends[self.name(network)]["IPAddress"])

    def host(self, kind: type[LocalHost] = LocalHost) -> LocalHost:
        """The engine as a host."""
        return kind(self.lab_id, self.engine, "unix:///var/run/docker.sock")

    def remove(self) -> None:
        """Everything that it made, gone."""
        import docker.errors

        api = self.engine.api
        label = {"label": f"{LABEL}={self.lab_id}"}
        for container in api.containers(all=True, filters=label):
            with suppress(docker.errors.APIError):  # a helper may be on its way out already
                api.remove_container(container["Id"], force=True, v=True)
        for network in api.networks(filters=label):
            api.remove_network(network["Id"])


def serve(*places: str, rules: Sequence[str] = ()) -> str:
    """A script that serves on each ``[address:]port`` after adding firewall rules."""
    lines = [f"iptables -A INPUT -p tcp --dport {rule} || exit 9" for rule in rules]
    lines += [f"busybox httpd -f -vv -p {place} &" for place in places]
    return "\n".join([*lines, "wait"])


UDP = """exec python3 -S -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 5300))
while True:
    data, sender = s.recvfrom(512)
    s.sendto(b'heard ' + data, sender)
"
"""
"""A server that answers every datagram."""


def build(town: Town) -> None:
    town.networks("front", "back")
    town.networks("quiet", options={"com.docker.network.bridge.enable_icc": "false"})
    town.networks("inner", internal=True)
    open_port, loopback_port = _free_port(), _free_port()
    with ThreadPoolExecutor(4) as pool:
        jobs = [
            pool.submit(
                town.start,
                "web",
                serve(
                    *(
                        "80",
                        "127.0.0.1:81",
                        "0.0.0.0:82",
                        "0.0.0.0:83",
                        "0.0.0.0:84",
                        "0.0.0.0:85",
                        "0.0.0.0:87",
                    ),
                    rules=(
                        "82 -j DROP",
                        "83 -j REJECT",
                        "84 -j REJECT --reject-with tcp-reset",
                        "85 -j REJECT --reject-with icmp-admin-prohibited",
                        "87 -j REJECT --reject-with icmp-host-unreachable",
                    ),
                ),
                "front",
                ports={80: [(ANY, open_port), ("127.0.0.1", loopback_port)]},
            ),
            pool.submit(town.start, "client", "sleep 600", "front"),
            pool.submit(town.start, "far", serve("80"), "back"),
            pool.submit(town.start, "both", serve("80"), "front", "back"),
            pool.submit(town.start, "frozen", serve("80"), "front"),
            pool.submit(town.start, "stopped", serve("80"), "front"),
            pool.submit(town.start, "plain1", serve("80"), "bridge"),
            pool.submit(town.start, "plain2", serve("80"), "bridge"),
            pool.submit(town.start, "quiet1", serve("80"), "quiet"),
            pool.submit(town.start, "quiet2", serve("80"), "quiet"),
            pool.submit(town.start, "inner1", serve("80"), "inner"),
            pool.submit(town.start, "inner2", serve("80"), "inner"),
            pool.submit(town.start, "twin1", serve("90"), "front", aliases=["twin"]),
            pool.submit(town.start, "twin2", serve("91"), "front", aliases=["twin"]),
            pool.submit(town.start, "talker", UDP, "front"),
            pool.submit(town.start, "alone", serve("80"), mode="none"),
        ]
        for job in jobs:
            job.result()
    town.start("guest", serve("86"), mode=f"container:{town.name('web')}")
    town.spare = _free_port()
    town.start("hostly", f"exec busybox httpd -f -p 127.0.0.1:{town.spare}", mode="host", user="99")
    until(functools.partial(_listens, town.inspect("frozen")["State"]["Pid"], 80))
    town.engine.api.pause(town.name("frozen"))
    town.engine.api.stop(town.name("stopped"), timeout=0)
    listening: dict[str, Sequence[int]] = {
        "web": [*range(80, 86), 87],
        "twin1": [90],
        "twin2": [91],
        "guest": [86],
    }
    for short in ("far", "both", "plain1", "plain2", "quiet1", "quiet2", "inner1", "inner2"):
        listening[short] = [80]
    for short, ports in {**listening, "alone": [80], "hostly": [town.spare]}.items():
        for port in ports:
            until(functools.partial(_listens, town.inspect(short)["State"]["Pid"], port))
    until(functools.partial(_listens, town.inspect("talker")["State"]["Pid"], 5300, "udp"))


def _listens(pid: int, port: int, protocol: str = "tcp") -> bool:
    names = (protocol, f"{protocol}6")
    tables = [Path(f"/proc/{pid}/net/{table}").read_text("ascii") for table in names]
    return any(f":{port:04X} " in table for table in tables)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Seen:
    """A measurement of the town, asked by short names."""

    def __init__(self, town: Town, measured: Reach, services: tuple[int, int]) -> None:
        self.town, self.reach = town, measured
        self.service, self.private = services

    def probes(self, source: str, target: str, port: int, by: str) -> list[Probe]:
        """The tries of one kind."""
        full = target if target == "host" else self.town.name(target)
        found = self.reach.between(self.town.name(source), full, port)
        return [p for p in found if p.by == by]

    def states(self, source: str, target: str, port: int, by: str = "address") -> list[str]:
        """What came of them."""
        return sorted(p.state for p in self.probes(source, target, port, by))

    def details(self, source: str, target: str, port: int) -> list[str]:
        """What more is known of the tries by address."""
        return sorted({p.detail for p in self.probes(source, target, port, "address")})


def until(what: Callable[[], bool]) -> None:
    """Wait for what happens a moment later."""
    assert ends(what), "it did not happen"
