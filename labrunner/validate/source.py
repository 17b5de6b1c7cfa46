"""What the validator reads in a lesson beyond its steps, and where things stand in files."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.errors import ScenarioError
from labrunner.lessons import frontmatter, markdown
from labrunner.model.lesson import Command, Lesson, Step
from labrunner.model.scenario import Scenario

if TYPE_CHECKING:
    from markdown_it.token import Token

_SURVIVES = re.compile(r'survives\s+"(?P<part>.+?)"\s*:\s*(?P<reason>.+)', re.DOTALL)

_VARIES = re.compile(r"varies:\s*(?P<pattern>.+)", re.DOTALL)


@dataclass(frozen=True)
class Explained:
    """Why a slip may pass unnoticed, as the author says in the lesson.

    Written in a comment within the step: ``<!-- survives "part of its name": the reason -->``.
    """

    step: str
    part: str
    reason: str
    line: int


def shown_commands(lesson: Lesson) -> dict[str, tuple[Command, ...]]:
    """By step: what its text has a learner type before the solution."""
    found: dict[str, tuple[Command, ...]] = {step.id: () for step in lesson.steps}
    tokens = _tokens(lesson)[0]
    hidden_until = -1
    for token in tokens:
        first, end = markdown.span(token)
        if markdown.container(token) in markdown.HIDDEN:
            hidden_until = end
        if token.type == "fence" and token.info.split()[:1] == ["console"] and first > hidden_until:
            step = _step_at(lesson, first + 1)
            if step is not None:
                found[step.id] += markdown.commands(token.content, first + 2)
    return found


def until_output(commands: Sequence[Command]) -> tuple[Command, ...]:
    """These commands up to the last one that is shown with output: after it, nothing is shown.

    What a step has a learner type only after that belongs to what it asks for.
    """
    last = max((n for n, c in enumerate(commands) if c.output.strip()), default=-1)
    return tuple(commands[: last + 1])


def explanations(lesson: Lesson) -> list[Explained]:
    """Every slip that the author says may pass unnoticed."""
    found = []
    for line, text in _tokens(lesson)[1]:
        match = _SURVIVES.fullmatch(text.strip())
        step = _step_at(lesson, line)
        if match and step is not None:
            reason = " ".join(match["reason"].split())
            found.append(Explained(step.id, match["part"], reason, line))
    return found


def varying(lesson: Lesson) -> dict[str, list[re.Pattern[str]]]:
    """By step: what its author says differs from run to run in what commands print.

    Raises:
        ScenarioError: it is no regular expression.
    """
    found: dict[str, list[re.Pattern[str]]] = {step.id: [] for step in lesson.steps}
    for line, text in _tokens(lesson)[1]:
        match = _VARIES.fullmatch(text.strip())
        step = _step_at(lesson, line)
        if match and step is not None:
            try:
                found[step.id].append(re.compile(match["pattern"]))
            except re.error as error:
                message = f"`varies` is not followed by a regular expression: {error}"
                raise ScenarioError(message, at(lesson, line)) from error
    return found


def _tokens(lesson: Lesson) -> tuple[list[Token], list[tuple[int, str]]]:
    """The lesson's tokens and comments, with lines as in the file."""
    lines = lesson.path.read_text(encoding="utf-8").splitlines()
    length = frontmatter.parse(lines, lesson.path)[0].length
    environment: dict[str, list[tuple[int, str]]] = {}
    text = "\n".join([""] * length + lines[length:])
    return markdown.parser().parse(text, environment), environment.get(markdown.COMMENTS, [])


def _step_at(lesson: Lesson, line: int) -> Step | None:
    """The step that a line of the lesson belongs to."""
    before = [step for step in lesson.steps if step.line <= line]
    return before[-1] if before else None


def at(lesson: Lesson, line: int) -> str:
    """A line of the lesson, as ``file:line``."""
    return f"{short(lesson.path)}:{line}"


def check_place(scenario: Scenario, step_id: str) -> str:
    """Where a step's check is written, as ``file:line``."""
    check = inspect.unwrap(scenario.checks[step_id])
    code = getattr(check, "__code__", None)
    if code is None:
        return short(scenario.folder or Path())
    return f"{short(Path(code.co_filename))}:{code.co_firstlineno}"


def short(path: Path) -> str:
    """A path from where we are, if it is below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def digest(scenario: Scenario) -> str:
    """Changes with any file of the scenario or its lesson, so that no old result is trusted."""
    total = hashlib.blake2b(digest_size=8)
    for folder in (scenario.folder, scenario.content):
        for path in _files(folder):
            total.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def _files(folder: Path | None) -> Iterator[Path]:
    if folder is not None and folder.is_dir():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
