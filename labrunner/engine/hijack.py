"""A command in a container as a two-way stream, over the engine's API alone.

The SDK hands out the bare socket of such a connection and forgets what its HTTP reader had
already taken from it; here both are put together again.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from labrunner.engine.client import engine_errors
from labrunner.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

    import docker

STDOUT, STDERR = 1, 2
_HEADER = struct.Struct(">BxxxL")
_CHUNK = 65536


class Stream:
    """Bytes to and from a container.

    Args:
        handle: what the SDK returned for ``socket=True``, or a socket.
        tty: whether the engine sends one plain stream rather than framed ones.
    """

    def __init__(self, handle: Any, *, tty: bool = False) -> None:
        self._handle = handle  # keeps the HTTP response alive, and with it the connection
        self.socket: socket.socket = getattr(handle, "_sock", handle)
        self._tty = tty
        self._buffer = bytearray(_already_read(handle, self.socket))

    def send(self, data: bytes) -> None:
        """Write to the command's standard input."""
        self.socket.sendall(data)

    def end_input(self) -> None:
        """Tell the command that its standard input is over."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it has ended already; its output says the rest

    def frames(self, deadline: float | None = None) -> Iterator[tuple[int, bytes]]:
        """What the command writes, as it comes: ``(STDOUT or STDERR, bytes)``.

        Args:
            deadline: moment of `time.monotonic` at which to give up.

        Raises:
            TimeoutError: the deadline has passed.
            EngineError: the connection broke in the middle of a frame.
        """
        while True:
            if self._tty and self._buffer:
                yield STDOUT, self._take(len(self._buffer))
            elif not self._tty and len(self._buffer) >= _HEADER.size:
                kind, size = _HEADER.unpack(self._buffer[: _HEADER.size])
                if len(self._buffer) >= _HEADER.size + size:
                    self._take(_HEADER.size)
                    yield kind, self._take(size)
                    continue
            if not self._more(deadline):
                if self._buffer:
                    raise EngineError("the engine broke off in the middle of its answer")
                return

    def raw(self) -> bytes:
        """Whatever has come, unframed; empty at the end. Blocks until there is something."""
        if not self._buffer and not self._more(None):
            return b""
        return self._take(len(self._buffer))

    def wants_read(self) -> bool:
        """Whether there is output that `select` does not know of."""
        return bool(self._buffer)

    def close(self) -> None:
        """Let go of the connection; the command goes on or ends as it likes."""
        # shut down first: a close alone would leave another thread's read hanging
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        response = getattr(self._handle, "_response", None)
        if response is not None:
            response.close()  # before its file: closed the other way round it complains later
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _more(self, deadline: float | None) -> bool:
        """Read once; false at the end of the stream."""
        if not getattr(self.socket, "pending", int)():  # TLS may hold decrypted bytes back
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self.socket], [], [], left)[0]:
                raise TimeoutError
        try:
            data = self.socket.recv(_CHUNK)
        except ConnectionResetError:
            data = b""
        self._buffer += data
        return bool(data)


def dial(path: Path) -> socket.socket:
    """A connection to a unix socket, which a `Stream` can be made of; ``OSError`` without one."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection


def _already_read(handle: Any, raw: socket.socket) -> bytes:
    """What the SDK's HTTP reader took from the connection together with the headers."""
    response = getattr(handle, "_response", None)
    reader = getattr(getattr(getattr(response, "raw", None), "_fp", None), "fp", None)
    raw.setblocking(False)
    try:
        return bytes(reader.peek()) if reader is not None else b""
    except (OSError, ValueError):
        return b""
    finally:
        raw.settimeout(None)


class Exec(Stream):
    """A command that runs in a container. Context manager.

    Args:
        client: the engine.
        container: name or id.
        argv: the command.
        user: as ``docker exec --user``.
        tty: give it a terminal.
        stdin: connect its standard input; otherwise it is empty.
        env: additional environment.

    Raises:
        EngineError: no such container, it does not run, or it has no such command.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        container: str,
        argv: Sequence[str],
        *,
        user: str = "",
        tty: bool = False,
        stdin: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._api = client.api
        self._what = f"running {argv[0]} in {container}"
        with engine_errors(self._what):
            made = self._api.exec_create(
                container, list(argv), user=user, tty=tty, stdin=stdin, environment=dict(env or {})
            )
            self.id: str = made["Id"]
            handle = self._api.exec_start(self.id, socket=True, tty=tty)
        super().__init__(handle, tty=tty)

    def resize(self, rows: int, columns: int) -> None:
        """Tell its terminal its size."""
        with engine_errors(self._what):
            self._api.exec_resize(self.id, height=rows, width=columns)

    def code(self) -> int:
        """Its exit code, once it has ended."""
        with engine_errors(self._what):
            return int(self._api.exec_inspect(self.id)["ExitCode"] or 0)
