"""Labs of several scenarios: one after another on one host, and two at once."""

from __future__ import annotations

import contextlib

from labrunner.errors import LabError
from labrunner.model.lesson import Step
from labrunner.model.verdict import Outcome
from labrunner.validate.bench import Trial
from labrunner.validate.ground import engine_for, meant
from labrunner.validate.job import Job, told, typed_badly
from labrunner.validate.proof import Case, Status


def order(job: Job) -> None:
    """Every scenario, solved from beginning to end, after all those before it.

    On one engine, so that what one of them leaves there is in the way of the next. Those that
    cannot run there get a sandbox each, on the machine's engine: that one has their images.
    """
    names = [case.scenario for case in job.group.cases]
    local = [name for name in names if "local" in job.of(name)[0].hosts]
    before: list[str] = []
    job.bench.tell("an engine of its own", job.bench.patience.start)
    with engine_for(local) if local else contextlib.nullcontext("") as address:
        for case in job.group.cases:
            after = f"after {', '.join(before)}" if before else "as the first"
            here = case.scenario in local
            with meant(address) if here else contextlib.nullcontext():
                host = "local" if here else "sandbox"
                problem, typed = _solved_whole(job, case.scenario, host)
            before.append(case.scenario)
            _say(job, case, after, problem, typed)


def _solved_whole(
    job: Job, name: str, host: str | None
) -> tuple[str, tuple[tuple[str, ...], str] | None]:
    """Solve a scenario from beginning to end; what went wrong first, and what was typed."""
    problem = ""
    try:
        with job.bench.lab(name, "", job.group.seed, host=host) as trial:
            for step in job.of(name)[1].steps:
                problem = problem or _solved(job, trial, step)
            typed = trial.since()
    except LabError as error:
        return f"no lab starts: {error.message}", None
    if trial.left:
        problem = problem or f"it leaves behind: {'; '.join(trial.left[:8])}"
    return problem, typed


def together(job: Job) -> None:
    """Two scenarios side by side, a step of the one and a step of the other in turn."""
    names = [job.group.scenario, job.group.step]
    problems: dict[str, str] = dict.fromkeys(names, "")
    typed: dict[str, tuple[tuple[str, ...], str]] = {}
    trials: dict[str, Trial] = {}
    with contextlib.ExitStack() as open_labs:
        for name in names:
            try:
                trials[name] = open_labs.enter_context(job.bench.lab(name, "", job.group.seed))
                trials[name].since()
            except LabError as error:
                problems[name] = f"does not start: {error.message}"
        lessons = {name: job.of(name)[1] for name in trials}
        longest = max((len(lesson.steps) for lesson in lessons.values()), default=0)
        for index in range(longest):
            for name, trial in trials.items():
                steps = lessons[name].steps
                if index < len(steps):
                    problems[name] = problems[name] or _solved(job, trial, steps[index])
        typed = {name: trial.since() for name, trial in trials.items()}
    for name, trial in trials.items():
        if trial.left:
            problems[name] = problems[name] or f"it leaves behind: {'; '.join(trial.left[:8])}"
    for case in job.group.cases:
        other = next(name for name in names if name != case.scenario)
        _say(job, case, f"beside {other}", problems[case.scenario], typed.get(case.scenario))


def _solved(job: Job, trial: Trial, step: Step) -> str:
    """Solve a step that must be red before; what went wrong, or ""."""
    before = job.bench.judge(trial, step)
    if before.outcome is not Outcome.NOT_YET:
        return f"{step.id} untouched: {told(before)}"
    bad = job.bench.type(trial, step, step.commands)
    after = job.bench.judge(trial, step)
    job.disturbed(trial.lab.scenario, step, after)
    if bad is not None:
        return typed_badly(bad, job.bench)
    return "" if after.passed else f"{step.id} solved: {told(after)}"


def _say(
    job: Job, case: Case, how: str, problem: str, typed: tuple[tuple[str, ...], str] | None
) -> None:
    if problem:
        message = f"{how}, it does not go as it does by itself"
        expected = "red untouched, green when solved, nothing left"
        job.say(case, Status.FAILED, message, expected=expected, seen=problem, typed=typed)
    else:
        job.say(case, Status.PROVEN, f"{how}, it goes as by itself", typed=typed)
