"""Work that may wait, off the event loop: what reads files, and what asks an engine.

They are two groups of threads: however long an engine takes, a list of labs does not wait for it.
Each thread has a connection to the store of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from labrunner.session import open_store
from labrunner.store import Store

P = ParamSpec("P")
R = TypeVar("R")

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


class Threads:
    """The threads of a server."""

    def __init__(self) -> None:
        self._files = ThreadPoolExecutor(4, thread_name_prefix="files")
        self._engines = ThreadPoolExecutor(12, thread_name_prefix="engines")

    async def reading(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do something that reads files and the store, and asks no engine."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._files, lambda: work(*args, **kwargs))

    async def asking(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do something that may wait for an engine."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._engines, lambda: work(*args, **kwargs))

    def end(self) -> None:
        """Begin nothing more; what is under way ends when it ends."""
        for pool in (self._files, self._engines):
            pool.shutdown(wait=False, cancel_futures=True)
