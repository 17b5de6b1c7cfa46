"""What is said when a sandbox fails, and that nothing of it stays."""

from __future__ import annotations

import re
import secrets
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from labrunner.engine import outer_box, sandbox
from labrunner.engine.client import connect, engine_address
from labrunner.errors import EngineError
from labrunner.model.topology import Limits
from tests.sandboxes import BASE, changed, private_folder, running
from tests.waiting import ends

if TYPE_CHECKING:
    import docker


pytestmark = pytest.mark.engine


def program(path: str, script: str) -> str:
    """A Dockerfile line that puts a shell script in a program's place."""
    quoted = script.replace("\\", "\\\\").replace("'", "'\"'\"'").replace("\n", "\\n")
    return f"RUN printf '#!/bin/busybox sh\\n{quoted}\\n' >{path} && chmod 755 {path}"


def fails(engine: docker.DockerClient, image: str) -> EngineError:
    """The error of a sandbox that does not start; insists that nothing of it is left."""
    lab_id = f"test-{secrets.token_hex(4)}"
    with private_folder() as folder:
        spec = sandbox.SandboxSpec(lab_id, "lab-host", Limits(), {}, False, folder)
        with pytest.raises(EngineError) as caught:
            sandbox.create(engine, spec, host_image=image)
    assert not engine.api.containers(all=True, filters={"name": lab_id})
    return caught.value


def test_an_engine_that_dies_leaves_its_last_words(
    engine: docker.DockerClient, host_image: str
) -> None:
    """The message has what dockerd said last, and nothing is left behind."""
    line = program("/usr/local/sbin/dockerd", "echo no flux capacitor; exit 1")
    with changed(engine, host_image, line) as image:
        error = fails(engine, image)
    assert "dockerd ended" in error.message
    assert "no flux capacitor" in error.message


def test_an_engine_that_never_answers_is_given_up(
    engine: docker.DockerClient, host_image: str
) -> None:
    """After the deadline there is an error with the last lines of its log."""
    line = program("/usr/local/sbin/dockerd", "echo waiting for a miracle; exec sleep 1000")
    with changed(engine, host_image, line) as image:
        box = outer_box.Box(name=f"labtest-{secrets.token_hex(4)}", image=image)
        try:
            with pytest.raises(EngineError, match=r"did not answer in time\n(.*\n)*.*a miracle"):
                outer_box.start(engine, box, deadline=12)
        finally:
            assert outer_box.remove(engine, box.name)


def test_an_engine_that_dies_later_takes_the_sandbox_along(
    engine: docker.DockerClient, host_image: str
) -> None:
    """Its container ends, and its log has the last words."""
    with running(engine, host_image, {}) as made:
        box = engine.containers.get(made.container)
        made.run(["sh", "-c", "kill -9 $(pidof containerd)"])
        assert box.wait(timeout=90)["StatusCode"] == 1
        assert "labrunner: failed: containerd ended" in box.logs().decode()


def test_a_machine_without_user_namespaces_is_told_so(
    engine: docker.DockerClient, host_image: str
) -> None:
    """Where the kernel refuses them, the hint names what to change."""
    line = program(
        "/usr/bin/unshare",
        "echo unshare: unshare failed: No space left on device >&2; exit 1",
    )
    with changed(engine, host_image, line) as image:
        error = fails(engine, image)
    assert "unshare failed" in error.message
    assert "user.max_user_namespaces" in error.hint


def test_the_doctor_starts_a_sandbox_and_a_container_in_it(
    engine: docker.DockerClient, host_image: str
) -> None:
    """On a machine where all is well each thing tried is fine, and nothing is left."""

    def boxes() -> set[str]:
        found = engine.api.containers(all=True, filters={"name": "labrunner-doctor-"})
        return {box["Id"] for box in found}

    found = sandbox.diagnose(engine, host_image)
    # among them may be those of another doctor; they go, too
    left = boxes()
    assert [d.name for d in found if not d.ok] == []
    assert {"sandbox", "reaching it", "containers in it"} <= {d.name for d in found}
    assert ends(lambda: not left & boxes())


@pytest.mark.slow
def test_an_engine_without_real_root_is_told_so(
    engine: docker.DockerClient, host_image: str
) -> None:
    """In an engine that has no ids to hand on (here: a sandbox's own) the doctor says why."""
    limits = Limits(memory="2g", disk="1g")
    with running(engine, host_image, {"host:1": host_image}, limits=limits) as made:
        found = sandbox.diagnose(made.client, "host:1")
    assert [d.ok for d in found] == [False]
    assert re.search("rootless|without root", found[0].hint), found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_doctor_that_is_killed_leaves_nothing(
    engine: docker.DockerClient, host_image: str, how: signal.Signals
) -> None:
    """Its throw-away sandbox ends with it, even when it has no time to clean up."""
    code = (
        "import sys; from labrunner.engine import client, outer_box\n"
        "box = outer_box.Box(name=sys.argv[1], image=sys.argv[2], tied=True)\n"
        "with outer_box.lent(client.connect(), box):\n"
        "    print('up', flush=True); sys.stdin.read()"
    )
    name = f"labtest-{secrets.token_hex(4)}"
    with subprocess.Popen(
        [sys.executable, "-c", code, name, host_image],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == b"up\n"
        child.send_signal(how)
    assert ends(lambda: not engine.api.containers(all=True, filters={"name": name}))


def test_a_second_client_of_the_engine_works(host: sandbox.Sandbox) -> None:
    """Many connections at once are served."""
    clients = [connect(host.docker_host) for _ in range(8)]
    assert {c.info()["ID"] for c in clients} == {host.client.info()["ID"]}
    for each in clients:
        each.close()


def test_paused_containers_do_not_keep_it_from_going(
    engine: docker.DockerClient, host_image: str, tools: dict[str, str]
) -> None:
    """A paused container in it does not delay its removal as long as the engine waits for one.

    That is ten seconds; without it, it takes less than one.
    """
    with running(engine, host_image, tools) as made:
        made.client.containers.run(BASE, ["sleep", "infinity"], detach=True).pause()
        made.close()
        started = time.monotonic()
        assert sandbox.remove_simply(engine_address(), made.lab_id) is False
        assert sandbox.remove(engine, made.lab_id) is True
        assert time.monotonic() - started < 9
