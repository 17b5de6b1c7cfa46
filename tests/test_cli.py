"""The command line without an engine: bad input gets a clear message and the right code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Lab

USAGE, AT_FAULT = 2, 3
DEAD = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


def test_list_names_every_bundled_lab(lab: Lab) -> None:
    """A newcomer sees what there is."""
    out = lab.ok("list")
    assert "unsegregated-shop" in out
    assert "segregated-vs-unsegregated" in out


def test_list_as_json_is_json_and_nothing_else(lab: Lab) -> None:
    """A script can read it."""
    found = json.loads(lab.ok("list", "--json"))
    assert {e["name"] for e in found["labs"]} >= {"unsegregated-shop"}
    assert found["problems"] == []


@pytest.mark.parametrize("command", ["list", "--help"])
def test_quick_commands_import_nothing_heavy(lab: Lab, command: str) -> None:
    """Start-up time is a feature: nothing heavy is imported once the catalogue is known."""
    lab.ok(command)
    script = (
        "import sys; from labrunner.cli.app import app\n"
        f"try: app([{command!r}])\n"
        "except SystemExit: pass\n"
        "heavy = {'docker', 'rich', 'pydantic', 'requests', 'markdown_it', 'pexpect'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=lab.env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_unknown_scenario_suggests_the_nearest(lab: Lab) -> None:
    """A typing mistake costs one more try."""
    done = lab("start", "unsegregated-shp")
    assert done.returncode == USAGE
    assert "unsegregated-shop" in done.stderr


@pytest.mark.parametrize(
    "command", ["check", "hint", "solve", "map", "reset", "stop", "shell", "env"]
)
def test_no_running_lab_says_how_to_start_one(lab: Lab, command: str) -> None:
    """Every command that needs a lab says what to type."""
    done = lab(command)
    assert done.returncode == USAGE
    assert "lab start" in done.stderr


def test_status_without_labs_is_no_error(lab: Lab) -> None:
    """Asking is always allowed."""
    assert "No lab is running" in lab.ok("status")
    assert json.loads(lab.ok("status", "--json")) == []


def test_no_engine_says_what_to_do(lab: Lab) -> None:
    """Without an engine the message points at it, and nothing is left in the store."""
    done = lab("start", "unsegregated-shop", env=DEAD)
    assert done.returncode == AT_FAULT
    assert "no engine answers" in done.stderr
    assert "doctor" in done.stderr
    assert json.loads(lab.ok("status", "--json", env=DEAD)) == []


def test_no_engine_is_what_the_doctor_finds(lab: Lab) -> None:
    """The doctor names the broken part and ends with the code for a broken environment."""
    done = lab("doctor", "--json", env=DEAD)
    assert done.returncode == AT_FAULT
    findings = {f["name"]: f["state"] for f in json.loads(done.stdout)}
    assert findings["engine"] == "broken"
    assert findings["store"] == "fine"


def test_unknown_step_names_the_steps(lab: Lab) -> None:
    """``--at`` is checked before anything is made."""
    done = lab("start", "unsegregated-shop", "--at", "nowhere", env=DEAD)
    assert done.returncode == USAGE
    assert "the steps are 1 " in done.stderr


def test_unknown_host_names_the_two(lab: Lab) -> None:
    """A wrong host is a usage error."""
    done = lab("start", "unsegregated-shop", "--host", "cloud", env=DEAD)
    assert done.returncode == USAGE
    assert "sandbox or local" in done.stderr


def test_no_home_directory_says_what_to_set(lab: Lab, tmp_path: Path) -> None:
    """Where nothing can be kept, the variable that helps is named."""
    file = tmp_path / "file"
    file.touch()
    done = lab("status", env={"LABRUNNER_STATE": str(file / "state")})
    assert done.returncode == AT_FAULT
    assert "LABRUNNER_STATE" in done.stderr


def test_a_lesson_can_be_read_without_starting_it(lab: Lab) -> None:
    """Reading needs no engine."""
    out = lab.ok("lesson", "--lab", "unsegregated-shop", "--all", env=DEAD)
    assert "my-unsegregated-network" in out


@pytest.mark.parametrize("columns", ["40", "80"])
def test_lessons_fit_the_terminal(lab: Lab, columns: str) -> None:
    """Prose is wrapped to the width; only commands may be longer."""
    out = lab.ok("lesson", "--lab", "unsegregated-shop", env={"COLUMNS": columns})
    long = [line for line in out.splitlines() if len(line) > int(columns)]
    assert all("$" in line or line.startswith(" ") for line in long), long


def test_a_terminal_without_utf8_gets_text_and_no_stack_trace(lab: Lab) -> None:
    """A locale of the last century is not a reason to crash."""
    env = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = lab("lesson", "--lab", "unsegregated-shop", "--all", env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()


def test_a_closed_pipe_is_silent(lab: Lab) -> None:
    """``lab list | head -1`` ends without a word on standard error."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        lab.argv("list"), env=lab.env, stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_no_colour_without_a_terminal(lab: Lab) -> None:
    """Output for a pipe carries no escape codes."""
    assert "\x1b" not in lab.ok("lesson", "--lab", "unsegregated-shop")


def test_completion_script_exists(lab: Lab) -> None:
    """The shell can complete the names of labs."""
    done = lab("--show-completion", "bash")
    assert done.returncode == 0
    assert "lab" in done.stdout


def test_the_picture_of_a_lab_needs_no_running_one(lab: Lab) -> None:
    """A teacher draws a lab for a slide, without an engine."""
    drawn = lab.ok("map", "--lab", "unsegregated-shop", "--svg")
    assert drawn.startswith("<svg ")
    assert "payment-db" in drawn
