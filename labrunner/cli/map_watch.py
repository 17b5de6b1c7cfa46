"""`lab map --watch`: measured again whenever the engine says that something changed."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from labrunner.cli import ui
from labrunner.cli.map import Wanted, compare
from labrunner.cli.map_table import Compared, Shown, changed, draw
from labrunner.engine.host import EVENTS, is_news
from labrunner.errors import BusyError, EngineError
from labrunner.lock import holding
from labrunner.places import state_folder
from labrunner.reach import changes, kept, looking
from labrunner.words import tr

if TYPE_CHECKING:
    from labrunner.engine.host import Host
    from labrunner.model.reach import Reach, Trouble
    from labrunner.session import OpenLab

EVERY = 5.0
"""Seconds after which it is measured again though nobody said anything: a firewall rule is no
event of the engine's, and a server listens a while after its container has started."""
QUIET = 0.2
"""Seconds without an event that end a series of them: one command often makes several."""
ENDING = 30.0
"""Seconds that somebody else gets to end the lab."""
TOLD = 4
"""So many of the last drawings' changes stay below the table in a terminal."""
CLEAR = "\x1b[H\x1b[2J"


class Watch:
    """One watching, until Ctrl-C or the lab's end."""

    def __init__(self, lab: OpenLab, wanted: Wanted) -> None:
        self._lab = lab
        self._wanted = wanted
        self._said: list[Compared] = []
        self._named: tuple[Trouble, ...] = ()
        self._terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"

    def run(self) -> None:
        """Draw, wait, measure again, and say what changed."""
        from labrunner.interrupt import Interrupted

        # before the first look: what happens meanwhile is a sign, too
        signs = Signs(self._lab.host)
        try:
            before = self._look()
            first, lacking = compare(self._lab, before, self._wanted.since)
            self._draw(before, first, ui.wrap(lacking) if lacking else "")
            while True:
                self._keep(before)
                signs.wait(EVERY)
                after = self._look()
                found = changes.compare(before, after)
                if found:
                    self._tell(after, Compared("drawn", time.time(), found))
                before = after
        except EngineError:
            if self._ended():
                ui.note(tr("The lab has ended."))
                return
            raise
        except Interrupted:
            ui.note("")

    def _look(self) -> Reach:
        reach, self._named = looking.look(self._lab.view)
        return reach

    def _keep(self, reach: Reach) -> None:
        """Keep a measurement, as one of the step that the learner is on by now."""
        for record in self._lab.store.labs():
            if record.id == self._lab.record.id:
                self._lab.record = record
                kept.keep(record, reach)

    def _ended(self) -> bool:
        """Whether somebody has stopped the lab, or makes it anew; who is about to is waited for."""
        locks, name = state_folder() / "locks", self._lab.scenario.name
        with suppress(BusyError), holding(locks, name, patience=ENDING):
            pass
        return self._lab.record.id not in {record.id for record in self._lab.store.labs()}

    def _tell(self, reach: Reach, compared: Compared) -> None:
        """Say what changed: in a terminal below a new drawing, elsewhere by itself."""
        if self._terminal:
            earlier = [self._sentences(one) for one in reversed(self._said[-TOLD:])]
            self._draw(reach, compared, *earlier)
        else:
            ui.say(self._sentences(compared))
        sys.stdout.flush()
        self._said.append(compared)

    def _sentences(self, compared: Compared) -> str:
        riddle = self._lab.scenario.riddle
        return changed(compared, ui.width(), everything=self._wanted.everything, riddle=riddle)

    def _draw(self, reach: Reach, compared: Compared | None, *more: str) -> None:
        riddle = self._lab.scenario.riddle
        shown = Shown(reach, self._wanted.everything, riddle, self._named, compared)
        parts = [draw(shown, ui.width(), ui.paint), *(part for part in more if part)]
        if self._terminal:
            sys.stdout.write(CLEAR)
            parts.append(ui.wrap(tr("Enter measures at once, Ctrl-C ends.")))
        ui.say("\n\n".join(parts))
        sys.stdout.flush()


class Signs:
    """What says that it may be worth measuring again: the engine, or the Enter key.

    Args:
        host: the lab's.
    """

    def __init__(self, host: Host) -> None:
        self._signs: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._host = host
        threads = [self._listen]
        if sys.stdin.isatty():
            threads.append(self._read)
        for work in threads:
            threading.Thread(target=work, daemon=True).start()

    def wait(self, seconds: float) -> None:
        """Wait for a sign and for the end of a series of them, or for so many seconds."""
        deadline = time.monotonic() + seconds
        with suppress(queue.Empty):
            self._signs.get(timeout=seconds)
            while time.monotonic() < deadline:
                self._signs.get(timeout=QUIET)

    def _listen(self) -> None:
        from labrunner.engine.client import connect

        # an engine that ends, ends this; what is measured then says why
        with suppress(Exception):
            client = connect(self._host.docker_host)
            for event in client.api.events(decode=True, filters=EVENTS):
                if is_news(event):
                    self._signs.put(None)
        self._signs.put(None)

    def _read(self) -> None:
        for _ in sys.stdin:
            self._signs.put(None)
