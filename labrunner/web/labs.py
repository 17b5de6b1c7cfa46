"""What a page is told of labs: the list, and one lab with its lesson and how it stands.

Everything here runs in threads and speaks the learner's language.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from labrunner import words
from labrunner.errors import LabError, UsageError
from labrunner.session import lesson_of
from labrunner.web.opening import scenario_of
from labrunner.web.threads import store
from labrunner.web.watching import is_locked

if TYPE_CHECKING:
    from labrunner.model.lesson import Lesson, Step
    from labrunner.model.scenario import Scenario
    from labrunner.store import LabRecord
    from labrunner.web.server import Server
    from labrunner.web.tasks import Task

DOING = {"start": "starting", "stop": "stopping", "reset": "resetting"}
"""By what is being done to a lab: how it stands."""
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{1,8})*")


def language_of(asked: str | None) -> str | None:
    """A language that was asked for.

    Raises:
        UsageError: it is none.
    """
    if asked and not _LANGUAGE.fullmatch(asked):
        raise UsageError(f"there is no language {asked[:20]!r}")
    return asked or None


def record_of(name: str) -> LabRecord | None:
    """The running lab of a scenario."""
    return next(iter(store().labs(scenario=name)), None)


def sentences(language: str) -> dict[str, Any]:
    """The runner's and the page's own sentences in a language."""
    table: dict[str, str] = {}
    if language != words.ENGLISH:
        for file in words.files(language):
            for part in ("runner", "words", "page"):
                if part in _parts(file):
                    table |= words.read(file, part)
    return {"language": language, "words": table}


def _parts(file: Any) -> set[str]:
    import tomllib

    return set(tomllib.loads(file.read_text("utf-8")))


def catalogue(server: Server) -> dict[str, Any]:
    """Every lab there is, and how those stand that run; asks no engine."""
    from labrunner import catalogue as labs

    found = labs.load()
    records = {record.scenario: record for record in store().labs()}
    return {
        "labs": [
            {
                **asdict(entry),
                "hosts": list(_hosts(entry.name)),
                "running": standing(server, entry.name, records.get(entry.name)),
            }
            for entry in found.entries
        ],
        "problems": [
            {"source": one.source, "message": one.message, "where": one.where}
            for one in found.problems
        ],
    }


def _hosts(name: str) -> tuple[str, ...]:
    try:
        return scenario_of(name).hosts
    except LabError:
        return ()


def standing(server: Server, name: str, record: LabRecord | None) -> dict[str, Any] | None:
    """How a lab stands; ``None`` where it does not run and nothing is being done to it."""
    task = server.tasks.of(name)
    doing = DOING.get(task.act) if task else None
    if record is None:
        return _without_record(task, doing) if task and doing else None
    step, number, total = record.step or None, 0, 0
    try:
        lesson = lesson_of(scenario_of(record.scenario), record.language)
    except LabError:
        pass  # its plugin is gone: it can be stopped all the same
    else:
        ids = [one.id for one in lesson.steps]
        total, number = len(ids), ids.index(record.step) + 1 if record.step in ids else 0
    watch = server.watching.engine(name)
    seen = watch.seen if watch is not None and watch.record.id == record.id else "unknown"
    return {
        "id": record.id,
        "host": record.host,
        "language": record.language,
        "step": step,
        "number": number,
        "steps": total,
        "passed": sorted(store().passed_steps(record.id)),
        "attempts": store().shown_so_far(record.id)[0],
        "started": record.created,
        "engine": seen,
        "state": doing or ("gone" if seen == "gone" or _given_up(record) else record.state),
        "task": task.id if task else None,
    }


def _given_up(record: LabRecord) -> bool:
    """Whether somebody was starting it and is no more."""
    return record.state == "starting" and not is_locked(record.scenario)


def _without_record(task: Task, doing: str) -> dict[str, Any]:
    """How a lab stands that is not written down yet, or not any more."""
    return {
        "id": "",
        "host": "",
        "language": task.spoken.language,
        "step": None,
        "number": 0,
        "steps": 0,
        "passed": [],
        "attempts": 0,
        "started": task.begun,
        "engine": "unknown",
        "state": doing,
        "task": task.id,
    }


def one(server: Server, name: str, asked: str | None) -> dict[str, Any]:
    """One lab with its lesson; also where it does not run."""
    from labrunner.lessons import html
    from labrunner.reach import picture

    scenario = scenario_of(name)
    record = record_of(name)
    language = asked or (record.language if record else words.ENGLISH)
    lesson = lesson_of(scenario, language)
    task = server.tasks.of(name)
    watch = server.watching.engine(name)
    known = watch.containers if watch and record and watch.record.id == record.id else None
    with words.speaking(lesson.language, scenario.content):
        drawn = picture.of_scenario(scenario)
        return {
            "name": name,
            "title": lesson.title,
            "level": lesson.level,
            "minutes": lesson.minutes,
            "summary": lesson.summary,
            "hosts": list(scenario.hosts),
            "languages": _languages(scenario),
            "language": lesson.language,
            "standing": standing(server, name, record),
            "intro": html.introduction(lesson),
            "steps": [_step(lesson, step, record) for step in lesson.steps],
            "containers": _containers(scenario, record, known),
            "plan": {
                "svg": picture.svg(drawn, ident="plan"),
                "words": "\n".join(picture.words(drawn)),
            },
            "tasks": [_task(task)] if task else [],
        }


def _containers(
    scenario: Scenario, record: LabRecord | None, known: tuple[str, ...] | None
) -> list[str]:
    """Those that run, as far as is known; on an engine with others, only the lab's own."""
    planned = [one.name for one in scenario.containers]
    if record is None or known is None:
        return planned
    own = {*planned, *scenario.owns.containers}
    return [name for name in known if record.host == "sandbox" or name in own]


def _languages(scenario: Scenario) -> list[str]:
    from labrunner.lessons import frontmatter

    return list(frontmatter.languages(scenario.content)) if scenario.content else []


def _task(task: Task) -> dict[str, Any]:
    return {"task": task.id, "act": task.act, "events": list(task.events.values())}


def _step(lesson: Lesson, step: Step, record: LabRecord | None) -> dict[str, Any]:
    from labrunner.lessons import html

    shown, passed, attempts = 0, False, 0
    if record is not None:
        shown = store().hints_shown(record.id, step.id)
        tried = [a for a in store().attempts(record.id) if a.step == step.id]
        passed, attempts = any(a.outcome == "passed" for a in tried), len(tried)
    return {
        "id": step.id,
        "title": step.title,
        "number": lesson.steps.index(step) + 1,
        "html": html.blocks(step.body),
        "hints": {
            "total": len(step.hints),
            "shown": [html.blocks(text) for text in step.hints[:shown]],
        },
        "passed": passed,
        "attempts": attempts,
    }
