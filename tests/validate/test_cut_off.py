"""``lab validate`` is interrupted, loses a worker, or leaves a lab: nothing else stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Lab, Snapshot
from tests.validate.authors import SOLUTION, Author, left

pytestmark = pytest.mark.engine

CASES = 11
"""Of the good scenario with one step."""


def begun(command: Lab, *options: str) -> subprocess.Popen[str]:
    """A run that is at work."""
    return subprocess.Popen(
        command.argv("validate", "tiny", *options),
        env=command.env,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def progress(run: subprocess.Popen[str]) -> Iterator[str]:
    """The lines that it says, as they come, to its end."""
    assert run.stderr is not None
    for line in run.stderr:  # noqa: UP028  who stops listening must not shut the pipe
        yield line


@pytest.mark.parametrize("after", ["at work", "tiny/two/untouched", "tiny/two/trap"])
def test_an_interrupt_leaves_nothing_and_the_run_is_resumed(
    command: Lab, after: str, tmp_path: Path
) -> None:
    """Ctrl-C at any point: labs are removed, results so far are kept, --resume does the rest."""
    with begun(command, "--seed", "5") as run:
        assert any(after in line for line in progress(run))
        run.send_signal(signal.SIGINT)
        assert [*progress(run)]
    assert run.returncode == 130
    assert left(command.state, command.env["LABRUNNER_RUNTIME"]) == []
    report = tmp_path / "report.json"
    done = command("validate", "tiny", "--resume", "--json", str(report))
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["seed"] == 5
    assert len(found["results"]) == CASES
    assert left(command.state, command.env["LABRUNNER_RUNTIME"]) == []


def test_a_worker_that_is_killed_is_replaced(command: Lab, tmp_path: Path) -> None:
    """Its cases are said to be lost, its lab is removed, and the others are tried."""
    with begun(command, "--json", str(tmp_path / "report.json")) as run:
        assert any("two/untouched" in line for line in progress(run))
        for pid in workers(run.pid):
            os.kill(pid, signal.SIGKILL)
        assert [*progress(run)]
    assert run.returncode == 1
    results = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["results"]
    lost = {r["kind"] for r in results if "its worker died" in r["message"]}
    assert "stop" in lost
    assert lost <= {"twice", "solution", "stop"}
    assert len(results) == CASES
    assert left(command.state, command.env["LABRUNNER_RUNTIME"]) == []


def workers(parent: int) -> list[int]:
    """The worker processes of a run."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [
        int(pid)
        for pid in children
        if b"labrunner.validate.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_a_failed_lab_is_kept_and_can_be_entered(
    command: Lab, tmp_path: Path, snapshot: Callable[[str], Snapshot]
) -> None:
    """--keep: the lab of the first failure stays, ``lab`` finds it, and ``lab stop`` ends it."""
    Author(tmp_path / "mine").write(solution=SOLUTION.replace("tiny-two", "tiny-tow"))
    done = command("validate", "tiny", "--only", "solution", "--keep")
    assert done.returncode == 1
    (row,) = json.loads(command.ok("status", "--json"))
    assert f"lab shell --lab {row['lab']}" in " ".join(done.stderr.split())
    assert command("check", "two").returncode == 1
    command.ok("stop")
    assert snapshot(row["lab"]) == (frozenset(), frozenset(), frozenset())
