"""Wrong use and broken scenarios: a sentence that helps, and nothing is left."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import tiny
from tests.conftest import Lab, Snapshot
from tests.e2e.ways import AT_FAULT, BUSY, NOT_YET, NOTHING, USAGE, ids_ever

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.engine

SHOP = "unsegregated-shop"
VERSUS = "segregated-vs-unsegregated"
NAME = "wrong"


def test_a_second_start_is_refused_and_the_first_lives(stopped: Lab) -> None:
    """One lab of a scenario; --continue shows where it is."""
    stopped.ok("start", "wrong")
    again = stopped("start", "wrong")
    assert again.returncode == USAGE
    assert "already running" in again.stderr
    assert "A second container" in stopped.ok("start", "wrong", "--continue")


def test_two_labs_and_none_named_asks_which(stopped: Lab) -> None:
    """Never a guess."""
    stopped.ok("start", "wrong")
    stopped.ok("start", VERSUS)
    done = stopped("check")
    assert done.returncode == USAGE
    assert "--lab" in done.stderr
    assert stopped("check", "--lab", "wrong").returncode == NOT_YET


def test_a_busy_lab_says_who_holds_it(stopped: Lab) -> None:
    """A second terminal waits briefly, then gets exit code 4 and the holder's name."""
    from labrunner.lock import holding

    stopped.ok("start", "wrong")
    with holding(stopped.state / "locks", "wrong"):
        done = stopped("check")
    assert done.returncode == BUSY
    assert str(os.getpid()) in done.stderr


def test_a_taken_port_on_local_undoes_the_start(
    stopped: Lab, tmp_path: Path, engine: docker.DockerClient, snapshot: Callable[[str], Snapshot]
) -> None:
    """A published port that is taken: the port is named, and nothing of the start is left."""
    tiny.write(tmp_path / "mine", NAME, options="ports=(Port(80, 18087),)")
    holder = engine.containers.run(
        _tools(engine),
        ["sleep", "infinity"],
        ports={"80/tcp": ("127.0.0.1", 18087)},
        detach=True,
    )
    try:
        done = stopped("start", "wrong", "--host", "local")
        assert done.returncode == AT_FAULT
        assert "18087" in done.stderr
        assert "sandbox host" in done.stderr
        for each in ids_ever(stopped):
            assert snapshot(each) == NOTHING
    finally:
        holder.remove(force=True, v=True)


def _tools(engine: docker.DockerClient) -> str:
    """The reference of the runner's own tools image."""
    from labrunner.engine.images import RUNNER_IMAGES, ensure

    return ensure(engine, RUNNER_IMAGES)["tools:1"]


def test_a_full_address_pool_names_what_is_in_the_way(
    stopped: Lab, engine: docker.DockerClient
) -> None:
    """The pool of a local host is full: the blocker and the way out are named."""
    from docker.types import IPAMConfig, IPAMPool

    pool = IPAMConfig(pool_configs=[IPAMPool(subnet="10.250.7.0/24")])
    network = engine.networks.create("labtest-blocker", ipam=pool)
    try:
        env = {"LABRUNNER_POOL": "10.250.7.0/24"}
        done = stopped("start", "wrong", "--host", "local", env=env)
        assert done.returncode == AT_FAULT
        assert "labtest-blocker" in done.stderr
        assert "LABRUNNER_POOL" in done.stderr
    finally:
        network.remove()


def test_a_check_that_raises_is_the_labs_fault(stopped: Lab, tmp_path: Path) -> None:
    """Exit code 3, the file and the line, and no word against the learner."""
    tiny.write(tmp_path / "mine", NAME, before="1 / 0")
    stopped.ok("start", "wrong")
    done = stopped("check")
    assert done.returncode == AT_FAULT
    assert "scenario.py:" in done.stdout
    assert "not yours" in done.stdout


def test_a_broken_lesson_names_file_and_line(tiny_lab: Lab, tmp_path: Path) -> None:
    """An author sees where the mistake is; the other labs are still listed."""
    tiny.write(tmp_path / "mine", NAME, id="")
    done = tiny_lab("start", "wrong")
    assert done.returncode == AT_FAULT
    assert "lesson.md:11" in done.stderr
    listed = tiny_lab("list")
    assert SHOP in listed.stdout
    assert "lesson.md:11" in listed.stderr


def test_a_setup_that_fails_leaves_nothing(
    stopped: Lab, tmp_path: Path, snapshot: Callable[[str], Snapshot]
) -> None:
    """A scenario's own code fails: the start is undone."""
    fails = "def prepare(lab):\n    raise OSError('no luck')\n\nscenario.setup = prepare"
    tiny.write(tmp_path / "mine", NAME, more=fails)
    done = stopped("start", "wrong")
    assert done.returncode == AT_FAULT
    assert "no luck" in done.stderr
    assert "Traceback" not in done.stderr
    (dead,) = ids_ever(stopped)
    assert snapshot(dead) == NOTHING
