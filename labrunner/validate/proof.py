"""What a proof is made of: cases, what came of each, and how strong the whole is. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a case tries.

    ``START``: the scenario is found, and its lab starts at all.
    ``UNTOUCHED``: the check of a step before anything was done for it; must be red.
    ``TWICE``: the same check again; must say the same and change nothing.
    ``TRAP``: a known mistake; must stay red, with its own message.
    ``SOLUTION``: the lesson's own solution; must turn the check green.
    ``OUTPUT``: a command that the lesson shows with output; must really print that.
    ``MUTATION``: the solution with a slip in it; must leave some check red.
    ``REPLAY``: ``--at`` this step; earlier checks must still tell the truth.
    ``STOP``: the end; the engine and the machine must be as they were.
    ``ORDER``: scenarios one after another on one host, in a random order.
    ``TOGETHER``: two scenarios at once.
    """

    START = "start"
    UNTOUCHED = "untouched"
    TWICE = "twice"
    TRAP = "trap"
    SOLUTION = "solution"
    OUTPUT = "output"
    MUTATION = "mutation"
    REPLAY = "replay"
    STOP = "stop"
    ORDER = "order"
    TOGETHER = "together"


class Status(StrEnum):
    """What came of a case. Only ``PROVEN`` and an explained ``SURVIVED`` are fine."""

    PROVEN = "proven"
    FAILED = "failed"
    SURVIVED = "survived"
    FLAKY = "flaky"
    ERROR = "error"


@dataclass(frozen=True)
class Case:
    """One thing to try.

    Attributes:
        scenario: its name.
        kind: what is tried.
        step: id of the step, "" for the scenario as a whole.
        name: which one of its kind, e.g. ``without "docker network create front"``.
        where: ``file:line`` of what is tried.
        number: which of its kind within the step, from 1; keeps ids apart.
    """

    scenario: str
    kind: Kind
    step: str = ""
    name: str = ""
    where: str = ""
    number: int = 1

    @property
    def id(self) -> str:
        """Stable name: a run that was cut off is resumed by it."""
        return "/".join(
            part for part in (self.scenario, self.step, self.kind, str(self.number)) if part
        )


@dataclass(frozen=True)
class Result:
    """What came of a case.

    Attributes:
        case: what was tried.
        status: what came of it.
        message: one sentence for the author.
        typed: the commands that were typed for it, in order.
        expected, seen: what should have been, and what was.
        transcript: the terminal, as text without escape codes.
        seconds: how long it took.
        explained: why a survivor is fine, where its author said so.
    """

    case: Case
    status: Status
    message: str = ""
    typed: tuple[str, ...] = ()
    expected: str = ""
    seen: str = ""
    transcript: str = ""
    seconds: float = 0.0
    explained: str = ""

    @property
    def fine(self) -> bool:
        """Whether an author has nothing to do about it."""
        return self.status is Status.PROVEN or (
            self.status is Status.SURVIVED and bool(self.explained)
        )


@dataclass(frozen=True)
class Proof:
    """Everything that was tried in one run, in the order of the lessons.

    Attributes:
        results: one for each case.
        seconds: how long the whole took.
        seed: what random orders and labs came from.
        version: of labrunner.
        host: kind of host.
    """

    results: tuple[Result, ...]
    seconds: float
    seed: int
    version: str
    host: str

    @property
    def fine(self) -> bool:
        """Whether something was tried, and every case is fine."""
        return bool(self.results) and all(result.fine for result in self.results)

    def strength(self, scenario: str | None = None, step: str | None = None) -> float | None:
        """Share of mutations that some check noticed, 0 to 1; ``None`` where none was tried.

        An explained survivor counts as a survivor: explaining makes no check stronger.
        """
        tried = [
            result
            for result in self.results
            if result.case.kind is Kind.MUTATION
            and scenario in (None, result.case.scenario)
            and step in (None, result.case.step)
            and result.status in (Status.PROVEN, Status.SURVIVED)
        ]
        if not tried:
            return None
        return sum(result.status is Status.PROVEN for result in tried) / len(tried)
