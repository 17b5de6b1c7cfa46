"""What is tried on a scenario, and which cases share a lab.

- A *line* is one lab that goes through the lesson from a step on: untouched, twice and
  solution of each, and the stop at its end.
- A *reading* is one lab in which everything is typed that a step shows, its solution after it:
  what comes must be what the lesson shows.
- A *trial* is a lab brought to the start of one step, in which one wrong thing is done: a trap
  or a mutant. The first trial of a step looks at the replay too, which changes nothing.
- An *order* is a lab of each scenario, one after another on one host; *together* are two.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from labrunner.errors import ScenarioError, UsageError
from labrunner.model.lesson import Lesson, Step
from labrunner.model.scenario import Scenario
from labrunner.validate import source
from labrunner.validate.mutate import mutants
from labrunner.validate.proof import Case, Kind

QUICK = frozenset({Kind.START, Kind.UNTOUCHED, Kind.SOLUTION, Kind.STOP})

DRAWN = frozenset({Kind.TRAP, Kind.MUTATION})
"""Kinds of which a step has many cases, so that a sample can be drawn from them."""

STEP, KIND = "step", "kind"
"""In front of a word of ``--only``, with a colon: which of the two it is."""


class Work(StrEnum):
    """How the cases of a group are gone through."""

    LINE = "line"
    READING = "reading"
    TRIAL = "trial"
    ORDER = "order"
    TOGETHER = "together"


@dataclass(frozen=True)
class Group:
    """Cases that share a lab.

    Attributes:
        work: how they are gone through.
        scenario: whose lab it is; the first of several.
        step: id of the step at whose start the lab begins; "" for the beginning.
        cases: what is tried, in order.
        seed: what everything random in its labs comes from.
        outcomes: for a replay: what the checks of the earlier steps said on the line.
        round: which repetition this is, from 1.
    """

    work: Work
    scenario: str
    step: str
    cases: tuple[Case, ...]
    seed: int = 0
    outcomes: tuple[tuple[str, str], ...] = ()
    round: int = 1

    def only(self, wanted: frozenset[str]) -> Group | None:
        """The group with only these cases (by id); ``None`` where none is left."""
        kept = tuple(case for case in self.cases if case.id in wanted)
        return replace(self, cases=kept) if kept else None


@dataclass(frozen=True)
class Only:
    """What was asked for: ids of steps and kinds; empty: all of them."""

    steps: frozenset[str] = frozenset()
    kinds: frozenset[Kind] = frozenset()

    def wants(self, case: Case) -> bool:
        """Whether a case was asked for; that a lab starts is always said."""
        if case.kind is Kind.START:
            return True
        return (not self.steps or case.step in self.steps) and (
            not self.kinds or case.kind in self.kinds
        )


def asked(words: Sequence[str], known: frozenset[str]) -> Only:
    """Sort the words of ``--only`` into kinds and steps.

    Raises:
        UsageError: a word is neither, or both and does not say which.
    """
    names = {STEP: known, KIND: frozenset(kind.value for kind in Kind)}
    meant = [_meant(word, names) for word in words]
    return Only(
        frozenset(name for what, name in meant if what == STEP),
        frozenset(Kind(name) for what, name in meant if what == KIND),
    )


def _meant(word: str, names: Mapping[str, frozenset[str]]) -> tuple[str, str]:
    """Whether a word is a step or a kind, and its name."""
    prefix, _, rest = word.partition(":")
    what, name = (prefix, rest) if prefix in names else ("", word)
    fits = [each for each in names if name in names[each] and what in ("", each)]
    if not fits:
        raise UsageError(
            f"{word!r} is neither a step nor a kind of case"
            if not what
            else f"there is no {what} {name!r}",
            "; ".join(f"{each}s: {', '.join(sorted(names[each]))}" for each in names),
        )
    if len(fits) > 1:
        raise UsageError(
            f"{word!r} is a step and a kind of case, too",
            f"write {STEP}:{word} or {KIND}:{word}",
        )
    return fits[0], name


def groups(
    scenario: Scenario, lesson: Lesson, *, quick: bool = False, only: Only | None = None
) -> list[Group]:
    """All that is tried on one scenario, in the order in which it is best tried."""
    found = [_line(scenario, lesson)]
    if not quick:
        found.append(_reading(scenario, lesson))
        for step in lesson.steps:
            found += _trials(scenario, lesson, step)
    only = only or Only()
    kept = []
    for group in found:
        cases = tuple(
            case for case in group.cases if only.wants(case) and (not quick or case.kind in QUICK)
        )
        if any(case.kind is not Kind.START for case in cases):
            kept.append(replace(group, cases=cases, step=group.step or _begin(lesson, cases)))
    return kept


def sampled(found: Sequence[Group], number: int, seed: int) -> list[Group]:
    """These groups, with only so many traps and slips of each step, drawn by the seed."""
    kept: set[str] = set()
    drawn: dict[tuple[str, str, Kind], list[str]] = {}
    for case in (case for group in found for case in group.cases):
        if case.kind in DRAWN:
            drawn.setdefault((case.scenario, case.step, case.kind), []).append(case.id)
        else:
            kept.add(case.id)
    for place, ids in drawn.items():
        draw = random.Random(f"{seed}:{'/'.join(place)}")  # noqa: S311  repeatable on purpose
        kept.update(draw.sample(ids, min(number, len(ids))))
    return [less for group in found if (less := group.only(frozenset(kept))) is not None]


def _begin(lesson: Lesson, cases: Sequence[Case]) -> str:
    """The first step that is needed; "" where a lab begins with it anyway."""
    needed = {case.step for case in cases}
    first = next((n for n, step in enumerate(lesson.steps) if step.id in needed), 0)
    return lesson.steps[first].id if first else ""


def plan(
    scenario: Scenario, lesson: Lesson, *, quick: bool = False, only: Only | None = None
) -> list[Case]:
    """The cases of `groups`, one after another."""
    return [
        case for group in groups(scenario, lesson, quick=quick, only=only) for case in group.cases
    ]


def check_comments(scenario: Scenario, lesson: Lesson) -> None:
    """Make sure that what the author says to the validator still means something.

    Raises:
        ScenarioError: a survivor is explained that no slip has the name of, or what varies is
            no regular expression.
    """
    source.varying(lesson)
    for each in source.explanations(lesson):
        names = [m.name for m in mutants(scenario, lesson, lesson.step(each.step))]
        if not any(each.part in name for name in names):
            raise ScenarioError(
                f'`survives "{each.part}"` explains a slip that is not tried',
                source.at(lesson, each.line),
                f"the slips of {each.step} are: {'; '.join(names) or 'none'}",
            )


def shared(names: Sequence[str], seed: int) -> list[Group]:
    """What is tried on several scenarios: one after another in a random order, and in pairs."""
    if len(names) < 2:  # noqa: PLR2004  one alone meets nobody
        return []
    shuffled = sorted(names)
    random.Random(f"{seed}:order").shuffle(shuffled)  # noqa: S311  repeatable on purpose
    cases = tuple(
        Case(name, Kind.ORDER, name=f"{number}. of {', '.join(shuffled)}")
        for number, name in enumerate(shuffled, 1)
    )
    found = [Group(Work.ORDER, shuffled[0], "", cases)]
    for first in range(0, len(shuffled), 2):
        pair = [shuffled[first], shuffled[(first + 1) % len(shuffled)]]
        both = tuple(
            Case(name, Kind.TOGETHER, name=f"with {other}")
            for name, other in zip(pair, reversed(pair), strict=True)
            if name == pair[0] or (first + 1) < len(shuffled)
        )
        found.append(Group(Work.TOGETHER, pair[0], pair[1], both))
    return found


# --- one scenario -------------------------------------------------------------------------


def _line(scenario: Scenario, lesson: Lesson) -> Group:
    name = scenario.name
    cases = [Case(name, Kind.START, name="a lab starts", where=source.at(lesson, 1))]
    for step in lesson.steps:
        check = source.check_place(scenario, step.id)
        solution = source.at(lesson, step.commands[0].line)
        cases += [
            Case(name, Kind.UNTOUCHED, step.id, "the check before anything was done", check),
            Case(name, Kind.TWICE, step.id, "the check twice", check),
            Case(name, Kind.SOLUTION, step.id, "the lesson's solution", solution),
        ]
    cases.append(Case(name, Kind.STOP, name="what a lab leaves", where=source.at(lesson, 1)))
    return Group(Work.LINE, name, "", tuple(cases))


def _reading(scenario: Scenario, lesson: Lesson) -> Group:
    cases = []
    shown = source.shown_commands(lesson)
    for step in lesson.steps:
        commands = [c for c in (*shown[step.id], *step.commands) if c.output.strip()]
        cases += [
            Case(
                scenario.name,
                Kind.OUTPUT,
                step.id,
                f'what "{_first(command.text)}" shows',
                source.at(lesson, command.line),
                number,
            )
            for number, command in enumerate(commands, 1)
        ]
        cases.append(
            Case(
                scenario.name,
                Kind.SOLUTION,
                step.id,
                "the solution, after all that the step shows",
                source.at(lesson, step.commands[0].line),
                2,
            )
        )
    return Group(Work.READING, scenario.name, "", tuple(cases))


def _trials(scenario: Scenario, lesson: Lesson, step: Step) -> list[Group]:
    name = scenario.name
    cases = [
        Case(name, Kind.TRAP, step.id, f'"{trap.message}"', source.at(lesson, trap.line), number)
        for number, trap in enumerate(step.traps, 1)
    ]
    cases += [
        Case(name, Kind.MUTATION, step.id, mutant.name, source.at(lesson, mutant.line), number)
        for number, mutant in enumerate(mutants(scenario, lesson, step), 1)
    ]
    found = [Group(Work.TRIAL, name, step.id, (case,)) for case in cases]
    if step is not lesson.steps[0]:
        where = source.at(lesson, step.line)
        replay = Case(name, Kind.REPLAY, step.id, f"--at {step.id}", where)
        first = found[0].cases if found else ()
        found[:1] = [Group(Work.TRIAL, name, step.id, (replay, *first))]
    return found


def _first(text: str) -> str:
    line, *more = text.splitlines()
    return f"{line.rstrip(chr(92)).rstrip()} ..." if more else line
