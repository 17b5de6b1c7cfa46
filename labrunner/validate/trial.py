"""Labs that are brought to the start of a step, in which one wrong thing is done."""

from __future__ import annotations

from labrunner.model.lesson import Step
from labrunner.model.verdict import Outcome
from labrunner.validate import source
from labrunner.validate.bench import Trial
from labrunner.validate.job import RED, Job, stopped, told, typed_badly
from labrunner.validate.mutate import mutants
from labrunner.validate.proof import Case, Kind, Status


def trial(job: Job) -> None:
    """At the start of a step: the replay, and one wrong answer."""
    group, bench = job.group, job.bench
    step = job.lesson.step(group.step)
    at = "" if step is job.lesson.steps[0] else step.id
    with bench.lab(group.scenario, at, group.seed) as tried:
        finished = tried
        job.say(None, Status.PROVEN, "", tried)
        for case in group.cases:
            if case.kind is Kind.REPLAY:
                replayed(job, tried, step, case)
            elif case.kind is Kind.TRAP:
                trapped(job, tried, step, case)
            elif case.kind is Kind.MUTATION:
                mutated(job, tried, step, case)
    stopped(job, finished)


def replayed(job: Job, tried: Trial, step: Step, case: Case) -> None:
    """The lab is at this step: earlier checks tell the truth, this and later ones are red."""
    told_before = dict(job.group.outcomes)
    wrong = []
    reached = False
    for each in job.lesson.steps:
        reached = reached or each.id == step.id
        verdict = job.bench.judge(tried, each)
        expected = "not passed" if reached else told_before.get(each.id, "a verdict")
        by_hand = expected in ("a verdict", verdict.outcome.value)
        fine = not verdict.passed if reached else by_hand
        if verdict.outcome is Outcome.ERROR or not fine:
            wrong.append(f"{each.id}: {told(verdict)}, expected {expected}")
    if wrong:
        job.say(
            case,
            Status.FAILED,
            f"after --at {step.id}, checks say something else than when it was reached by hand",
            tried,
            expected="earlier checks as when typed, this step and later ones not passed",
            seen="; ".join(wrong),
        )
    else:
        job.say(case, Status.PROVEN, "reached, and every check tells the truth", tried)


def trapped(job: Job, tried: Trial, step: Step, case: Case) -> None:
    """A known mistake: red, with its own message."""
    trap = step.traps[case.number - 1]
    bad = job.bench.type(tried, step, trap.commands)
    verdict = job.bench.judge(tried, step)
    says = f"{verdict.message} {verdict.expected} {verdict.seen} {verdict.look}"
    expected = f'not_yet, with "{trap.message}" in what it says'
    problem = typed_badly(bad, job.bench)
    if verdict.outcome in RED and trap.message in says and not problem:
        job.say(case, Status.PROVEN, verdict.message, tried, seen=told(verdict))
        return
    message = (
        "the trap passes the check"
        if verdict.passed
        else f"the check itself fails: {verdict.message}"
        if verdict.outcome is Outcome.ERROR
        else problem or "the check is red, but not with the trap's message"
    )
    job.say(case, Status.FAILED, message, tried, expected=expected, seen=told(verdict))


def mutated(job: Job, tried: Trial, step: Step, case: Case) -> None:
    """A slip: this step's check is red, or that of a later step, once that is solved too."""
    mutant = mutants(job.scenario, job.lesson, step)[case.number - 1]
    job.bench.type(tried, step, mutant.commands)
    verdict = job.bench.judge(tried, step)
    expected = "some check red"
    if verdict.outcome in RED:
        job.say(case, Status.PROVEN, f"noticed: {verdict.message}", tried, seen=told(verdict))
        return
    if verdict.outcome is Outcome.ERROR:
        message = f"the check itself fails: {verdict.message}"
        job.say(case, Status.FAILED, message, tried, expected=expected, seen=told(verdict))
        return
    index = job.lesson.steps.index(step)
    for later in job.lesson.steps[index + 1 :]:
        job.bench.type(tried, later, later.commands)
        found = job.bench.judge(tried, later)
        if not found.passed:
            message = f"noticed by the check of {later.id}: {found.message}"
            job.say(case, Status.PROVEN, message, tried, seen=told(found))
            return
    reasons = [
        e.reason
        for e in source.explanations(job.lesson)
        if e.step == step.id and e.part in mutant.name
    ]
    job.say(
        case,
        Status.SURVIVED,
        "no check notices",
        tried,
        expected=expected,
        seen=told(verdict),
        explained=reasons[0] if reasons else "",
    )
