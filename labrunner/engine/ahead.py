"""The first question to an engine, asked while the SDK is loaded: either takes as long."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from typing import Any

UNIX = "unix://"
IMAGES = "/images/json"
PATIENCE = 20.0
"""Seconds after which the SDK asks again, and says what is wrong."""
CHUNK = 1 << 16


class Ahead:
    """A question that is on its way already.

    Args:
        address: the engine's, as ``DOCKER_HOST`` has it; one that is no socket is not asked.
        path: what is asked for.
    """

    def __init__(self, address: str, path: str = IMAGES) -> None:
        self._found: list[Any] = []
        self._asking = threading.Thread(target=self._ask, args=(address, path), daemon=True)
        if address.startswith(UNIX):
            self._asking.start()

    def answer(self) -> Any:
        """What the engine said; ``None`` where it said nothing that can be used."""
        if self._asking.is_alive():
            self._asking.join(PATIENCE)
        return self._found[0] if self._found else None

    def _ask(self, address: str, path: str) -> None:
        # whatever goes wrong is found out, and told, by who asks again
        with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as way:
            way.settimeout(PATIENCE)
            way.connect(address.removeprefix(UNIX))
            # in this version an answer comes whole, and ends with the connection
            way.sendall(f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
            said = b"".join(iter(lambda: way.recv(CHUNK), b""))
            head, _, body = said.partition(b"\r\n\r\n")
            if head.split(b" ", 2)[1:2] == [b"200"]:
                self._found.append(json.loads(body))
