"""Waiting until ports accept; and what is measured in a sandbox."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from labrunner.engine import reach
from labrunner.engine.local import LocalHost
from labrunner.errors import EngineError
from labrunner.model.reach import Reach

if TYPE_CHECKING:
    import docker

    from labrunner.engine.host import Host

from tests.reach import suburb
from tests.reach.town import FarHost, Town


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
        waits = self._waits(village, "slow", "quick", timeout=60)
        reach.wait_ready(village.host(kind), waits, lambda n, s: told.append((n, s)))
        assert [name for name, _ in told] == [village.name("quick"), village.name("slow")]
        assert told[0][1] < told[1][1]

    def test_ended(self, village: Town, kind: type[LocalHost]) -> None:
        """A container that dies ends the wait at once, with its last words."""
        village.start("dying", "echo my last words; sleep 0.7; exit 3", "bridge")
        waits = self._waits(village, "dying", timeout=60)
        begun = time.monotonic()
        with pytest.raises(EngineError) as caught:
            reach.wait_ready(village.host(kind), waits, lambda _n, _s: None)
        assert "ended before its port 80" in caught.value.message
        assert "my last words" in caught.value.hint
        assert time.monotonic() - begun < 40

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
    with suburb.sandbox(engine, image) as host:
        _furnish(host)
        yield host


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
