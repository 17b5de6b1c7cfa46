"""Who may act at once: labs act side by side, but not while one of them measures speed.

Workers are processes, so the gate is two lock files, which the kernel opens again when their
holder dies. The turnstile is held while one waits for the room: who wants the room alone
keeps others from coming in, and so gets it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Gate:
    """One worker's way through the gate.

    Args:
        folder: where the lock files are; the same for all workers of a run. They are open as
            long as the worker lives.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._turnstile = (folder / "turnstile").open("a", encoding="utf-8")
        self._room = (folder / "room").open("a", encoding="utf-8")

    @contextmanager
    def act(self, *, alone: bool = False) -> Iterator[None]:
        """Act within this block, beside others or alone."""
        self.turn(alone=alone)
        try:
            yield
        finally:
            self.leave()

    def turn(self, *, alone: bool) -> None:
        """Go in, or change how one is in."""
        self.leave()
        fcntl.flock(self._turnstile, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        finally:
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)

    def leave(self) -> None:
        """Go out."""
        fcntl.flock(self._room, fcntl.LOCK_UN)
