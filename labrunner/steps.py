"""What a learner does in a lab: check a step, ask for a hint, have it solved."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from labrunner.errors import LabError, ScenarioError, place
from labrunner.model.event import Event, OnEvent, ignore_event
from labrunner.model.lesson import Step
from labrunner.model.verdict import Outcome, Verdict
from labrunner.session import OpenLab
from labrunner.shell import Typed, Wake, type_commands

CHECK_SECONDS = 20.0
"""How long a check may take before it counts as hung."""


@dataclass(frozen=True)
class Checked:
    """What a check said, and where the learner is now.

    Attributes:
        step: the step that was checked.
        verdict: what the check found.
        seconds: how long it took.
        following: the step to go on with; ``None`` when all are done.
        moved: whether the learner is on another step than before.
        problems: what went wrong in plugins that were told of it.
    """

    step: Step
    verdict: Verdict
    seconds: float
    following: Step | None
    moved: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hint:
    """One hint: its number from 1, how many there are, its text in Markdown."""

    number: int
    total: int
    text: str


@dataclass(frozen=True)
class Solved:
    """A step that the runner solved: what was typed, and the check's verdict."""

    typed: tuple[Typed, ...]
    checked: Checked


def judge(lab: OpenLab, step: Step, *, seconds: float = CHECK_SECONDS) -> Verdict:
    """Run a step's check; whatever it raises or however long it takes becomes a verdict."""
    check = lab.scenario.checks[step.id]
    answer: list[Verdict] = []

    def run() -> None:
        try:
            found: object = check(lab.view)
        except LabError as error:
            answer.append(_fault(f"the check could not look: {error.message}", look=error.hint))
        except Exception as error:  # noqa: BLE001  a check's bug is a verdict, not a crash
            answer.append(_fault(f"the check failed: {error!r}", seen=place(error)))
        else:
            answer.append(
                found
                if isinstance(found, Verdict)
                else _fault("the check gave no verdict", seen=repr(found))
            )

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    worker.join(seconds)
    if not answer:
        return _fault(f"the check did not end within {seconds:g} s", seen="no answer")
    return answer[0]


def _fault(message: str, *, seen: str = "", look: str = "") -> Verdict:
    return Verdict(Outcome.ERROR, message, expected="a verdict", seen=seen, look=look)


def check(lab: OpenLab, step: Step, *, solved: bool = False) -> Checked:
    """Check one step, keep the verdict, and move on where it was the current one."""
    from labrunner import plugins

    begun = time.monotonic()
    verdict = judge(lab, step)
    seconds = time.monotonic() - begun
    lab.store.add_attempt(lab.record, step.id, verdict, seconds=seconds, solved=solved)
    before = lab.record.step
    if verdict.passed:
        lab.move_on()
    problems: tuple[str, ...] = ()
    if plugins.has_listeners("labrunner_step_checked"):
        told = plugins.notify("labrunner_step_checked", lab=lab.view, step=step.id, verdict=verdict)
        problems = tuple(f"{problem.source}: {problem.message}" for problem in told)
    moved = lab.record.step != before
    return Checked(step, verdict, seconds, lab.step, moved, problems)


def hint(lab: OpenLab, step: Step) -> Hint:
    """The next hint of a step; the last one again when all were shown."""
    total = len(step.hints)
    number = min(lab.store.hints_shown(lab.record.id, step.id) + 1, total)
    lab.store.set_hints_shown(lab.record.id, step.id, number)
    return Hint(number, total, step.hints[number - 1])


def solve(
    lab: OpenLab,
    step: Step,
    *,
    on_event: OnEvent = ignore_event,
    on_output: Callable[[str], None] = lambda _line: None,
    wake: Wake | None = None,
) -> Solved:
    """Type a step's solution into the lab, then check it.

    Args:
        lab: the lab.
        step: the step.
        on_event: told about each command.
        on_output: given each line that the commands print, as it comes.
        wake: ends it.
    """
    typed = type_commands(lab, step.commands, on_event=on_event, on_output=on_output, wake=wake)
    return Solved(typed, check(lab, step, solved=True))


def replay(lab: OpenLab, until: Step, *, on_event: OnEvent = ignore_event) -> None:
    """Solve every step before one, so that the learner can begin there.

    Raises:
        ScenarioError: a solution did not pass its own check.
    """
    for step in lab.lesson.steps:
        if step.id == until.id:
            break
        on_event(Event("step", step.id, "started", f"solving {step.title}"))
        solved = solve(lab, step)
        if not solved.checked.verdict.passed:
            verdict = solved.checked.verdict
            raise ScenarioError(
                f"the solution of {step.id} did not pass its check: {verdict.message}",
                where=f"{lab.lesson.path}:{step.line}",
                hint=f"seen: {verdict.seen}" if verdict.seen else verdict.look,
            )
        on_event(Event("step", step.id, "done", seconds=solved.checked.seconds))
