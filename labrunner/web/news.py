"""What happens, told to every page that listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WAITING = 20_000
"""Messages that a page may leave unread; one that does not keep up is let go, and comes again."""


class Listener:
    """One page that listens."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[str] = asyncio.Queue()
        self.lost = False

    def put(self, text: str) -> None:
        """Something happened."""
        if self._messages.qsize() >= WAITING:
            self.lost = True
        else:
            self._messages.put_nowait(text)

    async def next(self, patience: float) -> str | None:
        """What happened next; ``None`` where nothing has for so many seconds."""
        try:
            return await asyncio.wait_for(self._messages.get(), patience)
        except TimeoutError:
            return None


class News:
    """Hands on what happens. `tell` may be called from every thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[Listener] = set()

    def begin(self) -> None:
        """The event loop runs."""
        self._loop = asyncio.get_running_loop()

    def end(self) -> None:
        """Nobody listens any more."""
        self._loop = None

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Hear everything, for the length of the block."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def tell(self, kind: str, lab: str, **more: Any) -> None:
        """Tell all pages."""
        loop = self._loop
        if loop is None:
            return
        text = json.dumps({"kind": kind, "lab": lab, **more}, ensure_ascii=False)
        try:
            loop.call_soon_threadsafe(self._spread, text)
        except RuntimeError:
            return  # the server has ended meanwhile

    def _spread(self, text: str) -> None:
        for listener in self._listeners:
            listener.put(text)
