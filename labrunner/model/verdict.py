"""What a check can say, and how it says it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What a check can say. ``ERROR`` is the lab's fault, never the learner's."""

    PASSED = "passed"
    NOT_YET = "not_yet"
    RUINED = "ruined"
    ERROR = "error"


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        outcome: passed, not_yet, ruined (only a reset helps) or error.
        message: one sentence for the learner.
        expected, seen: what the check looked for and what it found.
        look: a command to type to see it oneself; of an error, what to do about it.
    """

    outcome: Outcome
    message: str
    expected: str = ""
    seen: str = ""
    look: str = ""

    @property
    def passed(self) -> bool:
        """Whether the step is done."""
        return self.outcome is Outcome.PASSED


def passed(message: str, *, seen: str = "") -> Verdict:
    """The step is done; the message says what was measured."""
    return Verdict(Outcome.PASSED, message, seen=seen)


def not_yet(message: str, *, expected: str, seen: str, look: str = "") -> Verdict:
    """The step is not done: what was expected, what was seen, where to look."""
    return Verdict(Outcome.NOT_YET, message, expected, seen, look)


def ruined(message: str, *, expected: str, seen: str) -> Verdict:
    """The step cannot be done any more from here; ``lab reset --step`` helps."""
    return Verdict(Outcome.RUINED, message, expected, seen)
