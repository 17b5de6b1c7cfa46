"""What can be done in a lab: checks and hints at once, what takes long as a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner import words
from labrunner.errors import LabError
from labrunner.reach import keeping
from labrunner.session import find_step, lesson_of, locked
from labrunner.web.labs import record_of
from labrunner.web.opening import lab_of, opened, scenario_of
from labrunner.web.threads import store

if TYPE_CHECKING:
    from labrunner.session import OpenLab
    from labrunner.steps import Checked
    from labrunner.web.server import Server
    from labrunner.web.tasks import Task


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
