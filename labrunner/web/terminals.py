"""Terminals: a lab's shell, its host, its containers, kept while pages come and go.

Whatever comes from a program is handed on in the same turn of the event loop in which it came,
with nothing collected and no clock in between. What was printed last is kept, so that a page
that was reloaded sees it again; and where a page does not keep up, the program waits.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

KEPT = 256 * 1024
"""Bytes of output that a page sees again when it comes back."""
UNSEEN = 512 * 1024
"""Bytes that may be on their way to a page; then the program waits."""
TYPED = 8 * 1024 * 1024
"""Bytes of input that may wait for a program to read them."""
ALONE = 0.01
"""Seconds between two reads where nobody looks: a flood must not take the machine."""

ENDED, TOO_BIG, FULL = 1000, 1009, 1013
NOWHERE, IDLE, TAKEN, OVER = 4404, 4408, 4409, 4410
"""Codes that a WebSocket is closed with."""


class Backend(Protocol):
    """A program with a terminal."""

    def fileno(self) -> int:
        """What the event loop waits for."""

    def read(self) -> bytes | None:
        """What it printed; ``None`` where there is nothing now, empty at its end."""

    def write(self, data: memoryview) -> int:
        """Type something; how much of it was taken."""

    def watch(self, ended: Callable[[], None]) -> None:
        """Have ``ended`` called, in any thread, when the program has ended."""

    async def resize(self, columns: int, rows: int) -> None:
        """Its window has another size."""

    async def end(self, *, kill: bool) -> tuple[int | None, str]:
        """Let go of it; its exit code where it had one, and why it ended.

        Args:
            kill: end it, and everything that it has started.
        """


class Line:
    """From a terminal to the page that looks at it."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.unseen = 0
        self.closed: tuple[int, str] | None = None
        self.ended: tuple[int | None, str] | None = None
        self._pending = bytearray()

    def put(self, data: bytes) -> None:
        """The program printed something."""
        self._pending += data
        self.unseen += len(data)
        self.wake.set()

    def seen(self, count: int) -> None:
        """The page has shown so many bytes more; what was not even sent it has not."""
        self.unseen = max(len(self._pending), self.unseen - count)

    def take(self) -> bytes:
        """What is to be sent now."""
        self.wake.clear()
        data = bytes(self._pending)
        self._pending.clear()
        return data

    def close(self, code: int, why: str, ended: tuple[int | None, str] | None = None) -> None:
        """The last that this page hears."""
        if self.closed is None:
            self.closed, self.ended = (code, why), ended
            self.wake.set()


class Terminal:
    """One terminal.

    Args:
        backend: the program.
        lab, place, title: what it is.
        ident: names it to pages.
        on_end: called when it is over.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        lab: str,
        place: str,
        title: str,
        ident: str,
        on_end: Callable[[Terminal], None],
    ) -> None:
        self.lab, self.place, self.title, self.id = lab, place, title, ident
        self.over = False
        self._backend = backend
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._kept = bytearray()
        self._cut = False
        self._typed = bytearray()
        self._line: Line | None = None
        self._reading = self._writing = self._exited = False
        self._size = (0, 0)
        self._resizing: asyncio.Task[None] | None = None
        self._finishing: asyncio.Task[None] | None = None
        self.active = self.left = self._loop.time()
        backend.watch(lambda: self._tell(self._has_exited))
        self._resume()
        # what came before the event loop could look is not announced by anything
        self._loop.call_soon(self._go_on)

    @property
    def attached(self) -> bool:
        """Whether a page looks at it."""
        return self._line is not None

    # --- pages ----------------------------------------------------------------------------

    def attach(self) -> tuple[Line, int]:
        """A page looks at it from now on, instead of another; how much it is shown again."""
        if self._line is not None:
            self._line.close(TAKEN, "opened elsewhere")
        self._line = Line()
        again = self._again()
        if again:
            self._line.put(again)
        self._flow()
        return self._line, len(again)

    def detach(self, line: Line) -> None:
        """That page is gone."""
        if self._line is line:
            self._line = None
            self.left = self._loop.time()
            self._resume()

    def seen(self, line: Line, count: int) -> None:
        """A page has shown so many bytes more."""
        line.seen(count)
        if self._line is line:
            self._flow()

    def _again(self) -> bytes:
        if not self._cut:
            return bytes(self._kept)
        # it begins somewhere: after the end of a line nothing is half there
        start = self._kept.find(b"\n", 0, 4096) + 1
        return bytes(self._kept[start:])

    # --- the program ----------------------------------------------------------------------

    def type(self, data: bytes) -> bool:
        """Type something; false where the program has left too much unread."""
        if self.over:
            return True
        if len(self._typed) + len(data) > TYPED:
            return False
        self.active = self._loop.time()
        self._typed += data
        if not self._writing:
            self._write()
        return True

    def resize(self, columns: int, rows: int) -> None:
        """The page's window has another size."""
        if self.over or self._size == (columns, rows):
            return
        self._size = (columns, rows)
        if self._resizing is None:
            self._resizing = self._loop.create_task(self._resize())

    async def _resize(self) -> None:
        done = None
        while done != self._size and not self.over:
            done = self._size
            await self._backend.resize(*done)
        self._resizing = None

    def end(self, code: int, why: str) -> asyncio.Task[None]:
        """End the program, or let go of one that has ended; the page is told."""
        if self._finishing is None:
            self._finishing = self._loop.create_task(self._finish(code, why))
        return self._finishing

    def _tell(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it the terminal
            self._loop.call_soon_threadsafe(call)

    def _has_exited(self) -> None:
        self._exited = True
        if self._reading or self._line is None:
            self._readable()

    def _resume(self) -> None:
        if not self._reading and not self.over:
            self._reading = True
            self._loop.add_reader(self._backend.fileno(), self._readable)
            if self._exited:
                self._readable()

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._backend.fileno())

    def _flow(self) -> None:
        """Read while the page keeps up."""
        if self._line is None or self._line.unseen <= UNSEEN:
            self._resume()
        else:
            self._pause()

    def _readable(self) -> None:
        if self.over:
            return
        data = self._backend.read()
        if data:
            self._printed(data)
        if data == b"" or (data is None and self._exited):
            self._pause()
            self.end(ENDED, "")
        elif data and self._exited:
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._reading:
            self._readable()

    def _printed(self, data: bytes) -> None:
        self.active = self._loop.time()
        self._kept += data
        if len(self._kept) > KEPT:
            self._cut = True
            del self._kept[: len(self._kept) - KEPT]
        if self._line is not None:
            self._line.put(data)
            self._flow()
        else:
            self._pause()
            self._loop.call_later(ALONE, self._flow)

    def _write(self) -> None:
        if self.over:
            return
        while self._typed:
            with memoryview(self._typed) as view:
                taken = self._backend.write(view)
            if not taken:
                break
            del self._typed[:taken]
        if self._typed and not self._writing:
            self._writing = True
            self._loop.add_writer(self._backend.fileno(), self._write)
        elif not self._typed and self._writing:
            self._writing = False
            self._loop.remove_writer(self._backend.fileno())

    async def _finish(self, code: int, why: str) -> None:
        self.over = True
        self._pause()
        if self._writing:
            self._loop.remove_writer(self._backend.fileno())
        exit_code, reason = await self._backend.end(kill=code != ENDED)
        if self._line is not None:
            by_itself = code == ENDED
            if by_itself and reason:
                code = OVER
            said = (exit_code if by_itself else None, why or reason)
            self._line.close(code, why or reason, said)
        self._on_end(self)


class Terminals:
    """The terminals of a server.

    Args:
        most: how many there may be.
        idle: seconds without input and output after which one is ended.
        alone: seconds without a page after which one is ended.
    """

    def __init__(self, *, most: int = 32, idle: float = 3600, alone: float = 600) -> None:
        self.most, self.idle, self.alone = most, idle, alone
        self._terminals: dict[str, Terminal] = {}
        self._opening = 0
        self._sweeper: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """The event loop runs."""
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    def full(self) -> bool:
        """Whether there are as many as there may be."""
        return len(self._terminals) + self._opening >= self.most

    async def open(
        self, make: Callable[[str], asyncio.Future[Backend]], *, lab: str, place: str, title: str
    ) -> Terminal:
        """Open another."""
        ident = secrets.token_urlsafe(12)
        self._opening += 1
        try:
            backend = await make(ident)
        finally:
            self._opening -= 1
        terminal = Terminal(
            backend, lab=lab, place=place, title=title, ident=ident, on_end=self._ended
        )
        self._terminals[ident] = terminal
        return terminal

    def find(self, lab: str, ident: str) -> Terminal | None:
        """One of a lab's terminals."""
        found = self._terminals.get(ident)
        return found if found and found.lab == lab and not found.over else None

    def of(self, lab: str) -> list[Terminal]:
        """A lab's terminals, in the order in which they were opened."""
        return [one for one in self._terminals.values() if one.lab == lab and not one.over]

    def labs(self) -> set[str]:
        """Labs that have terminals."""
        return {one.lab for one in self._terminals.values()}

    async def end(self, lab: str | None = None, why: str = "", code: int = OVER) -> None:
        """End the terminals of a lab, or all."""
        ending = [
            one.end(code, why) for one in list(self._terminals.values()) if lab in (None, one.lab)
        ]
        if ending:
            await asyncio.wait(ending)

    async def close(self) -> None:
        """The server ends."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self.end(why="the page was closed")

    def _ended(self, terminal: Terminal) -> None:
        self._terminals.pop(terminal.id, None)

    async def _sweep(self) -> None:
        """End what nobody uses."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(self.idle, self.alone, 40) / 4)
            now = loop.time()
            for one in list(self._terminals.values()):
                if now - one.active > self.idle:
                    one.end(IDLE, "nothing was typed or printed for a long time")
                elif not one.attached and now - one.left > self.alone:
                    one.end(IDLE, "no page was looking at it")
