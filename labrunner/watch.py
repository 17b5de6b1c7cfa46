"""Looks at a scenario anew whenever one of its files is saved.

Files are asked for their times instead of the kernel for events: a scenario has a few dozen, a
look at them takes a millisecond, and it works on every file system and without one more
dependency. The learner's progress is not touched: the current step of a running lab is judged
as `lab check` would, but nothing is stored and nobody moves on.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from labrunner.errors import LabError, UsageError

if TYPE_CHECKING:
    from labrunner.lint import Finding
    from labrunner.model.lesson import Lesson, Step
    from labrunner.model.scenario import Scenario
    from labrunner.model.verdict import Verdict
    from labrunner.session import OpenLab

INTERVAL = 0.3
"""Seconds between two looks at the files."""
_LEFT_OUT = ("__pycache__", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache")
_SWAP = (".swp", "~", ".pyc", ".tmp")

Stamps = dict[Path, tuple[int, int]]


@dataclass(frozen=True)
class Report:
    """What one look found.

    Attributes:
        changed: files that were saved, made or removed since the look before; none at first.
        findings: what lint says.
        lesson: the lesson; ``None`` where it cannot be read.
        step: the step to show: the one asked for, else the one that was edited, else the one
            that the running lab is on, else the first.
        verdict: what its check says in the running lab; ``None`` where none runs.
        trouble: why it could not be checked, though a lab runs.
    """

    changed: tuple[Path, ...]
    findings: tuple[Finding, ...]
    lesson: Lesson | None = None
    step: Step | None = None
    verdict: Verdict | None = None
    trouble: str = ""


def watch(
    name: str,
    *,
    on_report: Callable[[Report], None],
    stop: Event,
    step: str | None = None,
    interval: float = INTERVAL,
) -> None:
    """Look once, and then again on each saving.

    Args:
        name: a scenario's name or folder.
        on_report: given what each look found.
        stop: ends the watching when it is set.
        step: id or number of the step to show.
        interval: seconds between two looks at the files.

    Raises:
        UsageError: there is no such scenario; a scenario that is broken is watched.
    """
    watcher = Watcher(name, step)
    keep, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        on_report(watcher.look())
        while not stop.wait(interval):
            changed = watcher.changed()
            if changed:
                on_report(watcher.look(changed))
    finally:
        sys.dont_write_bytecode = keep


class Watcher:
    """One scenario that is being written.

    Args:
        name: its name or folder.
        step: id or number of the step to show.
    """

    def __init__(self, name: str, step: str | None = None) -> None:
        self.name = name
        self.wanted = step
        self.folders: tuple[Path, ...] = ()
        self.stamps: Stamps = {}
        self.texts: dict[str, Step] = {}

    def changed(self) -> tuple[Path, ...]:
        """The files that are not as they were at the last question."""
        before, self.stamps = self.stamps, stamps(self.folders)
        paths = before.keys() | self.stamps.keys()
        return tuple(sorted(p for p in paths if before.get(p) != self.stamps.get(p)))

    def look(self, changed: tuple[Path, ...] = ()) -> Report:
        """Read and lint everything anew, and check the step where a lab runs."""
        from labrunner import lint

        # before reading: what is saved meanwhile is a change to the next look
        self.stamps = stamps(self.folders)
        _forget(self.folders)
        looked = list(lint.look_up([self.name]))
        findings = tuple(lint.judge(looked))
        scenarios = [s for found, _ in looked for s in found]
        if not self.folders:
            self.folders = _folders(scenarios, findings)
            self.stamps = stamps(self.folders)
        if not scenarios:
            return Report(changed, findings)
        return self._report(changed, findings, scenarios[0])

    def _report(
        self, changed: tuple[Path, ...], findings: tuple[Finding, ...], scenario: Scenario
    ) -> Report:
        from labrunner.session import lesson_of

        lab, trouble = _running(scenario)
        try:
            lesson = lesson_of(scenario, lab.record.language if lab else "en")
            step = self._choose(lesson, lab)
        except LabError as error:
            # a lesson that cannot be read is among the findings already
            return Report(changed, findings, trouble=error.message if self.wanted else "")
        self.texts = {each.id: _same_place(each) for each in lesson.steps}
        verdict = None
        if lab and step.id in scenario.checks:
            from labrunner.steps import judge

            verdict = judge(lab, step)
        return Report(changed, findings, lesson, step, verdict, trouble)

    def _choose(self, lesson: Lesson, lab: OpenLab | None) -> Step:
        """The step to show."""
        from labrunner.session import find_step

        if self.wanted is not None:
            return find_step(lesson, self.wanted)
        edited = [
            each
            for each in lesson.steps
            if self.texts and self.texts.get(each.id) != _same_place(each)
        ]
        current = lab.record.step if lab else ""
        others = [each for each in lesson.steps if each.id == current]
        return (*edited, *others, *lesson.steps)[0]


def _same_place(step: Step) -> Step:
    """A step as if it and all that it holds stood on line 0: only its words count."""
    from dataclasses import replace

    commands = tuple(replace(c, line=0) for c in step.commands)
    traps = tuple(
        replace(t, line=0, commands=tuple(replace(c, line=0) for c in t.commands))
        for t in step.traps
    )
    return replace(step, line=0, commands=commands, traps=traps)


def _running(scenario: Scenario) -> tuple[OpenLab | None, str]:
    """The running lab of a scenario, with the scenario as it is now; or why there is none."""
    from labrunner.session import OpenLab, open_store

    try:
        store = open_store()
        records = store.labs(scenario=scenario.name)
    except LabError as error:
        return None, error.message
    if not records:
        return None, ""
    return OpenLab(store, records[0], scenario), ""


def _folders(scenarios: Sequence[Scenario], findings: Sequence[Finding]) -> tuple[Path, ...]:
    """Where the files of a scenario are; of one that cannot be loaded, where its faults are."""
    found = [f for s in scenarios for f in (s.folder, s.content) if f is not None]
    found += [Path(finding.file).parent for finding in findings if not scenarios]
    shared = {str(Path(place).resolve()) for place in sys.path}
    own = [path.resolve() for path in found if str(path.resolve()) not in shared]
    if not own:
        hint = "Name a folder with a scenario.py, or a scenario that has a folder of its own."
        raise UsageError("there is nothing to watch", hint)
    return tuple(dict.fromkeys(own))


def stamps(folders: Sequence[Path]) -> Stamps:
    """Time and size of each file in these folders; editors' own files are left out."""
    found: Stamps = {}
    for folder in folders:
        for place, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if name not in _LEFT_OUT]
            for name in names:
                if not name.endswith(_SWAP) and not name.startswith(".#"):
                    path = Path(place, name)
                    try:
                        known = path.stat()
                    except OSError:
                        continue  # it went while we looked
                    found[path] = (known.st_mtime_ns, known.st_size)
    return found


def _forget(folders: Sequence[Path]) -> None:
    """Have Python read the modules of these folders again when they are asked for."""
    importlib.invalidate_caches()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and any(Path(file).resolve().is_relative_to(folder) for folder in folders):
            del sys.modules[name]
