"""What a server has: threads, news, tasks, terminals, and eyes for what others do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from labrunner.web.maps import Maps
from labrunner.web.news import News
from labrunner.web.tasks import Tasks
from labrunner.web.terminals import Terminals
from labrunner.web.threads import Threads
from labrunner.web.watching import Watching
from labrunner.web.wire import BEAT, SILENT, Sockets

PATIENCE = 60.0
"""Seconds that tasks have to end, or to undo themselves, when the server ends."""
GRACE = 3.0
"""Seconds that everything else has; then it is let go of, and the kernel ends it."""
LEAVE = 0.3
"""Seconds that threads have to close their connections to the store."""


@dataclass(frozen=True)
class Options:
    """What tests set differently.

    Attributes:
        beat, silent: seconds between signs of life on a quiet socket, and until one is missed.
        idle, alone: seconds that an unused terminal lives, and one that no page looks at.
        terminals, sockets: how many there may be.
        patience: seconds that a connection may take to ask something.
    """

    beat: float = BEAT
    silent: float = SILENT
    idle: float = 3600.0
    alone: float = 600.0
    terminals: int = 32
    sockets: int = 64
    patience: float = 20.0


class Server:
    """Everything that lives as long as the server.

    Args:
        options: limits.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.threads = Threads()
        self.news = News()
        self.tasks = Tasks(self.news)
        self.terminals = Terminals(
            most=self.options.terminals, idle=self.options.idle, alone=self.options.alone
        )
        self.sockets = Sockets(self.options.sockets)
        self.watching = Watching(self.news, self.tasks)
        self.maps = Maps(self.watching)
        self._ending: set[asyncio.Future[None]] = set()

    async def begin(self) -> None:
        """The event loop runs."""
        self.news.begin()
        self.terminals.begin()
        self.watching.begin(self._over)

    async def end(self) -> None:
        """Close terminals, call off what can be, wait for the rest. The labs stay."""
        others = (self.terminals.close(), self.threads.ending(self.watching.end))
        ending = [asyncio.ensure_future(one) for one in others]
        await self.threads.ending(self.tasks.end, PATIENCE)
        await asyncio.wait(ending, timeout=GRACE)
        self.news.end()
        self.threads.end(LEAVE)

    def _over(self, lab: str) -> None:
        """A lab is gone; called in the event loop."""
        self.maps.forget(lab)
        if lab in self.terminals.labs():
            ending = asyncio.ensure_future(self.terminals.end(lab, "the lab is over"))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
