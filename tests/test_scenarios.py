"""Every bundled scenario proves itself: red untouched, green when solved, red for each trap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from labrunner import lab as labs
from labrunner import plugins, steps
from labrunner.model.event import ignore_event
from labrunner.model.scenario import Scenario
from labrunner.model.topology import HostKind
from labrunner.model.verdict import Outcome
from labrunner.session import OpenLab, lesson_of
from labrunner.shell import type_commands
from labrunner.store import Store
from tests.conftest import Snapshot

pytestmark = pytest.mark.engine

FOUND = plugins.discover()
SCENARIOS = {scenario.name: scenario for scenario in FOUND.scenarios}
LESSONS = {name: lesson_of(scenario, "en") for name, scenario in SCENARIOS.items()}


def _marks(name: str, number: int) -> list[pytest.MarkDecorator]:
    """Whether reaching this step, and being in it, measures speed on the way."""
    steps_before = [step.id for step in LESSONS[name].steps[: number + 1]]
    measures = set(SCENARIOS[name].alone) & set(steps_before)
    return [pytest.mark.alone] if measures else []


TRAPS = [
    pytest.param(name, step.id, number, id=f"{name}-{step.id}-{number}", marks=_marks(name, index))
    for name, lesson in LESSONS.items()
    for index, step in enumerate(lesson.steps)
    for number in range(len(step.traps))
]
HOSTS = [
    pytest.param(name, host, id=f"{name}-{host}", marks=pytest.mark.alone)
    for name, scenario in SCENARIOS.items()
    for host in scenario.hosts
]


@dataclass(frozen=True)
class Starter:
    """Starts labs in a store of the test's own, and ends them all."""

    store: Store

    def __call__(self, name: str, host: HostKind, at: str | None = None) -> OpenLab:
        """A running lab at a step."""
        return labs.start(self.store, name, labs.StartOptions(host=host, at=at, seed=11))


@pytest.fixture
def start(folders: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Starter]:
    for name, value in folders.items():
        monkeypatch.setenv(name, value)
    Path(folders["LABRUNNER_STATE"]).mkdir(parents=True)
    store = Store(Path(folders["LABRUNNER_STATE"]) / "labs.db")
    yield Starter(store)
    for record in store.labs():
        labs.stop(store, record)
    store.close()


def test_no_bundled_scenario_has_a_problem() -> None:
    """Everything that ships can be loaded and is well formed."""
    assert FOUND.problems == ()
    assert set(SCENARIOS) >= {"unsegregated-shop", "segregated-vs-unsegregated"}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_lesson_has_what_a_learner_needs(name: str) -> None:
    """Four to ten steps, each with two hints, a solution and two traps at least."""
    lesson = LESSONS[name]
    assert 4 <= len(lesson.steps) <= 10
    for step in lesson.steps:
        assert len(step.hints) >= 2, step.id
        assert step.commands, step.id
        assert len(step.traps) >= 2, step.id


@pytest.mark.parametrize(("name", "host"), HOSTS)
def test_red_untouched_and_green_when_solved(
    name: str, host: HostKind, start: Starter, snapshot: Callable[[str], Snapshot]
) -> None:
    """No step passes before it is done; each solution passes; nothing is left at the end."""
    lab = start(name, host)
    for step in lab.lesson.steps:
        before = steps.check(lab, step).verdict
        assert before.outcome is Outcome.NOT_YET, (step.id, before)
        assert before.expected, step.id
        assert before.seen, step.id
        assert steps.judge(lab, step) == before, f"{step.id}: a check that is run twice differs"
        solved = steps.solve(lab, step).checked
        assert solved.verdict.passed, (step.id, solved.verdict)
        assert steps.judge(lab, step).passed, step.id
    assert lab.step is None
    labs.stop(start.store, lab.record)
    assert snapshot(lab.record.id) == (frozenset(), frozenset(), frozenset())
    assert not lab.record.folder.exists()


@pytest.mark.parametrize(("name", "step_id", "number"), TRAPS)
def test_a_trap_stays_red_with_its_own_message(
    name: str, step_id: str, number: int, start: Starter
) -> None:
    """A known mistake is not passed, and the learner is told what it was."""
    lab = start(name, "sandbox", at=step_id)
    step = lab.lesson.step(step_id)
    trap = step.traps[number]
    printed: list[str] = []
    type_commands(lab, trap.commands, on_event=ignore_event, on_output=printed.append)
    verdict = steps.judge(lab, step)
    assert verdict.outcome in (Outcome.NOT_YET, Outcome.RUINED), (verdict, printed)
    told = f"{verdict.message} {verdict.expected} {verdict.seen} {verdict.look}"
    assert trap.message in told, (told, printed)


def test_a_scenario_says_where_it_comes_from() -> None:
    """The catalogue can tell bundled from foreign."""
    shop: Scenario = SCENARIOS["unsegregated-shop"]
    assert shop.source
