"""Results put together: those of several rounds, and those of a run in the lessons' order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from labrunner.validate.proof import Case, Kind, Result, Status

if TYPE_CHECKING:
    from labrunner.model.lesson import Lesson


def of_all_rounds(rounds: Sequence[Result]) -> Result:
    """One result for all rounds of a case: flaky where they differ."""
    statuses = [result.status for result in rounds]
    if len(set(statuses)) == 1:
        return rounds[-1]
    worst = next(r for r in rounds if r.status is not Status.PROVEN)
    counts = ", ".join(f"{statuses.count(s)} {s}" for s in dict.fromkeys(statuses))
    message = f"differs from run to run ({counts} of {len(rounds)}): {worst.message}"
    return replace(worst, status=Status.FLAKY, message=message)


def in_lesson_order(
    results: Iterable[Result], order: Sequence[Case], lessons: Mapping[str, Lesson]
) -> tuple[Result, ...]:
    """By scenario and step; what concerns a scenario as a whole at its beginning and end."""
    planned = {case.id: number for number, case in enumerate(order)}
    names = {name: number for number, name in enumerate(lessons)}
    steps = {
        (name, step.id): number
        for name, lesson in lessons.items()
        for number, step in enumerate(lesson.steps)
    }
    kinds = {kind: number for number, kind in enumerate(Kind)}
    last = len(order)

    def place(result: Result) -> tuple[int, ...]:
        case = result.case
        return (
            names.get(case.scenario, last),
            int(kinds[case.kind] >= kinds[Kind.STOP]),
            steps.get((case.scenario, case.step), -1),
            kinds[case.kind],
            planned.get(case.id, last),
        )

    return tuple(sorted(results, key=place))
