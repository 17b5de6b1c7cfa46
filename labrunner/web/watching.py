"""Sees what happens to labs from elsewhere: in the store, where commands write, and on engines."""

from __future__ import annotations

import asyncio
import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

from labrunner.engine.host import EVENTS, is_news
from labrunner.errors import LabError
from labrunner.places import state_folder
from labrunner.session import open_store
from labrunner.store import LabRecord, Store
from labrunner.web.news import News
from labrunner.web.tasks import Tasks

if TYPE_CHECKING:
    import docker

LOOK = 0.3
"""Seconds between two looks at whether the store was written to: SQLite tells nobody."""
REST = 2.0
"""Seconds that a lab must be gone for, with nobody at work on it: a reset brings it back."""
AGAIN = 2.0
"""Seconds until an engine that does not answer is asked again."""

Seen = Literal["running", "gone", "unknown"]
Mark = tuple[object, ...]


class Watching:
    """The eyes of a server: a thread for the store, and one for each lab's engine.

    Args:
        news: told of what is seen.
        tasks: what the server does itself.
    """

    def __init__(self, news: News, tasks: Tasks) -> None:
        self._news = news
        self._tasks = tasks
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._engines: dict[str, EngineWatch] = {}
        self._marks: dict[str, Mark] = {}
        self._missing: dict[str, float] = {}

    def begin(self, on_over: Callable[[str], None]) -> None:
        """Begin to look; ``on_over`` is called in this event loop with labs that are gone."""
        loop = asyncio.get_running_loop()

        def over(lab: str) -> None:
            with suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(on_over, lab)

        self._thread = threading.Thread(target=self._run, args=(over,), name="store", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(REST)
        for one in self._engines.values():
            one.end()

    def engine(self, lab: str) -> EngineWatch | None:
        """What is known of the engine of a lab, by its scenario."""
        return next((one for one in list(self._engines.values()) if one.lab == lab), None)

    # --- the store ------------------------------------------------------------------------

    def _run(self, over: Callable[[str], None]) -> None:
        store: Store | None = None
        version = -1
        while not self._stop.is_set():
            try:
                if store is None or not store.path.exists():
                    store, version = open_store(), -1
                now = store.version()
                if now != version:
                    version = now
                    self._compare(store)
            except LabError:
                # a full disk, a folder that is gone: the next look may find it well again
                if store is not None:
                    store.close()
                store = None
            self._look_for_the_missing(over)
            for one in list(self._engines.values()):
                if one.take_news():
                    self._news.tell("map", one.lab)
            self._stop.wait(LOOK)
        if store is not None:
            store.close()

    def _compare(self, store: Store) -> None:
        records = {record.id: record for record in store.labs()}
        marks = {key: _mark(store, record) for key, record in records.items()}
        names = {record.id: record.scenario for record in records.values()}
        changed = {names[key] for key, mark in marks.items() if self._marks.get(key) != mark}
        for key, mark in self._marks.items():
            if key not in marks:
                name = str(mark[0])
                changed.add(name)
                self._missing[name] = time.monotonic()
        self._marks = marks
        for name in names.values():
            self._missing.pop(name, None)
        for key in [key for key in self._engines if key not in records]:
            self._engines.pop(key).end()
        for key, record in records.items():
            if key in self._engines:
                self._engines[key].follow(record)
            elif record.state == "running":
                self._engines[key] = EngineWatch(record, self._news)
        for name in sorted(changed):
            self._news.tell("changed", name)

    def _look_for_the_missing(self, over: Callable[[str], None]) -> None:
        now = time.monotonic()
        for name, since in list(self._missing.items()):
            if self._tasks.of(name) is not None or is_locked(name):
                self._missing[name] = now
            elif now - since > REST:
                del self._missing[name]
                over(name)


def _mark(store: Store, record: LabRecord) -> Mark:
    """What makes one look at a lab different from the one before."""
    return (
        record.scenario,
        record.state,
        record.step,
        record.language,
        *store.shown_so_far(record.id),
    )


def is_locked(name: str) -> bool:
    """Whether a command is at work on a lab."""
    try:
        with (state_folder() / "locks" / f"{name}.lock").open("r", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class EngineWatch:
    """Follows the events of one lab's engine, over a connection of its own.

    Args:
        record: the lab.
        news: told when the lab is there no more, or is there again.
    """

    def __init__(self, record: LabRecord, news: News) -> None:
        self.record = record
        self.lab = record.scenario
        self.count = 0
        """Grows with each event and step: what was measured at another count is out of date."""
        self.seen: Seen = "unknown"
        self.containers: tuple[str, ...] | None = None
        self._news = news
        self._fresh = False
        self._stop = threading.Event()
        self._stream: Any = None
        self._thread = threading.Thread(target=self._run, name=f"engine {self.lab}", daemon=True)
        self._thread.start()

    def follow(self, record: LabRecord) -> None:
        """The lab as the store has it now: a map says what changed since a step began."""
        begun, self.record = record.step != self.record.step, record
        if begun:
            self.count += 1
            self._fresh = True

    def take_news(self) -> bool:
        """Whether something has happened since this was asked last."""
        if not self._fresh:
            return False
        # only where it was seen: what happens in between must not be taken back unseen
        self._fresh = False
        return True

    def end(self) -> None:
        """Follow no more."""
        self._stop.set()
        stream = self._stream
        if stream is not None:
            with suppress(Exception):  # it may have ended by itself, in one of many ways
                stream.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(Exception):  # an engine goes away in many ways; all mean the same
                self._follow()
            if not self._stop.is_set():
                self._ask()
                self._stop.wait(AGAIN)

    def _follow(self) -> None:
        with self._connected() as client:
            self._stream = client.api.events(decode=True, filters=EVENTS)
            self._found("running")
            self._happened(client)
            for event in self._stream:
                if self._stop.is_set():
                    return
                if is_news(event, commands=True):
                    self._happened(client)

    @contextmanager
    def _connected(self) -> Iterator[docker.DockerClient]:
        from labrunner.engine import running
        from labrunner.engine.client import connect

        record = self.record
        host = running.attach(record.host, record.id, record.folder, record.engine)
        try:
            client = connect(host.docker_host)
        finally:
            host.close()
        try:
            yield client
        finally:
            client.close()

    def _happened(self, client: docker.DockerClient) -> None:
        self.count += 1
        found = (str((c["Names"] or [""])[0]) for c in client.api.containers())
        self.containers = tuple(sorted(name.lstrip("/") for name in found if name))
        self._fresh = True

    def _ask(self) -> None:
        """The events have ended: has the lab, too?"""
        from labrunner import lab as labs

        try:
            self._found("gone" if labs.is_gone(self.record) else "unknown")
        except LabError:
            self._found("unknown")

    def _found(self, seen: Seen) -> None:
        if seen == self.seen or self._stop.is_set():
            return
        self.seen = seen
        self.count += 1
        self._fresh = True
        self._news.tell("changed", self.lab)
