"""A page's server of a test's own, and what a browser would do with it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket as sockets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

import labrunner

PATIENCE = 60.0
"""Seconds for whatever takes a moment on a machine that is at its limit."""
SEEN = 64 * 1024
"""Bytes after which the page says that it has shown them."""
INDEX = "<!doctype html><title>the page</title>"


def copy(place: Path) -> Path:
    """The package with a page that was not built by anything; the folder to import it from."""
    package = place / "labrunner"
    source = Path(labrunner.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    (package / "web" / "static").mkdir()
    (package / "web" / "static" / "index.html").write_text(INDEX, encoding="utf-8")
    (package / "web" / "static" / "page.js").write_text("1;\n", encoding="utf-8")
    return place


def end_of(socket: ClientConnection) -> tuple[list[str | bytes], int, str]:
    """Read to the end: everything that came, and what the socket was closed with."""
    heard: list[str | bytes] = []
    with suppress(ConnectionClosed):
        while True:
            heard.append(socket.recv(PATIENCE))
    return heard, socket.protocol.close_code or 0, socket.protocol.close_reason or ""


class Page:
    """A server that runs, seen from a browser that has opened its address."""

    def __init__(self, process: subprocess.Popen[str], address: str, runtime: Path) -> None:
        self.process = process
        self.runtime = runtime
        self._open = ExitStack()
        self.address = address
        self.origin, _, self.token = address.partition("/?token=")
        self.host = self.origin.removeprefix("http://")
        self.port = int(self.host.rpartition(":")[2])
        self.http = httpx.Client(timeout=PATIENCE)
        self.prefix = self.http.get(address).headers["location"].rstrip("/")
        self.base = self.origin + self.prefix
        self.http.base_url = self.base
        self.cookie = "; ".join(f"{key}={value}" for key, value in self.http.cookies.items())

    def get(self, path: str, status: int = 200) -> Any:
        """What a path answers, as data."""
        found = self.http.get(path)
        assert found.status_code == status, found.text
        return found.json()

    def post(self, path: str, status: int, **body: Any) -> Any:
        """Do something."""
        headers = {"X-Labrunner": "1", "Origin": self.origin}
        found = self.http.post(path, json=body, headers=headers)
        assert found.status_code == status, found.text
        return found.json()

    def socket(self, path: str, *, prefix: str | None = None, **more: Any) -> ClientConnection:
        """A WebSocket, as the page opens it."""
        place = f"ws://{self.host}{self.prefix if prefix is None else prefix}"
        settings: dict[str, Any] = {
            "origin": self.origin,
            "additional_headers": {"Cookie": self.cookie},
            "open_timeout": PATIENCE,
            "close_timeout": PATIENCE,
            "max_size": None,
            **more,
        }
        found: ClientConnection = connect(place + path, compression=None, **settings)
        return found

    def raw(self) -> sockets.socket:
        """A bare connection."""
        return sockets.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def terminal(self, lab: str, place: str = "shell", **more: Any) -> Terminal:
        """A terminal in a lab."""
        query = "&".join(f"{key}={value}" for key, value in more.items())
        path = f"/ws/terminal?lab={lab}&place={place}&{query}"
        return Terminal(self._open.enter_context(self.socket(path)))

    def close(self) -> None:
        """Close the browser."""
        self._open.close()
        self.http.close()

    def memory(self) -> int:
        """Bytes of memory that the server holds."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def answers(self) -> bool:
        """Whether the server is alive and well."""
        return self.http.get("/api/catalogue").status_code == 200


class Terminal:
    """A page's end of a terminal."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.printed = b""
        self.unseen = 0
        first = socket.recv(PATIENCE)
        assert isinstance(first, str)
        self.first: dict[str, Any] = json.loads(first)

    def type(self, text: str | bytes) -> None:
        """Type something."""
        self.socket.send(text.encode() if isinstance(text, str) else text)

    def tell(self, **message: Any) -> None:
        """Send what is not typed."""
        self.socket.send(json.dumps(message))

    def until(self, wanted: str | Callable[[bytes], object], *, see: bool = True) -> bytes:
        """Read until this was printed; all that was, since the last time."""
        met = wanted if callable(wanted) else lambda printed: wanted.encode() in printed
        deadline = time.monotonic() + PATIENCE
        while not met(self.printed):
            left = deadline - time.monotonic()
            assert left > 0, f"not printed: {wanted!r}; but: {self.printed[-500:]!r}"
            try:
                message = self.socket.recv(left)
            except TimeoutError:
                continue
            assert isinstance(message, bytes), f"{message} after {self.printed[-800:]!r}"
            self.printed += message
            self.unseen += len(message)
            if see and self.unseen >= SEEN:
                self.tell(seen=self.unseen)
                self.unseen = 0
        found, self.printed = self.printed, b""
        return found

    def last(self) -> tuple[dict[str, Any], int, str]:
        """Read to the end: the last text, and what the socket was closed with."""
        heard, code, reason = end_of(self.socket)
        self.printed += b"".join(one for one in heard if isinstance(one, bytes))
        said = [json.loads(one) for one in heard if isinstance(one, str)]
        return said[-1] if said else {}, code, reason

    def close(self) -> None:
        """Close the tab."""
        self.socket.close()


class News:
    """A page that listens."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def until(self, met: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Everything up to a message of this kind."""
        heard: list[dict[str, Any]] = []
        deadline = time.monotonic() + 2 * PATIENCE
        while not heard or not met(heard[-1]):
            assert time.monotonic() < deadline, heard[-5:]
            message = json.loads(self.socket.recv(2 * PATIENCE))
            if message["kind"] == "ping":
                self.socket.send('{"kind": "pong"}')
            else:
                heard.append(message)
        return heard

    def done(self, task: str) -> dict[str, Any]:
        """How a task ended."""
        return self.until(lambda m: m["kind"] == "done" and m["task"] == task)[-1]


@contextmanager
def serving(
    where: Path, env: Mapping[str, str], *, another: bool = True, **options: float
) -> Iterator[Page]:
    """A server, for the length of the block; it must end by itself when it is asked to.

    Args:
        where: the package.
        env: its environment.
        another: it is not the only one for these labs.
        options: its limits.
    """
    script = Path(__file__).with_name("serve.py")
    with tempfile.TemporaryDirectory(prefix="labtest-", dir="/tmp") as own:
        runtime = own if another else env["LABRUNNER_RUNTIME"]
        process = subprocess.Popen(
            [sys.executable, str(script), json.dumps(options)],
            env={**env, "PYTHONPATH": str(where), "LABRUNNER_RUNTIME": runtime},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address, "the server did not begin"
            page = Page(process, address, Path(runtime))
            try:
                yield page
            finally:
                page.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
