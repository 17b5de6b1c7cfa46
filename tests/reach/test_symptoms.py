"""Every fault of the symptom table, planted for real in a sandbox, gets its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from labrunner.engine import reach
from labrunner.reach import table, troubles
from labrunner.reach.table import Column

if TYPE_CHECKING:
    import docker

    from labrunner.engine.host import Host
    from labrunner.model.reach import Facts, Protocol, Reach, Trouble

from tests.reach.suburb import House, address, move_in, rules, sandbox, settle

ANY = "0.0.0.0"  # noqa: S104  what containers bind to, not we

HOUSES = (
    House("client", "front"),
    House(
        "web",
        "front",
        ("80", "127.0.0.1:81", "82", "83", "84", "85"),
        ("5301", "5302", "5303", "127.0.0.1:5304"),
    ),
    House("far", "back", ("80",), ("5301",)),
    House("astray", "back", ("80",)),
    House("frozen", "front", ("80",)),
    House("ended", "front"),
    House("plain1", "bridge", ("80",)),
    House("plain2", "bridge", ("80",)),
    House("quiet1", "quiet", ("80",)),
    House("quiet2", "quiet", ("80",)),
    House("victim", "contest", ("80",)),
    House("bystander", "contest"),
    House("good", "front", ("90",), aliases=("pair",)),
    House("bad", "front", aliases=("pair",)),
    House("narrow1", "narrow", ("80",)),
    House("narrow2", "narrow"),
    House("short", "back", then="ip link set eth0 mtu 1300"),
    House("lonely", "none", ("80",)),
    House("lost", "back", then="ip address flush dev eth0"),
    House("deaf", "back", then="echo nameserver 127.0.0.1 > /etc/resolv.conf"),
    House("empty", "back", more={"port_bindings": {80: (ANY, 8080)}}, exposed=(80,)),
    House("proxied", "back", more={"port_bindings": {80: ("127.0.0.1", 8081)}}, exposed=(80,)),
    House("shop", "back", ("80",), more={"port_bindings": {80: (ANY, 8082)}}, exposed=(80,)),
    House(
        "dns",
        "back",
        udp=("53",),
        more={"port_bindings": {"53/udp": (ANY, 8053), "54/udp": (ANY, 8054)}},
        exposed=((53, "udp"), (54, "udp")),
    ),
    House("forgetful", "back", exposed=(5432,)),
    House(
        "burning",
        "back",
        more={"cpu_period": 100_000, "cpu_quota": 5000},
        then="(while :; do :; done) &",
    ),
)


@pytest.fixture(scope="module")
def host(engine: docker.DockerClient, image: str) -> Iterator[Host]:
    """A sandbox with one fault of each kind."""
    with sandbox(engine, image) as made:
        _plant(made)
        yield made


def _plant(host: Host) -> None:
    api = host.client.api
    for network in ("front", "back", "contest"):
        api.create_network(network, driver="bridge")
    icc_off = {"com.docker.network.bridge.enable_icc": "false"}
    api.create_network("quiet", driver="bridge", options=icc_off)
    api.create_network("narrow", driver="bridge", options={"com.docker.network.driver.mtu": "1200"})
    settle(host, *HOUSES)
    stolen = address(host, "victim")
    move_in(host, House("thief", "contest", then=f"ip address add {stolen}/24 dev eth0"))
    elsewhere = f"web:{address(host, 'good')}"
    move_in(host, House("misled", "front", more={"extra_hosts": [elsewhere]}))
    api.pause("frozen")
    api.stop("ended", timeout=0)
    rules(
        host,
        "DOCKER-USER -p tcp --dport 82 -j DROP",
        "DOCKER-USER -p tcp --dport 83 -j REJECT",
        "DOCKER-USER -p tcp --dport 84 -j REJECT --reject-with tcp-reset",
        "DOCKER-USER -p tcp --dport 85 -j REJECT --reject-with icmp-host-unreachable",
        "DOCKER-USER -p udp --dport 5302 -j DROP",
        "DOCKER-USER -p udp --dport 5303 -j REJECT --reject-with icmp-admin-prohibited",
    )
    way = ("from", address(host, "client"), "to", address(host, "astray"))
    done = host.run(["ip", "rule", "add", *way, "unreachable"])
    assert done.code == 0, done


@pytest.fixture(scope="module")
def seen(host: Host) -> tuple[Reach, Facts]:
    """One look for all."""
    return reach.survey(host)


@pytest.fixture(scope="module")
def found(seen: tuple[Reach, Facts]) -> tuple[Trouble, ...]:
    """What it adds up to."""
    return troubles.find(*seen)


def named(found: tuple[Trouble, ...], name: str) -> dict[tuple[str, ...], Trouble]:
    """The faults of one name, by whom they concern."""
    return {one.containers: one for one in found if one.name == name}


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "containers"),
    [
        ("stopped", ("ended",)),
        ("paused", ("frozen",)),
        ("no_address", ("lonely",)),
        ("no_address", ("lost",)),
        ("two_owners", ("victim", "thief")),
        ("nobody_behind", ("dns",)),
        ("nobody_behind", ("empty",)),
        ("nobody_behind", ("proxied",)),
        ("loopback", ("web",)),
        ("no_listener", ("forgetful",)),
        ("backend", ("bad", "good")),
        ("name_unknown", ("deaf",)),
        ("name_elsewhere", ("misled", "web")),
        ("no_names", ("plain1", "plain2")),
        ("icc", ("quiet1", "quiet2")),
        ("mtu", ("narrow1", "narrow2")),
        ("mtu", ("short",)),
        ("starved", ("burning",)),
    ],
)
def test_fault(found: tuple[Trouble, ...], name: str, containers: tuple[str, ...]) -> None:
    """It has its name, says whom it concerns, and where to look."""
    (one,) = [t for t in found if (t.name, t.containers[: len(containers)]) == (name, containers)][
        :1
    ]
    assert one.containers[0] in one.message
    assert one.look


@pytest.mark.engine
def test_only_who_has_it_has_it(found: tuple[Trouble, ...]) -> None:
    """Nobody else is said to have a fault that is only one container's."""
    for name, whose in {
        "stopped": {("ended",)},
        "paused": {("frozen",)},
        "no_address": {("lonely",), ("lost",)},
        "two_owners": {("victim", "thief")},
        "nobody_behind": {("dns",), ("empty",), ("proxied",)},
        "loopback": {("web",)},
        "no_listener": {("forgetful",)},
        "name_elsewhere": {("misled", "web")},
        "no_names": {("plain1", "plain2")},
        "icc": {("quiet1", "quiet2")},
        "starved": {("burning",)},
    }.items():
        assert set(named(found, name)) == whose, name


KINDS = (
    "icmp-port-unreachable",
    "tcp-reset",
    "icmp-host-unreachable",
    "icmp-admin-prohibited",
)


@pytest.mark.engine
def test_rules(found: tuple[Trouble, ...]) -> None:
    """A rule that drops and one that rejects are told apart, over TCP and UDP, and located."""
    ways = {
        (one.name, one.containers[0], place, kind)
        for one in found
        for place in ("82/tcp", "83/tcp", "84/tcp", "85/tcp", "5302/udp", "5303/udp")
        for kind in ("", *KINDS)
        if one.name in ("drop", "reject")
        and f"{place} " in one.message + " "
        and kind in one.message
        if kind or one.name == "drop"
    }
    assert ways == {
        ("drop", "web", "82/tcp", ""),
        ("drop", "web", "5302/udp", ""),
        ("reject", "web", "83/tcp", "icmp-port-unreachable"),
        ("reject", "web", "84/tcp", "tcp-reset"),
        ("reject", "web", "85/tcp", "icmp-host-unreachable"),
        ("reject", "web", "5303/udp", "icmp-admin-prohibited"),
    }


@pytest.mark.engine
def test_the_table_agrees(seen: tuple[Reach, Facts]) -> None:
    """What is called a rule's doing below it says "rejected" in it, whatever the rule sends."""
    words = {port: table.cell(seen[0], "client", Column("web", port)) for port in (83, 84, 85)}
    assert words == dict.fromkeys(words, "rejected")
    assert table.cell(seen[0], "client", Column("web", 5303, "udp")) == "rejected"


@pytest.mark.engine
def test_a_router_that_knows_no_way_is_no_rule(
    seen: tuple[Reach, Facts], found: tuple[Trouble, ...]
) -> None:
    """It says the same as a rule may be told to; only between neighbours that is a rule's doing."""
    routed = [p for p in seen[0].between("client", "astray", 80) if p.by == "address"]
    assert {(p.state, p.detail) for p in routed} == {("no_route", "")}
    assert table.cell(seen[0], "client", Column("astray", 80)) == "no route"
    assert not [one for one in found if one.name == "reject" and "astray" in one.containers]
    assert seen[0].can("shop", "astray", 80)


@pytest.mark.engine
def test_nothing_else_is_a_rules_doing(found: tuple[Trouble, ...]) -> None:
    """Neither two owners of an address nor another network nor ICC looks like a rule."""
    blamed = {one.containers[0] for one in found if one.name in ("drop", "reject")}
    assert blamed == {"web"}


@pytest.mark.engine
def test_apart(found: tuple[Trouble, ...], seen: tuple[Reach, Facts]) -> None:
    """Who has no network in common with whom is said once for all that are on the same."""
    (one,) = [t for t in found if t.name == "apart" and {"client", "far"} <= set(t.containers)]
    assert "front" in one.message
    assert "back" in one.message
    assert {p.state for p in seen[0].between("client", "far", 80) if p.by == "address"} == {
        "filtered"
    }


@pytest.mark.engine
class TestProtocols:
    """What is asked over UDP, with echoes, and at published ports."""

    @pytest.mark.parametrize(
        ("port", "state", "detail"),
        [
            (5301, "open", "no answer"),
            (5302, "filtered", ""),
            (5303, "no_route", "icmp-admin-prohibited"),
            (5304, "refused", ""),
        ],
    )
    def test_udp(self, seen: tuple[Reach, Facts], port: int, state: str, detail: str) -> None:
        """A datagram that arrives is told from one that a rule drops, without an answer to it."""
        for source in ("client", "good", "misled"):
            tries = [p for p in seen[0].between(source, "web", port, "udp") if p.by == "address"]
            assert {(p.state, p.detail) for p in tries} == {(state, detail)}, source

    def test_udp_between_networks(self, seen: tuple[Reach, Facts]) -> None:
        """On another network it does not arrive."""
        assert not seen[0].can("client", "far", 5301, "udp")
        assert seen[0].can("shop", "far", 5301, "udp")

    def test_echo(self, seen: tuple[Reach, Facts]) -> None:
        """A neighbour answers, a paused one too; another network and icc off are silent."""
        assert seen[0].can("client", "web", 0, "icmp")
        assert seen[0].can("client", "frozen", 0, "icmp")
        assert seen[0].can("client", "host", 0, "icmp")
        assert not seen[0].can("client", "far", 0, "icmp")
        assert not seen[0].can("quiet1", "quiet2", 0, "icmp")

    @pytest.mark.parametrize(
        ("target", "port", "protocol", "state"),
        [
            ("shop", 8082, "tcp", "open"),
            ("empty", 8080, "tcp", "refused"),
            ("proxied", 8081, "tcp", "refused"),
            ("dns", 8053, "udp", "open"),
            ("dns", 8054, "udp", "refused"),
        ],
    )
    def test_published(
        self, seen: tuple[Reach, Facts], target: str, port: int, protocol: Protocol, state: str
    ) -> None:
        """A published port is open when somebody is behind it, whatever Docker's proxy accepts."""
        (one,) = seen[0].between("host", target, port, protocol)
        assert (one.by, one.state) == ("published", state)

    def test_outside(self, seen: tuple[Reach, Facts]) -> None:
        """A sandbox without internet has no outside, and says so of each container."""
        reach_, _facts = seen
        assert {one.container for one in reach_.outside} == set(reach_.containers)
        assert {one.state for one in reach_.outside} == {"none"}
        assert {one.detail for one in reach_.outside if one.container == "lonely"} == {"no network"}

    def test_own_sockets_are_no_services(self, seen: tuple[Reach, Facts]) -> None:
        """Neither the prober's own sockets nor Docker's resolver nor the sandbox's is shown."""
        found = {(x.owner, x.port) for x in seen[0].listeners if x.protocol == "udp"}
        assert found == {
            *(("web", port) for port in (5301, 5302, 5303, 5304)),
            ("far", 5301),
            ("dns", 53),
            ("host", 8053),
            ("host", 8054),
        }


@pytest.mark.engine
def test_many_rejects_are_no_drops(host: Host) -> None:
    """A kernel holds back errors after the first few; what it rejects is not taken for dropped."""
    ports = [str(port) for port in range(6000, 6008)]
    settle(host, House("strict", "back", udp=ports))
    rules(host, "DOCKER-USER -p udp --dport 6000:6007 -j REJECT")
    try:
        measured = reach.measure(host, only={"strict", "shop"})
        states = [p.state for p in measured.between("shop", "strict", protocol="udp")]
        assert len(states) == 2 * len(ports)
        assert set(states) == {"refused"}
    finally:
        host.client.api.remove_container("strict", force=True)
