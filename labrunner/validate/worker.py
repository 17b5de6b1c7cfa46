"""A worker: a process that tries groups of cases, one after another, and tells what comes.

Groups come as JSON lines on its standard input, and what happens leaves as JSON lines on its
standard output: ``act`` (what is at work, and for how long at most), ``result``, ``outcomes``,
``unreachable`` and ``done``. It has a state folder of its own, so that several labs of one
scenario can run at once. Where its parent goes, it goes too, and its labs with it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from labrunner.errors import LabError
from labrunner.validate import line, record, shared, trial
from labrunner.validate.bench import Bench, Patience, UnreachableError, bash
from labrunner.validate.cases import Group, Work
from labrunner.validate.gate import Gate
from labrunner.validate.job import TRIES, DisturbedError, Job

PROCEDURES: Mapping[Work, Callable[[Job], None]] = {
    Work.LINE: line.line,
    Work.READING: line.reading,
    Work.TRIAL: trial.trial,
    Work.ORDER: shared.order,
    Work.TOGETHER: shared.together,
}


def main() -> None:
    """Work until the parent closes the input."""
    from labrunner import interrupt

    interrupt.once()
    talk = _own_output()
    try:
        _work(talk, _orders())
    except interrupt.Interrupted:
        os._exit(130)
    talk.flush()
    # threads of checks that never ended must not keep us
    os._exit(0)


def _own_output() -> TextIO:
    """Our standard output for messages only: what a scenario prints goes to standard error."""
    talk = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    return talk


def _orders() -> Iterator[dict[str, Any]]:
    """The parent's lines; when it is gone, whatever is at work is interrupted."""
    lines: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        for text in sys.stdin:
            lines.put(text)
        if not closing.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    closing = threading.Event()
    threading.Thread(target=read, daemon=True).start()
    while True:
        order: dict[str, Any] = json.loads(lines.get())
        if order.get("close"):
            closing.set()
            return
        yield order


def _work(talk: TextIO, orders: Iterator[dict[str, Any]]) -> None:
    def send(what: str, **values: Any) -> None:
        talk.write(json.dumps({"what": what, **values}) + "\n")

    def tell(text: str, seconds: float) -> None:
        send("act", text=text, seconds=seconds)

    settings = next(orders)
    os.environ["SHELL"] = bash()
    tries = TRIES if settings["again"] else 0
    bench = Bench(
        Gate(Path(settings["gate"])),
        settings["host"],
        Patience(**settings["patience"]),
        tell,
        tries=tries,
    )
    send("ready")
    for order in orders:
        _group(record.group_from(order["group"]), bench, send, keep=order["keep"], tries=tries)


def _group(
    group: Group, bench: Bench, send: Callable[..., None], *, keep: bool, tries: int
) -> None:
    """Try one group; whatever goes wrong is told, and the next one goes on."""
    done: set[str] = set()

    def emit(result: Any) -> None:
        done.add(result.case.id)
        send("result", result=record.to_data(result))

    try:
        job = Job(bench, group, emit, keep, tries)
        while not _tried(job):
            pass
        if job.outcomes:
            send("outcomes", outcomes=job.outcomes)
    except UnreachableError as error:
        send(
            "unreachable",
            step=error.step,
            message=error.message,
            hint=error.hint,
            where=error.where,
        )
    except LabError as error:
        send("broken", message=error.message, hint=error.hint)
    except Exception as error:  # noqa: BLE001  a bug of ours or a plugin's must not end the run
        from labrunner.errors import place

        send("broken", message=f"{error!r} at {place(error)}", hint="")
    # a check that never ended is still at it, and would slow down whatever is tried next
    send("done", kept=bench.kept, tired=_hung())


def _tried(job: Job) -> bool:
    """Try a group; whether that is all. What measures speed may be tried again, from there on."""
    try:
        PROCEDURES[job.group.work](job)
    except DisturbedError as error:
        if job.group.work in (Work.LINE, Work.READING) and error.step != job.lesson.steps[0].id:
            job.group = replace(job.group, step=error.step)
        return False
    return True


def _hung() -> bool:
    return any(t.name.endswith("(run)") and t.is_alive() for t in threading.enumerate())


if __name__ == "__main__":
    main()
