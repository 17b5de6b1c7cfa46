"""A run of ``lab validate``: plans, hands out the work, gathers the results."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from labrunner import __version__
from labrunner.errors import LabError, ScenarioError
from labrunner.lock import holding
from labrunner.places import state_folder
from labrunner.validate import cases, record, source
from labrunner.validate.bench import Patience
from labrunner.validate.cases import Group, Only, Work
from labrunner.validate.crew import Crew, Message, Setting
from labrunner.validate.proof import Case, Kind, Proof, Result, Status
from labrunner.validate.results import in_lesson_order, of_all_rounds
from labrunner.validate.schedule import Schedule

if TYPE_CHECKING:
    from labrunner.model.lesson import Lesson
    from labrunner.model.scenario import Scenario

BEAT = 1.0
"""Seconds after which whoever watches is told that the work goes on."""


@dataclass(frozen=True)
class Options:
    """How a run is made.

    Attributes:
        jobs: how many labs are at work at once.
        seed: what random orders and labs come from; ``None``: drawn, or that of the run resumed.
        only: ids of steps and kinds of cases, with ``step:`` or ``kind:`` in front where a word is
            both; empty: all.
        quick: only untouched, solution and stop.
        sample: how many traps and slips of each step, drawn by the seed; ``None``: all.
        keep: leave the first lab of each scenario running in which something failed.
        repeat: how often everything is tried; a case that differs is flaky.
        resume: go on where the last run was cut off.
        host: kind of host; ``None``: the scenario's choice.
        patience: how long things may take.
    """

    jobs: int = 1
    seed: int | None = None
    only: tuple[str, ...] = ()
    quick: bool = False
    sample: int | None = None
    keep: bool = False
    repeat: int = 1
    resume: bool = False
    host: str | None = None
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True)
class Standing:
    """How far a run is: cases done and planned, and what each worker is at."""

    done: int
    total: int
    acts: tuple[str, ...]


OnResult = Callable[[Result], None]
OnStanding = Callable[[Standing], None]


def validate(
    names: Sequence[str],
    options: Options,
    on_result: OnResult = lambda _result: None,
    on_standing: OnStanding = lambda _standing: None,
) -> Proof:
    """Try everything on these scenarios.

    Args:
        names: the scenarios; none: all that can be found.
        options: how.
        on_result: given each result as it comes.
        on_standing: told once a second how far it is.

    Raises:
        UsageError: a word of ``only`` is neither a step nor a kind, or both.
        BusyError: another validation works in this state folder.
    """
    if not names:
        from labrunner import plugins

        found = plugins.discover()
        names = [s.name for s in found.scenarios] + [p.name for p in found.problems if p.name]
    with holding(state_folder() / "locks", "validate"):
        return _Run(tuple(dict.fromkeys(names)), options, on_result, on_standing).go()


class _Run:
    """One run, from the plan to the proof."""

    def __init__(
        self,
        names: tuple[str, ...],
        options: Options,
        on_result: OnResult,
        on_standing: OnStanding,
    ) -> None:
        self.options = options
        self.on_result = on_result
        self.on_standing = on_standing
        self.begun = time.monotonic()
        self.journal = record.Journal(state_folder() / "validate" / "results.jsonl")
        self.found, self.missing = _find(names)
        self.rounds: dict[str, dict[int, Result]] = {}
        self.results: dict[str, Result] = {}
        self.seed, kept = self._begin()
        self.order: list[Case] = []
        self.schedule = Schedule(self._plan(), {n: pair[1] for n, pair in self.found.items()})
        for name, error in self.missing.items():
            self._missing(name, error)
        for number, result in kept:
            self._take(result, number, again=True)

    # --- before ---------------------------------------------------------------------------

    def _begin(self) -> tuple[int, list[tuple[int, Result]]]:
        """The run's seed, and the results of an earlier one that still count."""
        digests = {name: source.digest(pair[0]) for name, pair in self.found.items()}
        head: dict[str, Any] = {
            "version": __version__,
            "host": self.options.host,
            "digests": digests,
        }
        old = list(self.journal.lines()) if self.options.resume else []
        before: dict[str, Any] = old[0].get("head", {}) if old else {}
        seed = self.options.seed
        if seed is None:
            seed = int(before.get("seed", secrets.randbelow(2**31)))
        same = all(before.get(k) == head[k] for k in ("version", "host"))
        kept = []
        self.outcomes: dict[str, dict[str, dict[str, str]]] = {}
        for line in old[1:] if same and before.get("seed") == seed else ():
            name = line.get("scenario", "")
            if before["digests"].get(name) != digests.get(name):
                continue
            if "result" in line:
                result = record.result_from(line["result"])
                if result.status is not Status.ERROR:
                    kept.append((int(line["round"]), result))
            elif "outcomes" in line:
                self.outcomes[name] = line["outcomes"]
        self.journal.begin(head | {"seed": seed})
        for name, outcomes in self.outcomes.items():
            self.journal.add({"scenario": name, "outcomes": outcomes})
        return seed, kept

    def _plan(self) -> list[Group]:
        only = self._only()
        planned: list[Group] = []
        for scenario, lesson in self.found.values():
            planned += cases.groups(scenario, lesson, quick=self.options.quick, only=only)
        if self.options.sample is not None:
            planned = cases.sampled(planned, self.options.sample, self.seed)
        if not self.options.quick and not only.steps:
            planned += [
                group
                for group in cases.shared(list(self.found), self.seed)
                if all(only.wants(case) for case in group.cases)
            ]
        self.order = [case for group in planned for case in group.cases]
        return [
            replace(group, seed=self.seed + number - 1, round=number)
            for number in range(1, self.options.repeat + 1)
            for group in planned
        ]

    def _only(self) -> Only:
        steps = {s.id for _scenario, lesson in self.found.values() for s in lesson.steps}
        return cases.asked(self.options.only, frozenset(steps))

    def _missing(self, name: str, error: LabError) -> None:
        """A scenario that exists nowhere or cannot be read: said, and the others go on."""
        where = error.where if isinstance(error, ScenarioError) else ""
        case = Case(name, Kind.START, name="a lab starts", where=where)
        self.order.append(case)
        self._give(Result(case, Status.ERROR, error.message, expected="", seen=error.hint))

    # --- work -----------------------------------------------------------------------------

    def go(self) -> Proof:
        """Hand out groups until there is none left."""
        options = self.options
        self.schedule.drop(self._complete)
        if self.schedule.pending:
            setting = Setting(
                self.journal.path.parent,
                state_folder(),
                options.host,
                options.patience,
                # who asks for repetitions wants to see every difference
                again=options.repeat == 1,
            )
            crew = Crew(self._jobs(), setting)
            try:
                self._work(crew)
            except BaseException:
                crew.close(interrupted=True)
                raise
            crew.close(interrupted=False)
        return self._proof()

    def _jobs(self) -> int:
        """How many labs can be at work at once; those on a local engine share its names."""
        from labrunner.engine import hosts

        host = self.options.host
        if any(hosts.choose(pair[0], host) == "local" for pair in self.found.values()):
            return 1
        return min(max(self.options.jobs, 1), len(self.schedule.pending))

    def _complete(self, group: Group) -> bool:
        """Whether every case of a group has its result from an earlier run."""
        return all(group.round in self.rounds.get(case.id, {}) for case in group.cases)

    def _work(self, crew: Crew) -> None:
        told = 0.0
        while self.schedule.pending or any(w.group for w in crew.workers.values()):
            self._hand_out(crew)
            message = crew.hear(BEAT)
            if message is not None:
                self._hear(crew, message)
            for number in [n for n, w in crew.workers.items() if w.stuck]:
                self._lost(crew, number, "it was stuck at")
            if time.monotonic() - told >= BEAT:
                told = time.monotonic()
                acts = tuple(w.act for w in crew.workers.values() if w.group)
                self.on_standing(Standing(len(self.results), len(self.order), acts))

    def _hand_out(self, crew: Crew) -> None:
        for worker in crew.workers.values():
            while worker.group is None:
                group = self.schedule.take(self._skip)
                if group is None:
                    break
                outcomes = self.outcomes.get(group.scenario, {})
                earlier = self.schedule.step_before(group)
                known = tuple(outcomes.get(earlier, {}).items()) if group.work is Work.TRIAL else ()
                worker.give(replace(group, outcomes=known), keep=self._keeps(group))
                worker.act = f"{group.scenario}: {group.work}"

    def _keeps(self, group: Group) -> bool:
        return self.options.keep and group.scenario not in self.schedule.kept

    def _skip(self, group: Group, reason: str) -> None:
        """Say of every case of a group that it was not tried."""
        for case in group.cases:
            if group.round not in self.rounds.get(case.id, {}):
                self._take(Result(case, Status.ERROR, f"not tried: {reason}"), group.round)

    def _hear(self, crew: Crew, message: Message) -> None:
        worker = crew.workers.get(message.worker)
        if worker is None:
            return
        data, group = message.data, worker.group
        if message.what == "act":
            worker.heard(data["text"], data["seconds"])
        elif message.what == "died":
            self._lost(crew, message.worker, "its worker died at")
        elif message.what == "done" and group is not None:
            worker.group = None
            self._done(group, data)
            if data["tired"]:
                crew.replace(message.worker)
        elif group is not None:
            self._learn(group, message)

    def _learn(self, group: Group, message: Message) -> None:
        """What a worker found out about the group that it is at."""
        data = message.data
        if message.what == "result":
            result = record.result_from(data["result"])
            self.schedule.heard(result)
            self._take(result, group.round)
        elif message.what == "outcomes":
            self.outcomes[group.scenario] = data["outcomes"]
            self.journal.add({"scenario": group.scenario, "outcomes": data["outcomes"]})
        elif message.what == "unreachable":
            self._unreachable(group, data)
        elif message.what == "broken":
            self._skip(group, ". ".join(filter(None, (data["message"], data["hint"]))))

    def _done(self, group: Group, data: dict[str, Any]) -> None:
        if data["kept"]:
            self.schedule.kept.add(group.scenario)
        self.schedule.finished(group)
        if group.scenario in self.schedule.dead:
            return
        stuck = self.schedule.stuck.get(group.scenario, "")
        reason = f"the solution of {stuck} is not green" if stuck else "an earlier case failed"
        self._skip(group, reason)

    def _unreachable(self, group: Group, data: dict[str, Any]) -> None:
        """No lab got to where a group begins."""
        first = group.cases[0]
        message, seen = data["message"], data["hint"]
        if group.work is Work.LINE:
            message = f"no lab of it starts: {message}"
            result = Result(first, Status.ERROR, message, expected="a lab that starts", seen=seen)
            self.schedule.dead.add(group.scenario)
        elif first.kind is Kind.REPLAY:
            expected = f"lab start {group.scenario} --at {group.step} gets there"
            result = Result(first, Status.FAILED, message, expected=expected, seen=seen)
        else:
            result = Result(first, Status.ERROR, f"not tried: {message}", seen=seen)
        if data["where"]:
            result = replace(result, case=replace(first, where=data["where"]))
        self._take(result, group.round)
        if group.scenario in self.schedule.dead:
            # that no lab starts says it all: nothing else is tried
            return
        self.schedule.unreachable.add((group.scenario, group.step))
        self._skip(group, f"no lab gets to the start of {group.step or 'the lesson'}")

    def _lost(self, crew: Crew, number: int, how: str) -> None:
        """A worker is dead or stuck: its group is, too; another one goes on."""
        worker = crew.workers[number]
        group, act = worker.group, worker.act
        worker.group = None
        crew.replace(number)
        if group is not None:
            self._skip(group, f"{how} {act!r}")
            self.schedule.finished(group)

    # --- results --------------------------------------------------------------------------

    def _take(self, result: Result, number: int, *, again: bool = False) -> None:
        """A result of one round; given on when every round has one."""
        case = result.case
        line = {"scenario": case.scenario, "round": number, "result": record.to_data(result)}
        self.journal.add(line)
        known = self.rounds.setdefault(case.id, {})
        known[number] = result
        if again:
            self.schedule.heard(result)
        if len(known) >= self.options.repeat or case.id not in {c.id for c in self.order}:
            self._give(of_all_rounds(list(known.values())))

    def _give(self, result: Result) -> None:
        self.results[result.case.id] = result
        self.on_result(result)

    def _proof(self) -> Proof:
        lessons = {name: lesson for name, (_scenario, lesson) in self.found.items()}
        results = in_lesson_order(self.results.values(), self.order, lessons)
        seconds = time.monotonic() - self.begun
        host = self.options.host or "each scenario's first"
        return Proof(results, seconds, self.seed, __version__, host)


def _find(
    names: Sequence[str],
) -> tuple[dict[str, tuple[Scenario, Lesson]], dict[str, LabError]]:
    """Scenarios and lessons by name, and why others cannot be tried."""
    from labrunner import plugins
    from labrunner.session import lesson_of

    found: dict[str, tuple[Scenario, Lesson]] = {}
    missing: dict[str, LabError] = {}
    for name in names:
        try:
            scenario = plugins.find(name)
            lesson = lesson_of(scenario, "en")
            cases.check_comments(scenario, lesson)
            found[name] = (scenario, lesson)
        except LabError as error:
            missing[name] = error
    return found, missing
