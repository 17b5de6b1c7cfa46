"""Every bundled scenario proves itself, through ``lab validate``; ``make validate`` tries all.

Here: of two scenarios all but slips; of the others the lesson from beginning to end; of a quarter
of them a trap of each step; of all that may run there, the same lesson on a local engine, which is
one of our own, so that nobody else's things come and go on it meanwhile. What passed on a commit
passes on it again: ``LABRUNNER_PROOF_SEED`` chooses another quarter, and another seed for labs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labrunner import plugins
from labrunner.model.lesson import Lesson
from labrunner.session import lesson_of
from labrunner.validate import report
from labrunner.validate.ground import own_engine
from labrunner.validate.proof import Kind, Proof, Result
from tests.conftest import Lab, lab_command, own_folders

FOUND = plugins.discover()
SCENARIOS = {scenario.name: scenario for scenario in FOUND.scenarios}
LESSONS = {name: lesson_of(scenario, "en") for name, scenario in SCENARIOS.items()}

NAMED = ("unsegregated-shop", "segregated-vs-unsegregated")
OTHERS = tuple(name for name in SCENARIOS if name not in NAMED)
SEED = int(os.environ.get("LABRUNNER_PROOF_SEED", "1"))
TRAPPED = OTHERS[SEED % 4 :: 4]
"""All of them would take as long as everything else together."""
LOCAL = tuple(name for name, scenario in SCENARIOS.items() if "local" in scenario.hosts)

PATIENCE = 1500
"""Seconds for one part of the proof; each lab in it has deadlines of its own."""

Wanted = AbstractSet[tuple[str, Kind]]
"""Steps ("" for the scenario as a whole), and what must have been tried on them."""


def _line(lesson: Lesson) -> Wanted:
    """The lesson from beginning to end."""
    steps = [(step.id, kind) for step in lesson.steps for kind in (Kind.UNTOUCHED, Kind.SOLUTION)]
    return {("", Kind.START), ("", Kind.STOP), *steps}


def _traps(lesson: Lesson) -> Wanted:
    """A trap of each step."""
    return {(step.id, Kind.TRAP) for step in lesson.steps}


def _all_but_slips(lesson: Lesson) -> Wanted:
    """What is tried on every step; who comes to the first one by ``--at`` comes by a start."""
    twice = {(step.id, Kind.TWICE) for step in lesson.steps}
    replays = {(step.id, Kind.REPLAY) for step in lesson.steps[1:]}
    return _line(lesson) | _traps(lesson) | twice | replays


@dataclass(frozen=True)
class Part:
    """A part of the proof.

    Attributes:
        names: of scenarios.
        options: for ``lab validate``.
        wanted: what must have been tried on each scenario, by its lesson.
    """

    names: tuple[str, ...]
    options: tuple[str, ...]
    wanted: Callable[[Lesson], Wanted]


KINDS = ("untouched", "twice", "trap", "solution", "output", "replay", "stop")
PARTS = {
    "named": Part(NAMED, ("--jobs=2", *(f"--only=kind:{kind}" for kind in KINDS)), _all_but_slips),
    "line": Part(OTHERS, ("--jobs=2", "--quick"), _line),
    "traps": Part(TRAPPED, ("--jobs=2", "--only=kind:trap", "--sample=1"), _traps),
    "local": Part(LOCAL, ("--host=local", "--quick"), _line),
}
CASES = [(part, name) for part, what in PARTS.items() for name in what.names]


@dataclass
class Proofs:
    """The parts of the proof, each made when it is first asked for.

    Attributes:
        command: the ``lab`` command.
        folder: where reports go.
        chosen: the cases of this session: of nothing else is a part made.
    """

    command: Lab
    folder: Path
    chosen: AbstractSet[tuple[str, str]]
    seed: int = SEED
    _made: dict[str, Proof | str] = field(default_factory=dict)

    def of(self, part: str) -> Proof:
        """The results of a part; the test fails where there are none."""
        if part not in self._made:
            self._made[part] = self._make(part)
        made = self._made[part]
        return made if isinstance(made, Proof) else pytest.fail(made, pytrace=False)

    def _make(self, part: str) -> Proof | str:
        names = [name for name in PARTS[part].names if (part, name) in self.chosen]
        path = self.folder / f"{part}.json"
        argv = ("validate", *names, *PARTS[part].options, f"--seed={self.seed}", f"--json={path}")
        with self._engine(part, names) as env:
            done = self.command(*argv, env=env, timeout=PATIENCE)
        if not path.exists():
            return f"lab {' '.join(argv)} ended with {done.returncode}:\n{done.stderr[-4000:]}"
        proof = report.from_json(path.read_text(encoding="utf-8"))
        assert proof.fine == (done.returncode == 0), done
        return proof

    @contextmanager
    def _engine(self, part: str, names: Sequence[str]) -> Iterator[Mapping[str, str]]:
        """What says which engine a part is made on."""
        if part != "local":
            yield {}
            return
        with pytest.MonkeyPatch.context() as patch:
            for name in ("LABRUNNER_STATE", "LABRUNNER_RUNTIME"):
                patch.setenv(name, self.command.env[name])
            with own_engine(names):
                yield {"DOCKER_HOST": os.environ["DOCKER_HOST"]}


@pytest.fixture(scope="module")
def proofs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proofs]:
    place = tmp_path_factory.mktemp("proofs")
    specs = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    chosen = {(spec["part"], spec["name"]) for spec in specs if {"part", "name"} <= {*spec}}
    with own_folders(place) as folders, lab_command(folders) as command:
        yield Proofs(command, place, chosen)


def test_no_bundled_scenario_has_a_problem() -> None:
    """Everything that ships can be loaded and is well formed."""
    assert FOUND.problems == ()
    assert set(SCENARIOS) >= set(NAMED)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_lesson_has_what_a_learner_needs(name: str) -> None:
    """Five to ten steps, each with two hints, a solution and two traps at least."""
    lesson = LESSONS[name]
    assert 5 <= len(lesson.steps) <= 10
    for step in lesson.steps:
        assert len(step.hints) >= 2, step.id
        assert step.commands, step.id
        assert len(step.traps) >= 2, step.id


@pytest.mark.engine
@pytest.mark.alone
@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize(("part", "name"), CASES)
def test_it_is_proven(part: str, name: str, proofs: Proofs) -> None:
    """What belongs to this part was tried on the scenario, and nothing of it is to be mended."""
    proof = proofs.of(part)
    mine = [result for result in proof.results if result.case.scenario == name]
    complaints = [_told(result) for result in mine if not result.fine]
    if complaints:
        again = f"lab validate {name} {' '.join(PARTS[part].options)} --seed={proof.seed}"
        pytest.fail("\n\n".join([*complaints, f"again: {again}"]), pytrace=False)
    tried = {(result.case.step, result.case.kind) for result in mine}
    assert PARTS[part].wanted(LESSONS[name]) <= tried


def _told(result: Result) -> str:
    return "\n".join(report.complaint(result))


def test_a_scenario_says_where_it_comes_from() -> None:
    """The catalogue can tell bundled from foreign."""
    assert SCENARIOS["unsegregated-shop"].source
