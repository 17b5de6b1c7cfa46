"""`lab new`: what it makes works as it is, and nothing that was there is touched."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from labrunner import lab as labs
from labrunner import plugins, scaffold, steps
from labrunner.errors import UsageError
from labrunner.lint import lint
from labrunner.model.event import ignore_event
from labrunner.model.verdict import Outcome
from labrunner.shell import type_commands
from labrunner.store import Store
from labrunner.watch import Watcher
from tests.conftest import Lab

USAGE = 2


def test_what_is_made_is_a_good_scenario(tmp_path: Path) -> None:
    """It loads, no translation or check is missing, and lint has nothing to say."""
    folder = scaffold.create("first-lab", tmp_path)
    assert folder == tmp_path / "first-lab"
    scenario = plugins.find("first-lab", [folder])
    assert set(scenario.checks) == {"read-page", "part-them"}
    assert lint([str(folder)]) == []


def test_every_file_is_named_for_the_scenario(tmp_path: Path) -> None:
    """No placeholder is left, in no text and in no name; Python is Python, TOML is TOML."""
    folder = scaffold.create("my-2nd-lab", tmp_path)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {str(path.relative_to(folder)) for path in files} >= {
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "my_2nd_lab/__init__.py",
        "my_2nd_lab/content/lesson.md",
        "my_2nd_lab/images/page/Dockerfile",
        "my_2nd_lab/scenario.py",
        "tests/test_lab.py",
    }
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert "@" not in text.replace("@hookimpl", "").replace("@scenario", ""), path
        if path.suffix == ".py":
            ast.parse(text)
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["labrunner"] == {"my-2nd-lab": "my_2nd_lab"}


def test_the_package_is_found_where_it_is_installed(lab: Lab, tmp_path: Path) -> None:
    """An installed package is a package on the path with its metadata: its entry point counts."""
    folder = scaffold.create("first-lab", tmp_path)
    place = tmp_path / "site"
    shutil.copytree(folder / "first_lab", place / "first_lab")
    about = place / "labrunner_first_lab-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: labrunner-first-lab\nVersion: 0.1.0\n"
    )
    (about / "entry_points.txt").write_text("[labrunner]\nfirst-lab = first_lab\n")
    there = {"PYTHONPATH": os.pathsep.join([str(place), str(Path(__file__).parent.parent)])}
    assert "first-lab" in lab.ok("list", env=there)
    assert lab.ok("lint", "first-lab", env=there) == ""


def test_its_own_tests_pass_by_reading(tmp_path: Path) -> None:
    """The generated test that needs no engine passes as generated."""
    folder = scaffold.create("first-lab", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "reading", "-p", "no:cacheprovider"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


BAD_NAMES = ["", "My-Lab", "my_lab", "-lab", "lab-", "../lab", "a/b", "lab--x", "json", "class",
             "labrunner", "x" * 41, "unsegregated-shop", "läb", "my lab", "1st"]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_makes_nothing(tmp_path: Path, name: str) -> None:
    """No path, no Python module that others need, nothing that exists."""
    with pytest.raises(UsageError):
        scaffold.create(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_nothing_is_overwritten(tmp_path: Path, kind: str) -> None:
    """What has the name stays as it is, even an empty folder or a link that leads nowhere."""
    place = tmp_path / "first-lab"
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is there already"):
        scaffold.create("first-lab", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["first-lab"]
    assert not place.is_dir() or list(place.iterdir()) == []


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    """A typing mistake in --into makes no folders."""
    with pytest.raises(UsageError, match="cannot be made"):
        scaffold.create("first-lab", tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_to_do_next(lab: Lab, tmp_path: Path) -> None:
    """Every command that it names takes what it is given."""
    out = lab.ok("new", "first-lab", "--into", str(tmp_path))
    assert "lab watch" in out
    assert "pip install -e" in out
    done = lab("new", "first-lab", "--into", str(tmp_path))
    assert done.returncode == USAGE
    assert "is there already" in done.stderr


@pytest.fixture
def store(
    tmp_path: Path, folders: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """A store of the test's own, with a new scenario on the shelf; ends what was started."""
    for name, value in folders.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LABRUNNER_SCENARIOS", str(scaffold.create("first-lab", tmp_path)))
    state = Path(folders["LABRUNNER_STATE"])
    state.mkdir(parents=True)
    store = Store(state / "labs.db")
    yield store
    for record in store.labs():
        labs.stop(store, record)
    store.close()


@pytest.mark.engine
def test_the_new_lab_proves_itself(store: Store) -> None:
    """Red untouched, red with its own message for each trap, green when solved, as generated."""
    lab = labs.start(store, "first-lab", labs.StartOptions(host="sandbox", seed=7))
    for number, step in enumerate(lab.lesson.steps):
        assert steps.judge(lab, step).outcome is Outcome.NOT_YET
        assert steps.solve(lab, step).checked.verdict.passed
        for done in lab.lesson.steps[:number]:
            assert steps.judge(lab, done).passed
    labs.stop(store, lab.record)
    for step in lab.lesson.steps:
        for trap in step.traps:
            options = labs.StartOptions(host="sandbox", at=step.id, seed=7)
            lab = labs.start(store, "first-lab", options)
            printed: list[str] = []
            type_commands(lab, trap.commands, on_event=ignore_event, on_output=printed.append)
            verdict = steps.judge(lab, step)
            assert verdict.outcome is Outcome.NOT_YET
            assert trap.message in verdict.message
            labs.stop(store, lab.record)


@pytest.mark.engine
def test_watching_judges_the_step_of_a_running_lab(store: Store, tmp_path: Path) -> None:
    """With a verdict, but without a trace in the learner's progress."""
    lab = labs.start(store, "first-lab", labs.StartOptions(host="sandbox", seed=7))
    steps.solve(lab, lab.lesson.steps[0])
    report = Watcher(str(tmp_path / "first-lab")).look()
    assert report.step is not None
    assert report.step.id == "part-them"
    assert report.verdict is not None
    assert report.verdict.outcome is Outcome.NOT_YET
    again = Watcher("first-lab", "read-page").look()
    assert again.verdict is not None
    assert again.verdict.passed
    assert len(store.attempts(lab.record.id)) == 1
