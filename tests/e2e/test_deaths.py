"""Starts that are interrupted or killed, engines that die, labs that somebody removes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import tiny
from tests.conftest import Lab, Snapshot
from tests.e2e.ways import AT_FAULT, INTERRUPTED, NOT_YET, NOTHING, ids_ever, lab_id
from tests.engine_proxy import engine_proxy
from tests.waiting import ends

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.engine

SHOP = "unsegregated-shop"
VERSUS = "segregated-vs-unsegregated"
NAME = "brief"
PATIENCE = 120
"""Seconds for what takes two on a machine that has nothing else to do."""


HANGS = """
def prepare(lab):
    if (Path(__file__).parent / "hang").exists():
        Event().wait()

scenario.setup = prepare
"""


@pytest.mark.parametrize("number", [1, 3, 5])
def test_an_interrupt_at_any_moment_leaves_nothing(
    stopped: Lab, tmp_path: Path, number: int, snapshot: Callable[[str], Snapshot]
) -> None:
    """Ctrl-C after any line of progress: the start undoes itself and says so."""
    # it cannot be over before the interrupt comes, however late that is
    folder = tiny.write(tmp_path / "mine", NAME, more=HANGS)
    (folder / "hang").touch()
    with subprocess.Popen(
        stopped.argv("start", NAME), env=stopped.env, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for _ in range(number):
            assert process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == INTERRUPTED
    assert "interrupted" in rest
    assert json.loads(stopped.ok("status", "--json")) == []
    for each in ids_ever(stopped):
        assert snapshot(each) == NOTHING


def reader_goes_away(command: Lab) -> subprocess.Popen[str]:
    """A start that has said its first word, and that nobody listens to any more."""
    process = subprocess.Popen(
        command.argv("start", NAME),
        env=command.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline()
    process.stderr.close()
    return process


def test_a_start_goes_on_where_its_reader_went_away(stopped: Lab) -> None:
    """``lab start 2>&1 | head -1``: the lab is there, and not half of it."""
    assert reader_goes_away(stopped).wait(PATIENCE) == 0
    assert stopped("check").returncode == NOT_YET


def test_an_interrupt_is_clean_where_its_reader_went_away(
    stopped: Lab, tmp_path: Path, snapshot: Callable[[str], Snapshot]
) -> None:
    """A window that is closed takes both: what the start had made is removed, said or not."""
    folder = tiny.write(tmp_path / "mine", NAME, more=HANGS)
    (folder / "hang").touch()
    process = reader_goes_away(stopped)
    assert ends(lambda: any(snapshot(each) != NOTHING for each in ids_ever(stopped)), PATIENCE)
    process.send_signal(signal.SIGHUP)
    assert process.wait(PATIENCE) == INTERRUPTED
    assert json.loads(stopped.ok("status", "--json")) == []
    for each in ids_ever(stopped):
        assert snapshot(each) == NOTHING


def test_an_interrupted_reset_says_how_to_come_back(
    stopped: Lab, tmp_path: Path, snapshot: Callable[[str], Snapshot]
) -> None:
    """The lab is over, and where its learner was can be typed."""
    folder = tiny.write(tmp_path / "mine", NAME, more=HANGS)
    stopped.ok("start", NAME, "--host", "local")
    (folder / "hang").touch()
    with subprocess.Popen(
        stopped.argv("reset", "--step"), env=stopped.env, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert any("setup" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == INTERRUPTED
    assert f"lab start {NAME} --at two --host local" in rest
    for each in ids_ever(stopped):
        assert snapshot(each) == NOTHING


def start_killed_at(command: Lab, words: str, *options: str) -> str:
    """Kill a start with -9 the moment that its progress says ``words``; the dead lab's id."""
    process = subprocess.Popen(
        command.argv("start", "brief", *options),
        env=command.env,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    seen = any(words in line for line in process.stderr)
    process.kill()
    process.wait()
    process.stderr.close()
    assert seen, f"the start never said {words!r}"
    (dead,) = ids_ever(command)
    return dead


@pytest.mark.parametrize("host", ["sandbox", "local"])
def test_a_killed_start_is_cleared_by_the_next_one(
    stopped: Lab, host: str, snapshot: Callable[[str], Snapshot]
) -> None:
    """Kill -9 in the middle: what was made is in the ledger, and the next start removes it."""
    dead = start_killed_at(stopped, "network brief-net", "--host", host)
    stopped.ok("start", "brief", "--host", host)
    assert snapshot(dead) == NOTHING


def test_the_doctor_removes_what_a_killed_start_left(
    stopped: Lab, snapshot: Callable[[str], Snapshot]
) -> None:
    """The same, without starting again."""
    dead = start_killed_at(stopped, "container brief-one")
    assert dead in stopped.ok("doctor")
    assert "fixed" in stopped.ok("doctor", "--fix")
    assert snapshot(dead) == NOTHING


@pytest.mark.parametrize(
    ("host", "fatal"),
    [
        ("sandbox", "/containers/create"),
        ("sandbox", "/start "),
        ("local", "/networks/create"),
        ("local", "/containers/create"),
        ("local", "/start "),
    ],
)
def test_an_engine_that_dies_in_the_middle(
    stopped: Lab, fatal: str, host: str, snapshot: Callable[[str], Snapshot]
) -> None:
    """The error is a sentence; once the engine is back, the doctor removes the rest."""
    socket = Path(f"/tmp/labtest-{os.getpid()}-{abs(hash((fatal, host))) % 9999}.sock")
    with engine_proxy(socket, fatal) as proxy:
        done = stopped("start", "brief", "--host", host, env={"DOCKER_HOST": proxy.address})
        assert proxy.died.is_set()
    assert done.returncode == AT_FAULT, done.stderr
    assert "Traceback" not in done.stderr
    assert "lab doctor" in done.stderr
    stopped.ok("doctor", "--fix")
    assert json.loads(stopped.ok("status", "--json")) == []
    for each in ids_ever(stopped):
        assert snapshot(each) == NOTHING


def test_a_socket_that_we_may_not_use_names_the_way_in(lab: Lab) -> None:
    """No permission is another thing than no engine, and has another remedy."""
    socket = Path(f"/tmp/labtest-{os.getpid()}-shut.sock")
    with engine_proxy(socket) as proxy:
        socket.chmod(0)
        command = lab.argv("start", SHOP)
        if os.geteuid() == 0:
            # root may do everything, unless it gives that up
            os.chown(socket, 65534, 65534)
            command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]
        done = subprocess.run(
            command,
            env={**lab.env, "DOCKER_HOST": proxy.address},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == AT_FAULT
    assert "permission denied" in done.stderr
    assert "group docker" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_lab_that_somebody_removed_is_told(stopped: Lab, engine: docker.DockerClient) -> None:
    """Where the engine and the store disagree, the engine is right and the learner is told."""
    stopped.ok("start", "brief")
    name = lab_id(stopped)
    engine.api.remove_container(f"labrunner-{name}", force=True, v=True)
    done = stopped("check")
    assert done.returncode == AT_FAULT
    assert "lost" in done.stderr
    assert "lost" in stopped.ok("status")
    stopped.ok("reset", "--step")
    assert stopped("check").returncode == NOT_YET


def test_stop_works_when_the_scenario_is_gone(
    tiny_lab: Lab, tmp_path: Path, snapshot: Callable[[str], Snapshot]
) -> None:
    """A deleted plugin cannot keep its lab alive."""
    tiny_lab.ok("start", "brief", "--host", "local")
    tiny_lab.ok("solve")
    name = lab_id(tiny_lab)
    (tmp_path / "mine" / "brief" / "scenario.py").unlink()
    tiny_lab.ok("stop")
    assert snapshot(name) == NOTHING
