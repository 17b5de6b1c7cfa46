"""The engine asked without the SDK, which takes longer to load than most answers take to come.

What goes wrong here is not told: whoever asks next, through the SDK, finds it out and says it.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

UNIX = "unix://"
IMAGES, CONTAINERS = "/images/json", "/containers/json?all=1"
NETWORKS, VOLUMES = "/networks", "/volumes"
PATIENCE = 20.0
"""Seconds after which the SDK asks again, and says what is wrong."""
CHUNK = 1 << 16
OK, GONE = 200, 204
"""What the engine says to a question, and to a removal."""


T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What an engine said: its status code, and what was in the body; ``None`` for no JSON."""

    status: int
    body: Any


def ask(address: str, path: str, method: str = "GET") -> Answer | None:
    """Ask an engine something that needs no words of our own; ``None`` where it said nothing.

    Args:
        address: the engine's, as ``DOCKER_HOST`` has it; one that is no socket is not asked.
        path: what it is asked for, quoted for a URL.
        method: of HTTP.
    """
    if not address.startswith(UNIX):
        return None
    with suppress(OSError, ValueError, IndexError), socket.socket(socket.AF_UNIX) as way:
        way.settimeout(PATIENCE)
        way.connect(address.removeprefix(UNIX))
        # in this version an answer comes whole, and ends with the connection
        way.sendall(f"{method} {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
        said = b"".join(iter(lambda: way.recv(CHUNK), b""))
        head, _, body = said.partition(b"\r\n\r\n")
        return Answer(int(head.split(b" ", 2)[1]), _value(body))
    return None


def _value(body: bytes) -> Any:
    with suppress(ValueError):
        return json.loads(body)
    return None


def listed(address: str, what: str) -> Any:
    """What an engine holds of something, as the SDK would list it; ``None`` where it said nothing.

    Args:
        address: see `ask`.
        what: path of the list.
    """
    answer = ask(address, what)
    return answer.body if answer is not None and answer.status == OK else None


class Ahead(Generic[T]):
    """Something that is being done already, beside the loading."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._found: list[T] = []
        self._doing = threading.Thread(target=lambda: self._found.append(work()), daemon=True)
        self._doing.start()

    def answer(self) -> T | None:
        """What came of it, once it is done; ``None`` where that takes too long."""
        self._doing.join(PATIENCE)
        return self._found[0] if self._found else None
