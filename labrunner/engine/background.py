"""Slow calls in a thread, watched from the caller's: progress, heartbeat and patience."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

BEAT = 0.5
"""Seconds between two signs of life: nothing that a person waits for is silent for longer."""


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
