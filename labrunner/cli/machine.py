"""Commands about the machine: the lab's shell and host, images, and what works here."""

from __future__ import annotations

from typing import Annotated

import typer

from labrunner.cli import place, ui
from labrunner.cli.options import Json, Named
from labrunner.words import tr

AT_FAULT = 3


def add_to(app: typer.Typer) -> None:
    """Add this audience's commands."""
    app.command("shell")(shell)
    app.command("env")(env)
    app.command(
        "host", context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
    )(host)
    app.command("doctor")(doctor)
    from labrunner.cli.images import app as images

    app.add_typer(images, name="images")


def shell(*, name: Named = None) -> None:
    """Open a shell in which docker means the lab."""
    from labrunner import shell as lab_shell
    from labrunner.session import open_lab, open_store
    from labrunner.standing import engine_knows

    lab = open_lab(open_store(), name)
    with engine_knows(lab):
        place.speak(lab.scenario, lab.record.language)
        lab.write_prompt()
        said = tr("The shell of {1}: docker means the lab. exit leaves it.", lab.scenario.name)
        ui.note(ui.wrap(said))
        code = lab_shell.interactive(lab)
    raise typer.Exit(code)


def env(
    *,
    kind: Annotated[
        str, typer.Option("--shell", help="sh (bash, zsh), fish or powershell.")
    ] = "sh",
    name: Named = None,
    as_json: Json = False,
) -> None:
    """Print what points docker in your own shell at the lab."""
    from labrunner import shell as lab_shell
    from labrunner.session import open_lab, open_store
    from labrunner.standing import engine_knows

    lab = open_lab(open_store(), name)
    with engine_knows(lab):
        if as_json:
            ui.say_json(lab_shell.environment(lab))
        else:
            ui.say(lab_shell.exports(lab, kind))


def host(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- CMD...", help="What to run there.")
    ] = None,
    *,
    name: Named = None,
) -> None:
    """Run a command on the lab's own host, as its root."""
    from labrunner.session import open_lab, open_store
    from labrunner.standing import engine_knows

    lab = open_lab(open_store(), name)
    with engine_knows(lab):
        code = lab.host.interactive(command or ["sh"])
    raise typer.Exit(code)


def doctor(
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Repair what can be repaired.")] = False,
    as_json: Json = False,
) -> None:
    """Try what a lab needs on this machine; repair it."""
    from labrunner import doctor as examination

    with ui.Progress("Trying what a lab needs", quiet=as_json) as progress:
        findings = examination.examine(fix=fix, on_event=progress)
    if as_json:
        ui.say_json(findings)
    else:
        for found in findings:
            ui.say(ui.wrap(f"{found.state:<8} {found.name}: {found.detail}", " " * 9))
            if found.fix:
                ui.say(ui.wrap(f"         to do: {found.fix}", " " * 16))
    if any(found.state == "broken" for found in findings):
        raise typer.Exit(AT_FAULT)
