"""Starting, losing and ending labs against the real engine, and what bad input leaves: nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Lab, Snapshot
from tests.engine_proxy import engine_proxy

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.engine

SHOP = "unsegregated-shop"
VERSUS = "segregated-vs-unsegregated"
NOT_YET, USAGE, AT_FAULT, BUSY, INTERRUPTED = 1, 2, 3, 4, 130
NOTHING = (frozenset[str](), frozenset[str](), frozenset[str]())

SMALL = """
from labrunner import Container, Network, Owned, Scenario, not_yet, passed

scenario = Scenario(
    name="small",
    networks=(Network("small-net"),),
    containers=(Container("small-one", "tools:1", ("small-net",), command=("sleep", "infinity")),),
    owns=Owned(containers=("small-two",)),
)


@scenario.check("two")
def two(lab):
    if lab.container("small-two") is None:
        return not_yet("no small-two", expected="a container small-two", seen="none")
    return passed("small-two is there")
"""
LESSON = """---
title: Small
level: beginner
minutes: 5
summary: One container, and a second.
objectives: [start a container]
requires: []
---
A lab for tests.

## A second container {#two}

Start one.

::: hint
`docker run`
:::

::: hint
`-d`
:::

::: solution
```console
$ docker run -d --name small-two --network small-net tools:1 sleep infinity
```
:::

::: trap "no small-two"
```console
$ docker ps
```
:::

::: trap "no small-two"
```console
$ docker network ls
```
:::
"""


@pytest.fixture
def small(tmp_path: Path, lab: Lab) -> Lab:
    """The ``lab`` command with a small scenario of the test's own."""
    folder = tmp_path / "mine" / "small"
    (folder / "content").mkdir(parents=True)
    (folder / "scenario.py").write_text(SMALL, encoding="utf-8")
    (folder / "content" / "lesson.md").write_text(LESSON, encoding="utf-8")
    env = {**lab.env, "LABRUNNER_SCENARIOS": str(tmp_path / "mine")}
    return Lab(lab.state, env)


@pytest.fixture
def stopped(small: Lab) -> Iterator[Lab]:
    """The same; whatever runs at the end is stopped while its scenario can still be found."""
    yield small
    small("stop", "--all")


def lab_id(command: Lab) -> str:
    """The id of the one lab that runs."""
    rows: list[dict[str, Any]] = json.loads(command.ok("status", "--json"))
    assert len(rows) == 1
    return str(rows[0]["lab"])


def ids_ever(command: Lab) -> list[str]:
    """Ids of every lab that the store knows, gone ones too."""
    from labrunner.store import Store

    store = Store(command.state / "labs.db")
    ids = sorted(store.known_ids())
    store.close()
    return ids


# --- a lab's life -------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["sandbox", "local"])
def test_a_lab_from_start_to_stop(
    stopped: Lab, host: str, snapshot: Callable[[str], Snapshot]
) -> None:
    """Start, wrong check, hint, solve, stop: each says what a learner needs, nothing stays."""
    out = stopped.ok("start", "small", "--host", host)
    assert "A second container" in out
    assert "lab check" in out
    name = lab_id(stopped)
    red = stopped("check")
    assert red.returncode == NOT_YET
    assert "expected" in red.stdout
    assert "a container small-two" in red.stdout
    assert "Hint 1 of 2" in stopped.ok("hint")
    assert "Hint 2 of 2" in stopped.ok("hint")
    assert "small-two" in stopped.ok("solve", "--show")
    assert "Every step is done" in stopped.ok("solve")
    assert json.loads(stopped.ok("check", "two", "--json"))["verdict"]["outcome"] == "passed"
    stopped.ok("stop")
    assert snapshot(name) == NOTHING


@pytest.fixture
def bystander(engine: docker.DockerClient) -> Iterator[Any]:
    """A network that has nothing to do with any lab."""
    network = engine.networks.create("small-bystander")
    yield network
    network.remove()


def test_local_leaves_everything_else_alone(
    stopped: Lab, engine: docker.DockerClient, bystander: Any
) -> None:
    """A stranger's container on the lab's own network is cut off, kept, and named."""
    stopped.ok("start", "small", "--host", "local")
    stranger = engine.containers.run(
        "tools:1", ["sleep", "infinity"], name="small-stranger", network="small-net", detach=True
    )
    try:
        done = stopped("stop")
        assert done.returncode == 0
        assert "small-stranger" in done.stderr
        stranger.reload()
        assert stranger.status == "running"
        bystander.reload()
    finally:
        stranger.remove(force=True)


def test_what_the_learner_made_on_a_local_host_goes_too(
    stopped: Lab, engine: docker.DockerClient
) -> None:
    """What the lesson has the learner make, a container made anew, a network of their own."""
    stopped.ok("start", "small", "--host", "local")
    stopped.ok("solve")
    engine.containers.get("small-one").remove(force=True)
    engine.networks.create("small-own-idea")
    engine.containers.run(
        "tools:1", ["sleep", "infinity"], name="small-one", network="small-own-idea", detach=True
    )
    stopped.ok("stop")
    names = {n for c in engine.api.containers(all=True) for n in c["Names"]}
    assert not names & {"/small-one", "/small-two"}
    networks = {n["Name"] for n in engine.api.networks()}
    assert not networks & {"small-net", "small-own-idea"}


def test_a_taken_name_on_local_is_refused_before_anything_is_made(
    stopped: Lab, engine: docker.DockerClient
) -> None:
    """What was there before is never touched."""
    network = engine.networks.create("small-net")
    try:
        done = stopped("start", "small", "--host", "local")
        assert done.returncode == AT_FAULT
        assert "network small-net" in done.stderr
        assert json.loads(stopped.ok("status", "--json")) == []
        network.reload()
    finally:
        network.remove()


def test_reset_to_the_step_replays_the_steps_before(stopped: Lab) -> None:
    """A reset gives a new lab with the same seed at the same place."""
    stopped.ok("start", "small")
    before = lab_id(stopped)
    stopped.ok("reset", "--step")
    assert lab_id(stopped) != before
    assert stopped("check").returncode == NOT_YET


# --- wrong use ----------------------------------------------------------------------------


def test_a_second_start_is_refused_and_the_first_lives(stopped: Lab) -> None:
    """One lab of a scenario; --continue shows where it is."""
    stopped.ok("start", "small")
    again = stopped("start", "small")
    assert again.returncode == USAGE
    assert "already running" in again.stderr
    assert "A second container" in stopped.ok("start", "small", "--continue")


def test_two_labs_and_none_named_asks_which(stopped: Lab) -> None:
    """Never a guess."""
    stopped.ok("start", "small")
    stopped.ok("start", VERSUS)
    done = stopped("check")
    assert done.returncode == USAGE
    assert "--lab" in done.stderr
    assert stopped("check", "--lab", "small").returncode == NOT_YET


def test_a_busy_lab_says_who_holds_it(stopped: Lab) -> None:
    """A second terminal waits briefly, then gets exit code 4 and the holder's name."""
    from labrunner.lock import holding

    stopped.ok("start", "small")
    with holding(stopped.state / "locks", "small"):
        done = stopped("check")
    assert done.returncode == BUSY
    assert str(os.getpid()) in done.stderr


def test_a_taken_port_on_local_undoes_the_start(
    stopped: Lab, tmp_path: Path, engine: docker.DockerClient, snapshot: Callable[[str], Snapshot]
) -> None:
    """A published port that is taken: the port is named, and nothing of the start is left."""
    file = tmp_path / "mine" / "small" / "scenario.py"
    published = SMALL.replace(
        'command=("sleep", "infinity")', 'command=("sleep", "infinity"), ports=(Port(80, 18087),)'
    ).replace("import Container", "import Container, Port")
    file.write_text(published, encoding="utf-8")
    holder = engine.containers.run(
        _tools(engine),
        ["sleep", "infinity"],
        ports={"80/tcp": ("127.0.0.1", 18087)},
        detach=True,
    )
    try:
        done = stopped("start", "small", "--host", "local")
        assert done.returncode == AT_FAULT
        assert "18087" in done.stderr
        assert "sandbox host" in done.stderr
        for each in ids_ever(stopped):
            assert snapshot(each) == NOTHING
    finally:
        holder.remove(force=True)


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
        done = stopped("start", "small", "--host", "local", env=env)
        assert done.returncode == AT_FAULT
        assert "labtest-blocker" in done.stderr
        assert "LABRUNNER_POOL" in done.stderr
    finally:
        network.remove()


# --- things that die ----------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 3, 5])
def test_an_interrupt_at_any_moment_leaves_nothing(
    stopped: Lab, number: int, snapshot: Callable[[str], Snapshot]
) -> None:
    """Ctrl-C after any line of progress: the start undoes itself and says so."""
    process = subprocess.Popen(
        stopped.argv("start", "small"), env=stopped.env, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for _ in range(number):
        if not process.stderr.readline():
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    process.stderr.close()
    code = process.wait()
    assert code == INTERRUPTED
    assert "interrupted" in rest
    assert json.loads(stopped.ok("status", "--json")) == []
    for each in ids_ever(stopped):
        assert snapshot(each) == NOTHING


def start_killed_at(command: Lab, words: str, *options: str) -> str:
    """Kill a start with -9 the moment that its progress says ``words``; the dead lab's id."""
    process = subprocess.Popen(
        command.argv("start", "small", *options),
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
    dead = start_killed_at(stopped, "network small-net", "--host", host)
    stopped.ok("start", "small", "--host", host)
    assert snapshot(dead) == NOTHING


def test_the_doctor_removes_what_a_killed_start_left(
    stopped: Lab, snapshot: Callable[[str], Snapshot]
) -> None:
    """The same, without starting again."""
    dead = start_killed_at(stopped, "container small-one")
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
        done = stopped("start", "small", "--host", host, env={"DOCKER_HOST": proxy.address})
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
    stopped.ok("start", "small")
    name = lab_id(stopped)
    engine.api.remove_container(f"labrunner-{name}", force=True, v=True)
    done = stopped("check")
    assert done.returncode == AT_FAULT
    assert "lost" in done.stderr
    assert "lost" in stopped.ok("status")
    stopped.ok("reset", "--step")
    assert stopped("check").returncode == NOT_YET


def test_stop_works_when_the_scenario_is_gone(
    small: Lab, tmp_path: Path, snapshot: Callable[[str], Snapshot]
) -> None:
    """A deleted plugin cannot keep its lab alive."""
    small.ok("start", "small", "--host", "local")
    small.ok("solve")
    name = lab_id(small)
    (tmp_path / "mine" / "small" / "scenario.py").unlink()
    small.ok("stop")
    assert snapshot(name) == NOTHING


# --- broken scenarios ---------------------------------------------------------------------


def test_a_check_that_raises_is_the_labs_fault(stopped: Lab, tmp_path: Path) -> None:
    """Exit code 3, the file and the line, and no word against the learner."""
    file = tmp_path / "mine" / "small" / "scenario.py"
    broken = SMALL.replace('if lab.container("small-two") is None:', "if 1 / 0:")
    file.write_text(broken, encoding="utf-8")
    stopped.ok("start", "small")
    done = stopped("check")
    assert done.returncode == AT_FAULT
    assert "scenario.py:" in done.stdout
    assert "not yours" in done.stdout


def test_a_broken_lesson_names_file_and_line(small: Lab, tmp_path: Path) -> None:
    """An author sees where the mistake is; the other labs are still listed."""
    file = tmp_path / "mine" / "small" / "content" / "lesson.md"
    file.write_text(LESSON.replace("{#two}", ""), encoding="utf-8")
    done = small("start", "small")
    assert done.returncode == AT_FAULT
    assert "lesson.md:11" in done.stderr
    listed = small("list")
    assert SHOP in listed.stdout
    assert "lesson.md:11" in listed.stderr


def test_a_setup_that_fails_leaves_nothing(
    stopped: Lab, tmp_path: Path, snapshot: Callable[[str], Snapshot]
) -> None:
    """A scenario's own code fails: the start is undone."""
    file = tmp_path / "mine" / "small" / "scenario.py"
    file.write_text(
        SMALL + "\n\ndef prepare(lab):\n    raise OSError('no luck')\n\nscenario.setup = prepare\n",
        encoding="utf-8",
    )
    done = stopped("start", "small")
    assert done.returncode == AT_FAULT
    assert "no luck" in done.stderr
    assert "Traceback" not in done.stderr
    (dead,) = ids_ever(stopped)
    assert snapshot(dead) == NOTHING


# --- ways in ------------------------------------------------------------------------------


def test_env_points_docker_at_the_lab(stopped: Lab) -> None:
    """The learner's own docker sees the lab's containers and no others."""
    stopped.ok("start", "small")
    exported = json.loads(stopped.ok("env", "--json"))
    shown = subprocess.run(
        ["docker", "ps", "--format", "{{.Names}}"],
        env={**stopped.env, **exported},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.split() == ["small-one"]


@pytest.mark.parametrize("shell", ["sh", "fish", "powershell"])
def test_env_speaks_three_shells(stopped: Lab, shell: str) -> None:
    """Each gets its own syntax."""
    stopped.ok("start", "small")
    out = stopped.ok("env", "--shell", shell)
    start = {
        "sh": "export DOCKER_HOST=",
        "fish": "set -gx DOCKER_HOST ",
        "powershell": "$Env:DOCKER_HOST = ",
    }
    assert start[shell] in out


def test_host_runs_on_the_host_and_gives_its_exit_code(stopped: Lab) -> None:
    """The host is not the learner's machine, and its root is not the machine's."""
    stopped.ok("start", "small")
    assert stopped.ok("host", "--", "id", "-u").strip() == "0"
    assert stopped.ok("host", "--", "hostname").strip() != os.uname().nodename
    assert stopped("host", "--", "sh", "-c", "exit 7").returncode == 7


def test_the_sandbox_brings_docker_where_there_is_none(stopped: Lab, tmp_path: Path) -> None:
    """Without a docker client on the machine, solutions still work: the sandbox's own serves."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "sh", "env", "cat"):
        (tools / name).symlink_to(f"/bin/{name}")
    env = {"PATH": str(tools)}
    stopped.ok("start", "small", env=env)
    assert "Every step is done" in stopped.ok("solve", env=env)
