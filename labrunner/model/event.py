"""What happens while the runner works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

EventState = Literal["planned", "started", "done", "failed", "note"]


@dataclass(frozen=True)
class Event:
    """One thing that happened while the runner works; the terminal and the page draw it.

    Attributes:
        what: the kind of thing: ``host``, ``image``, ``network``, ``container``, ``setup``,
            ``command``, ``check``, ``remove``.
        name: which one.
        state: planned, started, done, failed or note.
        detail: a few words, e.g. ``"building, 3 of 7"``.
        seconds: how long it took, where it is done.
    """

    what: str
    name: str
    state: EventState
    detail: str = ""
    seconds: float | None = None


OnEvent = Callable[[Event], None]


def ignore_event(_event: Event) -> None:
    """For callers that have nobody to tell."""
