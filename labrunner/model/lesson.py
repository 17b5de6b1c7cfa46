"""What a lesson is, once it was read: steps, with what is typed in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Command:
    r"""What a learner types: one entry of a ``console`` block, and what it printed there.

    Attributes:
        text: the command without its prompt; may have several lines (``\`` at a line's end).
        output: the lines shown below it in the lesson, without the final newline.
        line: 1-based line in the lesson file.
    """

    text: str
    output: str = ""
    line: int = 0


@dataclass(frozen=True)
class Trap:
    """A known wrong answer, and a part of the message that it must earn.

    Attributes:
        message: that part, in English.
        commands: what is typed.
        line: 1-based line in the lesson file.
        body: Markdown of the whole of it, why people fall into it included.
    """

    message: str
    commands: tuple[Command, ...]
    line: int
    body: str = ""


@dataclass(frozen=True)
class Step:
    """One step of a lesson.

    Attributes:
        id: stable name, the ``{#id}`` of its heading.
        title: the heading's text.
        body: Markdown that the learner reads, hints, solution and traps taken out.
        hints: Markdown of each hint, weakest first.
        solution: Markdown of the solution, commands and explanation.
        commands: what the solution has the learner type.
        traps: known wrong answers.
        line: 1-based line of the heading.
    """

    id: str
    title: str
    body: str
    hints: tuple[str, ...]
    solution: str
    commands: tuple[Command, ...]
    traps: tuple[Trap, ...]
    line: int


@dataclass(frozen=True)
class Lesson:
    """A parsed lesson file."""

    path: Path
    language: str
    title: str
    level: str
    minutes: int
    summary: str
    objectives: tuple[str, ...]
    requires: tuple[str, ...]
    introduction: str
    steps: tuple[Step, ...]

    def step(self, step_id: str) -> Step:
        """The step with this id; ``KeyError`` where there is none."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)
