"""What the checks know: the services, who has to talk to whom, and what a finding is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from labrunner.view import ContainerView

Pair = tuple[str, str]
"""Who calls, and who is called."""

SHOP = "shop"
"""The one network on which everybody is at the start."""
DESK = "desk"
PORTS = {
    "gateway": 80,
    "order-service": 8000,
    "user-service": 8000,
    "stock-service": 8000,
    "payment-service": 8000,
    "payment-db": 5432,
    "report-service": 8000,
}
NEEDED: tuple[Pair, ...] = (
    ("gateway", "order-service"),
    ("order-service", "user-service"),
    ("order-service", "stock-service"),
    ("order-service", "payment-service"),
    ("payment-service", "payment-db"),
    ("report-service", "payment-db"),
)
"""Without any of these, an order or the report fails."""

NEIGHBOURS: tuple[Pair, ...] = (
    ("user-service", "stock-service"),
    ("payment-service", "report-service"),
)
"""These serve, or use, the same one; they may share its network, which saves one."""


def _harmless() -> frozenset[Pair]:
    either = (*NEEDED, *NEIGHBOURS)
    return frozenset({*either, *((called, caller) for caller, called in either)})


FORBIDDEN: tuple[Pair, ...] = tuple(
    (source, target)
    # ways to the database first: of many, those are told about
    for target, source in permutations(("payment-db", *(p for p in PORTS if p != "payment-db")), 2)
    if (source, target) not in _harmless()
)
"""Who must not reach whom, by whatever way."""

TOLD = 3
"""So many of the things that are still open stand in a message."""


@dataclass(frozen=True)
class Finding:
    """Something that is still open.

    Attributes:
        text: what it is, in plain words, without a full stop.
        expected: what should be instead.
        seen: what was measured.
        look: a command that shows it.
    """

    text: str
    expected: str
    seen: str
    look: str = "lab map"

    def verdict(self) -> Verdict:
        """The complaint about this one."""
        return not_yet(f"{self.text}.", expected=self.expected, seen=self.seen, look=self.look)


def with_rest(verdict: Verdict, rest: Sequence[Finding]) -> Verdict:
    """The verdict, and behind it what else is still open: the first few, and how many more."""
    texts = [finding.text for finding in rest if f"{finding.text}." != verdict.message]
    if not texts:
        return replace(verdict, message=f"{verdict.message} Nothing else is left to mend.")
    return replace(verdict, message=f"{verdict.message} Still open: {few(texts)}.")


def few(texts: Sequence[str]) -> str:
    """The first few of these, and how many more there are."""
    more = len(texts) - TOLD
    return "; ".join([*texts[:TOLD], *([f"and {more} more"] if more > 0 else [])])


def arrows(pairs: Iterable[Pair]) -> list[str]:
    """Pairs as a learner writes them."""
    return [f"{source} -> {target}" for source, target in pairs]


def places(containers: Iterable[ContainerView]) -> dict[str, set[str]]:
    """Which of these are on each network."""
    found: dict[str, set[str]] = {}
    for container in containers:
        for network in container.networks:
            found.setdefault(network, set()).add(container.name)
    return found
