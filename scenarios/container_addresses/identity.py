"""Steps 4 and 5: an address changes hands, a name stays with its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed

from .facts import (
    ADDRESS,
    PORT,
    Receipt,
    address_of,
    asked_for,
    lives_on,
    not_bought,
    owner,
    receipts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labrunner import Lab

BUYERS = (("customer", "town"), ("sailor", "harbour"))
NAME = "getent hosts baker"
TWICE = 2
"""Purchases that prove something about a move: one before it, one after it."""


def taken(lab: Lab) -> Verdict:
    """The address that was baker's is somebody else's now, and the customer fell for it."""
    if problem := lives_on(lab, "baker", {"town"}, frozenset()):
        return problem
    asked = asked_for(lab, "customer")
    if isinstance(asked, Verdict):
        return asked
    bought = receipts(lab, "customer")
    now = address_of(lab, "baker", "town")
    bread_from = {r.seller for r in bought if r.goods == "bread"}
    if asked not in bread_from or (asked == now and bread_from != {now}):
        return not_yet(
            "The note of customer was changed. In this step it stays as it was.",
            expected="the address at which customer bought bread in the first step",
            seen=asked,
            look="docker exec customer cat /notes/receipts",
        )
    whose = owner(lab, asked)
    if now == asked or not whose:
        return still_his(asked, now)
    if bought[-1].asked != asked or bought[-1].goods == "bread":
        return not_yet(
            f"{asked} belongs to {whose} now, but customer has not asked there since.",
            expected="a receipt for what customer gets there now, and that is no bread",
            seen=str(bought[-1]),
            look="docker exec customer buy",
        )
    return passed(
        f"customer asked for baker at {asked} and was served by {whose}; baker is at {now}.",
        seen=str(bought[-1]),
    )


def still_his(asked: str, now: str) -> Verdict:
    """Nobody has taken baker's old address, or he has it still."""
    return not_yet(
        "baker has his old address: nobody took it while he was stopped."
        if now == asked
        else "baker has moved, but nobody has taken his old address.",
        expected=f"another container on town with the address {asked}",
        seen=f"baker at {now}",
        look="docker network inspect town",
    )


def by_name(lab: Lab) -> Verdict:
    """Both ask for baker by name, and a move of his made no difference."""
    for who, network in BUYERS:
        for name in ("baker", who):
            if problem := lives_on(lab, name, {network}, frozenset()):
                return problem
        if problem := asks_by_name(lab, who, network):
            return problem
    sellers = sorted({r.seller for r in by_name_only(receipts(lab, "customer"))})
    if len(sellers) < TWICE:
        return not_yet(
            "Both ask by name. baker has not moved since, so it is not proven yet.",
            expected="two receipts of customer's for bread, by name, from two addresses",
            seen=f"all from {sellers[0]}",
            look="docker exec customer cat /notes/receipts",
        )
    if len(by_name_only(receipts(lab, "sailor"))) < TWICE:
        return not_yet(
            "sailor has bought by name only once. Does it still work for him after the move?",
            expected="two receipts of sailor's for bread, by name",
            seen="one",
            look="docker exec sailor buy",
        )
    return passed(
        f"One name, and it led to baker at {' and at '.join(sellers)}: he moved, it followed.",
        seen=f"customer and sailor find him at {' and '.join(found_at(lab))}",
    )


def by_name_only(bought: Sequence[Receipt]) -> list[Receipt]:
    """Receipts for bread that was asked for by a name."""
    return [r for r in bought if r.goods == "bread" and not ADDRESS.fullmatch(r.asked)]


def found_at(lab: Lab) -> list[str]:
    """Baker's address on each buyer's network."""
    return [address_of(lab, "baker", network) for _, network in BUYERS]


def asks_by_name(lab: Lab, who: str, network: str) -> Verdict | None:
    """``None`` where this buyer's note is a name that leads to baker, and has brought bread."""
    asked = asked_for(lab, who)
    if isinstance(asked, Verdict):
        return asked
    if ADDRESS.search(asked):
        return not_yet(
            f"The note of {who} holds an address still; the next move makes it wrong.",
            expected="a name by which baker is known there",
            seen=asked,
            look=f"docker exec {who} {NAME}",
        )
    leads_to = lab.exec(who, ["getent", "hosts", asked]).out.split()
    if not leads_to or leads_to[0] != address_of(lab, "baker", network):
        return not_yet(
            f"{who} does not find baker by the name {asked}.",
            expected=f"a name that leads to baker's address on {network}",
            seen=f"it leads to {leads_to[0]}" if leads_to else "nobody of that name is known there",
            look=f"docker exec {who} getent hosts {asked}",
        )
    bought = receipts(lab, who)
    if not bought or bought[-1].asked != asked or bought[-1].goods != "bread":
        return not_bought(who, asked, bought)
    state = lab.tcp(who, asked, PORT)
    if state == "open":
        return None
    return not_yet(
        f"{who} knows the name {asked}, but nobody answers there on port {PORT}.",
        expected="open",
        seen=state,
        look="docker logs baker",
    )
