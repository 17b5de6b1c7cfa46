"""A lab that a command works on: found again in the store, with its lesson and its host."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from labrunner.errors import NoSuchLabError, UsageError
from labrunner.lock import holding
from labrunner.model.lesson import Lesson, Step
from labrunner.model.scenario import Scenario
from labrunner.places import state_folder
from labrunner.store import LabRecord, Store
from labrunner.words import tr

if TYPE_CHECKING:
    from labrunner.engine.host import Host
    from labrunner.view import Lab

LAB_VARIABLE = "LABRUNNER_LAB"
"""Set in the lab's own shell: the scenario that a command means when it names none."""


class OpenLab:
    """A lab that a command works on: its record, its scenario and lesson, its host."""

    def __init__(
        self, store: Store, record: LabRecord, scenario: Scenario, host: Host | None = None
    ) -> None:
        self.store = store
        self.record = record
        self.scenario = scenario
        self._host = host

    @cached_property
    def host(self) -> Host:
        """The lab's host; connected to on first use."""
        if self._host is not None:
            return self._host
        from labrunner.engine import running

        record = self.record
        return running.attach(record.host, record.id, record.folder, record.engine)

    @cached_property
    def view(self) -> Lab:
        """What checks get."""
        from labrunner.view import Lab

        return Lab(self.scenario, self.host, self.record.seed)

    @cached_property
    def lesson(self) -> Lesson:
        """The lesson in the learner's language."""
        return lesson_of(self.scenario, self.record.language)

    @property
    def step(self) -> Step | None:
        """The step that the learner is on; ``None`` when all are done."""
        return self.lesson.step(self.record.step) if self.record.step else None

    def find_step(self, wanted: str | None) -> Step:
        """A step by its id or its number from 1; the current one where none is named.

        Raises:
            UsageError: there is no such step; names the nearest, or the last when all are done.
        """
        if wanted is None:
            return self.step or self.lesson.steps[-1]
        return find_step(self.lesson, wanted)

    def passed(self) -> frozenset[str]:
        """Ids of the steps that were passed."""
        return self.store.passed_steps(self.record.id)

    def move_on(self) -> Step | None:
        """Go to the first step that was not passed yet; that step, ``None`` at the end."""
        done = self.passed()
        following = next((s for s in self.lesson.steps if s.id not in done), None)
        self._go(following.id if following else "")
        return following

    def _go(self, step_id: str) -> None:
        self.store.set_step(self.record.id, step_id)
        self.record = replace(self.record, step=step_id)
        self.write_prompt()

    def write_prompt(self) -> None:
        """Keep the line that the lab's shell shows before each command up to date."""
        total = len(self.lesson.steps)
        number = self.number(self.record.step) if self.record.step else total
        mark = f"{number}/{total}" if self.record.step else tr("done")
        with suppress(OSError):
            (self.record.folder / "prompt").write_text(
                f"{self.scenario.name} {mark}\n", encoding="utf-8"
            )

    def number(self, step_id: str) -> int:
        """A step's number, from 1."""
        return [s.id for s in self.lesson.steps].index(step_id) + 1


def lesson_of(scenario: Scenario, language: str) -> Lesson:
    """Read a scenario's lesson in a language, or in English where it has none."""
    from labrunner.lessons import reading

    if scenario.content is None:
        raise UsageError(f"{scenario.name} has no lesson folder")
    return reading.read(scenario.content, language)


def find_step(lesson: Lesson, wanted: str) -> Step:
    """A step by its id or its number from 1.

    Raises:
        UsageError: there is none; names the steps there are.
    """
    ids = [step.id for step in lesson.steps]
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(ids):
        return lesson.steps[int(wanted) - 1]
    if wanted in ids:
        return lesson.step(wanted)
    import difflib

    near = difflib.get_close_matches(wanted, ids, n=1, cutoff=0.4)
    meant = f"did you mean {near[0]}? " if near else ""
    raise UsageError(
        f"there is no step {wanted!r}",
        f"{meant}the steps are {', '.join(f'{n} {i}' for n, i in enumerate(ids, 1))}",
    )


# --- finding ------------------------------------------------------------------------------


def open_store() -> Store:
    """The store of the person who runs ``lab``."""
    return Store(state_folder() / "labs.db")


@contextmanager
def locked(scenario: str) -> Iterator[None]:
    """Nobody else works on this scenario's lab meanwhile."""
    with holding(state_folder() / "locks", scenario):
        yield


@contextmanager
def at_work_on(lab: OpenLab) -> Iterator[None]:
    """Nobody else works on a lab that was opened already.

    Raises:
        BusyError: somebody does.
        NoSuchLabError: it was ended or made anew while this waited.
    """
    with locked(lab.scenario.name):
        if lab.record.id not in {record.id for record in lab.store.labs()}:
            raise NoSuchLabError(
                f"this lab of {lab.scenario.name} is over: it was ended or made anew meanwhile",
                "lab status shows what runs now",
            )
        yield


def pick(store: Store, name: str | None) -> LabRecord:
    """The lab that a command means.

    Raises:
        UsageError: none runs, or several do and none was named.
    """
    running = store.labs()
    wanted = name or os.environ.get(LAB_VARIABLE)
    if wanted:
        for record in running:
            if wanted in (record.scenario, record.id):
                return record
        others = ", ".join(r.scenario for r in running) or "none"
        why = f"no lab {wanted} is running (running: {others})"
        raise NoSuchLabError(why, f"lab start {wanted}")
    if not running:
        raise NoSuchLabError("no lab is running", "lab list shows what there is; lab start NAME")
    if len(running) > 1:
        names = ", ".join(r.scenario for r in running)
        raise UsageError(f"{len(running)} labs are running: {names}", "say which: --lab NAME")
    return running[0]


def open_lab(store: Store, name: str | None = None) -> OpenLab:
    """The lab that a command means, opened."""
    from labrunner import plugins

    record = pick(store, name)
    lab = OpenLab(store, record, plugins.find(record.scenario))
    if record.step and record.step not in {s.id for s in lab.lesson.steps}:
        # the lesson was edited while the lab ran
        lab.move_on()
    return lab
