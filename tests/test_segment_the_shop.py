"""What the checks of the capstone make of notes, of the kernel's words, and of what is open."""

from __future__ import annotations

import pytest

from labrunner import Reach, Verdict, passed
from labrunner.model.reach import Probe
from scenarios.segment_the_shop import facts, notes, rights, ways, works

TIERS = (
    {"gateway", "order-service"},
    {"order-service", "user-service", "stock-service"},
    {"order-service", "payment-service"},
    {"payment-service", "report-service", "payment-db"},
)


def reach(groups: tuple[set[str], ...]) -> Reach:
    """What is measured where these groups share a network each."""
    probes = tuple(
        Probe(
            source,
            target,
            target,
            "name",
            "",
            port,
            "open" if any({source, target} <= group for group in groups) else "filtered",
        )
        for source in facts.PORTS
        for target, port in facts.PORTS.items()
        if source != target
    )
    return Reach(tuple(facts.PORTS), (), probes, 0.1)


def test_tiers_are_a_right_design() -> None:
    """Where three share a network, more is open than is needed, and nothing forbidden."""
    measured = reach(TIERS)
    assert not list(ways.inside(measured))
    assert len(ways.unneeded(measured)) == 10


def test_pairs_are_a_right_design() -> None:
    """A network for each pair leaves open the ways back, and no more."""
    measured = reach(tuple({*pair} for pair in facts.NEEDED))
    assert not list(ways.inside(measured))
    assert ways.unneeded(measured) == {(called, caller) for caller, called in facts.NEEDED}


def test_one_network_is_none() -> None:
    """Every forbidden way is found, those to the database first."""
    found = list(ways.inside(reach(({*facts.PORTS},))))
    assert len(found) == len(facts.FORBIDDEN) == 26
    assert found[0].text.endswith("reaches payment-db")


@pytest.mark.parametrize(
    "line",
    [
        "gateway order-service",
        "gateway -> order-service",
        "gateway->order-service",
        "- gateway calls order-service.",
        '"gateway","order-service"',
    ],
)
def test_a_way_can_be_written_in_many_ways(line: str) -> None:
    """What is asked for is who calls whom, not a format."""
    assert notes.named(line) == ["gateway", "order-service"]


def test_a_name_that_only_begins_like_a_service_is_none() -> None:
    """`order-service2` is something else."""
    assert notes.named("order-service2 my-gateway payment-db-old payment") == []


def test_figures_stand_behind_their_words() -> None:
    """Of several the last counts; punctuation and case do not."""
    text = "Networks: 4\nnetworks 5\n * addresses = 1040\nroom 256 \nroom none\n"
    assert notes.figures(text) == {"networks": 5, "addresses": 1040, "room": 256}


def test_the_rest_is_told_in_short() -> None:
    """The first three of what is open, and how many more; what the verdict says is not repeated."""
    found = [facts.Finding(text, "", "") for text in ("a", "b", "c", "d", "e")]
    told: Verdict = facts.with_rest(found[0].verdict(), found)
    assert told.message == "a. Still open: b; c; d; and 1 more."
    assert facts.with_rest(passed("Well."), found[:2]).message == "Well. Still open: a; b."
    assert "Nothing else" in facts.with_rest(passed("Well."), []).message


def test_capabilities_are_told_by_name() -> None:
    """The worst first, and how many there are."""
    assert rights.names(1 << 12 | 1 << 21 | 1 << 5) == "3 capabilities, SYS_ADMIN, NET_ADMIN"
    assert rights.names(1 << 5) == "1 capability"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"ok": []}', ""),
        ('{"error": "payment-db: no answer"}', "payment-db: no answer"),
        ("", "no answer"),
        ("<html>", "<html>"),
    ],
)
def test_trouble_is_read_from_an_answer(text: str, error: str) -> None:
    """Also where it is none of the shop's."""
    assert works.error_in(text) == error
