"""What takes long: starting, solving, resetting and stopping labs, each in a thread of its own."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from labrunner import words
from labrunner.errors import BusyError, LabError, UsageError
from labrunner.model.event import Event
from labrunner.shell import Wake
from labrunner.web.news import News
from labrunner.web.threads import leave_store

LINES = 5000
"""Lines of a task's output that are shown; what prints more is not there to be read."""
LONGEST = 4000
CALLED_OFF = frozenset({"start", "solve"})
"""What can be called off: it leaves the lab as it was, or none."""
RUNNERS_OWN = frozenset({"image", "remove"})
"""Kinds of events of which some have a name that the runner gave."""


class CalledOff(BaseException):
    """Somebody does not want it any more. No Exception: nothing is to take it for a failure."""


@dataclass
class Task:
    """Something that is being done to a lab.

    Attributes:
        id: names it in the news.
        lab: the scenario's name.
        act: ``start``, ``solve``, ``reset`` or ``stop``.
        language: of the learner.
        events: the last one of each thing, as pages were told.
    """

    lab: str
    act: str
    news: News
    spoken: words.Words
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    events: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    begun: float = field(default_factory=time.time)
    _off: threading.Event = field(default_factory=threading.Event)
    _raised: bool = False
    _undoing: bool = False
    _lines: int = 0

    def __post_init__(self) -> None:
        self._ear, self._mouth = os.pipe()

    @property
    def wake(self) -> Wake:
        """What makes commands heed at once."""
        return Wake(self._ear, self.heed)

    def call_off(self) -> None:
        """Have it undone at the next sign of life; commands heed at once."""
        self._off.set()
        with suppress(OSError):  # it has ended meanwhile
            os.write(self._mouth, b"\0")

    def close(self) -> None:
        """It has ended."""
        for pipe in (self._ear, self._mouth):
            os.close(pipe)

    def heed(self) -> None:
        """End here, where it was called off."""
        if self._off.is_set() and not self._undoing:
            self._raised = True
            raise CalledOff

    def on_event(self, event: Event) -> None:
        """Tell what happened; undo instead where the task was called off."""
        if self._raised and event.what == "remove":
            self._undoing = True
        name = self.spoken.put(event.name) if event.what in RUNNERS_OWN else event.name
        said = {
            "what": event.what,
            "label": self.spoken.put(event.what),
            "name": name,
            "state": event.state,
            "detail": self.spoken.of(event.detail) if event.detail else "",
            "seconds": event.seconds,
        }
        self.events[event.what, event.name] = said
        self.news.tell("event", self.lab, task=self.id, **said)
        self.heed()

    def on_output(self, line: str) -> None:
        """Tell what a command printed."""
        self._lines += 1
        if self._lines <= LINES:
            self.news.tell("output", self.lab, task=self.id, line=line[:LONGEST])
        elif self._lines == LINES + 1:
            self.news.tell("output", self.lab, task=self.id, line="…")
        self.heed()


class Tasks:
    """The tasks under way, at most one a lab.

    Args:
        news: told of everything.
    """

    def __init__(self, news: News) -> None:
        self._news = news
        self._lock = threading.Lock()
        self._tasks: dict[str, tuple[Task, threading.Thread]] = {}
        self._closed = False

    def begin(
        self, lab: str, act: str, spoken: words.Words, work: Callable[[Task], dict[str, Any] | None]
    ) -> Task:
        """Begin something.

        Raises:
            BusyError: something else is being done to the lab.
        """
        with self._lock:
            self._refuse(lab)
            task = Task(lab, act, self._news, spoken)
            thread = threading.Thread(
                target=self._run, args=(task, work), name=f"{act} {lab}", daemon=True
            )
            self._tasks[lab] = task, thread
        thread.start()
        self._news.tell("changed", lab)
        return task

    def refuse(self, lab: str) -> None:
        """Raise `BusyError` where something is being done to a lab."""
        with self._lock:
            self._refuse(lab)

    def _refuse(self, lab: str) -> None:
        if self._closed:
            raise BusyError("the page is about to close", "lab open opens it again")
        if lab in self._tasks:
            act = self._tasks[lab][0].act
            raise BusyError(
                f"{lab} is busy: the page is at work on it ({act})",
                "wait for it to end, then try again",
            )

    def of(self, lab: str) -> Task | None:
        """What is being done to a lab."""
        found = self._tasks.get(lab)
        return found[0] if found else None

    def all(self) -> list[Task]:
        """Everything that is being done."""
        return [task for task, _ in list(self._tasks.values())]

    def call_off(self, lab: str) -> Task:
        """Have what is being done to a lab undone.

        Raises:
            UsageError: nothing is being done, or it cannot be called off.
        """
        with self._lock:
            task = self.of(lab)
            if task is None or task.act not in CALLED_OFF:
                raise UsageError(f"nothing that could be called off is being done to {lab}")
            task.call_off()
        return task

    def end(self, patience: float) -> None:
        """Begin nothing more, call off what can be, and wait for the rest."""
        with self._lock:
            self._closed = True
            running = list(self._tasks.values())
            for task, _ in running:
                if task.act in CALLED_OFF:
                    task.call_off()
        deadline = time.monotonic() + patience
        for _, thread in running:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, task: Task, work: Callable[[Task], dict[str, Any] | None]) -> None:
        error: dict[str, str] | None = None
        result = None
        try:
            task.heed()
            result = work(task)
        except CalledOff:
            error = {"message": task.spoken.put("It was called off."), "hint": ""}
        except LabError as found:
            error = {"message": task.spoken.of(found.message), "hint": task.spoken.of(found.hint)}
        except Exception as found:  # noqa: BLE001  a bug of one task must not be silent
            error = {"message": f"{task.act} failed: {found!r}", "hint": "lab doctor looks further"}
        finally:
            with self._lock:
                self._tasks.pop(task.lab, None)
                task.close()
            leave_store()
        more = {} if result is None else {"result": result}
        self._news.tell("done", task.lab, task=task.id, act=task.act, error=error, **more)
        self._news.tell("changed", task.lab)
