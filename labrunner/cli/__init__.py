"""The command line: ``main`` is the entry point, and the one place that catches errors."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked us to end. Not a KeyboardInterrupt: typer would swallow that."""


def main() -> None:
    """Run the command that was typed, and turn whatever goes wrong into two lines."""
    # a command lives for a second: looking for garbage while it imports costs a tenth of that
    gc.set_threshold(100_000)
    interrupt_once()
    _survive_any_locale()
    from labrunner.cli.app import app, keep
    from labrunner.errors import LabError

    keep(next(iter(sys.argv[1:]), ""))
    try:
        app(prog_name="lab")
    except SystemExit as end:
        # typer ends every command this way; taking the interpreter down in order costs more
        # than some commands, and there is nothing left to put in order
        _leave(end.code if isinstance(end.code, int) else 0)
    except LabError as error:
        _tell(f"lab: {error.message}")
        if error.hint:
            _tell(f"     {error.hint}")
        _leave(error.exit_code)
    except Interrupted:
        _tell("lab: interrupted")
        _leave(INTERRUPTED)
    except BrokenPipeError:
        # whoever read our output has seen enough
        _leave(0)


def _tell(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201  the one place where errors reach a person


def _leave(code: int) -> None:
    """End at once: abandoned threads and broken pipes must not speak after the last word."""
    try:
        sys.stderr.flush()
        sys.stdout.flush()
    except OSError:
        pass
    os._exit(code)


def interrupt_once() -> None:
    """The first signal interrupts; more of them must not interrupt the clearing up."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise Interrupted

    for number in SIGNALS:
        signal.signal(number, handle)


def _survive_any_locale() -> None:
    """A terminal without UTF-8 gets question marks, not a stack trace."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
