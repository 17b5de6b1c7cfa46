"""How a lab stands: what the store remembers, held against what the engine says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from labrunner.errors import EngineError, LabError
from labrunner.session import OpenLab, open_lab
from labrunner.store import LabRecord, Store
from labrunner.words import tr

Seen = Literal["running", "gone", "unknown"]


@dataclass(frozen=True)
class Standing:
    """One running lab, as ``lab status`` shows it.

    Attributes:
        engine: what the engine says of it: running, gone, or unknown where it is silent.
        step: id of the current step; ``None`` when all are done.
        attempts: checks by the learner; those of steps that were solved on the way are none.
        minutes: since it was the learner's to work in.
    """

    lab: str
    scenario: str
    host: str
    engine: Seen
    step: str | None
    number: int
    title: str
    steps: int
    passed: tuple[str, ...]
    attempts: int
    minutes: int
    problem: str = ""


def standing(store: Store, record: LabRecord) -> Standing:
    """Look at one lab, in the store and on the engine."""
    seen, problem = _engine_says(record)
    steps, number, title = 0, 0, ""
    try:
        lab = open_lab(store, record.id)
    except LabError as error:
        problem = problem or error.message
    else:
        steps = len(lab.lesson.steps)
        if lab.step is not None:
            number, title = lab.number(lab.step.id), lab.step.title
    return Standing(
        lab=record.id,
        scenario=record.scenario,
        host=record.host,
        engine=seen,
        step=record.step or None,
        number=number,
        title=title,
        steps=steps,
        passed=tuple(sorted(store.passed_steps(record.id))),
        attempts=len(store.attempts(record.id)),
        minutes=int((time.time() - (record.began or record.created)) / 60),
        problem=problem,
    )


def _engine_says(record: LabRecord) -> tuple[Seen, str]:
    from labrunner import lab as labs

    try:
        return ("gone", "") if labs.is_gone(record) else ("running", "")
    except EngineError as error:
        return "unknown", error.message


@contextmanager
def engine_knows(lab: OpenLab) -> Iterator[None]:
    """Where the engine has lost the lab, say that, and not what failed because of it."""
    from labrunner import lab as labs

    try:
        _ = lab.view
        yield
    except EngineError as error:
        try:
            lost = labs.is_gone(lab.record)
        except EngineError:
            raise error from None
        if lost:
            raise EngineError(
                tr(
                    "the engine has lost the lab {1} (a reboot, or it was removed)",
                    lab.scenario.name,
                ),
                tr("lab reset --step makes it anew at your step; lab stop forgets it"),
            ) from error
        raise
