"""WebSockets: what a page hears, and its terminals."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from labrunner.errors import EngineError, LabError, UsageError
from labrunner.web import terminals
from labrunner.web.terminals import Line, Terminal

if TYPE_CHECKING:
    from labrunner.web.server import Server

BEAT = 20.0
"""Seconds between two signs of life on a quiet socket."""
SILENT = 65.0
"""Seconds without a pong after which a page is gone."""
RATE, BURST = 2000.0, 6000.0
"""Messages a second that a page may send, and how many at once."""
GARBAGE = 1003
TOO_MANY = 1008
SAID = 4096
"""Letters of a message that is not typed into a terminal."""
WIDEST = 1000
"""Columns and rows that a window may have."""


class Bucket:
    """Bounds how many messages come in."""

    def __init__(self) -> None:
        self._left = BURST
        self._at = time.monotonic()

    def spent(self) -> bool:
        """Count one more; whether that is too many."""
        now = time.monotonic()
        self._left = min(BURST, self._left + (now - self._at) * RATE)
        self._at = now
        self._left -= 1
        return self._left < 0


class Sockets:
    """How many there are.

    Args:
        most: how many there may be.
    """

    def __init__(self, most: int = 64) -> None:
        self.most = most
        self._open = 0

    @asynccontextmanager
    async def accepted(self, socket: WebSocket) -> AsyncIterator[bool]:
        """Accept one; false where it is one too many, and closed already."""
        await socket.accept()
        if self._open >= self.most:
            why = f"there are {self.most} connections already: close a page"
            await _close(socket, terminals.FULL, why)
            yield False
            return
        self._open += 1
        try:
            yield True
        finally:
            self._open -= 1


async def _close(socket: WebSocket, code: int, why: str) -> None:
    with suppress(RuntimeError, WebSocketDisconnect, OSError):
        await socket.close(code, why.encode()[:120].decode(errors="ignore"))


# --- news ---------------------------------------------------------------------------------


async def news(socket: WebSocket) -> None:
    """Tell a page what happens."""
    server: Server = socket.app.state.server
    async with server.sockets.accepted(socket) as room:
        if not room:
            return
        beat = server.options.beat
        heard = time.monotonic()

        async def hear() -> tuple[int, str]:
            nonlocal heard
            bucket = Bucket()
            while True:
                message = await _json(socket)
                if message is None or message.get("kind") != "pong":
                    return GARBAGE, "what was that?"
                if bucket.spent():
                    return TOO_MANY, "too many messages"
                heard = time.monotonic()

        async def tell() -> tuple[int, str]:
            with server.news.listening() as listener:
                while True:
                    text = await listener.next(beat)
                    if listener.lost:
                        return TOO_MANY, "you do not keep up"
                    if text is None and time.monotonic() - heard > server.options.silent:
                        return terminals.IDLE, "no sign of life"
                    await socket.send_text(text or '{"kind": "ping"}')

        await _both(socket, hear(), tell())


async def _both(socket: WebSocket, *halves: Any) -> None:
    """Run both directions until one ends; close with what it says."""
    tasks = [asyncio.ensure_future(half) for half in halves]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    await asyncio.wait(tasks)
    for task in done:
        try:
            code, why = task.result()
        except (WebSocketDisconnect, RuntimeError, OSError):
            continue  # the page is gone
        await _close(socket, code, why)


async def _json(socket: WebSocket) -> dict[str, Any] | None:
    """The next message; ``None`` for what is none of ours."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    return _parsed(message.get("text"))


def _parsed(text: str | None) -> dict[str, Any] | None:
    if text is None or len(text) > SAID:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


# --- terminals ----------------------------------------------------------------------------


async def terminal(socket: WebSocket) -> None:
    """Connect a page with a terminal, a new one or one that lives."""
    server: Server = socket.app.state.server
    async with server.sockets.accepted(socket) as room:
        if not room:
            return
        asked = socket.query_params
        ident = asked.get("session", "")
        try:
            size = _size([asked.get("columns", 80), asked.get("rows", 24)])
            if ident:
                one = server.terminals.find(asked.get("lab", ""), ident)
                if one is None:
                    raise UsageError("this terminal has ended")
            else:
                one = await _open(server, asked.get("lab", ""), asked.get("place", ""), size)
        except _FullError:
            why = f"there are {server.terminals.most} terminals already: close one"
            await _last(socket, terminals.FULL, why)
        except EngineError as error:
            await _last(socket, terminals.OVER, error.message)
        except (LabError, ValueError) as error:
            await _last(socket, terminals.NOWHERE, str(error))
        else:
            await _connect(socket, one, size, again=bool(ident))


class _FullError(Exception):
    """There are as many terminals as there may be."""


async def _open(server: Server, lab: str, place: str, size: tuple[int, int]) -> Terminal:
    from labrunner.web import programs

    if not programs.known(place):
        raise UsageError(f"there is no place {place[:40]!r}")
    if server.terminals.full():
        raise _FullError
    return await server.terminals.open(
        lambda ident: asyncio.ensure_future(
            server.threads.asking(programs.open_program, lab, place, ident, size, server.threads)
        ),
        lab=lab,
        place=place,
        title=place.removeprefix("container:"),
    )


async def _last(socket: WebSocket, code: int, why: str) -> None:
    """Say why there is no terminal, and close."""
    with suppress(RuntimeError, WebSocketDisconnect, OSError):
        await socket.send_text(json.dumps({"ended": None, "why": why}))
    await _close(socket, code, why)


def _size(asked: Any) -> tuple[int, int]:
    columns, rows = (int(n) for n in asked)
    if not (0 < columns <= WIDEST and 0 < rows <= WIDEST):
        raise ValueError("no window is as large as that")
    return columns, rows


async def _connect(socket: WebSocket, one: Terminal, size: tuple[int, int], *, again: bool) -> None:
    line, replay = one.attach()
    one.resize(*size)

    async def show() -> tuple[int, str]:
        await socket.send_text(json.dumps({"session": one.id, "again": again, "replay": replay}))
        while True:
            await line.wake.wait()
            data = line.take()
            if data:
                await socket.send_bytes(data)
            elif line.closed is not None:
                if line.ended is not None:
                    code, why = line.ended
                    await socket.send_text(json.dumps({"ended": code, "why": why}))
                return line.closed

    try:
        await _both(socket, _hear(socket, one, line), show())
    finally:
        one.detach(line)


async def _hear(socket: WebSocket, one: Terminal, line: Line) -> tuple[int, str]:
    bucket = Bucket()
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        if bucket.spent():
            return TOO_MANY, "too many messages"
        typed = message.get("bytes")
        if typed is not None:
            if not one.type(typed):
                return terminals.TOO_BIG, "the program does not read what is typed"
            continue
        said = _parsed(message.get("text"))
        try:
            if said is not None and "resize" in said:
                one.resize(*_size(said["resize"]))
            elif said is not None and "seen" in said:
                one.seen(line, max(0, int(said["seen"])))
            elif said is not None and said.get("close") is True:
                one.end(terminals.ENDED, "")
            else:
                return GARBAGE, "what was that?"
        except (ValueError, TypeError):
            return GARBAGE, "what was that?"
