"""What a page is told of labs: the list, one lab with its lesson, and what can be done in it.

Everything here runs in threads and speaks the learner's language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner import words
from labrunner.errors import LabError, UsageError
from labrunner.reach import keeping
from labrunner.session import find_step, lesson_of, locked
from labrunner.web.opening import lab_of, opened, scenario_of
from labrunner.web.threads import store
from labrunner.web.watching import is_locked

if TYPE_CHECKING:
    from labrunner.model.lesson import Lesson, Step
    from labrunner.model.scenario import Scenario
    from labrunner.session import OpenLab
    from labrunner.steps import Checked
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


# --- looking ------------------------------------------------------------------------------


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


# --- doing --------------------------------------------------------------------------------


@contextmanager
def speaking_about(name: str, language: str | None = None) -> Iterator[None]:
    """Speak the language in which a lab is read, also of what goes wrong."""
    record = record_of(name)
    found, content = _spoken(name, language or (record.language if record else words.ENGLISH))
    with words.speaking(found, content):
        try:
            yield
        except LabError as error:
            error.message, error.hint = words.of(error.message), words.of(error.hint)
            raise


def check(server: Server, name: str, wanted: str | None) -> dict[str, Any]:
    """Check a step."""
    from labrunner import steps

    with speaking_about(name):
        server.tasks.refuse(name)
        step = lab_of(name).find_step(wanted)
        with locked(name), opened(name) as lab:
            done = steps.check(lab, lab.find_step(step.id))
            if done.moved:
                keeping.begin(lab)
            return checked(lab, done)


def checked(lab: OpenLab, found: Checked) -> dict[str, Any]:
    """What a check said, with the lines that the terminal would print."""
    from labrunner import telling

    verdict, step = found.verdict, found.step
    title = telling.title(step, lab.number(step.id), len(lab.lesson.steps))
    lines = [*telling.verdict(verdict, title=title), *telling.problems(found.problems)]
    if not found.moved:
        lines += telling.advice(verdict.outcome)
    return {
        "step": step.id,
        "outcome": verdict.outcome.value,
        "message": words.of(verdict.message),
        "expected": words.of(verdict.expected),
        "seen": words.of(verdict.seen),
        "look": verdict.look,
        "seconds": round(found.seconds, 3),
        "following": found.following.id if found.following else None,
        "moved": found.moved,
        "said": [line.text for line in lines],
    }


def hint(name: str, wanted: str | None) -> dict[str, Any]:
    """The next hint of a step."""
    from labrunner import steps
    from labrunner.lessons import html

    with speaking_about(name):
        lab = lab_of(name)
        given = steps.hint(lab, lab.find_step(wanted))
        return {"number": given.number, "total": given.total, "html": html.blocks(given.text)}


def solution(name: str, wanted: str | None, asked: str | None) -> dict[str, Any]:
    """The solution of a step; also of a lab that does not run."""
    from labrunner.lessons import html

    scenario = scenario_of(name)
    record = record_of(name)
    lesson = lesson_of(scenario, asked or (record.language if record else words.ENGLISH))
    step = find_step(lesson, wanted or (record.step if record else "") or lesson.steps[0].id)
    with words.speaking(lesson.language, scenario.content):
        commands = [command.text for command in step.commands]
        return {"step": step.id, "commands": commands, "html": html.blocks(step.solution)}


def set_language(name: str, language: str) -> dict[str, Any]:
    """Read the lesson in another language from now on."""
    lab = lab_of(name)
    found = lesson_of(lab.scenario, language).language
    store().set_language(lab.record.id, found)
    return {"language": found}


def begin(
    server: Server,
    name: str,
    act: str,
    language: str,
    work: Callable[[Task], dict[str, Any] | None],
) -> dict[str, Any]:
    """Begin something that takes long, where nobody else is at work on the lab.

    Raises:
        BusyError: somebody is.
    """
    from labrunner.lock import holding
    from labrunner.places import state_folder

    with speaking_about(name, language):
        server.tasks.refuse(name)
        with holding(state_folder() / "locks", name, patience=0.5):
            pass  # nobody is at work on it: what begins now takes the lock for itself
    found, content = _spoken(name, language)

    def speaking(task: Task) -> dict[str, Any] | None:
        with words.speaking(found, content) as task.spoken:
            return work(task)

    return {"task": server.tasks.begin(name, act, words.load(found, content), speaking).id}


def _spoken(name: str, language: str) -> tuple[str, Path | None]:
    """What is spoken about a lab; one whose plugin is gone can be stopped, in English."""
    try:
        scenario = scenario_of(name)
        return lesson_of(scenario, language).language, scenario.content
    except LabError:
        return words.ENGLISH, None


def start(
    server: Server, name: str, *, host: str | None, language: str, at: str | None
) -> dict[str, Any]:
    """Start a lab."""
    from labrunner import lab as labs
    from labrunner.engine import hosts

    scenario = scenario_of(name)
    hosts.choose(scenario, host)
    if at:
        find_step(lesson_of(scenario, language), at)

    def work(task: Task) -> dict[str, Any]:
        options = labs.StartOptions(host=host, language=language, at=at)
        opened_lab = labs.start(store(), name, options, on_event=task.on_event)
        keeping.begin(opened_lab)
        opened_lab.host.close()
        return {"id": opened_lab.record.id}

    return begin(server, name, "start", language, work)


def solve(server: Server, name: str, wanted: str | None) -> dict[str, Any]:
    """Have a step's solution typed."""
    from labrunner import steps

    lab = lab_of(name)
    step = lab.find_step(wanted)

    def work(task: Task) -> dict[str, Any]:
        with locked(name), opened(name) as mine:
            mine_step = mine.find_step(step.id)
            done = steps.solve(
                mine, mine_step, on_event=task.on_event, on_output=task.on_output, wake=task.wake
            )
            if done.checked.moved:
                keeping.begin(mine)
            typed = [{"command": t.command.text, "exit_code": t.code} for t in done.typed]
            return {"typed": typed, **checked(mine, done.checked)}

    return begin(server, name, "solve", lab.record.language, work)


def reset(server: Server, name: str, *, keep_step: bool) -> dict[str, Any]:
    """Make a lab anew."""
    from labrunner import lab as labs
    from labrunner.session import pick

    record = pick(store(), name)

    def work(task: Task) -> dict[str, Any]:
        again = labs.reset(
            store(), pick(store(), name), keep_step=keep_step, on_event=task.on_event
        )
        keeping.begin(again)
        again.host.close()
        return {"id": again.record.id}

    return begin(server, name, "reset", record.language, work)


def stop(server: Server, name: str) -> dict[str, Any]:
    """End a lab; one that is starting is called off."""
    from labrunner import lab as labs
    from labrunner.session import pick

    task = server.tasks.of(name)
    if task is not None and task.act == "start":
        return {"task": server.tasks.call_off(name).id}
    record = pick(store(), name)

    def work(task: Task) -> dict[str, Any]:
        labs.stop(store(), pick(store(), name), on_event=task.on_event)
        return {}

    return begin(server, name, "stop", record.language, work)
