"""A way to a sandbox's engine where its socket cannot be shared with this machine.

Docker Desktop keeps its engine in a virtual machine, ``DOCKER_HOST`` may name another computer:
a socket in our folder then appears nowhere, or cannot be connected to. A tunnel listens on a
socket here and carries each connection over the outer engine's API to
``docker system dial-stdio`` in the sandbox.

One small process per lab holds it, because what the learner types needs it between two of our
commands. It ends with the sandbox.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.engine.client import connect, engine_address, engine_errors
from labrunner.engine.hijack import STDOUT, Exec
from labrunner.engine.outer_box import ENTER, USER
from labrunner.errors import EngineError, LabError

if TYPE_CHECKING:
    import docker

START_TIMEOUT = 15.0
"""Seconds that the process may take until it listens."""

_CHUNK = 65536
_DIAL = (ENTER, "docker", "system", "dial-stdio")


def answers(path: Path, *, timeout: float = 5.0) -> bool:
    """Whether an engine answers at this socket within ``timeout`` seconds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(timeout)
        try:
            probe.connect(str(path))
            probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in probe.recv(64)
        except OSError:
            return False


def ensure(outer: docker.DockerClient, container: str, folder: Path) -> Path:
    """A socket in ``folder`` that leads to the engine in a sandbox, by a tunnel if need be.

    Raises:
        EngineError: the tunnel does not come up, or nothing answers at its end.
    """
    path = folder / "tunnel.sock"
    if not answers(path):
        _detach(outer, container, path)
        if not answers(path):
            raise EngineError(
                "the lab's engine runs, but this machine cannot reach it",
                "lab doctor says what this machine can do",
            )
    return path


class Tunnel:
    """Listens on a socket and carries connections into a sandbox.

    Args:
        outer: client of the engine that runs the sandbox.
        container: its container.
        path: where to listen; a socket that is there already is replaced.
    """

    def __init__(self, outer: docker.DockerClient, container: str, path: Path) -> None:
        self._outer = outer
        self._container = container
        self._path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        fresh = path.with_suffix(f".{os.getpid()}")
        self._listener.bind(str(fresh))
        self._listener.listen(128)
        fresh.replace(path)
        self._inode = path.stat().st_ino

    def start(self) -> None:
        """Carry connections from now on, in threads of this process."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        # a lab that was reset has a tunnel of its own there by now
        with suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._carry, args=(connection,), daemon=True).start()

    def _carry(self, connection: socket.socket) -> None:
        with connection:
            # whichever end has gone, the other sees its connection close
            with suppress(LabError, OSError):
                self._exchange(connection)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # closing alone would not wake the sender

    def _exchange(self, connection: socket.socket) -> None:
        with Exec(self._outer, self._container, _DIAL, user=USER) as far:
            threading.Thread(target=_send, args=(connection, far), daemon=True).start()
            for kind, part in far.frames():
                if kind == STDOUT:
                    connection.sendall(part)


def _send(connection: socket.socket, far: Exec) -> None:
    try:
        while data := connection.recv(_CHUNK):
            far.send(data)
    except OSError:
        pass
    far.end_input()


def _detach(outer: docker.DockerClient, container: str, path: Path) -> None:
    """Start the process that holds the tunnel, and wait until it listens."""
    argv = [sys.executable, "-m", "labrunner.engine.tunnel", container, str(path)]
    log = path.parent / "tunnel.log"
    with log.open("wb") as words:
        try:
            # it leaves a child behind, which outlives this command as the lab does
            code = subprocess.run(
                argv,
                env={**os.environ, "DOCKER_HOST": _address(outer)},
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                cwd="/",
                timeout=START_TIMEOUT,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise EngineError("no tunnel to the lab's engine: it does not start") from error
    if code != 0:
        said = log.read_text("utf-8", "replace").strip().splitlines()
        raise EngineError(f"no tunnel to the lab's engine: {said[-1] if said else code}")


def _address(outer: docker.DockerClient) -> str:
    """The outer engine's address as ``DOCKER_HOST`` has it."""
    path = getattr(outer.api.adapters.get("http+docker://"), "socket_path", None)
    return f"unix://{path}" if path else engine_address()


def main(container: str, path: str) -> None:
    """Listen, and leave a process behind that holds the tunnel until its sandbox is gone."""
    outer = connect()
    tunnel = Tunnel(outer, container, Path(path))
    if os.fork():
        os._exit(0)
    os.setsid()
    tunnel.start()
    try:
        with engine_errors("waiting for the sandbox"), suppress(LabError):
            outer.api.wait(container, condition="not-running")
    finally:
        tunnel.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
