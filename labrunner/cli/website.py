"""Commands about the site: ``lab site build``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labrunner.cli import ui
from labrunner.cli.options import Json

app = typer.Typer(
    help="Make a site of the labs, to read without labrunner.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(parent: typer.Typer) -> None:
    """Add this audience's commands."""
    parent.add_typer(app, name="site")


@app.callback()
def root() -> None:
    """Make a site of the labs, to read without labrunner."""


@app.command("build")
def build(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new or empty folder, or a site to replace.")
    ],
    *,
    base_url: Annotated[
        str, typer.Option("--base-url", help="Where the site will be: https://example.org/labs/")
    ] = "",
    as_json: Json = False,
) -> None:
    """Build the site of every lab there is; it needs no server and no network."""
    from labrunner.website.building import build as build_site

    with ui.Progress(f"Building the site in {folder}", quiet=as_json) as progress:
        site = build_site(folder, base_url, progress)
    if as_json:
        ui.say_json(site)
        return
    for problem in site.problems:
        ui.note(ui.wrap(f"left out: {problem.name or problem.source}: {problem.error()}", "  "))
        if problem.hint:
            ui.note(ui.wrap(f"  {problem.hint}", "  "))
    ui.say(f"{site.pages} pages about {len(site.labs)} labs. Open {site.folder / 'index.html'}")
