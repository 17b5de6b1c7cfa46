"""One command at a time for one lab: an advisory lock that the kernel drops with its holder."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from labrunner.errors import BusyError

PATIENCE = 3.0
"""Seconds that a second command waits before it says who holds the lab."""


@contextmanager
def holding(folder: Path, name: str, *, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock called ``name`` for the length of a ``with`` block.

    Args:
        folder: where lock files live; made where it is missing.
        name: a scenario's name.
        patience: seconds to wait for another holder.

    Raises:
        BusyError: somebody else holds it for longer than that.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}.lock"
    with path.open("a+", encoding="utf-8") as file:
        if not _acquire(file, patience):
            file.seek(0)
            holder = file.read().strip() or "another command"
            raise BusyError(
                f"{name} is busy: {holder} is at work on it",
                "wait for it to end, then try again",
            )
        file.seek(0)
        file.truncate()
        file.write(f"{' '.join(['lab', *sys.argv[1:3]])} (process {os.getpid()})")
        file.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                file.seek(0)
                file.truncate()
            fcntl.flock(file, fcntl.LOCK_UN)


def _acquire(file: IO[str], patience: float) -> bool:
    """Take the lock, or give up after ``patience`` seconds."""
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    # The kernel wakes a blocked flock the moment the holder lets go; only a thread can wait
    # for that with a limit. It works on a duplicate, so an abandoned one cannot hurt.
    got = threading.Event()
    given_up = threading.Event()
    duplicate = os.dup(file.fileno())

    def wait() -> None:
        try:
            fcntl.flock(duplicate, fcntl.LOCK_EX)
            if given_up.is_set():
                fcntl.flock(duplicate, fcntl.LOCK_UN)
            else:
                got.set()
        finally:
            os.close(duplicate)

    threading.Thread(target=wait, daemon=True).start()
    if got.wait(patience):
        return True
    given_up.set()
    return got.is_set()
