"""What the checks of `unsegregated-shop` conclude, without an engine."""

from __future__ import annotations

import json

import pytest

from scenarios.unsegregated_shop import facts, open_shop, scenario, walls

SPLIT = {
    "front": {"gateway", "order-service"},
    "people": {"order-service", "user-service"},
    "pay": {"order-service", "payment-service"},
    "data": {"payment-service", "payment-db"},
}


def test_five_services_make_six_pairs_of_strangers() -> None:
    """Whoever is no talking pair is a stranger, in both directions, the database first."""
    pairs = {frozenset(pair) for pair in walls.STRANGERS}
    assert len(pairs) == 6
    assert len(walls.STRANGERS) == 12
    assert not pairs & {frozenset(pair) for pair in facts.TALKING}
    assert walls.STRANGERS[0][1] == "payment-db"


@pytest.mark.parametrize("pair", facts.TALKING)
def test_a_network_for_each_pair_is_enough(pair: tuple[str, str]) -> None:
    """The lesson's own split satisfies every pair, whatever the networks are called."""
    renamed = {f"n{i}": members for i, members in enumerate(SPLIT.values())}
    assert walls.no_own_network(renamed, pair) is None


def test_one_new_network_for_all_is_no_split() -> None:
    """A network that holds more than a pair is named, with everybody on it."""
    verdict = walls.no_own_network({"people": set(facts.PORTS)}, facts.TALKING[0])
    assert verdict is not None
    assert "big neighbourhood" in verdict.message
    assert "user-service" in verdict.seen


def test_a_pair_is_not_hidden_by_a_crowd() -> None:
    """A crowded network beside the pair's own one takes nothing from the pair."""
    assert walls.no_own_network({"crowd": set(facts.PORTS), **SPLIT}, facts.TALKING[1]) is None


def test_a_half_connected_pair_is_told_apart() -> None:
    """Where only one of two is on a network, the verdict says who is where."""
    half = SPLIT | {"people": {"order-service"}}
    verdict = walls.no_own_network(half, ("order-service", "user-service"))
    assert verdict is not None
    assert "share no network but my-unsegregated-network" in verdict.message
    assert "people: order-service" in verdict.seen


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("198.18.1.4      payment-db", ["198.18.1.4"]),
        ("front=198.18.2.2 my-unsegregated-network=198.18.1.6", ["198.18.2.2", "198.18.1.6"]),
        ('{"front": "198.18.2.2"}', ["198.18.2.2"]),
        ("172.25.0.2172.24.0.6", []),
    ],
)
def test_addresses_are_read_one_by_one(text: str, found: list[str]) -> None:
    """Two glued addresses are none."""
    assert facts.ADDRESS.findall(text) == found


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("front 10.0.2.2\nbig-one 10.0.1.6\n", True),
        ("10.0.2.2 front, 10.0.1.6 big-one", True),
        ("front   big-one\n10.0.2.2  10.0.1.6\n", True),
        ('"NetworkMode": "big-one", {"front": "10.0.2.2", "big-one": "10.0.1.6"}', True),
        ("on front and on big-one: front=10.0.2.2;big-one=10.0.1.6;", True),
        ("big-one 10.0.2.2 front 10.0.1.6", False),
        ("front 10.0.2.2 big-one", False),
        ("front 10.0.2.2\nbig-one 10.0.2.2\nbig-one 10.0.1.6", False),
        ("10.0.2.2\n10.0.1.6", False),
    ],
)
def test_a_note_pairs_each_network_with_its_address(text: str, *, right: bool) -> None:
    """Whichever stands first, in lines, as a table or in all that is known of a container."""
    verdict = open_shop.not_told(text, {"front": "10.0.2.2", "big-one": "10.0.1.6"})
    assert (verdict is None) is right


def test_a_verdict_shows_the_begin_of_a_long_file() -> None:
    """A file of a learner's fills no screen, be it of one line or of many."""
    assert facts.excerpt("one\n  two\n") == "one / two"
    assert facts.excerpt("") == ""
    assert len(facts.excerpt("word " * 1000)) <= facts.SHOWN + len("...")
    assert facts.excerpt("1\n2\n3\n4\n5\n") == "1 / 2 / 3 / 4"


def test_times_are_read_with_their_status() -> None:
    """A line counts where it has a status and seconds, in either order, also with a comma."""
    text = "200 0.0123\n  404 0.002\r\n200 0,5\n0.7\n200 1.5 0.1\nnonsense 200 0.1\n0.25\t200\n"
    found = [
        (m["status"] or m["status_last"], facts.seconds(m)) for m in facts.SAMPLE.finditer(text)
    ]
    assert found == [("200", 0.0123), ("404", 0.002), ("200", 0.5), ("200", 0.25)]


def test_an_answer_tells_its_trouble() -> None:
    """A healthy answer has no trouble; an error is passed on; anything else is the gateway's."""
    assert walls.error_in(json.dumps({"ok": ["order-service"]})) == ""
    assert walls.error_in(json.dumps({"error": "payment-db: name not known"})) == (
        "payment-db: name not known"
    )
    assert walls.error_in("") == "gateway: no answer"
    assert walls.error_in("<html>") == "gateway: <html>"


def test_every_talking_service_is_known() -> None:
    """The topology, the ports and the pairs speak of the same five services."""
    shop = scenario.scenario
    started = {container.name for container in shop.containers}
    made = set(shop.owns.containers) - {"stranger", "hermit"}
    assert started | made == set(facts.PORTS)
    assert {name for pair in facts.TALKING for name in pair} == set(facts.PORTS)
