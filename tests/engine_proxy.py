"""A Docker engine that dies when the test says so: a proxy in front of the real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

REAL = "/var/run/docker.sock"
CHUNK = 65536


class EngineProxy:
    """Passes bytes between a client and the real engine, until a request that kills it.

    Args:
        path: where it listens.
        fatal: a part of a request line at which the engine "dies": every connection is cut,
            and no new one is accepted. ``None``: never.
    """

    def __init__(self, path: Path, fatal: str | None) -> None:
        self.address = f"unix://{path}"
        self.died = threading.Event()
        self._path = path
        self._fatal = fatal.encode() if fatal else None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(REAL)
            self._open += [client, engine]
            threading.Thread(target=self._pump, args=(client, engine, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(engine, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, watched: bool) -> None:  # noqa: FBT001
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if watched and self._fatal and self._fatal in data:
                    self.die()
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def die(self) -> None:
        """Cut every connection and accept no more."""
        self.died.set()
        self._path.unlink(missing_ok=True)
        for each in [self._listener, *self._open]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextmanager
def engine_proxy(path: Path, fatal: str | None = None) -> Iterator[EngineProxy]:
    """A proxy for the length of a ``with`` block."""
    proxy = EngineProxy(path, fatal)
    try:
        yield proxy
    finally:
        proxy.die()
