"""Work that may wait, off the event loop: what reads files, asks an engine, or ends something.

They are groups of threads: however long an engine takes, a list of labs does not wait for it.
Each thread has a connection to the store of its own. The end of the program waits for none of
them, as it does for those of `concurrent.futures`: an engine may take minutes not to answer.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, ParamSpec, TypeVar

from labrunner.session import open_store
from labrunner.store import Store

P = ParamSpec("P")
R = TypeVar("R")
Job = tuple[Future[Any], Callable[[], Any]]

_mine = threading.local()


def store() -> Store:
    """This thread's connection to the store."""
    found = getattr(_mine, "store", None)
    if not isinstance(found, Store) or not found.path.exists():
        found = _mine.store = open_store()
    return found


def leave_store() -> None:
    """This thread ends: let go of its connection."""
    found = getattr(_mine, "store", None)
    if isinstance(found, Store):
        found.close()
        _mine.store = None


class Group:
    """Threads that take what is to be done in turn.

    Args:
        name: of the threads.
        most: how many there may be; one is begun where all the others are busy.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._threads: list[threading.Thread] = []
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._waiting = 0
        self._over = False

    async def do(self, work: Callable[[], R]) -> R:
        """Have something done; called in the event loop."""
        future: Future[R] = Future()
        with self._changed:
            self._jobs.append((future, work))
            if len(self._jobs) > self._waiting and len(self._threads) < self._most:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()
        return await asyncio.wrap_future(future)

    def end(self) -> list[threading.Thread]:
        """Nothing more is done; those that are at work end when that has."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        return self._threads

    def _run(self) -> None:
        while (job := self._next()) is not None:
            future, work = job
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:  # noqa: BLE001  who asked is told, whatever it is
                    future.set_exception(error)
            del job, future, work  # what came of it is kept by nobody while this thread waits
        leave_store()

    def _next(self) -> Job | None:
        """What is to be done next; ``None`` when it is over, and everything was done."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: self._jobs or self._over)
            self._waiting -= 1
            return self._jobs.popleft() if self._jobs else None


class Threads:
    """The threads of a server."""

    def __init__(self) -> None:
        self._files = Group("files", 4)
        self._engines = Group("engines", 12)
        self._ends = Group("ends", 32)

    async def reading(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do something that reads files and the store, and asks no engine."""
        return await self._files.do(partial(work, *args, **kwargs))

    async def asking(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do something that may wait for an engine."""
        return await self._engines.do(partial(work, *args, **kwargs))

    async def ending(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do something that may wait for what is being ended; many at once."""
        return await self._ends.do(partial(work, *args, **kwargs))

    def end(self, patience: float) -> None:
        """Have all of them end that do within so many seconds; the others are let go of."""
        deadline = time.monotonic() + patience
        ending = [one for group in (self._files, self._engines, self._ends) for one in group.end()]
        for thread in ending:
            thread.join(max(0.0, deadline - time.monotonic()))
