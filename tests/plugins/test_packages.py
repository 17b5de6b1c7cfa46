"""Hooks, and packages that are installed."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labrunner import Scenario, plugins
from labrunner.errors import UsageError
from labrunner.model.verdict import Verdict
from tests.conftest import Lab
from tests.plugins.shelf import SCENARIO, Shelf, line_of, with_path

# --- hooks ---------------------------------------------------------------------------------

LISTENER = """
from labrunner import hookimpl

heard = []

@hookimpl
def labrunner_lab_started(lab):
    heard.append(lab)

@hookimpl
def labrunner_step_checked(step, verdict):
    heard.append((step, verdict))

@hookimpl
def labrunner_lab_stopping(lab):
    raise RuntimeError("I do not want to go")
"""


def heard(scenario: Scenario) -> list[Any]:
    module = sys.modules[scenario.checks["do-it"].__module__]
    found: list[Any] = module.heard
    return found


def test_hooks_hear_what_happens_to_their_own_labs(shelf: Shelf) -> None:
    """A folder's hooks hear of its scenario, not of its neighbour's."""
    for name in ("hello-there", "good-day"):
        shelf.add(name, SCENARIO.format(name=name) + LISTENER)
    registry = plugins.Registry([shelf.path])
    scenario, other = registry.find("hello-there"), registry.find("good-day")
    lab, verdict = SimpleNamespace(scenario=scenario), Verdict
    assert registry.notify("labrunner_lab_started", {"lab": lab}) == []
    arguments = {"lab": lab, "step": "do-it", "verdict": verdict}
    assert registry.notify("labrunner_step_checked", arguments) == []
    assert heard(scenario) == [lab, ("do-it", verdict)]
    assert heard(other) == []


def test_a_hook_that_raises_harms_nobody(shelf: Shelf) -> None:
    """It is a problem with its line; the lab goes on."""
    file = shelf.add("hello_there", SCENARIO.format(name="hello-there") + LISTENER)
    registry = plugins.Registry([shelf.path])
    lab = SimpleNamespace(scenario=registry.find("hello-there"))
    (problem,) = registry.notify("labrunner_lab_stopping", {"lab": lab})
    assert problem.where == line_of(file, "I do not want to go")
    assert "RuntimeError: I do not want to go" in problem.message


def test_without_plugins_nobody_listens() -> None:
    """The runner may then skip making what they would be told."""
    assert plugins.has_listeners("labrunner_lab_started") is False
    assert plugins.notify("labrunner_lab_started", lab=None) == []


# --- an installed package ------------------------------------------------------------------
@pytest.fixture(scope="module")
def broken(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a plugin is installed that breaks when it is asked: the example, spoilt."""
    site = tmp_path_factory.mktemp("broken")
    shutil.copytree(example / "hello_network", site / "bye_network")
    (metadata,) = example.glob("*.dist-info")
    about = shutil.copytree(metadata, site / metadata.name.replace("hello", "bye"))
    for file in (about / "METADATA", about / "entry_points.txt"):
        file.write_text(file.read_text("utf-8").replace("hello", "bye"), encoding="utf-8")
    scenario = site / "bye_network" / "scenario.py"
    code = scenario.read_text(encoding="utf-8").replace("PORT = 7000", "PORT = 7000 / 0")
    scenario.write_text(code, encoding="utf-8")
    return site


def test_an_installed_package_brings_its_lab(lab: Lab, example: Path) -> None:
    """``pip install`` is all it takes; the list says where the lab comes from."""
    shown = json.loads(lab.ok("list", "--json", env=with_path(example)))
    assert shown["problems"] == []
    (entry,) = [entry for entry in shown["labs"] if entry["name"] == "hello-network"]
    assert entry["title"] == "Hello, network"
    assert entry["source"] == "package labrunner-hello-network 0.1.0"
    assert "hello-network" not in lab.ok("list")


def test_a_packaged_lesson_can_be_read(lab: Lab, example: Path) -> None:
    """A lab from a package is used like any other."""
    shown = lab.ok("lesson", "--all", "--lab", "hello-network", env=with_path(example))
    assert "Part them" in shown
    assert "docker network disconnect" not in shown


def test_a_broken_package_is_reported_and_harmless(lab: Lab, example: Path, broken: Path) -> None:
    """It is named with file and line, and everything else is there."""
    shown = json.loads(lab.ok("list", "--json", env=with_path(broken, example)))
    assert {"hello-network", "unsegregated-shop"} <= {e["name"] for e in shown["labs"]}
    (problem,) = shown["problems"]
    assert problem["source"] == "package labrunner-bye-network 0.1.0"
    assert problem["where"] == line_of(broken / "bye_network" / "scenario.py", "7000 / 0")
    lab.ok("lesson", "--all", "--lab", "hello-network", env=with_path(broken, example))


def test_two_packages_of_one_lab(lab: Lab, example: Path, shelf: Shelf) -> None:
    """A folder that takes a package's name is an error that names both."""
    file = shelf.add("hello_network")
    env = {**with_path(example), "LABRUNNER_SCENARIOS": str(shelf.path)}
    done = lab("lesson", "--lab", "hello-network", env=env)
    assert done.returncode == UsageError.exit_code
    assert str(file) in done.stderr.replace("\n", "")
    assert "package labrunner-hello-network 0.1.0" in done.stderr


@pytest.mark.engine
@pytest.mark.slow
def test_a_packaged_lab_is_played(lab: Lab, example: Path) -> None:
    """From start to stop on a real engine, its checks failing before they pass."""
    env = with_path(example)
    lab.ok("start", "hello-network", env=env)
    for done in (1, 2):
        assert lab("check", env=env).returncode == 1
        lab.ok("solve", env=env)
        assert f"{done} of 2 steps passed" in lab.ok("status", env=env)
    lab.ok("stop", env=env)
