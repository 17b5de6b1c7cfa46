"""Options and arguments that several commands take, with their completion."""

from __future__ import annotations

from typing import Annotated

import typer


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
