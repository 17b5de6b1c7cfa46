"""The workers of a run, seen from the parent: started, given groups, watched, ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from labrunner.validate import record
from labrunner.validate.bench import Patience
from labrunner.validate.cases import Group

LEAVING = 120.0
"""Seconds that a worker gets to stop its lab before it is killed."""

GRACE = 60.0
"""Seconds beyond what an act may take, after which its worker counts as stuck."""


@dataclass(frozen=True)
class Message:
    """What a worker says; ``what`` is ``died`` where it says nothing more."""

    worker: int
    what: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """What every worker of a run is told.

    Attributes:
        folder: where the workers' state folders are.
        home: the person's own state folder.
        host: kind of host.
        patience: how long things may take.
        again: whether a measurement of speed that fails is made again.
    """

    folder: Path
    home: Path
    host: str | None
    patience: Patience
    again: bool = True


class Worker:
    """One worker process.

    Args:
        number: which one, from 1.
        setting: what all of them are told.
        inbox: where its messages go.
    """

    def __init__(self, number: int, setting: Setting, inbox: SimpleQueue[Message]) -> None:
        self.number = number
        self.state = setting.folder / f"worker-{number}"
        self.group: Group | None = None
        self.act = "starting"
        self.until = time.monotonic() + GRACE
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "labrunner.validate.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ
            | {
                "LABRUNNER_STATE": str(self.state),
                "LABRUNNER_VALIDATE_HOME": str(setting.home),
            },
            text=True,
            start_new_session=True,
        )
        self._send(
            {
                "gate": str(setting.folder / "gate"),
                "host": setting.host,
                "patience": asdict(setting.patience),
                "again": setting.again,
            }
        )
        threading.Thread(target=self._listen, args=(inbox,), daemon=True).start()

    def _listen(self, inbox: SimpleQueue[Message]) -> None:
        for line in self._process.stdout or ():
            with suppress(ValueError):
                data = json.loads(line)
                inbox.put(Message(self.number, data.pop("what"), data))
        self._process.wait()
        inbox.put(Message(self.number, "died", {"code": self._process.returncode}))

    def _send(self, data: dict[str, Any]) -> None:
        with suppress(OSError, ValueError):
            assert self._process.stdin is not None  # noqa: S101  it was made with a pipe
            self._process.stdin.write(json.dumps(data) + "\n")
            self._process.stdin.flush()

    def give(self, group: Group, *, keep: bool) -> None:
        """Have it try a group."""
        self.group = group
        self.until = time.monotonic() + GRACE
        self._send({"group": record.to_data(group), "keep": keep})

    def heard(self, text: str, seconds: float) -> None:
        """It is at this now, and may take that long."""
        self.act = text
        self.until = time.monotonic() + seconds + GRACE

    @property
    def stuck(self) -> bool:
        """Whether it has been silent for longer than what it does may take."""
        return self.group is not None and time.monotonic() > self.until

    def dismiss(self) -> None:
        """Let it go in peace."""
        self._send({"close": True})

    def interrupt(self) -> None:
        """Have it stop its lab and end."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def end(self, seconds: float = LEAVING) -> None:
        """See it out, and clear up behind it."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        sweep(self.state)


def sweep(state: Path) -> None:
    """Stop whatever labs a worker left in its store."""
    if not (state / "labs.db").exists():
        return
    from labrunner.store import Store

    store = Store(state / "labs.db")
    left = store.labs()
    store.close()
    if not left:
        shutil.rmtree(state, ignore_errors=True)
    else:
        subprocess.run(
            [sys.executable, "-m", "labrunner", "stop", "--all"],
            env=os.environ | {"LABRUNNER_STATE": str(state)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=LEAVING,
        )


class Crew:
    """All workers of a run; ended, with everything of theirs, at the end of a ``with`` block.

    Args:
        size: how many.
        setting: what they are told.
    """

    def __init__(self, size: int, setting: Setting) -> None:
        self.inbox: SimpleQueue[Message] = SimpleQueue()
        self._setting = setting
        for old in sorted(setting.folder.glob("worker-*")):
            sweep(old)
        self.workers = {n: Worker(n, setting, self.inbox) for n in range(1, size + 1)}
        self._next = size + 1

    def hear(self, seconds: float) -> Message | None:
        """The next message, if one comes in this time."""
        with suppress(Empty):
            return self.inbox.get(timeout=seconds)
        return None

    def replace(self, number: int) -> None:
        """Another worker for one that died, is stuck or is tired."""
        worker = self.workers.pop(number, None)
        if worker is None:
            return
        worker.interrupt()
        worker.end()
        self.workers[self._next] = Worker(self._next, self._setting, self.inbox)
        self._next += 1

    def close(self, *, interrupted: bool) -> None:
        """End all: in peace, or with what they have begun undone."""
        for worker in self.workers.values():
            if interrupted:
                worker.interrupt()
            else:
                worker.dismiss()
        for worker in self.workers.values():
            worker.end()
