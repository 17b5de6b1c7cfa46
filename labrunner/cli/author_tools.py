"""What an author needs before anything runs: ``lab new``, ``lab lint`` and ``lab watch``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labrunner.cli import ui
from labrunner.words import count

if TYPE_CHECKING:
    from labrunner.lint.finding import Finding
    from labrunner.watch import Report

FOUND = 1


def add_to(app: typer.Typer) -> None:
    """Add this audience's commands."""
    for command in (new, lint, watch):
        app.command()(command)


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Words joined by hyphens: my-lab.")],
    *,
    into: Annotated[
        Path, typer.Option("--into", help="Folder that the new one goes into.")
    ] = Path(),
) -> None:
    """Begin a scenario of your own: a package with a lab that works."""
    from labrunner import scaffold

    folder = scaffold.create(name, into)
    shown = _short(str(folder))
    ui.say(f"{shown} holds a scenario that works. Change it, step by step:")
    rows = (
        (f"lab lint {shown}", "what can be seen to be wrong"),
        (f"lab watch {shown}", "the same on each saving, with the step as learners read it"),
        (f"pip install -e {shown}", "from then on every command knows it"),
        (f"lab start {name}", "play it"),
        (f"lab validate {name}", "prove it"),
    )
    for command, what in rows:
        ui.say(f"  {command:<{max(len(c) for c, _ in rows)}}  {what}")


def lint(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME|FOLDER]...", help="Default: every scenario."),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Say what is wrong with scenarios, as far as reading them tells."""
    from labrunner import lint as linting

    findings = linting.lint(names or ())
    open_ones = [finding for finding in findings if not finding.suppressed]
    if as_json:
        ui.say_json({"findings": findings})
    else:
        show(findings)
    if open_ones:
        raise typer.Exit(FOUND)


def show(findings: list[Finding]) -> None:
    """Findings for people: where, which rule, what, and how to mend it."""
    open_ones = [finding for finding in findings if not finding.suppressed]
    for finding in open_ones:
        ui.say(f"{_short(finding.where)}: {finding.rule}")
        ui.say(ui.wrap(f"  {finding.message}", "  "))
        ui.say(ui.wrap(f"  fix: {finding.fix}", "       "))
    left = len(findings) - len(open_ones)
    more = f", and {left} left as they are for a reason" if left else ""
    total = count(len(open_ones), "finding", "findings") if open_ones else "Nothing found"
    ui.note(f"{total}{more}.")


def _short(where: str) -> str:
    """A path from here, where that is shorter."""
    try:
        relative = os.path.relpath(where)
    except ValueError:
        return where
    return min(relative, where, key=len)


def watch(
    name: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="The scenario.")],
    *,
    step: Annotated[str | None, typer.Option("--step", help="Show this one.")] = None,
) -> None:
    """Look at a scenario anew on each saving, until Ctrl-C."""
    from threading import Event

    from labrunner import watch as watching
    from labrunner.interrupt import Interrupted

    try:
        watching.watch(name, step=step, on_report=_report, stop=Event())
    except Interrupted:
        ui.note("")


def _report(report: Report) -> None:
    """One look, for people: findings, or the step and what its check says."""
    from labrunner.cli import render

    for path in report.changed:
        ui.note(f"--- {_short(str(path))} has changed")
    if report.lesson and report.step:
        steps = report.lesson.steps
        number = steps.index(report.step) + 1
        render.render_step(report.lesson, report.step, ui.console(), number, len(steps))
        ui.say()
    if report.verdict and report.step:
        ui.verdict(report.verdict, title=report.step.title)
    if report.trouble:
        ui.note(ui.wrap(f"not checked: {report.trouble}", "  "))
    show(list(report.findings))
    ui.note("watching; Ctrl-C ends it")
