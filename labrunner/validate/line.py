"""Labs that go through a lesson step by step: the line, and the reading."""

from __future__ import annotations

from labrunner.model.lesson import Command, Lesson, Step
from labrunner.model.verdict import Outcome
from labrunner.validate import outputs, source
from labrunner.validate.bench import Trial
from labrunner.validate.job import Job, stopped, told, typed_badly
from labrunner.validate.proof import Case, Kind, Status
from labrunner.validate.terminal import Ending, Entry
from labrunner.validate.twice import First, again, settle


def line(job: Job) -> None:
    """Every step in a row: untouched, twice, solution; the stop at the end."""
    group, bench = job.group, job.bench
    steps = job.lesson.steps
    first = [s.id for s in steps].index(group.step) if group.step else 0
    wanted = {case.step for case in group.cases}
    # a stop is judged after everything that the lesson has a learner do
    whole = job.case(Kind.STOP) is not None
    last = max((n for n, s in enumerate(steps) if whole or s.id in wanted), default=-1)
    finished: Trial | None = None
    with bench.lab(group.scenario, group.step, group.seed) as trial:
        finished = trial
        job.say(job.case(Kind.START), Status.PROVEN, "a lab starts", trial)
        for step in steps[first : last + 1]:
            untouched(job, trial, step)
            if not solution(job, trial, step):
                break
    stopped(job, finished)
    settle(job)


def untouched(job: Job, trial: Trial, step: Step) -> None:
    """The check of a step before anything was done for it; then the same again."""
    bench = job.bench
    twice = job.case(Kind.TWICE, step.id)
    before = bench.state(trial) if twice else {}
    verdict = bench.judge(trial, step)
    case = job.case(Kind.UNTOUCHED, step.id)
    expected = "not_yet, with what was expected and what was seen"
    if verdict.outcome is Outcome.NOT_YET and verdict.expected and verdict.seen:
        job.say(case, Status.PROVEN, verdict.message, trial, seen=told(verdict))
    elif verdict.outcome is Outcome.PASSED:
        message = "the check passes though nothing was done"
        job.say(case, Status.FAILED, message, trial, expected=expected, seen=told(verdict))
    elif verdict.outcome is Outcome.ERROR:
        message = f"the check itself fails: {verdict.message}"
        job.say(case, Status.FAILED, message, trial, expected=expected, seen=told(verdict))
    else:
        message = (
            "the check says that only a reset helps, though nothing was done"
            if verdict.outcome is Outcome.RUINED
            else "the check does not say what it expected and what it saw"
        )
        job.say(case, Status.FAILED, message, trial, expected=expected, seen=told(verdict))
    if twice is not None and verdict.outcome is not Outcome.ERROR:
        again(job, trial, step, First(twice, before, verdict))
    elif twice is not None:
        job.say(twice, Status.FAILED, "a check that fails was not tried twice", trial)


def solution(job: Job, trial: Trial, step: Step) -> bool:
    """The lesson's own solution, typed; whether the check is green."""
    bench = job.bench
    case = job.case(Kind.SOLUTION, step.id)
    bad = bench.type(trial, step, step.commands)
    verdict = bench.judge(trial, step)
    if bad is None:
        job.disturbed(job.scenario, step, verdict)
    steady = bench.judge(trial, step) if verdict.passed else verdict
    problem = typed_badly(bad, bench)
    expected = "every command ends, and the check passes"
    where = _line_of(job.lesson, step, bad)
    if verdict.passed and steady.passed and not problem:
        job.say(case, Status.PROVEN, verdict.message, trial, seen=told(verdict))
    elif verdict.message.startswith("the lab's host is gone") or trial.lost_engine():
        message = f"the lab's host died while the solution of {step.id} was typed"
        job.say(case, Status.ERROR, message, trial, expected=expected, seen=told(verdict))
        return False
    else:
        message = problem or (
            "a check that passed does not pass the second time"
            if verdict.passed
            else "the solution does not turn the check green"
        )
        seen = told(steady if verdict.passed else verdict)
        job.say(case, Status.FAILED, message, trial, expected=expected, seen=seen, where=where)
    if verdict.passed and job.case(Kind.TWICE, step.id) is not None:
        earlier = job.lesson.steps[: job.lesson.steps.index(step) + 1]
        job.outcomes[step.id] = {s.id: bench.judge(trial, s).outcome.value for s in earlier}
    return verdict.passed


def _line_of(lesson: Lesson, step: Step, entry: Entry | None) -> str:
    """Where a command that went wrong stands in the lesson."""
    for command in step.commands:
        if entry is not None and command.text == entry.text:
            return source.at(lesson, command.line)
    return ""


def reading(job: Job) -> None:
    """Everything that a step shows, then its solution: what comes is what the lesson shows."""
    group, bench = job.group, job.bench
    shown = source.shown_commands(job.lesson)
    wanted = {case.step for case in group.cases}
    ids = [s.id for s in job.lesson.steps]
    last = max(ids.index(step) for step in wanted if step)
    first = ids.index(group.step) if group.step else 0
    with bench.lab(group.scenario, group.step, group.seed) as trial:
        finished = trial
        job.say(None, Status.PROVEN, "", trial)
        for step in job.lesson.steps[first : last + 1]:
            number = 0
            for command in (*source.until_output(shown[step.id]), *step.commands):
                number += bool(command.output.strip())
                case = job.case(Kind.OUTPUT, step.id, number) if command.output.strip() else None
                printed(job, trial, step, command, case)
            verdict = bench.judge(trial, step)
            job.disturbed(job.scenario, step, verdict)
            case = job.case(Kind.SOLUTION, step.id, 2)
            if verdict.passed:
                job.say(case, Status.PROVEN, verdict.message, trial, seen=told(verdict))
                continue
            job.say(
                case,
                Status.FAILED,
                "who types all that the step shows, and then its solution, does not pass",
                trial,
                expected="passed",
                seen=told(verdict),
            )
            break
    stopped(job, finished)


def printed(job: Job, trial: Trial, step: Step, command: Command, case: Case | None) -> None:
    """Type one command; whether what comes is what the lesson shows."""
    bench = job.bench
    shown, varies = command.output, source.varying(job.lesson)[step.id]

    def enough(text: str) -> bool:
        return bool(shown.strip()) and outputs.missing(shown, text, varies) is None

    bad = bench.type(trial, step, (command,), enough=enough)
    if case is None:
        return
    entry = trial.terminal.entries[-1]
    absent = outputs.missing(shown, entry.output, varies)
    if absent is None and bad is None:
        ended = "it ends with Ctrl-C" if entry.ending is Ending.SHOWN else "it comes"
        job.say(case, Status.PROVEN, ended, trial)
        return
    problem = typed_badly(bad, bench)
    job.say(
        case,
        Status.FAILED,
        problem or f'what the lesson shows does not come: "{absent}"',
        trial,
        expected=shown,
        seen=entry.output or "nothing",
    )
