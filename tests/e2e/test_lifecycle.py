"""A lab from its start to its end, on both hosts, and the ways into it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from labrunner.errors import NoSuchLabError
from labrunner.session import at_work_on, open_lab, open_store
from tests import tiny
from tests.conftest import Lab, Snapshot
from tests.e2e.ways import AT_FAULT, NOT_YET, NOTHING, lab_id

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.engine

SHOP = "unsegregated-shop"
VERSUS = "segregated-vs-unsegregated"
NAME = "small"


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
        stranger.remove(force=True, v=True)


def test_what_the_learner_made_on_a_local_host_goes_too(
    stopped: Lab, engine: docker.DockerClient
) -> None:
    """What the lesson has the learner make, a container made anew, a network of their own."""
    stopped.ok("start", "small", "--host", "local")
    stopped.ok("solve")
    engine.containers.get("small-one").remove(force=True, v=True)
    engine.networks.create("small-own-idea")
    engine.containers.run(
        "tools:1", ["sleep", "infinity"], name="small-one", network="small-own-idea", detach=True
    )
    stopped.ok("stop")
    names = {n for c in engine.api.containers(all=True) for n in c["Names"]}
    assert not names & {"/small-one", "/small-two"}
    networks = {n["Name"] for n in engine.api.networks()}
    assert not networks & {"small-net", "small-own-idea"}


def test_a_name_of_an_image_stays_for_the_other_lab(
    stopped: Lab, tmp_path: Path, engine: docker.DockerClient
) -> None:
    """Two labs on one engine: what the learner of the one may type does not go with the other."""
    other = tiny.write(tmp_path / "mine", "smaller")
    image = other / "images" / "own"
    image.mkdir(parents=True)
    (image / "Dockerfile").write_text("ARG BASE=debian:trixie-slim\nFROM ${BASE}\n")
    code = (other / "scenario.py").read_text()
    code = code.replace('"tools:1", (', '"small-own:1", (').replace(
        "    networks=(Network",
        '    images=(Image("small-own:1", "images/own"),), networks=(Network',
    )
    (other / "scenario.py").write_text(code.replace("import Container", "import Container, Image"))
    stopped.ok("start", "smaller", "--host", "local")
    stopped.ok("start", NAME, "--host", "local")
    stopped.ok("stop", NAME)
    inside = json.loads(stopped.ok("env", "--json"))
    run = ["docker", "run", "--rm", "--network", "none", "tools:1", "true"]
    subprocess.run(run, env={**stopped.env, **inside}, check=True)
    stopped.ok("stop")
    assert not engine.images.list("small-own")
    for built in engine.images.list("labrunner/small-own"):
        engine.images.remove(str(built.id), force=True)


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


def test_a_lab_that_was_made_anew_meanwhile_is_not_worked_on(
    stopped: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waited for a reset must not judge the lab that was there before it."""
    for name, value in stopped.env.items():
        if name.startswith("LABRUNNER_"):
            monkeypatch.setenv(name, value)
    stopped.ok("start", NAME)
    lab = open_lab(open_store(), NAME)
    stopped.ok("reset")
    with pytest.raises(NoSuchLabError, match="made anew"), at_work_on(lab):
        pytest.fail("it let us in")
    lab.store.close()


MORE = """
@scenario.check("more")
def more(lab):
    return not_yet("There is no more.", expected="more", seen="none")
"""
LATER = """
## More {#more}

More.

::: hint
More.
:::

::: solution
```console
$ true
```
:::
"""


PAUSED = f"""
@scenario.check("more")
def more(lab):
    two = lab.container("{NAME}-two")
    if two is None or two.status != "paused":
        return not_yet("It is not paused.", expected="paused", seen="not")
    return passed("paused")
"""


def test_who_has_done_everything_comes_back_to_the_last_step(stopped: Lab, tmp_path: Path) -> None:
    """Not to the first: all that was done would be gone."""
    later = LATER.replace("$ true", f"$ docker pause {NAME}-two")
    tiny.write(tmp_path / "mine", NAME, more=PAUSED, later=later)
    stopped.ok("start", NAME, "--at", "more")
    assert "Every step is done" in stopped.ok("solve")
    assert "step 2 of 2" in stopped.ok("lesson").lower()
    before = lab_id(stopped)
    stopped.ok("reset", "--step")
    assert lab_id(stopped) != before
    (row,) = json.loads(stopped.ok("status", "--json"))
    assert (row["step"], row["passed"]) == ("more", ["two"])


def test_what_was_solved_on_the_way_is_not_the_learners(stopped: Lab, tmp_path: Path) -> None:
    """A lab that begins at a later step has that behind it, and no check by its learner."""
    tiny.write(tmp_path / "mine", NAME, more=MORE, later=LATER)
    stopped.ok("start", NAME, "--at", "more")
    (row,) = json.loads(stopped.ok("status", "--json"))
    assert (row["step"], row["passed"], row["attempts"]) == ("more", ["two"], 0)
    stopped("check")
    (row,) = json.loads(stopped.ok("status", "--json"))
    assert row["attempts"] == 1


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


@pytest.mark.parametrize("host", ["sandbox", "local"])
def test_an_open_shell_stays_in_a_lab_that_is_reset(stopped: Lab, host: str) -> None:
    """``lab reset`` typed in the lab's own shell: the lab is made on the engine that it was on."""
    stopped.ok("start", NAME, "--host", host)
    inside = {**stopped.env, **json.loads(stopped.ok("env", "--json"))}
    before = lab_id(stopped)
    stopped.ok("reset", "--step", env=inside)
    assert lab_id(stopped) != before
    shown = subprocess.run(
        ["docker", "ps", "--format", "{{.Names}}"],
        env={**os.environ, **inside},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{NAME}-one" in shown.stdout.split()
    assert "not yet" in stopped("check", env=inside).stdout
    stopped.ok("stop", env=inside)


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
