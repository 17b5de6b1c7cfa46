"""Every command, put together. Each module of this room holds one audience's commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from labrunner import __version__

if TYPE_CHECKING:
    from typer.models import CommandInfo

app = typer.Typer(
    name="lab",
    help="Learn container networking and container security by doing it.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:  # noqa: FBT001  typer calls it with the flag's value
    if wanted:
        print(f"labrunner {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Learn container networking and container security by doing it."""
    # the version option is acted on by its callback
    del version


def _add_commands() -> None:
    """Put the audiences together, in the order of the help text. None imports anything heavy."""
    from labrunner.cli import (
        author,
        author_tools,
        importer,
        learner,
        machine,
        web,
        website,
        working,
    )

    learner.add_to(app)
    working.add_to(app)
    learner.add_endings_to(app)
    web.add_to(app)
    for audience in (machine, author_tools, author, importer, website):
        audience.add_to(app)


_add_commands()


def keep(typed: str) -> None:
    """Leave out every command but the one that was typed: each costs half a millisecond.

    What is no command leaves all of them, for the help and for suggestions.
    """
    wanted = [c for c in app.registered_commands if _name(c) == typed]
    if wanted:
        app.registered_commands[:] = wanted
        app.registered_groups.clear()


def _name(command: CommandInfo) -> str:
    return command.name or getattr(command.callback, "__name__", "").replace("_", "-")
