"""`lab watch`: a saving is seen, what is wrong is told, and a fault never ends the watching."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labrunner import scaffold
from labrunner.errors import UsageError
from labrunner.watch import Report, Watcher, stamps, watch
from tests.conftest import Lab

PATIENCE = 20.0
"""Seconds; a loaded machine may take its time, a good one takes a third of a second."""


@pytest.fixture
def package(tmp_path: Path, folders: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new scenario; no lab of the person who runs the tests is looked at."""
    for name, value in folders.items():
        monkeypatch.setenv(name, value)
    return scaffold.create("first-lab", tmp_path) / "first_lab"


@pytest.fixture
def next_report(package: Path) -> Iterator[Callable[[], Report]]:
    """A watch that runs in a thread; gives its reports one after another."""
    reports: queue.Queue[Report] = queue.Queue()
    stop = threading.Event()
    thread = threading.Thread(
        target=watch,
        args=(str(package),),
        kwargs={"on_report": reports.put, "stop": stop, "interval": 0.02},
    )
    thread.start()
    yield lambda: reports.get(timeout=PATIENCE)
    stop.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    # as editors do it: the file is whole at every moment
    beside = path.with_name(f"{path.name}.tmp")
    beside.write_text(text.replace(old, new, 1), encoding="utf-8")
    beside.replace(path)


def test_a_saving_is_seen_and_its_step_shown(
    package: Path, next_report: Callable[[], Report]
) -> None:
    """At first the first step; then the one that was edited; then its faults, with their lines."""
    first = next_report()
    assert first.changed == ()
    assert first.findings == ()
    assert first.step is not None
    assert first.step.id == "read-page"
    lesson = package / "content" / "lesson.md"
    edit(lesson, "A container can leave", "Any container can leave")
    second = next_report()
    assert second.changed == (lesson,)
    assert second.step is not None
    assert second.step.id == "part-them"
    assert second.step.body.startswith("Any container")
    edit(lesson, "$ docker network disconnect yard guest", "$ sleep 3")
    third = next_report()
    assert [f.rule for f in third.findings] == ["sleep"]


def test_a_broken_scenario_is_told_of_and_watched_on(
    package: Path, next_report: Callable[[], Report]
) -> None:
    """Broken Python, then a broken lesson, then all is well again."""
    next_report()
    code, lesson = package / "scenario.py", package / "content" / "lesson.md"
    edit(code, "PORT = 8000", "PORT = = 8000")
    report = next_report()
    assert report.step is None
    assert [(f.rule, f.file) for f in report.findings] == [("scenario", str(code))]
    edit(code, "PORT = = 8000", "PORT = 8000")
    assert next_report().findings == ()
    edit(lesson, "::: solution", "::: sulution")
    report = next_report()
    assert report.lesson is None
    assert [(f.rule, f.file) for f in report.findings] == [("lesson", str(lesson))]
    edit(lesson, "::: sulution", "::: solution")
    assert next_report().lesson is not None


def test_code_is_read_anew(package: Path, next_report: Callable[[], Report]) -> None:
    """A check that was changed is the one that is looked at, in modules beside as well."""
    next_report()
    code = package / "scenario.py"
    (package / "parts.py").write_text(
        "from labrunner import passed\n\n\ndef no(lab):\n    return 0\n"
    )
    next_report()
    edit(code, "from labrunner.checks", "from . import parts\nfrom labrunner.checks")
    next_report()
    edit(code, "    return first(", "    return parts.no(lab) or first(")
    assert next_report().findings == ()
    (package / "parts.py").unlink()
    assert [f.rule for f in next_report().findings] == ["scenario"]


def test_the_step_that_was_asked_for(package: Path) -> None:
    """By id or number, whatever is edited; and a wrong one is told, not fatal."""
    assert str(Watcher(str(package), "2").look().step).count("part-them")
    assert str(Watcher(str(package), "part-them").look().step).count("part-them")
    report = Watcher(str(package), "part-then").look()
    assert report.step is None
    assert "part-then" in report.trouble


def test_nothing_to_watch() -> None:
    """A name that means nothing ends at once."""
    with pytest.raises(UsageError):
        watch("unsegregated-shp", on_report=lambda _report: None, stop=threading.Event())


def test_what_editors_leave_is_no_change(tmp_path: Path) -> None:
    """Swap files, backups and caches."""
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "__pycache__").mkdir()
    for name in (".a.py.swp", "a.py~", "__pycache__/a.pyc", ".#a.py"):
        (tmp_path / name).write_text("2")
    assert list(stamps([tmp_path])) == [tmp_path / "a.py"]


def test_ctrl_c_ends_it(lab: Lab, package: Path) -> None:
    """The command prints the step and what lint says, and ends well."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "labrunner", "watch", str(package), "--step", "2"],
        env={**lab.env, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if line.startswith("watching"):
                break
        os.kill(process.pid, signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(PATIENCE) == 0, rest
    assert "Step 2 of 2: Part them\n" in seen
    assert "Nothing found.\n" in seen
