"""Waiting for what the kernel or the engine does a moment later."""

from __future__ import annotations

import time
from collections.abc import Callable


def ends(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
