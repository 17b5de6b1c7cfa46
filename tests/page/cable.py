"""A cable between a browser and a server that can be pulled: a SOCKS proxy that forgets to work."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CONNECT, IPV4, NAME, GRANTED = 1, 1, 3, b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


class Cable:
    """Carries connections while it is plugged in."""

    def __init__(self) -> None:
        self._plugged = True
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._door = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._welcome, daemon=True).start()

    @property
    def address(self) -> str:
        """For a browser's settings."""
        return f"socks5://127.0.0.1:{self._door.getsockname()[1]}"

    def pull(self) -> None:
        """Everything breaks, and nothing new gets through."""
        with self._lock:
            self._plugged = False
            for end in self._ends:
                # both ends wake up and are closed by who reads them
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def plug(self) -> None:
        """It works again."""
        with self._lock:
            self._plugged = True

    def close(self) -> None:
        """The end of it."""
        self.pull()
        self._door.close()

    def _welcome(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, suppress(OSError, struct.error), self._dialled(near) as far:
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join()

    @contextmanager
    def _dialled(self, near: socket.socket) -> Iterator[socket.socket]:
        """What the browser asks for, as SOCKS 5 has it."""
        _, ways = near.recv(2, socket.MSG_WAITALL)
        near.recv(ways, socket.MSG_WAITALL)
        near.sendall(b"\x05\x00")
        _, _, _, kind = near.recv(4, socket.MSG_WAITALL)
        length = 4 if kind == IPV4 else near.recv(1, socket.MSG_WAITALL)[0]
        raw = near.recv(length, socket.MSG_WAITALL)
        (port,) = struct.unpack("!H", near.recv(2, socket.MSG_WAITALL))
        host = socket.inet_ntoa(raw) if kind == IPV4 else raw.decode()
        with socket.create_connection((host, port)) as far:
            with self._lock:
                if not self._plugged:
                    raise ConnectionResetError
                self._ends |= {near, far}
            try:
                near.sendall(GRANTED)
                yield far
            finally:
                with self._lock:
                    self._ends -= {near, far}


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry until one side has enough."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
