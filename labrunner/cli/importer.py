"""Commands that bring courses of other platforms: ``lab import killercoda``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labrunner.cli import ui
from labrunner.cli.options import Json

app = typer.Typer(
    help="Make scenario packages of courses from elsewhere.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(parent: typer.Typer) -> None:
    """Add this audience's commands."""
    parent.add_typer(app, name="import")


@app.callback()
def root() -> None:
    """Make scenario packages of courses from elsewhere."""


@app.command("killercoda")
def killercoda(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder that holds index.json.")
    ],
    *,
    into: Annotated[
        Path, typer.Option("--into", help="Where the package's own folder is made.")
    ] = Path(),
    as_json: Json = False,
) -> None:
    """Make a package of a Killercoda scenario, and say what could not be carried over.

    Nothing of the scenario is run.
    """
    from labrunner.killercoda import convert

    report = convert(folder, into)
    if as_json:
        ui.say_json(report)
        return
    for line in report.lines():
        ui.say(ui.wrap(line, "    "))
    ui.say()
    ui.say(f"Written to {report.folder}. Try it, and see what its checks prove:")
    ui.say(f"  export LABRUNNER_SCENARIOS={report.folder.absolute()}")
    ui.say(f"  lab start {report.name}")
    ui.say(f"  lab validate {report.name}")
