"""The learner's commands: from choosing a lab to ending it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labrunner.cli import ui
from labrunner.errors import LabError, UsageError

if TYPE_CHECKING:
    from labrunner.catalogue import Entry
    from labrunner.model import Lesson, Step
    from labrunner.session import OpenLab
    from labrunner.steps import Checked

NOT_YET = 1
AT_FAULT = 3


def lab_names(incomplete: str) -> list[str]:
    """Names for the shell's completion."""
    from labrunner import catalogue

    return [e.name for e in catalogue.load().entries if e.name.startswith(incomplete)]


Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Named = Annotated[
    str | None,
    typer.Option("--lab", help="Which lab, where several run.", autocompletion=lab_names),
]
StepArgument = Annotated[
    str | None, typer.Argument(metavar="[STEP]", help="A step's id or number; default: this one.")
]


def add_to(app: typer.Typer) -> None:
    """Add this audience's commands, in the order in which a learner meets them."""
    app.command("list")(list_labs)
    for command in (start, lesson, check, hint, solve, map_reach, status, reset, stop):
        app.command(command.__name__.split("_")[0])(command)


# --- choosing and starting ----------------------------------------------------------------


def list_labs(*, as_json: Json = False) -> None:
    """Show the labs there are."""
    from labrunner import catalogue

    found = catalogue.load()
    if as_json:
        ui.say_json({"labs": found.entries, "problems": found.problems})
        return
    for entry in found.entries:
        ui.say(entry.name)
        ui.say(ui.wrap(f"  {entry.title}. {entry.summary}", "  "))
        ui.say(f"  {_facts(entry)}")
    for problem in found.problems:
        where = f"{problem.where}: " if problem.where else ""
        ui.note(ui.wrap(f"broken: {problem.source}: {where}{problem.message}", "  "))
    ui.note("\nlab start NAME starts one." if found.entries else "There are no labs.")


def _facts(entry: Entry) -> str:
    languages = f", in {', '.join(entry.languages)}" if len(entry.languages) > 1 else ""
    return f"{entry.level}, about {entry.minutes} minutes{languages}"


def start(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=lab_names)],
    *,
    host: Annotated[
        str | None,
        typer.Option("--host", help="sandbox (an engine of its own) or local (yours as it is)."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Begin at this step; those before it are solved.")
    ] = None,
    language: Annotated[str, typer.Option("--lang", help="Language of the lesson.")] = "en",
    memory: Annotated[
        str | None, typer.Option("--memory", help="What a sandbox may use, such as 2g.")
    ] = None,
    cpus: Annotated[
        float | None, typer.Option("--cpus", min=0.1, help="Cores that a sandbox may use.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", min=200, help="Processes in a sandbox.")
    ] = None,
    disk: Annotated[
        str | None, typer.Option("--disk", help="What a sandbox may write, such as 1g.")
    ] = None,
    go_on: Annotated[
        bool, typer.Option("--continue", help="Where it runs already, show where you are.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start a lab: real containers on a host of their own."""
    from labrunner import lab as labs
    from labrunner import plugins
    from labrunner.session import open_lab, open_store

    store = open_store()
    if go_on and store.labs(scenario=name) and not _all_gone(name):
        _show_place(open_lab(store, name), as_json=as_json)
        return
    scenario = plugins.find(name)
    limits = _limits(scenario.limits, memory=memory, cpus=cpus, processes=processes, disk=disk)
    options = labs.StartOptions(host=host, language=language, at=at, limits=limits)
    containers = ui.count(len(scenario.containers), "container")
    networks = ui.count(len(scenario.networks), "network")
    title = f"Starting {name}: {containers}, {networks}"
    with ui.Progress(title, quiet=as_json) as progress:
        _prepare_to_show()
        opened = labs.start(store, name, options, on_event=progress)
    _show_place(opened, as_json=as_json)


def _prepare_to_show() -> None:
    """Load what renders a lesson while the engine is at work: it takes as long as a container."""
    import threading

    def load() -> None:
        import rich.console
        import rich.text

        from labrunner.cli import render

        del rich, render

    threading.Thread(target=load, daemon=True).start()


def _all_gone(name: str) -> bool:
    from labrunner import lab as labs
    from labrunner.session import open_store

    return all(labs.is_gone(record) for record in open_store().labs(scenario=name))


def _limits(limits: Any, **wanted: Any) -> Any:
    """The scenario's limits, with what the learner said instead."""
    from dataclasses import replace

    return replace(limits, **{k: v for k, v in wanted.items() if v is not None})


def _show_place(lab: OpenLab, *, as_json: bool) -> None:
    """Where the learner stands: the step, and the two things to type next."""
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
        ui.say()
    _show_step(lab, step)


def _show_step(lab: OpenLab, step: Step | None) -> None:
    if step is None:
        ui.say("Every step is done. lab stop ends the lab; lab list shows others.")
        return
    from labrunner.cli import render

    total = len(lab.lesson.steps)
    render.render_step(lab.lesson, step, ui.console(), lab.number(step.id), total)
    ui.say()
    ui.say("lab shell   work in the lab (docker means the lab there)")
    ui.say("lab check   see whether the step is done; lab hint helps")


# --- working ------------------------------------------------------------------------------


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
    return lab.lesson, lab.record.step


def _chosen(found: Lesson, wanted: str | None, current: str) -> Step:
    from labrunner.session import find_step

    return find_step(found, wanted or current or found.steps[0].id)


def check(step: StepArgument = None, *, name: Named = None, as_json: Json = False) -> None:
    """See whether a step is done: what was expected, and what was seen."""
    from labrunner import steps
    from labrunner.model import Outcome
    from labrunner.session import locked

    lab = _open(name)
    wanted = lab.find_step(step)
    with locked(lab.scenario.name), _engine_knows(lab):
        checked = steps.check(lab, wanted)
    if as_json:
        ui.say_json(_checked(checked))
    else:
        _show_checked(lab, checked)
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
    from labrunner.model import Outcome

    title = f"step {lab.number(checked.step.id)}/{len(lab.lesson.steps)} {checked.step.title}"
    ui.verdict(checked.verdict, title=title)
    for problem in checked.problems:
        ui.note(ui.wrap(f"  a plugin failed: {problem}", "  "))
    if checked.moved:
        ui.say()
        _show_step(lab, checked.following)
    elif checked.verdict.outcome is Outcome.NOT_YET:
        ui.say("  lab hint gives a hint.")
    elif checked.verdict.outcome is Outcome.RUINED:
        ui.say("  lab reset --step brings you back to the start of this step.")
    elif checked.verdict.outcome is Outcome.ERROR:
        ui.say("  This is the lab's fault, not yours. lab doctor looks further.")


def hint(step: StepArgument = None, *, name: Named = None, as_json: Json = False) -> None:
    """Get the next hint of a step."""
    from labrunner import steps

    lab = _open(name)
    wanted = lab.find_step(step)
    given = steps.hint(lab, wanted)
    if as_json:
        ui.say_json({"step": wanted.id, "hint": given})
        return
    from labrunner.cli import render

    ui.say(f"Hint {given.number} of {given.total} for {wanted.title}")
    render.render_markdown(given.text, ui.console())
    if given.number == given.total:
        ui.say("\nThat was the last one. lab solve --show shows the solution.")


def solve(
    step: StepArgument = None,
    *,
    show: Annotated[bool, typer.Option("--show", help="Only show it.")] = False,
    name: Named = None,
    as_json: Json = False,
) -> None:
    """Have the solution typed for you, or only shown."""
    from labrunner import steps
    from labrunner.session import locked

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

    with locked(lab.scenario.name), _engine_knows(lab):
        solved = steps.solve(lab, wanted, on_event=echo, on_output=output)
    if as_json:
        typed = [{"command": t.command.text, "exit_code": t.code} for t in solved.typed]
        ui.say_json({"typed": typed, **_checked(solved.checked)})
    else:
        ui.say()
        _show_checked(lab, solved.checked)
    if not solved.checked.verdict.passed:
        raise typer.Exit(AT_FAULT)


def _show_solution(step: Step, *, as_json: bool) -> None:
    if as_json:
        commands = [command.text for command in step.commands]
        ui.say_json({"step": step.id, "commands": commands, "markdown": step.solution})
        return
    from labrunner.cli import render

    render.render_markdown(step.solution, ui.console())


def map_reach(*, name: Named = None, as_json: Json = False) -> None:
    """Measure who can reach whom, and show it."""
    from labrunner.cli import map as reach_map

    lab = _open(name)
    with _engine_knows(lab):
        found = lab.view.reach()
    if as_json:
        ui.say_json(reach_map.to_json(found))
    else:
        reach_map.show(found)


# --- knowing, resetting, ending -----------------------------------------------------------


def status(*, name: Named = None, as_json: Json = False) -> None:
    """Show the running labs and how far you are."""
    from labrunner.cli import report
    from labrunner.session import open_store, pick

    store = open_store()
    records = [pick(store, name)] if name else store.labs()
    rows = [report.standing(store, record) for record in records]
    if as_json:
        ui.say_json(rows)
        return
    if not rows:
        ui.say("No lab is running. lab list shows what there is; lab start NAME starts one.")
    for row in rows:
        report.show(row)


def reset(
    *,
    step: Annotated[
        bool, typer.Option("--step", help="Back to the start of this step, not of the lab.")
    ] = False,
    name: Named = None,
    as_json: Json = False,
) -> None:
    """Make the lab anew, and begin again."""
    from labrunner import lab as labs
    from labrunner.session import open_store, pick

    store = open_store()
    record = pick(store, name)
    with ui.Progress(f"Resetting {record.scenario}", quiet=as_json) as progress:
        opened = labs.reset(store, record, keep_step=step, on_event=progress)
    _show_place(opened, as_json=as_json)


def stop(
    lab: Annotated[str | None, typer.Argument(metavar="[NAME]", autocompletion=lab_names)] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every running lab.")] = False,
    name: Named = None,
    as_json: Json = False,
) -> None:
    """End a lab and remove everything of it."""
    from labrunner import lab as labs
    from labrunner.session import open_store, pick

    store = open_store()
    records = store.labs() if everything else [pick(store, lab or name)]
    failed: LabError | None = None
    with ui.Progress("Stopping", quiet=as_json) as progress:
        for record in records:
            try:
                labs.stop(store, record, on_event=progress)
            except LabError as error:
                if not everything:
                    raise
                ui.note(f"{record.scenario}: {error.message}")
                failed = error
    if as_json:
        ui.say_json({"stopped": [record.id for record in records]})
    elif failed is None:
        names = ", ".join(record.scenario for record in records) or "nothing was running"
        ui.say(f"Stopped: {names}. Nothing of it is left on the engine.")
    if failed is not None:
        raise failed


# --- shared -------------------------------------------------------------------------------


def _open(name: str | None) -> OpenLab:
    from labrunner.session import open_lab, open_store

    return open_lab(open_store(), name)


def _engine_knows(lab: OpenLab) -> Any:
    from labrunner.cli.report import engine_knows

    return engine_knows(lab)
