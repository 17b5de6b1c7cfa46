"""Commands for authors: a scenario is proven before it is taught."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labrunner.cli import ui
from labrunner.cli.options import lab_names

if TYPE_CHECKING:
    from labrunner.validate.proof import Result
    from labrunner.validate.run import Standing

UNPROVEN = 1
SILENCE = 5.0
"""Seconds after which a pipe hears that the work goes on."""


def add_to(app: typer.Typer) -> None:
    """Add this audience's commands."""
    app.command("validate")(validate)


def validate(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", autocompletion=lab_names),
    ] = None,
    *,
    jobs: Annotated[int, typer.Option(min=1, help="Labs at work at once.")] = 1,
    seed: Annotated[int | None, typer.Option(help="What orders and labs come from.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="A step or a kind of case (step:trap, kind:trap); may be repeated."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Untouched, solution, stop.")] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, help="So many traps and slips of each step.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave a failed lab running.")] = False,
    repeat: Annotated[int, typer.Option(min=1, help="Find what differs between runs.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after a cut.")] = False,
    host: Annotated[str | None, typer.Option(help="sandbox or local.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write it as JSON.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML, for CI.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report to read.")] = None,
) -> None:
    """Prove scenarios: every step, trap and solution, and slips that no check may miss."""
    from labrunner.validate import report, run

    options = run.Options(
        jobs=jobs,
        seed=seed,
        only=tuple(word for each in only or () for word in each.replace(",", " ").split()),
        quick=quick,
        sample=sample,
        keep=keep,
        repeat=repeat,
        resume=resume,
        host=host,
    )
    with closing(_Watch()) as watch:
        proof = run.validate(names or (), options, watch.result, watch.standing)
    for path, text in (
        (json_file, report.to_json),
        (junit, report.junit_xml),
        (html, report.html),
    ):
        if path is not None:
            path.write_text(text(proof), encoding="utf-8")
    ui.say(report.text(proof, ui.width()))
    if not proof.fine:
        raise typer.Exit(UNPROVEN)


class _Watch:
    """What is seen while it works: a line for each result, and what is being tried."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._silence = ui.Silence(SILENCE, at_once=True)

    def result(self, result: Result) -> None:
        """Show a result as it comes."""
        self.close()
        self._silence.end()
        from labrunner.validate import report

        line = report.line(result, ui.width())
        ui.note(line if result.fine else ui.paint(line, "31", sys.stderr))

    def standing(self, standing: Standing) -> None:
        """Show how far it is: a line that is written over, or one now and then in a pipe."""
        line = f"{standing.done} of {standing.total}: {'; '.join(standing.acts)}"
        line = " ".join(line.split())
        if self._terminal:
            self.close()
            sys.stderr.write(line[: ui.width() - 1])
            sys.stderr.flush()
        elif self._silence.too_long():
            ui.note(f"          at work: {line}")

    def close(self) -> None:
        """Leave a clean line."""
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
