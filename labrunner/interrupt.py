"""Ctrl-C and what means the same: one clean ending, at whatever moment it comes.

This is loaded before anything else, so it loads next to nothing itself.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

    Handler = Callable[[int, FrameType | None], None]

CODE = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOADING = "<frozen importlib._bootstrap>"
PATIENCE = 2.0
"""Seconds that the loading of a module gets to end by itself: a plugin's may never do so."""
AGAIN = 0.005
"""Seconds after which a signal that came at a bad moment comes again."""


class Interrupted(BaseException):
    """A signal asked us to end. Not a KeyboardInterrupt: typer would swallow that."""


def at_once() -> None:
    """End at the first signal, then and there: nothing was begun that must be undone."""
    sys.excepthook = _say
    _handle(lambda _number, _frame: leave())


def once() -> None:
    """Raise `Interrupted` at the first signal; more of them do not interrupt the clearing up."""
    sys.unraisablehook = _come_again
    since: list[float] = []

    def handle(number: int, frame: FrameType | None) -> None:
        since.append(time.monotonic())
        # a module that is half loaded would be missing for the clearing up
        if _loads(frame) and since[-1] - since[0] < PATIENCE:
            _thread.start_new_thread(_send, (number,))
            return
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted

    _handle(handle)


def leave() -> None:
    """Say it, and end."""
    # not through Python's own streams: the signal may have come while one of them was at work
    try:
        os.write(2, b"lab: interrupted\n")
    finally:
        # also where nobody reads it any more
        os._exit(CODE)


def _handle(handler: Handler) -> None:
    for number in SIGNALS:
        # who is called with nohup is to outlive the terminal
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _loads(frame: FrameType | None) -> bool:
    """Whether a module is being loaded."""
    while frame is not None and frame.f_code.co_filename != LOADING:
        frame = frame.f_back
    return frame is not None


def _send(number: int) -> None:
    """Send ourselves a signal in a moment; what it waits for tells nobody that it is over."""
    time.sleep(AGAIN)
    os.kill(os.getpid(), number)


def _come_again(lost: sys.UnraisableHookArgs) -> None:
    """An interrupt that fell on a callback, out of which nothing can be raised, comes again."""
    if isinstance(lost.exc_value, Interrupted):
        once()
        _thread.start_new_thread(_send, (signal.SIGINT,))
    else:
        sys.__unraisablehook__(lost)


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What no one caught: an interrupt is no mistake, and has no stack trace."""
    if issubclass(kind, Interrupted | KeyboardInterrupt):
        leave()
    sys.__excepthook__(kind, error, trace)
