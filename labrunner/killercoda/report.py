"""What an import says about itself: what went where, and what could not be carried over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["lost", "unproven", "changed", "needs", "unknown"]
HEADINGS: dict[Kind, str] = {
    "lost": "Not carried over",
    "unproven": "Proves nothing, or cannot be proven",
    "needs": "What it needs to run",
    "changed": "Carried over differently",
    "unknown": "Not understood, and left out",
}
Judged = Literal["verify", "no-op", "none"]


@dataclass(frozen=True)
class Finding:
    """One thing that a teacher should know about an import.

    Attributes:
        kind: lost, unproven, changed, needs or unknown.
        where: the file, or the place in ``index.json``.
        message: one sentence.
    """

    kind: Kind
    where: str
    message: str


@dataclass(frozen=True)
class StepReport:
    """Where a step of the package comes from.

    Attributes:
        id: in the lesson.
        title: its heading.
        sources: the steps of the original that are in it, as ``index.json`` has them.
        check: what judges it: its verify script, one that proves nothing, or nothing.
        commands: how many commands its solution types.
    """

    id: str
    title: str
    sources: tuple[str, ...]
    check: Judged
    commands: int


@dataclass(frozen=True)
class Report:
    """What an import made.

    Attributes:
        name: of the scenario.
        folder: of the package.
        module: name of the Python package in it.
        host: what the learner works on, in words.
        steps: of the lesson.
        findings: what is not as it was.
    """

    name: str
    folder: Path
    module: str
    host: str
    steps: tuple[StepReport, ...]
    findings: tuple[Finding, ...]

    @property
    def complete(self) -> bool:
        """Whether everything was carried over and each step has something that judges it."""
        return not any(f.kind in ("lost", "unproven", "unknown") for f in self.findings)

    def lines(self) -> Iterator[str]:
        """The report for people, one thing a line."""
        yield f"{self.name}: {len(self.steps)} steps. {self.host}"
        for step in self.steps:
            judged = {
                "verify": "judged by its verify script",
                "no-op": "its verify script PROVES NOTHING",
                "none": "CANNOT BE PROVEN: it has no verify script",
            }[step.check]
            yield f"  {step.id} (from {', '.join(step.sources)}): {judged}; {_typed(step.commands)}"
        for kind, heading in HEADINGS.items():
            found = [f for f in self.findings if f.kind == kind]
            if found:
                yield f"{heading}:"
                yield from (f"  {f.where}: {f.message}" for f in found)
        if self.complete:
            yield "Everything was carried over."


def _typed(number: int) -> str:
    if not number:
        return "NO SOLUTION: it has no commands"
    return f"{number} command{'' if number == 1 else 's'} in its solution"
