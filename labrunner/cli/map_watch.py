"""`lab map --watch`: measured again whenever the engine says that something changed."""

from __future__ import annotations

import queue
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from labrunner.cli import ui
from labrunner.cli.map import Wanted
from labrunner.cli.map_table import Compared, Shown, changed, draw
from labrunner.engine.host import ROLE
from labrunner.errors import EngineError
from labrunner.reach import changes, kept, looking
from labrunner.words import tr

if TYPE_CHECKING:
    from labrunner.engine.host import Host
    from labrunner.model.reach import Reach, Trouble
    from labrunner.reach.changes import Change
    from labrunner.session import OpenLab

EVERY = 5.0
"""Seconds after which it is measured again though nobody said anything: a firewall rule is no
event of the engine's, and a server listens a while after its container has started."""
QUIET = 0.2
"""Seconds without an event that end a series of them: one command often makes several."""
TOLD = 4
"""So many of the last drawings' changes stay below the table in a terminal."""
CLEAR = "\x1b[H\x1b[2J\x1b[3J"
LOOKED_AT = ("exec_create", "exec_start", "exec_die", "attach", "top", "resize", "health_status")
"""Events that come of looking, and of a check of a container's health."""


class Watch:
    """One watching, until Ctrl-C or the lab's end."""

    def __init__(self, lab: OpenLab, wanted: Wanted) -> None:
        self._lab = lab
        self._wanted = wanted
        self._said: list[Compared] = []
        self._named: tuple[Trouble, ...] = ()
        self._terminal = sys.stdout.isatty()

    def run(self) -> None:
        """Draw, wait, measure again, and say what changed."""
        from labrunner.interrupt import Interrupted

        # on a client of its own: while it listens, others are measured with
        signs = Signs(self._lab.host)
        try:
            before = self._measure()
            self._draw(before, ())
            while True:
                signs.wait(EVERY)
                after = self._measure()
                found = changes.compare(before, after)
                if found:
                    self._draw(after, found)
                before = after
        except EngineError:
            if self._ended():
                ui.note(tr("The lab has ended."))
                return
            raise
        except Interrupted:
            ui.note("")

    def _measure(self) -> Reach:
        reach, self._named = looking.look(self._lab.view)
        kept.keep(self._lab.record, reach)
        return reach

    def _ended(self) -> bool:
        """Whether somebody has stopped the lab, or makes it anew."""
        return self._lab.record.id not in {record.id for record in self._lab.store.labs()}

    def _draw(self, reach: Reach, found: tuple[Change, ...]) -> None:
        compared = Compared("drawn", time.time(), found)
        if found and not self._terminal:
            ui.say(changed(compared, ui.width(), everything=self._wanted.everything))
            sys.stdout.flush()
            return
        marked = compared if found else None
        shown = Shown(
            reach, self._wanted.everything, self._lab.scenario.riddle, self._named, marked
        )
        all_of_it = self._wanted.everything
        earlier = [changed(one, ui.width(), everything=all_of_it) for one in self._said[-TOLD:]]
        parts = [draw(shown, ui.width(), ui.paint), *reversed(earlier)]
        if self._terminal:
            sys.stdout.write(CLEAR)
            parts.append(ui.wrap(tr("Enter measures at once, Ctrl-C ends.")))
        ui.say("\n\n".join(parts))
        sys.stdout.flush()
        self._said += [compared] if found else []


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
            for event in client.api.events(decode=True, filters={"type": ["container", "network"]}):
                if is_news(event):
                    self._signs.put(None)
        self._signs.put(None)

    def _read(self) -> None:
        for _ in sys.stdin:
            self._signs.put(None)


def is_news(event: dict[str, Any]) -> bool:
    """Whether an event of the engine's may have changed who reaches whom.

    What the prober's own container does on a `local` host has not; nor has a look into one.
    """
    action = str(event.get("Action", "")).partition(":")[0]
    attributes = event.get("Actor", {}).get("Attributes", {})
    probing = attributes.get(ROLE) == "probe" or attributes.get("name") == "host"
    return not probing and action not in LOOKED_AT
