"""Runs the server, from its socket to its end."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from labrunner.errors import BusyError, LabError
from labrunner.web import app
from labrunner.web.address import Claim, Running, find
from labrunner.web.gate import Keys
from labrunner.web.server import Options, Server

if TYPE_CHECKING:
    from types import FrameType

PORT = 7353
"""Where the server listens unless that is taken."""
MESSAGE = 1024 * 1024
"""Bytes of a message on a WebSocket."""
HEAD = 32 * 1024
"""Bytes of a request's head."""
FILES = 4096


class Impatient(H11Protocol):
    """A connection that asks nothing is closed: there are only so many."""

    patience = 20.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for its first request, and not for long."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.patience, self._enough)

    def _enough(self) -> None:
        if self.scope is None and not self.transport.is_closing():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)


class Closing(WebSocketsSansIOProtocol):
    """A WebSocket that its page may have closed just before the server does."""

    def shutdown(self) -> None:
        """Close it, if nobody has; what its page did not read yet is still on its way then."""
        try:
            super().shutdown()
        except InvalidState:
            self.transport.close()


class _Uvicorn(uvicorn.Server):
    """Tells when it listens, and leaves signals to us."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End at the first signal, in order; the second ends without waiting."""

        def end(_number: int, _frame: FrameType | None) -> None:
            self.force_exit = self.should_exit
            self.should_exit = True

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, end) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listen(bind: str, port: int | None) -> socket.socket:
    """A socket to listen at; without a port, the usual one or any.

    Raises:
        LabError: nobody can listen there.
    """
    tried = (PORT, 0) if port is None else (port,)
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    for number in tried:
        # with its protocol named: only then asyncio sends small things at once (TCP_NODELAY)
        found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((bind, number))
        except OSError as error:
            found.close()
            problem = error
        else:
            return found
    why = os.strerror(problem.errno) if problem.errno else str(problem)
    raise LabError(f"cannot listen at {bind}, port {tried[0]}: {why}", "choose another: --port")


def run(
    *,
    bind: str = "127.0.0.1",
    port: int | None = None,
    options: Options | None = None,
    on_ready: Callable[[Running], None] = lambda _running: None,
) -> None:
    """Serve until a signal comes; the labs stay.

    Raises:
        BusyError: there is a server already.
        LabError: nobody can listen there.
    """
    claim = Claim()
    if not claim.take():
        running = find()
        where = f" at {running.address}" if running else ""
        raise BusyError(f"the page is served already{where}", "lab serve --stop ends that server")
    try:
        listening = listen(bind, port)
        keys = Keys(listening.getsockname()[1], bind)
        running = Running(os.getpid(), keys.port, bind, keys.address)
        _more_files()

        def ready() -> None:
            claim.tell(running)
            on_ready(running)

        limits = options or Options()
        config = uvicorn.Config(app.make(Server(limits), keys), **_settings(limits))
        asyncio.run(_Uvicorn(config, ready).serve([listening]))
    finally:
        claim.drop()


def _settings(options: Options) -> dict[str, Any]:
    return {
        "http": type("Impatient", (Impatient,), {"patience": options.patience}),
        "ws": Closing,
        "ws_max_size": MESSAGE,
        "ws_ping_interval": options.beat,
        "ws_ping_timeout": options.silent,
        "ws_per_message_deflate": False,
        "h11_max_incomplete_event_size": HEAD,
        "timeout_keep_alive": 30,
        "timeout_graceful_shutdown": 1,
        "lifespan": "on",
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "date_header": False,
        "proxy_headers": False,
    }


def _more_files() -> None:
    """Each page and each terminal takes a few files; the usual limit is small."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
