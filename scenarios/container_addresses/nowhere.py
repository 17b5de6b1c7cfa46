"""Step 3: three containers without an address, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labrunner import not_yet, passed

from .facts import HOUSES, house_of

if TYPE_CHECKING:
    from labrunner import Lab, Verdict

WHY = "/notes/why"
REASONS = {
    "host": re.compile(r"\bhost\b", re.IGNORECASE),
    "none": re.compile(r"\bnone\b", re.IGNORECASE),
    "stopped": re.compile(r"\b(?:stopped|exited|not running|ended)\b", re.IGNORECASE),
}


def reasons_in(text: str, house: str) -> set[str]:
    """Which reasons the lines give that speak of this container."""
    lines = [line for line in text.splitlines() if re.search(rf"\b{house}\b", line)]
    return {r for r, pattern in REASONS.items() if any(pattern.search(line) for line in lines)}


def no_address(lab: Lab) -> Verdict:
    """The note gives the right reason for each of the three, and only that one."""
    text = lab.file("customer", WHY)
    if text is None:
        return not_yet(
            f"There is no note {WHY} in customer yet.",
            expected=f"{WHY} in customer: a line for each of {', '.join(HOUSES)}",
            seen="no such file there (a redirect of your own shell saves on your machine)",
            look="docker exec customer ls -l /notes",
        )
    truth = {house_of(lab, reason): reason for reason in REASONS}
    for house in HOUSES:
        given = reasons_in(text, house)
        if given != {truth[house]}:
            return wrong(house, given, text)
    return passed(
        "Three empty answers, three reasons: on the host's network, on none, and not running.",
        seen=", ".join(f"{house}: {truth[house]}" for house in HOUSES),
    )


def wrong(house: str, given: set[str], text: str) -> Verdict:
    """What the note says of a container, and that it is not so."""
    if not given:
        message = f"The note gives no reason why {house} has no address."
    elif len(given) > 1:
        message = f"The note gives {house} {len(given)} reasons, and one is enough."
    else:
        message = f"That is not why {house} has no address."
    lines = [line.strip() for line in text.splitlines() if house in line]
    return not_yet(
        message,
        expected=f"a line with {house} and one word: host, none or stopped",
        seen=" / ".join(lines) or f"no line about {house}",
        look=f"docker inspect {house}",
    )
