"""A group of cases at work: what its procedures share, and how results are said."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from labrunner import plugins
from labrunner.model.lesson import Lesson, Step
from labrunner.model.scenario import Scenario
from labrunner.model.verdict import Outcome, Verdict
from labrunner.session import lesson_of
from labrunner.validate.bench import Bench, Trial
from labrunner.validate.cases import Group
from labrunner.validate.proof import Case, Kind, Result, Status
from labrunner.validate.terminal import Entry

TRIES = 2
"""How often a step that measures speed is tried again before its failure counts."""

RED = (Outcome.NOT_YET, Outcome.RUINED)


class DisturbedError(Exception):
    """A step that measures speed is red when solved: by its own fault, or the machine's."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


@dataclass
class Job:
    """A group at work.

    Attributes:
        bench: where its labs come from.
        group: what is tried.
        emit: given each result as it comes.
        keep: whether the first lab in which something failed is left running.
        tries: how often it may be tried again where a measurement of speed fails.
        outcomes: what a line found: by step, what the checks up to it said after its solution.
        doubts: by step, the files of which a line could not tell whether its check changed them.
    """

    bench: Bench
    group: Group
    emit: Callable[[Result], None]
    keep: bool = False
    tries: int = 0
    outcomes: dict[str, dict[str, str]] = field(default_factory=dict)
    doubts: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scenario, self.lesson = self.of(self.group.scenario)
        self._begun = time.monotonic()
        self._said: set[str] = set()

    def of(self, name: str) -> tuple[Scenario, Lesson]:
        """A scenario and its lesson."""
        scenario = plugins.find(name)
        return scenario, lesson_of(scenario, "en")

    # --- results --------------------------------------------------------------------------

    def case(self, kind: Kind, step: str = "", number: int = 1) -> Case | None:
        """The case of this kind, where the group has it."""
        for case in self.group.cases:
            if (case.kind, case.step, case.number) == (kind, step, number):
                return case
        return None

    def say(
        self,
        case: Case | None,
        status: Status,
        message: str,
        trial: Trial | None = None,
        *,
        expected: str = "",
        seen: str = "",
        where: str = "",
        explained: str = "",
        typed: tuple[tuple[str, ...], str] | None = None,
    ) -> None:
        """Give a result: what was typed since the last one belongs to it, or what is given."""
        commands, text = typed or (trial.since() if trial is not None else ((), ""))
        seconds, self._begun = time.monotonic() - self._begun, time.monotonic()
        if case is None or case.id in self._said:
            return
        self._said.add(case.id)
        if where:
            case = replace(case, where=where)
        if trial is not None and self.keep and status in (Status.FAILED, Status.ERROR):
            trial.keep, self.keep = True, False
            message += f" (kept: lab shell --lab {trial.lab.record.id})"
        self.emit(Result(case, status, message, commands, expected, seen, text, seconds, explained))

    def disturbed(self, scenario: Scenario, step: Step, verdict: Verdict) -> None:
        """Begin again where what failed is a measurement that something else may have spoilt.

        Raises:
            DisturbedError: it is one, and there are tries left.
        """
        if self.tries and step.id in scenario.alone and verdict.outcome is Outcome.NOT_YET:
            self.tries -= 1
            raise DisturbedError(step.id)


def told(verdict: Verdict) -> str:
    """A verdict in one line."""
    line = f"{verdict.outcome.value}: {verdict.message}"
    if verdict.seen:
        return f"{line} (seen: {verdict.seen})"
    return f"{line} ({verdict.look})" if verdict.outcome is Outcome.ERROR and verdict.look else line


def typed_badly(entry: Entry | None, bench: Bench) -> str:
    """What is to say about a command that did not end as it should."""
    if entry is None:
        return ""
    return f'"{_short(entry.text)}" {entry.complaint(bench.patience.command)}'


def _short(text: str) -> str:
    line = " ".join(text.replace("\\\n", " ").split())
    return line if len(line) <= 60 else f"{line[:57]}..."  # noqa: PLR2004  one line of a report


def stopped(job: Job, trial: Trial | None) -> None:
    """Whether the stop left everything as it was."""
    case = job.case(Kind.STOP)
    if trial is None or trial.keep:
        return
    if trial.left:
        if case is None:
            last = job.group.cases[-1]
            case = Case(last.scenario, Kind.STOP, last.step, f"after {last.name}", last.where)
            # apart from the line's own, and from that of every other lab
            number = 1000 * list(Kind).index(last.kind) + last.number
            case = replace(case, number=number)
        job.say(
            case,
            Status.FAILED,
            "the stop leaves things behind",
            expected="the engine and the machine as they were before the start",
            seen="; ".join(trial.left[:8]),
        )
    else:
        job.say(case, Status.PROVEN, "nothing is left")
