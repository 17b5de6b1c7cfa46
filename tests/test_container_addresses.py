"""What the checks of `container-addresses` read out of notes and receipts."""

from __future__ import annotations

import pytest

from scenarios.container_addresses import facts, identity, nowhere


def test_each_purchase_is_a_receipt() -> None:
    """Asked by address or by name, what came is told apart; anything else is no receipt."""
    text = (
        "asked 198.18.1.2: got bread from 198.18.1.2\n"
        "curl: (28) Connection timed out\n"
        "asked baker: got fresh meat from 198.18.1.4\n"
    )
    assert facts.receipts_in(text) == [
        facts.Receipt("198.18.1.2", "bread", "198.18.1.2"),
        facts.Receipt("baker", "fresh meat", "198.18.1.4"),
    ]
    assert facts.receipts_in("") == []


def test_only_bread_that_was_asked_for_by_name_proves_names() -> None:
    """Neither another's goods nor an address that worked."""
    by_name = facts.Receipt("baker", "bread", "198.18.1.4")
    others = [
        facts.Receipt("198.18.1.4", "bread", "198.18.1.4"),
        facts.Receipt("butcher", "meat", "198.18.1.2"),
    ]
    assert identity.by_name_only([*others, by_name]) == [by_name]


@pytest.mark.parametrize(
    ("line", "reasons"),
    [
        ("/attic running none", {"none"}),
        ("attic: host", {"host"}),
        ("/attic exited town", {"stopped"}),
        ("attic Exited (0) 3 minutes ago town", {"stopped"}),
        ("attic is not running", {"stopped"}),
        ("attic host none stopped", {"host", "none", "stopped"}),
        ("attic", set()),
        ("cabin host", set()),
        ("atticus host", set()),
        ("", set()),
    ],
)
def test_a_reason_in_the_learners_words_or_dockers(line: str, reasons: set[str]) -> None:
    """Only lines that name the container count, and each way to say it."""
    assert nowhere.reasons_in(f"a heading\n{line}\n", "attic") == reasons
