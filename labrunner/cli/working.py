"""What a learner types in a running lab, step by step."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labrunner import words
from labrunner.cli import place, ui
from labrunner.cli.options import Json, Named, StepArgument
from labrunner.errors import UsageError
from labrunner.words import tr

if TYPE_CHECKING:
    from labrunner.model.lesson import Lesson, Step
    from labrunner.session import OpenLab
    from labrunner.steps import Checked

NOT_YET = 1
AT_FAULT = 3


def add_to(app: typer.Typer) -> None:
    """Add the commands, in the order in which a learner meets them."""
    for command in (lesson, check, hint, solve):
        app.command()(command)
    app.command("map")(map_reach)


def lesson(
    step: StepArgument = None,
    *,
    name: Named = None,
    language: Annotated[str | None, typer.Option("--lang", help="Language.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole lesson.")] = False,
) -> None:
    """Read the lesson: the current step, another one, or all of it."""
    from labrunner.cli import render

    found, current = _lesson(name, language)
    words.speak(found.language, found.path.parent)
    console = ui.console()
    total = len(found.steps)
    if everything:
        render.render_intro(found, console)
    chosen = found.steps if everything else (_chosen(found, step, current),)
    for each in chosen:
        render.render_step(found, each, console, found.steps.index(each) + 1, total)


def _lesson(name: str | None, language: str | None) -> tuple[Lesson, str]:
    """The lesson of a running lab, or of a scenario that was named; and the current step's id."""
    from labrunner import plugins
    from labrunner.session import lesson_of, open_lab, open_store

    store = open_store()
    try:
        lab = open_lab(store, name)
    except UsageError:
        if name is None:
            raise
        return lesson_of(plugins.find(name), language or "en"), ""
    if language and language != lab.record.language:
        store.set_language(lab.record.id, language)
        return lesson_of(lab.scenario, language), lab.record.step
    # who has done everything was last at the last one
    return lab.lesson, lab.record.step or lab.lesson.steps[-1].id


def _chosen(found: Lesson, wanted: str | None, current: str) -> Step:
    from labrunner.session import find_step

    return find_step(found, wanted or current or found.steps[0].id)


def check(step: StepArgument = None, *, name: Named = None, as_json: Json = False) -> None:
    """See whether a step is done: expected against seen."""
    from labrunner import steps
    from labrunner.model.verdict import Outcome
    from labrunner.session import at_work_on

    lab = _open(name)
    wanted = lab.find_step(step)
    with (
        ui.waiting(tr("Checking: {1}", wanted.title), quiet=as_json),
        at_work_on(lab),
        _engine_knows(lab),
    ):
        checked = steps.check(lab, wanted)
    if as_json:
        ui.say_json(_checked(checked))
    else:
        _show_checked(lab, checked)
    if checked.moved:
        place.arrived(lab)
    if checked.verdict.outcome is Outcome.ERROR:
        raise typer.Exit(AT_FAULT)
    if not checked.verdict.passed:
        raise typer.Exit(NOT_YET)


def _checked(checked: Checked) -> dict[str, Any]:
    return {
        "step": checked.step.id,
        "verdict": checked.verdict,
        "seconds": round(checked.seconds, 3),
        "next": checked.following.id if checked.following else None,
    }


def _show_checked(lab: OpenLab, checked: Checked) -> None:
    from labrunner import telling

    step, total = checked.step, len(lab.lesson.steps)
    ui.verdict(checked.verdict, title=telling.title(step, lab.number(step.id), total))
    for line in telling.problems(checked.problems):
        ui.note(ui.wrap(line.text, line.indent))
    if checked.moved:
        ui.say()
        place.show_step(lab, checked.following)
    else:
        ui.tell(telling.advice(checked.verdict.outcome))


def hint(step: StepArgument = None, *, name: Named = None, as_json: Json = False) -> None:
    """Get the next hint of a step."""
    from labrunner import steps

    lab = _open(name)
    wanted = lab.find_step(step)
    given = steps.hint(lab, wanted)
    if as_json:
        ui.say_json({"step": wanted.id, "hint": given})
        return
    from labrunner import telling
    from labrunner.cli import render

    ui.tell([telling.hint_title(given.number, given.total, wanted)])
    render.render_markdown(given.text, ui.console())
    if given.number == given.total:
        ui.say(ui.wrap(tr("\nThat was the last one. lab solve --show shows the solution.")))


def solve(
    step: StepArgument = None,
    *,
    show: Annotated[bool, typer.Option("--show", help="Only show it.")] = False,
    name: Named = None,
    as_json: Json = False,
) -> None:
    """Have the solution typed for you, or only shown."""
    from labrunner import steps
    from labrunner.session import at_work_on

    lab = _open(name)
    wanted = lab.find_step(step)
    if show:
        _show_solution(wanted, as_json=as_json)
        return

    def echo(event: Any) -> None:
        if event.what == "command" and event.state == "started" and not as_json:
            ui.say(ui.paint(f"$ {event.name}", "1"))
            sys.stdout.flush()

    def output(line: str) -> None:
        if not as_json:
            ui.say(line)
            sys.stdout.flush()

    with at_work_on(lab), _engine_knows(lab):
        solved = steps.solve(lab, wanted, on_event=echo, on_output=output)
    if as_json:
        typed = [{"command": t.command.text, "exit_code": t.code} for t in solved.typed]
        ui.say_json({"typed": typed, **_checked(solved.checked)})
    else:
        ui.say()
        _show_checked(lab, solved.checked)
    if solved.checked.moved:
        place.arrived(lab)
    if not solved.checked.verdict.passed:
        raise typer.Exit(AT_FAULT)


def _show_solution(step: Step, *, as_json: bool) -> None:
    if as_json:
        commands = [command.text for command in step.commands]
        ui.say_json({"step": step.id, "commands": commands, "markdown": step.solution})
        return
    from labrunner.cli import render

    render.render_markdown(step.solution, ui.console())


def map_reach(
    *,
    diff: Annotated[
        bool, typer.Option("--diff", help="Also say what changed since the last map.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="last|step|lab", help="The same, since another moment."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Measure again whenever something changes.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="UDP, ping, published ports and the way out, too.")
    ] = False,
    svg: Annotated[
        bool, typer.Option("--svg", help="Draw networks and containers, as an SVG file.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", help="The file that the drawing goes to.")
    ] = None,
    name: Named = None,
    as_json: Json = False,
) -> None:
    """Measure who can reach whom, and show it; or draw who is on which network."""
    from labrunner.cli import map as maps

    wanted = maps.Wanted(
        maps.point(since, diff=diff), everything=everything, as_json=as_json, output=output
    )
    maps.refuse(wanted, svg=svg, watch=watch)
    try:
        lab = _open(name)
    except UsageError:
        if name is None or not svg:
            raise
        maps.draw_plan(name, output)
        return
    if as_json:
        words.speak(words.ENGLISH)
    act = maps.draw_lab if svg else maps.watch if watch else maps.show
    with _engine_knows(lab):
        act(lab, wanted)


def _open(name: str | None) -> OpenLab:
    from labrunner.session import open_lab, open_store

    lab = open_lab(open_store(), name)
    words.speak(lab.lesson.language, lab.scenario.content)
    return lab


def _engine_knows(lab: OpenLab) -> Any:
    from labrunner.standing import engine_knows

    return engine_knows(lab)
