"""Measures the beginning of a lab and of each step beside the learner's work.

Nobody waits for it: the command that has brought the lab to a step ends at once, and a process
of its own measures and ends within a second. Whatever comes between - the lab is stopped, the
engine dies, the next step is reached - it ends without a word and leaves nothing. On a
``local`` host, where measuring takes a container on the learner's own engine, it is left out:
there the first `lab map` of a step is what later ones are compared with.

    python -m labrunner.reach.keeping STORE LAB STEP
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.errors import LabError

if TYPE_CHECKING:
    from subprocess import Popen

    from labrunner.session import OpenLab
    from labrunner.store import LabRecord, Store

LONGEST = 30
"""Seconds until it gives up, whatever holds it."""

_at_work: list[Popen[bytes]] = []
"""Those that this process has started and that may not have ended yet."""


def begin(lab: OpenLab) -> None:
    """Have the beginning of the current step measured, and of the lab where that was not yet."""
    import subprocess

    _at_work[:] = [process for process in _at_work if process.poll() is None]
    if lab.record.host != "sandbox":
        return
    argv = [sys.executable, "-m", __name__, str(lab.store.path), lab.record.id, lab.record.step]
    # it keeps nothing of ours open, and no folder of the learner's from being removed
    with suppress(OSError):
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=Path(__file__).parents[2],
        )
        _at_work.append(process)


def measure(path: Path, lab_id: str, step: str) -> None:
    """Measure a lab and keep it, if the lab is still there and on that step afterwards."""
    from labrunner.engine import reach, running
    from labrunner.lock import holding
    from labrunner.reach.kept import keep
    from labrunner.store import Store

    locks = path.parent / "locks"
    if not (path.is_file() and locks.is_dir()):
        return
    with closing(Store(path)) as store:
        record = _still(store, lab_id, step)
        if record is None:
            return
        host = running.attach(record.host, record.id, record.folder, record.engine)
        at = time.time()
        found = reach.measure(host)
        # whoever ends the lab holds its lock: nothing may come into its folder meanwhile
        with holding(locks, record.scenario, patience=LONGEST):
            record = _still(store, lab_id, step)
            if record is not None:
                keep(record, found, at=at, points=())


def _still(store: Store, lab_id: str, step: str) -> LabRecord | None:
    """The lab, if it runs and the learner is on that step."""
    found = [r for r in store.labs() if r.id == lab_id and r.step == step]
    return found[0] if found and found[0].folder.is_dir() else None


def main(argv: list[str]) -> None:
    """Be polite to everything else on the machine, and quiet."""
    signal.alarm(LONGEST * 2)
    # not the last of all: for a moment it holds the lab's lock, and a command may wait for that
    os.nice(10)
    path, lab_id, step = argv
    # what such a command is told of whoever holds the lock
    sys.argv[1:] = ["map"]
    with suppress(LabError):
        measure(Path(path), lab_id, step)


if __name__ == "__main__":
    main(sys.argv[1:])
