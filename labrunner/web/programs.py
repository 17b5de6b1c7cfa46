"""The programs in terminals: on this machine, or in a container through the engine."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.errors import EngineError, LabError, UsageError
from labrunner.session import OpenLab
from labrunner.standing import engine_knows
from labrunner.web.opening import lab_of, opened
from labrunner.web.threads import Threads

if TYPE_CHECKING:
    import docker

    from labrunner.engine.hijack import Exec
    from labrunner.web.terminals import Backend

TERM = "xterm-256color"
MARK = "LABRUNNER_TERMINAL"
"""In the environment of all that a terminal in a container started: so it is found again."""
CHUNK = 64 * 1024
GRACE = 2.0
"""Seconds that a shell has to end by itself."""

# a session's leader gets the terminal that it opens first; no string is ever put together
OPEN = 'exec <"$0" >"$0" 2>&1 && exec "$@"'
SHELL = "if command -v bash >/dev/null 2>&1; then exec bash; fi; exec sh"
KILL = (
    'for p in /proc/[0-9]*; do if tr "\\0" "\\n" <"$p/environ" 2>/dev/null | grep -qxF "$0"; '
    'then kill -9 "${p#/proc/}"; fi; done'
)
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,200}")
PLACES = ("shell", "host")


def known(place: str) -> bool:
    """Whether this can be a place at all."""
    kind, _, name = place.partition(":")
    return place in PLACES or (kind == "container" and bool(_NAME.fullmatch(name)))


def open_program(
    name: str, place: str, ident: str, size: tuple[int, int], threads: Threads
) -> Backend:
    """A program in a place of a lab. May wait for the engine.

    Raises:
        UsageError: the lab does not run, or has no such place.
        EngineError: the engine does not answer.
    """
    from labrunner.web.doing import speaking_about

    with speaking_about(name):
        if place == "shell":
            with opened(name) as lab:
                return _shell(lab, size, threads)
        lab = lab_of(name)
        if place == "host" and lab.record.host == "local":
            return Pty(["sh"], os.environ, size, threads)
        with engine_knows(lab):
            return InContainer(_inside(lab, place), ident, size, threads)


def _shell(lab: OpenLab, size: tuple[int, int], threads: Threads) -> Pty:
    """What `lab shell` is."""
    from labrunner.shell import full_environment, interactive_command

    lab.write_prompt()
    argv, extra = interactive_command(lab)
    return Pty(argv, full_environment(lab) | extra, size, threads)


@dataclass(frozen=True)
class Command:
    """What is run in a container, and how one gets in: ``enter`` comes before every program."""

    client: docker.DockerClient
    container: str
    enter: tuple[str, ...] = ()
    user: str = ""


def _inside(lab: OpenLab, place: str) -> Command:
    """Where a terminal in a container runs: only the lab's own, on the lab's own host."""
    if place == "host":
        from labrunner.engine.client import connect
        from labrunner.engine.outer_box import ENTER, USER
        from labrunner.engine.sandbox import container_name

        outer = connect(lab.record.engine)
        return Command(outer, container_name(lab.record.id), (ENTER,), USER)
    name = place.removeprefix("container:")
    if name not in {one.name for one in lab.view.containers() if one.running}:
        raise UsageError(f"no container {name} of the lab is running", "docker ps shows which are")
    return Command(lab.view.client, name)


class Pty:
    """A program on this machine, with a terminal and a session of its own.

    Args:
        argv: the program.
        env: its environment.
        size: columns and rows of its window.
        threads: where its end is waited for.
    """

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], size: tuple[int, int], threads: Threads
    ) -> None:
        self._threads = threads
        self._master, slave = os.openpty()
        try:
            self._fit(*size)
            os.set_blocking(self._master, False)
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", OPEN, os.ttyname(slave), *argv],
                env={**env, "TERM": TERM},
                stdin=subprocess.DEVNULL,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._master)
            raise EngineError(f"no terminal for {argv[0]}: {error.strerror}") from error
        finally:
            os.close(slave)
        self._ended = threading.Event()

    def fileno(self) -> int:
        """The terminal."""
        return self._master

    def read(self) -> bytes | None:
        """What was printed."""
        found = bytearray()
        # the kernel gives 4 kB at a time, and a flood has more
        while len(found) < CHUNK:
            try:
                part = os.read(self._master, CHUNK)
            except BlockingIOError:
                return bytes(found) or None
            except OSError:
                break  # nobody has the other end any more
            found += part
        return bytes(found)

    def write(self, data: memoryview) -> int:
        """Type something."""
        try:
            return os.write(self._master, data[:CHUNK])
        except OSError:
            return 0

    def watch(self, ended: Callable[[], None]) -> None:
        """Wait for its end in a thread."""

        def wait() -> None:
            self._process.wait()
            self._ended.set()
            ended()

        threading.Thread(target=wait, name="terminal", daemon=True).start()

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the kernel, which tells the program."""
        with suppress(OSError):
            self._fit(columns, rows)

    def _fit(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def end(self, *, kill: bool) -> tuple[int | None, str]:
        """Hang up, and kill what does not heed that."""
        with suppress(OSError):
            os.close(self._master)
        return await self._threads.ending(self._end, kill=kill), ""

    def _end(self, *, kill: bool) -> int | None:
        """Wait for the end, or make it; the exit code."""
        if not self._ended.wait(0 if kill else GRACE):
            self._signal(signal.SIGHUP)
            if not self._ended.wait(GRACE):
                self._signal(signal.SIGKILL)
                self._ended.wait(GRACE)
        if kill:
            for member in members(self._process.pid):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(member, signal.SIGKILL)
        return self._process.returncode

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def members(session: int) -> list[int]:
    """The processes of a session, where the kernel shows them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            # after the name in brackets: state, parent, group, session
            fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                found.append(int(stat.parent.name))
    return found


class InContainer:
    """A shell in a container, through the engine.

    Args:
        command: where.
        ident: marks its processes.
        size: columns and rows.
        threads: where the engine is asked.
    """

    def __init__(
        self, command: Command, ident: str, size: tuple[int, int], threads: Threads
    ) -> None:
        from labrunner.engine.hijack import Exec

        self._command, self._ident, self._threads = command, ident, threads
        argv = (*command.enter, "sh", "-c", SHELL)
        env = {"TERM": TERM, MARK: ident}
        self._exec: Exec = Exec(
            command.client, command.container, argv, user=command.user, tty=True, env=env
        )
        with suppress(EngineError):  # one that has ended already needs no size
            self._exec.resize(size[1], size[0])
        self._socket: socket.socket = self._exec.socket
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """The connection to the engine."""
        return self._socket.fileno()

    def read(self) -> bytes | None:
        """What was printed."""
        if self._exec.wants_read():
            return self._exec.raw()
        try:
            return self._socket.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:
            return b""

    def write(self, data: memoryview) -> int:
        """Type something."""
        try:
            return self._socket.send(data[:CHUNK])
        except OSError:
            return 0

    def watch(self, ended: Callable[[], None]) -> None:
        """Its connection ends with it; what came with its answer's head is there already."""
        del ended

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the engine."""
        with suppress(LabError):
            await self._threads.asking(self._exec.resize, rows, columns)

    async def end(self, *, kill: bool) -> tuple[int | None, str]:
        """Let go of it, and have it end where it has not."""
        del kill  # a container's shell has nobody to whom what it started could belong
        return await self._threads.ending(self._end)

    def _end(self) -> tuple[int | None, str]:
        from labrunner.engine.execute import run_in

        it, code, why = self._command, None, ""
        try:
            found = it.client.api.exec_inspect(self._exec.id)
            if found["Running"]:
                kill = [*it.enter, "sh", "-c", KILL, f"{MARK}={self._ident}"]
                run_in(it.client, it.container, kill, timeout=5, user=it.user)
            else:
                code = int(found["ExitCode"] or 0)
        except EngineError as error:
            why = error.message
        except Exception as error:  # noqa: BLE001  the engine is away, in one of many ways
            why = f"the engine does not answer: {type(error).__name__}"
        finally:
            with suppress(OSError):
                self._exec.close()
            it.client.close()
        return code, why
