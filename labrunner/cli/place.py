"""Where a learner stands: the step, and the two things to type next."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from labrunner import words
from labrunner.cli import ui
from labrunner.errors import LabError
from labrunner.words import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labrunner.model.lesson import Step
    from labrunner.model.scenario import Scenario
    from labrunner.session import OpenLab
    from labrunner.store import LabRecord


def speak(scenario: Scenario, language: str) -> None:
    """From now on, say everything in this language, where the scenario's lesson has it."""
    if language == words.ENGLISH:
        return
    from labrunner.session import lesson_of

    words.speak(lesson_of(scenario, language).language, scenario.content)


def speak_for(records: Sequence[LabRecord]) -> None:
    """Speak the language of these labs, where they have one and the same."""
    languages = {record.language for record in records}
    if len(languages) == 1 and languages != {words.ENGLISH}:
        from labrunner import plugins

        # without its plugin a lab can be ended all the same, in English then
        with suppress(LabError):
            speak(plugins.find(records[0].scenario), records[0].language)


def prepare(scenario: Scenario, language: str) -> None:
    """Go once through all that showing a lesson's beginning takes, and show nothing.

    Whatever it loads and works out is there when the lesson is shown.
    """
    from io import StringIO

    from rich.console import Console

    from labrunner.cli import render
    from labrunner.reach import picture
    from labrunner.session import lesson_of

    # what is wrong with a lesson is said by who shows it
    with suppress(Exception):
        lesson = lesson_of(scenario, language)
        nowhere = Console(file=StringIO(), width=ui.width())
        render.render_intro(lesson, nowhere)
        picture.words(picture.of_scenario(scenario))
        render.render_step(lesson, lesson.steps[0], nowhere, 1, len(lesson.steps))


def show(lab: OpenLab, *, as_json: bool) -> None:
    """Show the current step of a lab that was just started or is gone on with."""
    words.speak(lab.lesson.language, lab.scenario.content)
    step = lab.step
    if as_json:
        ui.say_json(
            {
                "lab": lab.record.id,
                "scenario": lab.scenario.name,
                "host": lab.record.host,
                "step": step.id if step else None,
                "docker_host": lab.host.docker_host,
            }
        )
        return
    if step is not None and step is lab.lesson.steps[0]:
        from labrunner.cli import render

        render.render_intro(lab.lesson, ui.console())
        _show_host(lab)
        ui.say()
    show_step(lab, step)


def _show_host(lab: OpenLab) -> None:
    """Say what belongs on the lab's host: its plan, in words; the measured is `lab map`'s."""
    from labrunner.reach import picture

    said = picture.words(picture.of_scenario(lab.scenario))
    if said:
        ui.say()
        ui.say(ui.wrap(tr("How it is meant to be (lab map measures how it is):")))
        for line in said:
            ui.say(ui.wrap(f"  {line}", "    "))


def show_step(lab: OpenLab, step: Step | None) -> None:
    """Show a step and what to type for it; or that none is left."""
    if step is None:
        ui.say(ui.wrap(tr("Every step is done. lab stop ends the lab; lab list shows others.")))
        return
    from labrunner.cli import render

    total = len(lab.lesson.steps)
    render.render_step(lab.lesson, step, ui.console(), lab.number(step.id), total)
    ui.say()
    for line in (
        tr("lab shell   work in the lab (docker means the lab there)"),
        tr("lab check   see whether the step is done; lab hint helps"),
    ):
        ui.say(ui.wrap(line, " " * len("lab shell   ")))


def arrived(lab: OpenLab) -> None:
    """A step begins: have it measured beside the learner's work, to compare with later."""
    from labrunner.reach import keeping

    keeping.begin(lab)
