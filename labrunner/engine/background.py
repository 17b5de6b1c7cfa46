"""Slow calls in a thread, watched from the caller's: progress, heartbeat and patience."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Literal, TypeVar

from labrunner.model.event import Event, OnEvent

T = TypeVar("T")
R = TypeVar("R")

BEAT = 0.1
"""Seconds of silence after which the waiting side looks up."""

PACE = 0.9
"""Seconds between two signs of life of one thing: never silent for a second, never a flood."""


class Ongoing:
    """Tells how one image gets on: at once when it enters a new step, else once a second."""

    def __init__(self, name: str, on_event: OnEvent) -> None:
        self.name, self._on_event = name, on_event
        self.text = ""
        self._detail = ""
        self._began = time.monotonic()
        self._told = 0.0

    def step(self, text: str) -> None:
        """A new step begins; told now."""
        self.text = self._detail = text
        self._tell(text)

    def beat(self, detail: str = "") -> None:
        """Still in the same step; told when a second has passed since anything was.

        Args:
            detail: what is new; without it, what was new last is told again.
        """
        self._detail = detail or self._detail
        if time.monotonic() - self._told >= PACE:
            seconds = time.monotonic() - self._began
            self._tell(f"{self._detail}, {seconds:.0f} s")

    def done(self, detail: str) -> None:
        """It is there."""
        self._end("done", detail)

    def failed(self, detail: str) -> None:
        """It will not be there."""
        self._end("failed", detail)

    def _tell(self, detail: str) -> None:
        self._told = time.monotonic()
        self._on_event(Event("image", self.name, "started", detail))

    def _end(self, state: Literal["done", "failed"], detail: str) -> None:
        seconds = time.monotonic() - self._began
        self._on_event(Event("image", self.name, state, detail, seconds))


def watched(
    work: Callable[[Callable[[T], None]], R],
    on_news: Callable[[T | None], None],
    *,
    beat: float = BEAT,
    patience: float | None = None,
) -> R:
    """Run ``work(tell)`` in a thread and report on it from this one.

    The thread is a daemon: Ctrl-C leaves this function at once and the end of the process
    closes the engine's connection, upon which the engine gives the work up too.

    Args:
        work: gets a function to report progress with; its result is returned, what it
            raises is raised here.
        on_news: called in this thread with each thing told, and with ``None`` after every
            ``beat`` seconds of silence.
        beat: seconds of silence until ``on_news(None)``.
        patience: seconds of silence after which the work is abandoned.

    Raises:
        TimeoutError: the patience is at an end.
    """
    news: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()

    def run() -> None:
        try:
            news.put(("result", work(lambda item: news.put(("news", item)))))
        except BaseException as error:  # noqa: BLE001  raised again by the caller
            news.put(("error", error))

    threading.Thread(target=run, daemon=True).start()
    silent = 0.0
    while True:
        try:
            kind, item = news.get(timeout=beat)
        except queue.Empty:
            silent += beat
            if patience is not None and silent >= patience:
                raise TimeoutError(f"no sign of life for {patience:.0f} s") from None
            on_news(None)
            continue
        silent = 0.0
        if kind == "error" and isinstance(item, BaseException):
            raise item
        if kind == "result":
            return item  # type: ignore[return-value]  # put there by run()
        on_news(item)  # type: ignore[arg-type]  # put there by tell()


def clip(text: str, width: int = 60) -> str:
    """Text on one line, cut where it is longer than ``width`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
