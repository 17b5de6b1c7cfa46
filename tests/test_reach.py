"""Reach: every way in which containers can and cannot talk, planted and then measured."""

from __future__ import annotations

import functools
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from labrunner.engine import images, reach
from labrunner.engine.addresses import free_subnets
from labrunner.engine.host import LABEL, ROLE
from labrunner.engine.local import LocalHost
from labrunner.errors import EngineError
from labrunner.model.reach import Listener, Probe, Reach
from labrunner.model.topology import HostKind, Limits

if TYPE_CHECKING:
    import docker

    from labrunner.engine.host import Host

LOOPBACK = ("127.0.0.1", 0)
ANY = "0.0.0.0"  # noqa: S104  what containers bind to, not we

# --- a town of containers with one fault each ---------------------------------------------


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


@pytest.fixture(scope="module")
def image(engine: docker.DockerClient) -> str:
    return images.host_image(engine)


@pytest.fixture
def village(engine: docker.DockerClient, image: str) -> Iterator[Town]:
    """An empty town for one test."""
    town = Town(engine, image)
    yield town
    town.remove()


@pytest.fixture(scope="module")
def town(engine: docker.DockerClient, image: str) -> Iterator[Town]:
    """Everything that the symptom table knows, on one engine."""
    town = Town(engine, image)
    try:
        _build(town)
        yield town
    finally:
        town.remove()


def _build(town: Town) -> None:
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
                    *("80", "127.0.0.1:81", "0.0.0.0:82", "0.0.0.0:83", "0.0.0.0:84", "0.0.0.0:85"),
                    rules=(
                        "82 -j DROP",
                        "83 -j REJECT",
                        "84 -j REJECT --reject-with tcp-reset",
                        "85 -j REJECT --reject-with icmp-admin-prohibited",
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
            pool.submit(town.start, "alone", serve("80"), mode="none"),
        ]
        for job in jobs:
            job.result()
    town.start("guest", serve("86"), mode=f"container:{town.name('web')}")
    town.spare = _free_port()
    town.start("hostly", f"exec busybox httpd -f -p 127.0.0.1:{town.spare}", mode="host", user="99")
    _until(functools.partial(_listens, town.inspect("frozen")["State"]["Pid"], 80))
    town.engine.api.pause(town.name("frozen"))
    town.engine.api.stop(town.name("stopped"), timeout=0)
    listening: dict[str, Sequence[int]] = {
        "web": range(80, 86),
        "twin1": [90],
        "twin2": [91],
        "guest": [86],
    }
    for short in ("far", "both", "plain1", "plain2", "quiet1", "quiet2", "inner1", "inner2"):
        listening[short] = [80]
    for short, ports in {**listening, "alone": [80], "hostly": [town.spare]}.items():
        for port in ports:
            _until(functools.partial(_listens, town.inspect(short)["State"]["Pid"], port))


def _listens(pid: int, port: int) -> bool:
    tables = [Path(f"/proc/{pid}/net/{table}").read_text("ascii") for table in ("tcp", "tcp6")]
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


@pytest.fixture(scope="module")
def seen(town: Town) -> Seen:
    with socket.create_server((ANY, 0)) as all_of_it, socket.create_server(LOOPBACK) as own:
        services = (all_of_it.getsockname()[1], own.getsockname()[1])
        return Seen(town, reach.measure(town.host()), services)


@pytest.mark.engine
class TestMatrix:
    """One measurement names every fault of the symptom table rightly."""

    def test_same_network(self, seen: Seen) -> None:
        """Neighbours reach one another by address and by name."""
        assert seen.states("client", "web", 80) == ["open"]
        assert seen.states("client", "web", 80, "name") == ["open"]
        assert seen.reach.can(seen.town.name("client"), seen.town.name("web"), 80)

    def test_other_network(self, seen: Seen) -> None:
        """A peer on another network: silence by address, and its name is not known."""
        assert seen.states("client", "far", 80) == ["filtered"]
        assert seen.states("client", "far", 80, "name") == ["unknown_name"]

    def test_dual_homed(self, seen: Seen) -> None:
        """A peer on two networks answers on the shared one only; its name leads there."""
        ways = {p.network: p.state for p in seen.probes("far", "both", 80, "address")}
        town = seen.town
        assert ways == {town.name("back"): "open", town.name("front"): "filtered"}
        (by_name,) = seen.probes("far", "both", 80, "name")
        assert by_name.state == "open"
        assert by_name.address == town.address("both", "back")

    def test_stopped(self, seen: Seen) -> None:
        """A stopped peer is not in the matrix, and its name is not known to anybody."""
        assert seen.town.name("stopped") not in seen.reach.containers
        host = seen.town.host()
        name = seen.town.name
        assert reach.tcp(host, name("client"), name("stopped"), 80) == "unknown_name"

    def test_paused(self, seen: Seen) -> None:
        """A paused peer accepts, and the matrix says that it is paused."""
        assert seen.states("client", "frozen", 80) == ["open"]
        assert seen.details("client", "frozen", 80) == ["paused"]

    def test_paused_stays_open(self, seen: Seen) -> None:
        """Measuring fills no backlog: a paused peer looks the same however often it is tried."""
        host, name = seen.town.host(), seen.town.name
        tries = [reach.Try(name("client"), seen.town.address("frozen", "front"), 80)]
        for _ in range(3):
            assert reach.tcp_all(host, tries * 20) == ["open"] * 20
        pid = seen.town.inspect("frozen")["State"]["Pid"]
        table = Path(f"/proc/{pid}/net/tcp6").read_text(encoding="ascii").splitlines()[1:]
        assert [line.split()[4] for line in table] == ["00000000:00000000"]

    def test_loopback_bound(self, seen: Seen) -> None:
        """What listens on 127.0.0.1 only refuses at the container's address."""
        assert seen.states("client", "web", 81) == ["refused"]
        assert seen.details("client", "web", 81) == [""]
        assert Listener(seen.town.name("web"), "127.0.0.1", 81) in seen.reach.listeners

    def test_nothing_listens(self, seen: Seen) -> None:
        """A port on which nothing listens refuses."""
        host, name = seen.town.host(), seen.town.name
        assert reach.tcp(host, name("client"), name("web"), 7) == "refused"

    def test_drop(self, seen: Seen) -> None:
        """A DROP rule: silence."""
        assert seen.states("client", "web", 82) == ["filtered"]

    @pytest.mark.parametrize(
        ("port", "state", "detail"),
        [
            (83, "refused", "icmp-port-unreachable"),
            (84, "refused", "tcp-reset"),
            (85, "no_route", "icmp-admin-prohibited"),
        ],
    )
    def test_reject(self, seen: Seen, port: int, state: str, detail: str) -> None:
        """A REJECT rule is told from a closed port, whatever it answers with."""
        assert seen.states("client", "web", port) == [state]
        assert seen.details("client", "web", port) == [detail]

    def test_default_bridge(self, seen: Seen) -> None:
        """On the default bridge the address is open and the name unknown."""
        assert seen.states("plain1", "plain2", 80) == ["open"]
        assert seen.states("plain1", "plain2", 80, "name") == ["unknown_name"]

    def test_icc_off(self, seen: Seen) -> None:
        """With ICC off the name is known and the address silent."""
        assert seen.states("quiet1", "quiet2", 80) == ["filtered"]
        (by_name,) = seen.probes("quiet1", "quiet2", 80, "name")
        assert by_name.state == "filtered"
        assert by_name.address == seen.town.address("quiet2", "quiet")

    def test_internal(self, seen: Seen) -> None:
        """Members of an internal network reach one another, and nobody outside."""
        assert seen.states("inner1", "inner2", 80) == ["open"]
        assert seen.states("inner1", "inner2", 80, "name") == ["open"]
        (outside,) = seen.states("inner1", "web", 80)
        assert outside in ("filtered", "no_route")

    def test_alias_of_two(self, seen: Seen) -> None:
        """An alias of two leads to each; a port that only one has is open at one only."""
        ways = {
            (p.target, p.state)
            for short in ("twin1", "twin2")
            for p in seen.reach.between(seen.town.name("client"), seen.town.name(short))
            if p.via == "twin"
        }
        assert ways == {(seen.town.name("twin1"), "open"), (seen.town.name("twin2"), "open")}
        host = seen.town.host()
        # as a client with only the first address sees it, and as one that tries them all
        first = [
            reach.tcp(host, seen.town.name("client"), seen.town.address(t, "front"), 90)
            for t in ("twin1", "twin2")
        ]
        assert first == ["open", "refused"]
        assert reach.tcp(host, seen.town.name("client"), "twin", 90) == "open"

    def test_published(self, seen: Seen) -> None:
        """A port published on 0.0.0.0 is open through every gateway, on 127.0.0.1 on none."""
        behind = f"{seen.town.name('web')}:80"
        holes = {one.address: one.port for one in seen.reach.listeners if one.behind == behind}
        assert set(holes) >= {ANY, "127.0.0.1"}
        for source in ("far", "quiet1", "plain1"):
            assert seen.states(source, "host", holes[ANY], "gateway") == ["open"], source
            assert seen.states(source, "host", holes["127.0.0.1"], "gateway") == ["refused"]
        # it is forwarded, and nothing is forwarded out of an internal network
        assert seen.states("inner1", "host", holes[ANY], "gateway") == ["filtered"]

    def test_host_services(self, seen: Seen) -> None:
        """What the host itself serves is open at every gateway, an internal network's too."""
        for source in ("client", "quiet1", "inner1", "plain1"):
            assert seen.states(source, "host", seen.service, "gateway") == ["open"], source
            assert seen.states(source, "host", seen.private, "gateway") == ["refused"], source

    def test_shared_namespace(self, seen: Seen) -> None:
        """Who lives in another's namespace owns its own ports, and reaches its loopback."""
        guest = seen.town.name("guest")
        assert {(one.owner, one.port) for one in seen.reach.listeners if one.port == 86} == {
            (guest, 86)
        }
        assert seen.states("client", "guest", 86) == ["open"]
        by_via = {p.via: p.state for p in seen.probes("guest", "web", 81, "address")}
        assert by_via == {"127.0.0.1": "open", seen.town.address("web", "front"): "refused"}

    def test_hosts_namespace(self, seen: Seen) -> None:
        """Who shares the host's network is tried at the gateways, and reaches its loopback."""
        port = seen.town.spare
        hostly = seen.town.name("hostly")
        assert Listener(hostly, "127.0.0.1", port) in seen.reach.listeners
        assert all(one.owner == hostly for one in seen.reach.listeners if one.port == port)
        assert seen.states("client", "hostly", port, "gateway") == ["refused"]
        assert seen.states("hostly", "host", seen.private) == ["open"]
        assert seen.states("hostly", "far", 80) == ["open"]
        assert seen.states("hostly", "far", 80, "name") == ["unknown_name"]

    def test_no_network(self, seen: Seen) -> None:
        """A container without a network has no way to anybody, nor anybody to it."""
        assert seen.states("alone", "web", 80) == ["no_route"]
        assert seen.states("alone", "web", 80, "name") == ["unknown_name"]
        assert seen.states("client", "alone", 80) == []
        assert seen.states("client", "alone", 80, "name") == ["unknown_name"]

    def test_every_pair_once(self, seen: Seen) -> None:
        """No way is told twice, and nobody is tried from itself."""
        ways = [(p.source, p.target, p.via, p.port) for p in seen.reach.probes]
        assert len(ways) == len(set(ways))
        assert all(p.source != p.target for p in seen.reach.probes)

    def test_docker_dns_is_no_service(self, seen: Seen) -> None:
        """The resolver that Docker puts into every container is not shown as its port."""
        assert all(one.address != "127.0.0.11" for one in seen.reach.listeners)

    def test_waits_for_silence_only_once(self, seen: Seen) -> None:
        """However many ways are filtered, they are waited for together."""
        silent = sum(p.state == "filtered" for p in seen.reach.probes)
        assert silent > 20
        assert seen.reach.seconds < 4


@pytest.mark.engine
def test_nothing_changes(town: Town) -> None:
    """A measurement leaves no container, no file, no connection and no line in a log."""
    helpers = {"label": [f"{LABEL}={town.lab_id}", f"{ROLE}=probe"]}

    def look() -> tuple[Any, ...]:
        api = town.engine.api
        label = {"label": f"{LABEL}={town.lab_id}"}
        rows = sorted((c["Id"], c["State"]) for c in api.containers(all=True, filters=label))
        nets = sorted(n["Id"] for n in api.networks(filters=label))
        running = [town.name(s) for s in ("web", "client", "both")]
        files = [str(api.diff(name)) for name in running]
        log = [api.logs(name) for name in running]
        pid = town.inspect("client")["State"]["Pid"]
        table = Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()
        return rows, nets, files, log, len(table)

    _until(lambda: not town.engine.api.containers(all=True, filters=helpers))
    before = look()
    reach.measure(town.host())
    # the engine removes the helper a moment after it has ended
    _until(lambda: not town.engine.api.containers(all=True, filters=helpers))
    assert look() == before


@pytest.mark.engine
def test_helper_goes_with_its_runner(town: Town) -> None:
    """The helper ends when the process that started it is killed."""
    script = (
        "import sys; from labrunner.engine import client, prober\n"
        "c = client.connect()\n"
        "ports = [{'name': 'x', 'pid': int(sys.argv[2]), 'ip': '127.0.0.1', 'port': 9}]\n"
        "request = {'mode': 'wait', 'ports': ports, 'timeout': 2}\n"
        "print('up', flush=True); list(prober.probe(c, sys.argv[1], request, timeout=9))\n"
    )
    pid = town.inspect("client")["State"]["Pid"]
    label = {"label": [f"{LABEL}={town.lab_id}", f"{ROLE}=probe"]}
    child = subprocess.Popen(
        [sys.executable, "-c", script, town.lab_id, str(pid)], stdout=subprocess.PIPE
    )
    _until(lambda: bool(town.engine.api.containers(filters=label)))
    child.kill()
    child.communicate()
    _until(lambda: not town.engine.api.containers(all=True, filters=label))


def _until(what: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.mark.engine
def test_only(town: Town) -> None:
    """A filter leaves out everybody else, as source and as target."""
    wanted = {town.name("client"), town.name("web")}
    measured = reach.measure(town.host(), only=wanted)
    assert set(measured.containers) == wanted
    assert {p.source for p in measured.probes} | {p.target for p in measured.probes} <= {
        *wanted,
        "host",
    }


@pytest.mark.engine
def test_strangers_are_left_alone(town: Town, engine: docker.DockerClient, image: str) -> None:
    """On a local host a container that is not the lab's is neither looked at nor tried."""
    stranger = Town(engine, image)
    try:
        stranger.start("stranger", serve("80"), "bridge")
        measured = reach.measure(town.host())
    finally:
        stranger.remove()
    assert stranger.name("stranger") not in measured.containers


@pytest.mark.engine
def test_tcp_from_a_container_that_does_not_run(town: Town) -> None:
    """Trying from a stopped container is an error that says what to do."""
    with pytest.raises(EngineError) as caught:
        reach.tcp(town.host(), town.name("stopped"), town.name("web"), 80)
    assert "exited" in caught.value.message
    assert caught.value.hint == f"docker start {town.name('stopped')}"


@pytest.mark.engine
def test_tcp_needs_no_more_than_an_unknown_name_takes(town: Town) -> None:
    """A name that no container has is given up as soon as Docker's resolver is seen to answer."""
    begun = time.monotonic()
    assert reach.tcp(town.host(), town.name("client"), "nobody", 80, timeout=8) == "unknown_name"
    assert time.monotonic() - begun < 4


@pytest.mark.engine
@pytest.mark.parametrize("kind", [LocalHost, FarHost], ids=["direct", "helper"])
class TestWaitReady:
    """Waiting streams as ports open, and stops early with the reason."""

    def _waits(self, town: Town, *shorts: str, timeout: float = 10) -> list[reach.WaitFor]:
        return [
            reach.WaitFor(
                town.name(short),
                town.inspect(short)["State"]["Pid"],
                town.address(short, "bridge"),
                80,
                timeout,
            )
            for short in shorts
        ]

    def test_streams(self, village: Town, kind: type[LocalHost]) -> None:
        """Each container is told of as it becomes ready, the slower one later."""
        village.start("quick", "exec busybox httpd -f -p 80", "bridge")
        village.start("slow", "sleep 4; exec busybox httpd -f -p 80", "bridge")
        told: list[tuple[str, float]] = []
        waits = self._waits(village, "slow", "quick", timeout=30)
        reach.wait_ready(village.host(kind), waits, lambda n, s: told.append((n, s)))
        assert [name for name, _ in told] == [village.name("quick"), village.name("slow")]
        assert told[0][1] < told[1][1] < 20

    def test_ended(self, village: Town, kind: type[LocalHost]) -> None:
        """A container that dies ends the wait at once, with its last words."""
        village.start("dying", "echo my last words; sleep 0.7; exit 3", "bridge")
        waits = self._waits(village, "dying", timeout=30)
        begun = time.monotonic()
        with pytest.raises(EngineError) as caught:
            reach.wait_ready(village.host(kind), waits, lambda _n, _s: None)
        assert "ended before its port 80" in caught.value.message
        assert "my last words" in caught.value.hint
        assert time.monotonic() - begun < 10

    def test_timeout(self, village: Town, kind: type[LocalHost]) -> None:
        """A container that never listens fails after its own time, with its last words."""
        village.start("mute", "echo thinking; exec sleep 60", "bridge")
        waits = self._waits(village, "mute", timeout=0.4)
        with pytest.raises(EngineError) as caught:
            reach.wait_ready(village.host(kind), waits, lambda _n, _s: None)
        assert "did not accept on its port 80 within 0.4 s" in caught.value.message
        assert "thinking" in caught.value.hint


@pytest.fixture(scope="module")
def sandbox(engine: docker.DockerClient, image: str) -> Iterator[Host]:
    """A sandbox with two networks, three containers, and firewall rules on its host."""
    from labrunner.engine import sandbox

    lab_id = f"reach-test-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory(prefix="reach-test-", dir="/tmp") as folder:
        spec = sandbox.SandboxSpec(
            lab_id=lab_id,
            hostname="lab-host",
            limits=Limits(),
            images=images.ensure(engine, {"tools:1": images.RUNNER_IMAGES["tools:1"]}),
            internet=False,
            folder=Path(folder),
        )
        try:
            host = sandbox.create(engine, spec, host_image=image)
            _furnish(host)
            yield host
            host.close()
        finally:
            sandbox.remove(engine, lab_id)


def _furnish(host: Host) -> None:
    api = host.client.api
    waits = []
    for network in ("front", "back"):
        api.create_network(network, driver="bridge")
    for name, network in (("web", "front"), ("client", "front"), ("far", "back")):
        made = api.create_container(
            "tools:1",
            command=["sh", "-c", "for p in 80 82 83; do nc -lk $p & done; wait"],
            name=name,
            host_config=api.create_host_config(network_mode=network),
        )
        api.start(made["Id"])
        attrs = api.inspect_container(name)
        ip = attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
        waits += [reach.WaitFor(name, attrs["State"]["Pid"], ip, port) for port in (80, 82, 83)]
    reach.wait_ready(host, waits, lambda _name, _seconds: None)
    for rule in (
        "DOCKER-USER -p tcp --dport 82 -j DROP",
        "DOCKER-USER -p tcp --dport 83 -j REJECT",
        "INPUT -p tcp --dport 9002 -j REJECT --reject-with icmp-host-prohibited",
    ):
        assert host.run(["iptables", "-I", *rule.split()]).code == 0
    script = "for p in 0.0.0.0:9001 127.0.0.1:9000 9002; do busybox httpd -p $p; done"
    assert host.run(["sh", "-c", script]).code == 0


@pytest.fixture(scope="module")
def measured(sandbox: Host) -> Reach:
    """One measurement for all."""
    return reach.measure(sandbox)


@pytest.mark.engine
class TestSandbox:
    """The same in a sandbox, with rules on the lab's own host."""

    @pytest.mark.parametrize(
        ("target", "port", "state", "detail"),
        [
            ("web", 80, "open", ""),
            ("web", 82, "filtered", ""),
            ("web", 83, "refused", "icmp-port-unreachable"),
            ("far", 80, "filtered", ""),
            ("host", 9001, "open", ""),
            ("host", 9000, "refused", ""),
            ("host", 9002, "no_route", "icmp-host-prohibited"),
        ],
    )
    def test_state(self, measured: Reach, target: str, port: int, state: str, detail: str) -> None:
        """Rules on the host are told apart as rules in a container are."""
        tries = [p for p in measured.between("client", target, port) if p.by != "name"]
        assert {(p.state, p.detail) for p in tries} == {(state, detail)}

    def test_names(self, measured: Reach) -> None:
        """A neighbour's name is known, another network's is not."""
        names = {p.via: p.state for p in measured.probes if (p.source, p.by) == ("client", "name")}
        assert names["far"] == "unknown_name"
        assert names["web"] != "unknown_name"

    def test_tcp(self, sandbox: Host) -> None:
        """One try, by name."""
        assert reach.tcp(sandbox, "client", "web", 80) == "open"
        assert reach.tcp(sandbox, "client", "far", 80) == "unknown_name"

    def test_ended(self, sandbox: Host) -> None:
        """A container that dies in a sandbox is reported with its last words."""
        api = sandbox.client.api
        script = ["sh", "-c", "echo last words; sleep 0.5"]
        api.create_container("tools:1", command=script, name="dying")
        api.start("dying")
        pid = api.inspect_container("dying")["State"]["Pid"]
        with pytest.raises(EngineError, match="ended before") as caught:
            reach.wait_ready(
                sandbox, [reach.WaitFor("dying", pid, "127.0.0.1", 80)], lambda _name, _s: None
            )
        assert "last words" in caught.value.hint
