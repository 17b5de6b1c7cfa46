"""A command in a container, attached to this process's terminal or pipes."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from labrunner.engine.hijack import STDERR, Exec
from labrunner.errors import EngineError

if TYPE_CHECKING:
    from types import FrameType

    import docker

_CHUNK = 4096


def interact(
    client: docker.DockerClient, container: str, argv: Sequence[str], *, user: str = ""
) -> int:
    """Run a command in a container with our standard input and outputs; its exit code.

    With a terminal it gets one too, raw and of the same size; otherwise plain streams.

    Raises:
        EngineError: no such container, or the engine went away.
    """
    sys.stdout.flush()
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _with_terminal(client, container, argv, user)
    return _with_pipes(client, container, argv, user)


def _with_terminal(
    client: docker.DockerClient, container: str, argv: Sequence[str], user: str
) -> int:
    env = {"TERM": os.environ.get("TERM", "xterm")}
    keyboard = sys.stdin.fileno()
    with (
        Exec(client, container, argv, user=user, tty=True, env=env) as command,
        _raw(keyboard),
        _resizes() as resized,
    ):
        _fit(command)
        sources = [command.socket, keyboard, resized]
        while True:
            ready = [] if command.wants_read() else select.select(sources, [], [])[0]
            if resized in ready:
                os.read(resized, _CHUNK)
                _fit(command)
            if keyboard in ready:
                typed = os.read(keyboard, _CHUNK)
                if typed:
                    command.send(typed)
                else:
                    sources.remove(keyboard)
            if command.wants_read() or command.socket in ready:
                shown = command.raw()
                if not shown:
                    break
                _write(sys.stdout.fileno(), shown)
        return command.code()


def _with_pipes(client: docker.DockerClient, container: str, argv: Sequence[str], user: str) -> int:
    with Exec(client, container, argv, user=user) as command:

        def feed() -> None:
            try:
                while data := os.read(sys.stdin.fileno(), _CHUNK):
                    command.send(data)
            except (OSError, ValueError):
                return  # the command has ended, or there is no standard input
            command.end_input()

        threading.Thread(target=feed, daemon=True).start()
        for kind, part in command.frames():
            _write(sys.stderr.fileno() if kind == STDERR else sys.stdout.fileno(), part)
        return command.code()


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _fit(command: Exec) -> None:
    size = os.get_terminal_size(sys.stdout.fileno())
    with suppress(EngineError):  # a command that has ended already needs no size
        command.resize(size.lines, size.columns)


@contextmanager
def _raw(terminal: int) -> Iterator[None]:
    """The terminal hands every key on, also Ctrl-C, and is as before afterwards."""
    import termios
    import tty

    before = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


@contextmanager
def _resizes() -> Iterator[int]:
    """A file descriptor that becomes readable when the window changes its size."""
    ready, wake = os.pipe()
    os.set_blocking(wake, False)

    def changed(_signal: int, _frame: FrameType | None) -> None:
        try:
            os.write(wake, b"\0")
        except BlockingIOError:
            return  # it is awake already

    before = signal.signal(signal.SIGWINCH, changed)
    try:
        yield ready
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(ready)
        os.close(wake)
