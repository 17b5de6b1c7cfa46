"""The command line: ``main`` is the entry point, and the one place that catches errors."""

from __future__ import annotations

import gc
import os
import sys

from labrunner import interrupt


def main() -> None:
    """Run the command that was typed, and turn whatever goes wrong into two lines."""
    interrupt.at_once()
    # a command lives for a second: looking for garbage while it imports costs a tenth of that
    gc.set_threshold(100_000)
    _survive_any_locale()
    _leave(_run())


def _run() -> int:
    """Run the command; its exit code."""
    from labrunner.cli.app import app, keep
    from labrunner.errors import LabError

    keep(next(iter(sys.argv[1:]), ""))
    try:
        interrupt.once()
        app(prog_name="lab")
    except SystemExit as end:
        # typer ends every command this way
        return end.code if isinstance(end.code, int) else 0
    except LabError as error:
        _tell(f"lab: {error.message}")
        if error.hint:
            _tell(f"     {error.hint}", "     ")
        return error.exit_code
    except interrupt.Interrupted:
        interrupt.leave()
    except BrokenPipeError:
        # whoever read our output has seen enough
        pass
    return 0


def _tell(line: str, indent: str = "") -> None:
    """Tell a person of an error; a script gets it in one line."""
    from labrunner.cli import ui

    ui.note(ui.wrap(line, indent) if sys.stderr.isatty() else line)


def _leave(code: int) -> None:
    """End at once: taking the interpreter down in order costs more than some commands.

    Abandoned threads and broken pipes must not speak after the last word, either.
    """
    try:
        sys.stderr.flush()
        sys.stdout.flush()
    except OSError:
        pass
    os._exit(code)


def _survive_any_locale() -> None:
    """A terminal without UTF-8 gets question marks, not a stack trace."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
