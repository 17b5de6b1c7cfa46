"""A learner's commands for labs as a whole: from choosing one to ending it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from labrunner.cli import place, ui
from labrunner.cli.options import Json, Named, lab_names
from labrunner.errors import LabError
from labrunner.words import count, tr

if TYPE_CHECKING:
    from labrunner.catalogue import Entry
    from labrunner.model.event import Event, OnEvent
    from labrunner.model.scenario import Scenario


def add_to(app: typer.Typer) -> None:
    """Add the commands that come before work in a lab begins."""
    app.command("list")(list_labs)
    app.command()(start)


def add_endings_to(app: typer.Typer) -> None:
    """Add the commands that look back at a lab or end it."""
    for command in (status, reset, stop):
        app.command()(command)


def list_labs(*, as_json: Json = False) -> None:
    """Show the labs there are."""
    from labrunner import catalogue

    found = catalogue.load()
    if as_json:
        ui.say_json({"labs": found.entries, "problems": found.problems})
        return
    for entry in found.entries:
        ui.say(entry.name)
        stop = "" if entry.title.endswith(("?", "!", ".")) else "."
        ui.say(ui.wrap(f"  {entry.title}{stop} {entry.summary}", "  "))
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
        place.show(open_lab(store, name), as_json=as_json)
        return
    scenario = plugins.find(name)
    limits = _limits(scenario.limits, memory=memory, cpus=cpus, processes=processes, disk=disk)
    options = labs.StartOptions(host=host, language=language, at=at, limits=limits)
    place.speak(scenario, language)
    containers = count(len(scenario.containers), "container", "containers")
    networks = count(len(scenario.networks), "network", "networks")
    title = tr("Starting {1}: {2}, {3}", name, containers, networks)
    with ui.Progress(title, quiet=as_json) as progress:
        follow = progress if as_json else _preparing(progress, scenario, language)
        opened = labs.start(store, name, options, on_event=follow)
    place.show(opened, as_json=as_json)
    place.arrived(opened)


def _preparing(progress: OnEvent, scenario: Scenario, language: str) -> OnEvent:
    """Hand events on; at the first one, prepare to show the lesson.

    By then the engine is at work, and nothing of ours waits for what this takes.
    """
    begun: list[Event] = []

    def follow(event: Event) -> None:
        progress(event)
        begun.append(event)
        if begun[0] is event:
            import threading

            threading.Thread(target=place.prepare, args=(scenario, language), daemon=True).start()

    return follow


def _all_gone(name: str) -> bool:
    from labrunner import lab as labs
    from labrunner.session import open_store

    return all(labs.is_gone(record) for record in open_store().labs(scenario=name))


def _limits(limits: Any, **wanted: Any) -> Any:
    """The scenario's limits, with what the learner said instead."""
    from dataclasses import replace

    return replace(limits, **{k: v for k, v in wanted.items() if v is not None})


def status(*, name: Named = None, as_json: Json = False) -> None:
    """Show the running labs and how far you are."""
    from labrunner.cli import report
    from labrunner.session import open_store, pick
    from labrunner.standing import standing

    store = open_store()
    records = [pick(store, name)] if name else store.labs()
    rows = [standing(store, record) for record in records]
    if as_json:
        ui.say_json(rows)
        return
    if not rows:
        ui.say("No lab is running. lab list shows what there is; lab start NAME starts one.")
    for row, record in zip(rows, records, strict=True):
        place.speak_for([record])
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
    place.speak_for([record])
    with ui.Progress(tr("Resetting {1}", record.scenario), quiet=as_json) as progress:
        opened = labs.reset(store, record, keep_step=step, on_event=progress)
    place.show(opened, as_json=as_json)
    place.arrived(opened)


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
    stopped: list[str] = []
    failed: LabError | None = None
    place.speak_for(records)
    with ui.Progress(tr("Stopping"), quiet=as_json) as progress:
        for record in records:
            try:
                labs.stop(store, record, on_event=progress)
                stopped.append(record.id)
            except LabError as error:
                if not everything:
                    raise
                ui.note(f"{record.scenario}: {error.message}")
                failed = error
    if as_json:
        ui.say_json({"stopped": stopped})
    elif failed is None:
        names = ", ".join(record.scenario for record in records) or tr("nothing was running")
        ui.say(tr("Stopped: {1}. Nothing of it is left on the engine.", names))
    if failed is not None:
        raise failed
