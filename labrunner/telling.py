"""What a learner is told of a check: the same lines in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from labrunner.model.lesson import Step
from labrunner.model.verdict import Outcome, Verdict
from labrunner.words import of, tr

WORDS = {"passed": "passed", "not_yet": "not yet", "ruined": "ruined", "error": "error"}
"""By a verdict's outcome: the word that is shown."""
ADVICE = {
    Outcome.NOT_YET: "  lab hint gives a hint.",
    Outcome.RUINED: "  lab reset --step brings you back to the start of this step.",
    Outcome.ERROR: "  This is the lab's fault, not yours. lab doctor looks further.",
}
"""By a verdict's outcome: what helps."""

Paint = Callable[[str, Outcome], str]
"""A verdict's word and its outcome in, the word as it is shown out."""


@dataclass(frozen=True)
class Line:
    """A line, and what stands before its continuation where it is too long for a terminal."""

    text: str
    indent: str = ""


def verdict(
    found: Verdict, *, title: str, paint: Paint = lambda word, _outcome: word
) -> list[Line]:
    """What a check said: the word first, then expected against seen."""
    word = paint(tr(WORDS[found.outcome]), found.outcome)
    lines = [Line(tr("{1}: {2}", title, word)), Line(f"  {of(found.message)}", "  ")]
    if found.passed:
        return lines
    rows = (
        (tr("expected:"), of(found.expected)),
        (tr("seen:"), of(found.seen)),
        (tr("look:"), found.look),
    )
    column = max(len(name) for name, _ in rows)
    indent = " " * (column + 3)
    return lines + [Line(f"  {name:<{column}} {text}", indent) for name, text in rows if text]


def title(step: Step, number: int, total: int) -> str:
    """Which step a verdict is about."""
    return tr("step {1}/{2} {3}", number, total, step.title)


def problems(found: tuple[str, ...]) -> list[Line]:
    """What went wrong in plugins that were told of a check."""
    return [Line(f"  {tr('a plugin failed: {1}', problem)}", "  ") for problem in found]


def advice(outcome: Outcome) -> list[Line]:
    """What helps, where a step is not done."""
    return [Line(tr(ADVICE[outcome]), "  ")] if outcome in ADVICE else []


def hint_title(number: int, total: int, step: Step) -> Line:
    """Which hint it is."""
    return Line(tr("Hint {1} of {2} for {3}", number, total, step.title))
