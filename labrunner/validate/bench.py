"""A worker's labs: started, typed into, judged, stopped, each act at its turn and in its time."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from labrunner import lab as labs
from labrunner import shell, steps
from labrunner.errors import EngineError, LabError
from labrunner.model.event import Event
from labrunner.model.lesson import Command, Step
from labrunner.model.verdict import Outcome, Verdict
from labrunner.session import OpenLab, open_store
from labrunner.validate import fingerprint
from labrunner.validate.gate import Gate
from labrunner.validate.terminal import Ending, Entry, Terminal, transcript

if TYPE_CHECKING:
    import docker

    from labrunner.store import Store


# an engine that was killed may be back before anybody looks; docker's own words stay
_NO_ENGINE = re.compile(r"Cannot connect to the Docker daemon|error during connect: ")


@dataclass(frozen=True)
class Patience:
    """Seconds after which things count as hung.

    Attributes:
        start: starting a lab, the replay included, each step of it.
        command: one typed command.
        check: one check.
        stop: stopping a lab.
    """

    start: float = 150.0
    command: float = 60.0
    check: float = steps.CHECK_SECONDS
    stop: float = 90.0


class Late(BaseException):
    """Time is over. Not an Exception: a scenario's own code must not swallow it."""


@contextmanager
def deadline(seconds: float) -> Iterator[Callable[[float], None]]:
    """Raise `Late` in the main thread where the block takes longer; the value extends it."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise Late

    def extend(by: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, by)

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield extend
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class UnreachableError(LabError):
    """No lab got to where a case begins; ``step`` is where it stuck ("" for the start)."""

    def __init__(self, message: str, hint: str, step: str, where: str = "") -> None:
        super().__init__(message, hint)
        self.step = step
        self.where = where


@dataclass
class Trial:
    """A lab that cases are tried on, with the terminal in it.

    Attributes:
        lab: the lab.
        terminal: what is typed into.
        left: after its end: what it left behind.
        keep: set to leave it running at the end.
    """

    lab: OpenLab
    terminal: Terminal
    marks: fingerprint.Marks
    left: list[str] = field(default_factory=list)
    keep: bool = False
    _seen: int = 0

    def since(self) -> tuple[tuple[str, ...], str]:
        """What was typed since this was last asked, and the terminal's text of it."""
        entries = self.terminal.entries[self._seen :]
        self._seen = len(self.terminal.entries)
        return tuple(entry.text for entry in entries), transcript(entries)

    def lost_engine(self) -> bool:
        """Whether docker, since `since` was last asked, found no engine to talk to."""
        entries = self.terminal.entries[self._seen :]
        return any(_NO_ENGINE.search(entry.output) for entry in entries)


class Bench:
    """What a worker needs to try cases.

    Args:
        gate: when it may act.
        host: kind of host; ``None``: the scenario's choice.
        patience: how long things may take.
        tries: how often a start may be tried again in which a measurement of speed failed.
        tell: told what is at work, for the live progress and the parent's watch.
    """

    def __init__(
        self,
        gate: Gate,
        host: str | None,
        patience: Patience,
        tell: Callable[[str, float], None],
        *,
        tries: int = 0,
    ) -> None:
        self.gate = gate
        self.host = host
        self.patience = patience
        self.tell = tell
        self.tries = tries
        self.kept: list[str] = []

    # --- a lab ----------------------------------------------------------------------------

    @contextmanager
    def lab(self, name: str, at: str, seed: int, *, host: str | None = None) -> Iterator[Trial]:
        """A lab of a scenario at a step; stopped at the end, and looked for afterwards.

        Raises:
            UnreachableError: it did not start, or did not get there.
        """
        store = open_store()
        try:
            lab, before = self._started(store, name, at, seed, host or self.host)
            trial: Trial | None = None
            try:
                outer = self._outer(lab)
                marks = fingerprint.marks(outer, lab.record.id, lab.record.folder, before)
                trial = Trial(lab, self._terminal(lab), marks)
                yield trial
            finally:
                if trial is not None:
                    trial.terminal.close()
                if trial is not None and trial.keep:
                    self._hand_over(lab)
                else:
                    left = self._stop(store, lab, trial)
                    if trial is not None:
                        trial.left = left
        finally:
            store.close()

    def _started(
        self, store: Store, name: str, at: str, seed: int, host: str | None
    ) -> tuple[OpenLab, frozenset[str] | None]:
        """Start a lab; once more, where what failed on the way is a measurement of speed."""
        from labrunner import plugins

        for _ in range(self.tries):
            try:
                return self._start(store, name, at, seed, host)
            except UnreachableError as error:
                if error.step not in plugins.find(name).alone:
                    raise
        return self._start(store, name, at, seed, host)

    def _start(
        self, store: Store, name: str, at: str, seed: int, host: str | None
    ) -> tuple[OpenLab, frozenset[str] | None]:
        from labrunner import plugins
        from labrunner.engine import client, hosts

        scenario = plugins.find(name)
        self.tell(f"{name}: starting a lab" + (f" at {at}" if at else ""), self.patience.start)
        before = None
        if hosts.choose(scenario, host) == "local":
            before = fingerprint.everything(client.connect())
        reached = ""
        with self.gate.act(), deadline(self.patience.start) as extend:

            def follow(event: Event) -> None:
                nonlocal reached
                if event.what == "step":
                    # beside others, even where it measures: on the way there nothing is
                    # judged, and a start that fails for it is tried again
                    reached = event.name
                    self.tell(f"{name}: {event.detail or event.name}", self.patience.start)
                    extend(self.patience.start)

            options = labs.StartOptions(host=host, at=at or None, seed=seed)
            try:
                return labs.start(store, name, options, on_event=follow), before
            except Late:
                what = f"solving {reached}" if reached else "the start (images, host or setup)"
                message = f"{what} did not end within {self.patience.start:g} s"
                raise UnreachableError(message, "", reached) from None
            except LabError as error:
                where = getattr(error, "where", "")
                message = error.message.removeprefix(f"{where}: ")
                raise UnreachableError(message, error.hint, reached, where) from error

    def _terminal(self, lab: OpenLab) -> Terminal:
        """The lab's shell, in a home of its own.

        A proof must not hang on what the author has in ``~/.bashrc``, and what a lesson writes
        into files here goes with the lab. Docker's own settings stay those of the author.
        """
        home = lab.record.folder / "home"
        home.mkdir(mode=0o700, exist_ok=True)
        argv, extra = shell.interactive_command(lab)
        settings = os.environ.get("DOCKER_CONFIG") or str(Path("~/.docker").expanduser())
        own = {"HOME": str(home), "DOCKER_CONFIG": settings}
        return Terminal(argv, shell.full_environment(lab) | extra | own, home)

    def _stop(self, store: Store, lab: OpenLab, trial: Trial | None) -> list[str]:
        """Stop a lab; what it left."""
        name = lab.scenario.name
        self.tell(f"{name}: stopping", self.patience.stop)
        notes: list[str] = []

        def follow(event: Event) -> None:
            if event.state == "note":
                notes.append(f"{event.name}: {event.detail}")

        outer = self._outer(lab)
        lab.host.close()
        with self.gate.act():
            try:
                with deadline(self.patience.stop):
                    labs.stop(store, lab.record, on_event=follow)
            except Late:
                return [f"everything: stopping did not end within {self.patience.stop:g} s"]
            except LabError as error:
                return [f"something: {error.message}"]
        return notes + (fingerprint.remains(outer, trial.marks) if trial else [])

    def _outer(self, lab: OpenLab) -> docker.DockerClient:
        from labrunner.engine import client

        return client.connect(lab.record.engine)

    def _hand_over(self, lab: OpenLab) -> None:
        """Give a lab that is kept to the person's own store, so that ``lab shell`` finds it."""
        from labrunner.store import Store

        record = lab.record
        home = os.environ.get("LABRUNNER_VALIDATE_HOME", "")
        theirs = Store(_made(home) / "labs.db")
        theirs.add_lab(record)
        theirs.set_step(record.id, record.step)
        theirs.intend(record.id, [(e.kind, e.name) for e in lab.store.ledger(record.id)])
        theirs.set_state(record.id, "running")
        theirs.close()
        lab.store.removed(record.id)
        lab.store.set_state(record.id, "gone")
        self.kept.append(record.id)

    # --- in a lab -------------------------------------------------------------------------

    def judge(self, trial: Trial, step: Step) -> Verdict:
        """What a step's check says."""
        name = trial.lab.scenario.name
        self.tell(f"{name} {step.id}: checking", self.patience.check + 30)
        with self.gate.act(alone=step.id in trial.lab.scenario.alone):
            verdict = steps.judge(trial.lab, step, seconds=self.patience.check)
        if verdict.outcome is Outcome.ERROR and not self.there(trial):
            return Verdict(
                Outcome.ERROR, "the lab's host is gone: it died", verdict.expected, verdict.message
            )
        return verdict

    def there(self, trial: Trial) -> bool:
        """Whether the lab's host lives and its engine answers."""
        try:
            return labs.is_gone(trial.lab.record) is False and bool(trial.lab.host.client.ping())
        except Exception:  # noqa: BLE001  whatever it is: no answer is what was asked about
            return False

    def type(
        self,
        trial: Trial,
        step: Step,
        commands: Sequence[Command],
        *,
        enough: Callable[[str], bool] | None = None,
    ) -> Entry | None:
        """Type commands; the first one that did not end as it should, ``None`` where all did."""
        scenario = trial.lab.scenario
        alone = step.id in scenario.alone
        bad = None
        for command in commands:
            self.tell(f"{scenario.name} {step.id}: $ {command.text}", self.patience.command + 30)
            with self.gate.act(alone=alone):
                entry = trial.terminal.type(
                    command.text, seconds=self.patience.command, enough=enough
                )
            if entry.ending not in (Ending.DONE, Ending.SHOWN):
                bad = bad or entry
            if not trial.terminal.alive and self.there(trial):
                trial.terminal = self._another(trial)
            elif not trial.terminal.alive:
                break
        return bad

    def _another(self, trial: Trial) -> Terminal:
        """A new shell for one that a command has ended; it goes on where the first one was."""
        terminal = self._terminal(trial.lab)
        terminal.entries[:0] = trial.terminal.entries
        return terminal

    def state(self, trial: Trial) -> fingerprint.State:
        """What the lab holds now."""
        self.tell(f"{trial.lab.scenario.name}: looking at its state", 60)
        return fingerprint.of_lab(trial.lab)


def _made(home: str) -> Path:
    folder = Path(home)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def bash() -> str:
    """The shell that lessons are written for.

    Raises:
        EngineError: there is none on this machine.
    """
    found = shutil.which("bash")
    if found is None:
        raise EngineError("no bash on this machine", "install bash; solutions are written for it")
    return found
