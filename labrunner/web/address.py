"""Where the page's server is: what it leaves for ``lab open`` to find, for nobody else to read."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING

from labrunner import __version__
from labrunner.lock import holding
from labrunner.places import runtime_folder, state_folder

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Running:
    """A server that runs.

    Attributes:
        pid: its process.
        port, bind: where it listens.
        address: with the token: whoever has it may do everything.
        version: of the labrunner that it is of.
    """

    pid: int
    port: int
    bind: str
    address: str
    version: str = __version__


def _name() -> str:
    """One server for each state."""
    return f"page-{zlib.crc32(os.fsencode(state_folder())) & 0xFFFFFF:06x}"


def _file(ending: str) -> Path:
    """The runtime folder is its owner's alone."""
    return runtime_folder() / f"{_name()}.{ending}"


def log_file() -> Path:
    """What a server in the background says goes there."""
    return state_folder() / "page.log"


class Claim:
    """The right to be the server of this state; the kernel drops it with its holder."""

    def __init__(self) -> None:
        self._lock: IO[str] | None = None

    def take(self) -> bool:
        """Take it; false where another server has it."""
        path = _file("lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        lock = os.fdopen(descriptor, "r+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def tell(self, running: Running) -> None:
        """Say where the server is."""
        path = _file("json")
        draft = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(running), file)
        draft.replace(path)

    def drop(self) -> None:
        """The server has ended."""
        if self._lock is not None:
            with suppress(OSError):
                _file("json").unlink()
            self._lock.close()
            self._lock = None


@contextmanager
def alone(patience: float) -> Iterator[None]:
    """Nobody else looks for a server, to start one where there is none, for the block's length.

    Raises:
        BusyError: somebody does, for longer than so many seconds.
    """
    with holding(runtime_folder(), f"{_name()}-open", patience=patience):
        yield


def find() -> Running | None:
    """The server that runs for this state, if one does."""
    claim = Claim()
    if claim.take():
        claim.drop()
        return None
    try:
        return Running(**json.loads(_file("json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # it is about to say where it is, or has just ended


def for_a_browser(running: Running) -> str:
    """An address that opens the page once, soon: all users see the arguments of a browser.

    Raises:
        LabError: the server does not answer.
    """
    import http.client
    from urllib.parse import parse_qs, urlsplit

    from labrunner.errors import LabError
    from labrunner.web.gate import DOOR, TICKETS, TOKEN

    found = urlsplit(running.address)
    connection = http.client.HTTPConnection(found.hostname or "", found.port, timeout=10)
    try:
        token = parse_qs(found.query)["token"][0]
        connection.request("POST", TICKETS, headers={TOKEN: token})
        answer = connection.getresponse()
        ticket = answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise LabError(
            f"the page does not answer: {error}", "lab serve --stop, then again"
        ) from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise LabError("the page does not know its own token", "lab serve --stop, then again")
    return f"{found.scheme}://{found.netloc}{DOOR}?ticket={ticket}"


def stop(running: Running, *, patience: float = 60) -> bool:
    """End a server; whether it has ended. Its labs stay."""
    try:
        os.kill(running.pid, signal.SIGTERM)
    except ProcessLookupError:
        return True
    ended = threading.Event()

    def wait() -> None:
        # its lock is free the moment that it is gone, and the kernel wakes us
        with _file("lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended.wait(patience)
