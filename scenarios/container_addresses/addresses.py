"""Steps 1 and 2: the address of a container on one network, and on two."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed

from .facts import ADDRESS, address_of, asked_for, lives_on, not_bought, owner, receipts

if TYPE_CHECKING:
    from labrunner import Lab


def one_address(lab: Lab) -> Verdict:
    """The customer has baker's address on town, and has bought bread there."""
    for name in ("baker", "customer"):
        if problem := lives_on(lab, name, {"town"}, frozenset()):
            return problem
    return bought_at(lab, "customer", "town")


def two_addresses(lab: Lab) -> Verdict:
    """Baker is on both networks, and the sailor has the address that leads to him from there."""
    for name, needed, barred in (
        ("baker", {"town", "harbour"}, frozenset[str]()),
        ("sailor", {"harbour"}, frozenset({"town"})),
    ):
        if problem := lives_on(lab, name, needed, barred):
            return problem
    return bought_at(lab, "sailor", "harbour")


def bought_at(lab: Lab, who: str, network: str) -> Verdict:
    """The note holds baker's address on this network, and a receipt shows that it works."""
    asked = asked_for(lab, who)
    if isinstance(asked, Verdict):
        return asked
    right = address_of(lab, "baker", network)
    if asked != right:
        return not_yet(
            what_it_is(lab, who, asked),
            expected=f"baker's address on {network}, and nothing else",
            seen=asked.splitlines()[0],
            look="docker inspect -f '{{json .NetworkSettings.Networks}}' baker",
        )
    bought = receipts(lab, who)
    if not any(r.asked == asked and r.goods == "bread" for r in bought):
        return not_bought(who, asked, bought)
    return passed(f"{who} asked {asked} and got bread: that is baker on {network}.")


def what_it_is(lab: Lab, who: str, asked: str) -> str:
    """A sentence on a note that is not baker's address."""
    view = lab.container("baker")
    glued = ["".join(pair) for pair in permutations(view.networks.values(), 2)] if view else []
    if asked in glued:
        return "Two addresses are glued together in the note: that is no address."
    found = ADDRESS.findall(asked)
    if len(found) > 1:
        return f"The note of {who} holds {len(found)} addresses, and it can only ask one."
    if not found:
        return f"The note of {who} holds no address. (A name? That is for the last step.)"
    if found[0] != asked:
        return f"The note of {who} holds more than the address, and `buy` asks for all of it."
    whose = owner(lab, asked)
    return f"That is the address of {whose}." if whose else "Nobody has that address."
