"""A whole course: the package that it becomes, the command, and the lab of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from labrunner import lab as labs
from labrunner import steps
from labrunner.killercoda import convert, runtime
from labrunner.model.verdict import Outcome
from labrunner.store import Store
from tests.conftest import Lab, Snapshot
from tests.killercoda.courses import TEA_HOUSE, Make, details, loaded


def test_a_course_becomes_a_package_that_loads(into: Path) -> None:
    """Texts, scripts, assets and head are carried over; everything is where a package has it."""
    report = convert(TEA_HOUSE, into)
    scenario, found = loaded(report)
    assert (report.name, report.folder) == ("tea-house", into / "tea-house")
    assert (found.title, found.level, found.minutes) == ("The tea house", "beginner", 15)
    assert found.summary == "Write the menu of a tea house, then open its door."
    assert [s.id for s in found.steps] == ["write-the-menu", "open-the-door"]
    assert scenario.hosts == ("sandbox",)
    assert not scenario.internet
    assert [c.name for c in scenario.containers] == ["host"]
    assert getattr(scenario.setup, "__func__", None) is runtime.Course.set_up
    files = report.folder / report.module / "files"
    assert (files / "scripts/step1/verify.sh").read_text() == (
        TEA_HOUSE / "step1/verify.sh"
    ).read_text()
    assert (files / "assets/menu/tea.txt").read_text() == "black tea\n"
    written = (report.folder / report.module / "scenario.py").read_text()
    assert 'File("assets/greet.sh", "/root/greet.sh", 0o755)' in written
    assert 'File("assets/menu/tea.txt", "/srv/tea/tea.txt", 0o644)' in written
    assert "Enjoy your tea." in found.steps[-1].body


def test_a_package_is_good_python(into: Path) -> None:
    """What is generated passes the checks that the project's own code passes."""
    report = convert(TEA_HOUSE, into)
    config = Path(__file__).parent.parent.parent / "pyproject.toml"
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ruff = shutil.which("ruff", path=places)
    assert ruff is not None
    for job in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        argv = [ruff, *job, "--config", str(config), str(report.folder)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_nothing_of_a_course_is_run_by_the_import(make: Make, into: Path, tmp_path: Path) -> None:
    """Whatever the scripts say, they are only read."""
    trace = tmp_path / "trace"
    evil = f"#!/bin/bash\ntouch {trace}\n"
    step = {"title": "T", "text": "a.md", "verify": "a.sh", "foreground": "f.sh"}
    intro = {"background": "b.sh"}
    files = {"a.sh": evil, "b.sh": evil, "f.sh": evil}
    loaded(convert(make(files, **details(step, intro=intro)), into))
    assert not trace.exists()


def test_the_command_reports_and_writes(lab: Lab, tmp_path: Path) -> None:
    """``lab import killercoda`` says what was lost, as words and as JSON."""
    told = lab.ok("import", "killercoda", str(TEA_HOUSE), "--into", str(tmp_path / "a"))
    assert "judged by its verify script" in told
    assert "lab validate tea-house" in told
    out = lab.ok("import", "killercoda", str(TEA_HOUSE), "--into", str(tmp_path / "b"), "--json")
    report = json.loads(out)
    assert report["name"] == "tea-house"
    assert {f["kind"] for f in report["findings"]} == {"lost", "changed"}
    env = {"LABRUNNER_SCENARIOS": str(tmp_path / "a" / "tea-house")}
    assert "tea-house" in lab.ok("list", env=env)
    refused = lab("import", "killercoda", str(tmp_path), "--into", str(tmp_path / "c"))
    assert refused.returncode == 3
    assert "no index.json" in refused.stderr


@pytest.fixture
def store(folders: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store of the test's own; whatever runs is stopped at the end."""
    for name, value in folders.items():
        monkeypatch.setenv(name, value)
    Path(folders["LABRUNNER_STATE"]).mkdir(parents=True)
    opened = Store(Path(folders["LABRUNNER_STATE"]) / "labs.db")
    yield opened
    for record in opened.labs():
        labs.stop(opened, record)
    opened.close()


def _with_a_step_that_proves_nothing(tmp_path: Path) -> Path:
    """The tea house, and a third step whose verify script is empty."""
    folder = tmp_path / "tea-house"
    shutil.copytree(TEA_HOUSE, folder)
    given = json.loads((folder / "index.json").read_text())
    given["details"]["steps"].append({"title": "Rest", "text": "r.md", "verify": "r.sh"})
    (folder / "index.json").write_text(json.dumps(given))
    (folder / "r.md").write_text("`pwd`{{exec}}\n")
    (folder / "r.sh").write_text("#!/bin/bash\nexit 0\n")
    return folder


@pytest.mark.engine
@pytest.mark.slow
def test_an_imported_course_is_red_then_green_then_gone(
    store: Store,
    into: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    snapshot: Callable[[str], Snapshot],
) -> None:
    """Its scripts run when they should, its own checks judge, its own commands solve it."""
    report = convert(_with_a_step_that_proves_nothing(tmp_path), into)
    monkeypatch.setenv("LABRUNNER_SCENARIOS", str(report.folder))
    running = labs.start(store, "tea-house", labs.StartOptions(host="sandbox", seed=3))
    *honest, hollow = running.lesson.steps
    for step in honest:
        before = steps.check(running, step).verdict
        assert before.outcome is Outcome.NOT_YET
        assert steps.judge(running, step) == before
        solved = steps.solve(running, step)
        assert [t.code for t in solved.typed] == [0] * len(step.commands)
        assert solved.checked.verdict.passed, solved.checked.verdict
    assert "nobody was greeted" in before.seen
    greeting = running.view.file("host", "/srv/house/greeting")
    assert greeting == "welcome\n"
    # passing untouched is how validation finds out what proves nothing
    assert steps.judge(running, hollow).passed
    running.view.exec("host", ["rm", "/srv/house/menu.txt"])
    assert not steps.judge(running, honest[0]).passed
    labs.stop(store, running.record)
    assert snapshot(running.record.id) == (frozenset(), frozenset(), frozenset())
