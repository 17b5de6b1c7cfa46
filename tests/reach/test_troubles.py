"""What a measurement adds up to, from made-up measurements: what is hard to plant at will."""

from __future__ import annotations

from dataclasses import replace

from labrunner.model.reach import (
    Condition,
    Facts,
    Interface,
    Listener,
    Neighbour,
    Probe,
    Protocol,
    Reach,
    ReachState,
    Segment,
)
from labrunner.reach import troubles

ANY = "0.0.0.0"  # noqa: S104  what containers bind to, not we
ASKED: tuple[tuple[int, Protocol], ...] = ((80, "tcp"), (0, "icmp"))
ADDRESSES = {"client": "10.0.0.2", "web": "10.0.0.3", "other": "10.0.0.4"}


def _container(name: str) -> Condition:
    address = ADDRESSES[name]
    return Condition(
        name,
        "running",
        addresses=(("net", address),),
        mode="net",
        interfaces=(Interface("eth0", f"02:{name}", 1500, "net"),),
        owned=(address,),
    )


def _try(
    source: str, target: str, state: ReachState, port: int = 80, protocol: Protocol = "tcp"
) -> Probe:
    address = ADDRESSES[target]
    return Probe(source, target, address, "address", "net", port, state, address, "", protocol)


FACTS = Facts(tuple(map(_container, ADDRESSES)), (Segment("net"),))
REACH = Reach(
    containers=tuple(ADDRESSES),
    listeners=(Listener("web", ANY, 80),),
    probes=tuple(
        _try(source, target, "open", port, protocol)
        for source in ADDRESSES
        for target in ADDRESSES
        for port, protocol in ASKED
        if source != target and (target == "web" or not port)
    ),
    seconds=0.1,
)


def _with(*changed: Probe) -> Reach:
    """The healthy measurement, but for these tries."""
    new = {(p.source, p.target, p.port, p.protocol): p for p in changed}
    keys = ((p, (p.source, p.target, p.port, p.protocol)) for p in REACH.probes)
    return replace(REACH, probes=tuple(new.get(key, p) for p, key in keys))


def _named(reach: Reach, facts: Facts = FACTS) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.name, one.containers) for one in troubles.find(reach, facts)]


def test_health() -> None:
    """Where nothing is wrong, nothing is said."""
    assert _named(REACH) == []


def test_one_port_and_everything() -> None:
    """A rule against one port is told from one against all that a container sends."""
    port = _try("client", "web", "filtered")
    echo = _try("client", "web", "filtered", 0, "icmp")
    (one,) = troubles.find(_with(port), FACTS)
    assert (one.name, one.containers) == ("drop", ("web", "client"))
    assert "80/tcp" in one.message
    (one,) = troubles.find(_with(echo), FACTS)
    assert "echoes" in one.message
    (one,) = troubles.find(_with(port, echo), FACTS)
    assert "everything" in one.message


def test_icc_is_no_rule_of_the_learners() -> None:
    """Where a network forbids its members to talk, no rule is looked for."""
    silent = [_try(p.source, p.target, "filtered", p.port, p.protocol) for p in REACH.probes]
    facts = replace(FACTS, networks=(Segment("net", icc=False),))
    assert _named(_with(*silent), facts) == [("icc", tuple(ADDRESSES))]


def test_spoofed() -> None:
    """Who answers for another's address is named, whatever happens to packets meanwhile."""
    seen = Neighbour("client", ADDRESSES["web"], "02:other")
    facts = replace(FACTS, neighbours=(seen,))
    for state in ("open", "refused", "filtered"):
        tried = _with(_try("client", "web", state))
        assert _named(tried, facts) == [("two_owners", ("web", "other"))]


def test_stolen_gateway() -> None:
    """The host's own address can be taken, too."""
    facts = replace(FACTS, neighbours=(Neighbour("client", "10.0.0.1", "02:other"),))
    assert _named(REACH, facts) == [("two_owners", ("host", "other"))]


def test_an_address_that_nobody_else_has_is_no_theft() -> None:
    """What a container gave itself is its own, also where the host has spoken with it."""
    other = next(one for one in FACTS.containers if one.name == "other")
    more = replace(other, owned=(*other.owned, "10.0.0.99"))
    containers = tuple(more if one is other else one for one in FACTS.containers)
    seen = (Neighbour("host", "10.0.0.99", "02:other"),)
    assert _named(REACH, replace(FACTS, containers=containers, neighbours=seen)) == []


def test_the_hosts_loopback_is_not_a_containers_own() -> None:
    """Who shares the host's network gets there, another container perhaps among them."""
    listener = Listener("web", "127.0.0.1", 9001)
    reach = replace(REACH, listeners=(*REACH.listeners, listener))
    (own,) = troubles.find(reach, FACTS)
    assert "no other container" in own.message
    web = next(one for one in FACTS.containers if one.name == "web")
    beside = tuple(replace(one, mode="host") if one is web else one for one in FACTS.containers)
    found = [
        t for t in troubles.find(reach, replace(FACTS, containers=beside)) if t.name == own.name
    ]
    assert ["the host's loopback" in one.message for one in found] == [True]


def test_shared_namespace_is_no_theft() -> None:
    """A container in another's namespace has the same addresses, and rightly so."""
    guest = replace(_container("web"), name="guest", addresses=(), mode="container:abc")
    facts = replace(FACTS, containers=(*FACTS.containers, guest))
    reach = replace(REACH, containers=(*REACH.containers, "guest"))
    assert _named(reach, facts) == []


def test_networks_of_many_are_told_once() -> None:
    """Of forty containers on two networks that have nothing in common one sentence is said."""
    many = tuple(
        Condition(f"c{n}", "running", addresses=((f"net{n % 2}", f"10.0.{n % 2}.{n + 2}"),))
        for n in range(40)
    )
    many = tuple(replace(one, owned=(one.addresses[0][1],)) for one in many)
    reach = Reach(tuple(one.name for one in many), (), (), 0.1)
    (one,) = troubles.find(reach, Facts(many, (Segment("net0"), Segment("net1"))))
    assert one.name == "apart"
    assert len(one.containers) == 40
