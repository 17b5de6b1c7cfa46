"""Every way in which containers can and cannot talk, planted and then measured."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from labrunner.engine import reach
from labrunner.engine.host import LABEL, ROLE
from labrunner.errors import EngineError
from labrunner.model.reach import Listener

if TYPE_CHECKING:
    import docker


from tests.reach.town import ANY, LOOPBACK, Seen, Town, build, serve, until


@pytest.fixture(scope="module")
def town(engine: docker.DockerClient, image: str) -> Iterator[Town]:
    """Everything that the symptom table knows, on one engine."""
    town = Town(engine, image)
    try:
        build(town)
        yield town
    finally:
        town.remove()


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
            (87, "no_route", "icmp-host-unreachable"),
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

    def test_datagram(self, seen: Seen) -> None:
        """A server that answers datagrams is open to its neighbours, and to nobody else."""
        name = seen.town.name
        (near,) = [
            p
            for p in seen.reach.between(name("client"), name("talker"), 5300, "udp")
            if p.by == "address"
        ]
        assert (near.state, near.detail) == ("open", "")
        assert not seen.reach.can(name("far"), name("talker"), 5300, "udp")
        assert Listener(name("talker"), ANY, 5300, "", "udp") in seen.reach.listeners

    def test_echo(self, seen: Seen) -> None:
        """Echoes are answered between neighbours, on this kind of host, too."""
        name = seen.town.name
        assert seen.reach.can(name("client"), name("web"), 0, "icmp")
        assert seen.reach.can(name("client"), "host", 0, "icmp")
        assert not seen.reach.can(name("client"), name("far"), 0, "icmp")

    def test_outside(self, seen: Seen) -> None:
        """Who has a way out is said of each container; nothing outside is asked for it."""
        name = seen.town.name
        found = {one.container: (one.state, one.detail) for one in seen.reach.outside}
        with Path("/proc/net/route").open(encoding="ascii") as table:
            leads_out = any(line.split()[1] == "00000000" for line in table)
        assert found[name("alone")] == ("none", "no network")
        assert found[name("inner1")] == ("blocked", "internal")
        assert found[name("client")][0] == ("open" if leads_out else "none")

    def test_every_pair_once(self, seen: Seen) -> None:
        """No way is told twice, and nobody is tried from itself."""
        ways = [(p.source, p.target, p.via, p.port, p.protocol) for p in seen.reach.probes]
        assert len(ways) == len(set(ways))
        assert all(p.source != p.target for p in seen.reach.probes)

    def test_docker_dns_is_no_service(self, seen: Seen) -> None:
        """The resolver that Docker puts into every container is not shown as its port."""
        assert all(one.address != "127.0.0.11" for one in seen.reach.listeners)

    def test_waits_for_silence_only_once(self, seen: Seen) -> None:
        """However many ways are filtered, they are waited for together."""
        silent = sum(p.state == "filtered" for p in seen.reach.probes)
        assert silent > 20
        # a second each: one by one they would take longer than this, on whatever machine
        assert seen.reach.seconds < silent / 2


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

    until(lambda: not town.engine.api.containers(all=True, filters=helpers))
    before = look()
    reach.measure(town.host())
    # the engine removes the helper a moment after it has ended
    until(lambda: not town.engine.api.containers(all=True, filters=helpers))
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
    until(lambda: bool(town.engine.api.containers(filters=label)))
    child.kill()
    child.communicate()
    until(lambda: not town.engine.api.containers(all=True, filters=label))


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
    assert reach.tcp(town.host(), town.name("client"), "nobody", 80, timeout=60) == "unknown_name"
    assert time.monotonic() - begun < 40
