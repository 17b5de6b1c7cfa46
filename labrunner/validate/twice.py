"""A check that is run twice: it says the same, and nothing in the lab was changed by it.

A program may write to its files at any time, also because a check asked it something for the
first time: a database keeps what it has looked up. So what is changed is not always the check's
doing. Where a file was changed by the first run and by no other, that is found out in a lab of
its own, in which nobody but the check can write: every program there is stopped before. A local
engine may run the programs of others, too, so there such a file is let pass.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from labrunner.model.lesson import Step
from labrunner.model.verdict import Verdict
from labrunner.validate import fingerprint, outputs
from labrunner.validate.bench import Trial, UnreachableError
from labrunner.validate.job import Job, stopped, told
from labrunner.validate.proof import Case, Kind, Status

if TYPE_CHECKING:
    from labrunner.session import OpenLab

_STOP = 'kill -STOP $(grep -lF "$@" /proc/[0-9]*/cgroup 2>/dev/null | cut -d / -f 3)'
"""Stops the processes in whose control group's name one of these words stands."""

ROUNDS = 3
"""How often a file must be changed by the check before it counts as always changed by it."""


@dataclass(frozen=True)
class First:
    """What the first run of a check found, in which state; for the case of the second."""

    case: Case
    state: fingerprint.State
    verdict: Verdict


def again(job: Job, trial: Trial, step: Step, first: First) -> None:
    """The check once more; said at once, or by `settle` where that needs another lab."""
    bench, case, verdict = job.bench, first.case, first.verdict
    second = bench.judge(trial, step)
    same = (verdict.outcome, outputs.alike(verdict.message))
    if same != (second.outcome, outputs.alike(second.message)):
        job.say(
            case,
            Status.FAILED,
            "run twice, the check says two things",
            trial,
            expected=told(verdict),
            seen=told(second),
        )
        return
    changed = fingerprint.differences(first.state, bench.state(trial))
    certain, doubtful = _by_the_check(job, trial, step, changed) if changed else ({}, {})
    if doubtful and not certain and trial.lab.record.host == "sandbox":
        job.doubts[step.id] = frozenset(doubtful)
        return
    _say(job, case, certain, trial)


def _say(job: Job, case: Case | None, changed: Mapping[str, str], trial: Trial) -> None:
    if changed:
        job.say(
            case,
            Status.FAILED,
            "the check changes the lab",
            trial,
            expected="a check that only looks",
            seen=fingerprint.told(changed),
        )
    else:
        job.say(case, Status.PROVEN, "the same verdict, and nothing was changed", trial)


def _by_the_check(
    job: Job, trial: Trial, step: Step, changed: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Those changes that the check makes, and those of which it is not known who made them.

    The state is looked at again after as long as the check takes, and once more after another
    check, a few times over. What changes in between is a program's doing; a file that is not
    changed by every check may be a program's, too, or that of a check that writes it once.
    """
    bench = job.bench
    begun = time.monotonic()
    bench.judge(trial, step)
    lasted = time.monotonic() - begun
    by_itself: set[str] = set()
    by_each = {name for name in changed if name.startswith("file ")}
    for _ in range(ROUNDS):
        idle = bench.state(trial)
        # nothing is to happen here: that is what is looked at
        Event().wait(lasted)
        before = bench.state(trial)
        bench.judge(trial, step)
        by_itself |= {*fingerprint.differences(idle, before)}
        by_each &= {*fingerprint.differences(before, bench.state(trial))}
        if not by_each:
            break
    rest = {name: what for name, what in changed.items() if name not in by_itself}
    doubtful = {n: w for n, w in rest.items() if n.startswith("file ") and n not in by_each}
    return {n: w for n, w in rest.items() if n not in doubtful}, doubtful


def settle(job: Job) -> None:
    """Find out who changed the files that `again` left in doubt."""
    for step_id, names in job.doubts.items():
        step, case = job.lesson.step(step_id), job.case(Kind.TWICE, step_id)
        at = "" if step is job.lesson.steps[0] else step.id
        try:
            with job.bench.lab(job.group.scenario, at, job.group.seed) as trial:
                job.say(None, Status.PROVEN, "", trial)
                found = _with_programs_stopped(job, trial, step)
                _say(job, case, {n: what for n, what in found.items() if n in names}, trial)
        except UnreachableError as error:
            job.say(case, Status.ERROR, f"not tried: {error.message}", seen=error.hint)
        else:
            stopped(job, trial)


def _with_programs_stopped(job: Job, trial: Trial, step: Step) -> dict[str, str]:
    """What a check changes where nobody else can; its verdict says nothing, since none answers."""
    _stop_programs(trial.lab)
    before = job.bench.state(trial)
    job.bench.judge(trial, step)
    return fingerprint.differences(before, job.bench.state(trial))


def _stop_programs(lab: OpenLab) -> None:
    """Stop every process of the lab's containers; they stay as they are until its end."""
    from labrunner.engine.client import engine_errors

    with engine_errors("stopping the lab's programs"):
        ids = [found["Id"] for found in lab.host.client.api.containers()]
    lab.host.run(["sh", "-c", _STOP, "sh", *(word for each in ids for word in ("-e", each))])
