"""Which group comes next: nothing is tried where it cannot say anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from labrunner.validate.cases import Group, Work
from labrunner.validate.proof import Kind, Result, Status

if TYPE_CHECKING:
    from labrunner.model.lesson import Lesson


class Schedule:
    """The groups that are still to be tried.

    A scenario's line goes first. Its other labs wait until one has started, its trials until
    the line has shown that their step can be got to, and the trials of a step until its replay
    works. What needs a step that is out of reach is not tried, and that is said.

    Args:
        groups: all of them, in the order of the plan.
        lessons: by scenario.
    """

    def __init__(self, groups: list[Group], lessons: Mapping[str, Lesson]) -> None:
        self.pending = sorted(groups, key=_urgency)
        self.steps = {name: [s.id for s in lesson.steps] for name, lesson in lessons.items()}
        self.dead: set[str] = set()
        self.kept: set[str] = set()
        self.stuck: dict[str, str] = {}
        self.unreachable: set[tuple[str, str]] = set()
        self._started: set[str] = set()
        self._replayed: set[tuple[str, str]] = set()
        self._lines = {g.scenario for g in groups if g.work is Work.LINE}
        self._replays = {
            (g.scenario, g.step) for g in groups if any(c.kind is Kind.REPLAY for c in g.cases)
        }

    def drop(self, unneeded: Callable[[Group], bool]) -> None:
        """Forget groups that need not be tried."""
        for group in [g for g in self.pending if unneeded(g)]:
            self.pending.remove(group)
            self.finished(group)

    def heard(self, result: Result) -> None:
        """Learn from a result what can be got to."""
        case = result.case
        if case.kind is Kind.START and result.status is Status.PROVEN:
            self._started.add(case.scenario)
        if case.kind is Kind.REPLAY:
            self._replayed.add((case.scenario, case.step))
        if case.kind is Kind.SOLUTION and case.number == 1 and result.status is not Status.PROVEN:
            self.stuck.setdefault(case.scenario, case.step)

    def finished(self, group: Group) -> None:
        """A group is through."""
        if group.work is Work.LINE:
            self._lines.discard(group.scenario)
            self._started.add(group.scenario)
        for case in group.cases:
            if case.kind is Kind.REPLAY:
                self._replayed.add((case.scenario, case.step))

    def step_before(self, group: Group) -> str:
        """The step before the one at which a group begins; "" where there is none."""
        steps = self.steps.get(group.scenario, [])
        index = steps.index(group.step) if group.step in steps else 0
        return steps[index - 1] if index else ""

    def take(self, skip: Callable[[Group, str], None]) -> Group | None:
        """The next group that can be tried now; ``skip`` is told of those that never can."""
        for group in list(self.pending):
            reason = self._hopeless(group)
            if reason is not None:
                self.pending.remove(group)
                if reason:
                    skip(group, reason)
                self.finished(group)
            elif self._ready(group):
                self.pending.remove(group)
                return group
        return None

    def _hopeless(self, group: Group) -> str | None:
        """Why a group need not be tried; "" where that was said before; ``None``: it may."""
        concerned = {case.scenario for case in group.cases}
        if concerned & self.dead:
            return "" if concerned <= self.dead else "a scenario does not start"
        if group.work is not Work.TRIAL:
            return None
        stuck = self.stuck.get(group.scenario)
        steps = self.steps[group.scenario]
        if stuck and steps.index(group.step) > steps.index(stuck):
            return f"the solution of {stuck} is not green"
        if (group.scenario, group.step) in self.unreachable:
            return f"no lab gets to the start of {group.step}"
        return None

    def _ready(self, group: Group) -> bool:
        if group.work is Work.LINE:
            return True
        waiting = {case.scenario for case in group.cases} & self._lines
        if group.work is Work.READING:
            return not waiting or group.scenario in self._started
        if waiting:
            return False
        here = (group.scenario, group.step)
        replays = any(case.kind is Kind.REPLAY for case in group.cases)
        return replays or here not in self._replays or here in self._replayed


def _urgency(group: Group) -> tuple[int, int]:
    """Lines first, then what others wait for; what concerns several scenarios last."""
    if group.work is Work.TRIAL:
        waits = not any(case.kind is Kind.REPLAY for case in group.cases)
        return group.round, 3 if waits else 2
    return group.round, {Work.LINE: 0, Work.READING: 1}.get(group.work, 4)
