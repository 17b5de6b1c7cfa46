"""A sandbox is a Docker engine of one's own that comes up, obeys its limits, and goes."""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from labrunner.engine import images as engine_images
from labrunner.engine import outer_box, sandbox, tunnel
from labrunner.engine.client import connect, engine_address
from labrunner.errors import EngineError
from labrunner.model.topology import Limits

from .sandboxes import BASE, private_folder, running

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.engine

NOBODY = 65534
REACH_SERVER = """
exec 3<>/dev/tcp/server/80
cat <&3
cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null
true
"""


@pytest.fixture(scope="module")
def host_image(engine: docker.DockerClient) -> str:
    return engine_images.host_image(engine)


@pytest.fixture(scope="module")
def tools(engine: docker.DockerClient) -> dict[str, str]:
    """The tools image under the name that the tests use inside."""
    wanted = {"tools:1": engine_images.RUNNER_IMAGES["tools:1"]}
    return {BASE: engine_images.ensure(engine, wanted)["tools:1"]}


@pytest.fixture(scope="module")
def host(
    engine: docker.DockerClient, host_image: str, tools: dict[str, str]
) -> Iterator[sandbox.Sandbox]:
    """One sandbox for the tests that do not harm it."""
    limits = Limits(memory="768m", cpus=1.5, processes=512, disk="64m")
    with running(engine, host_image, tools, limits=limits) as made:
        yield made


@contextmanager
def changed(engine: docker.DockerClient, host_image: str, line: str) -> Iterator[str]:
    """The host image with one more line in its Dockerfile."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        text = f"FROM {host_image}\n{line}\n".encode()
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    context.seek(0)
    tag = f"labtest-{secrets.token_hex(4)}"
    engine.images.build(fileobj=context, custom_context=True, tag=tag, rm=True)
    try:
        yield tag
    finally:
        engine.images.remove(tag, force=True)


def program(path: str, script: str) -> str:
    """A Dockerfile line that puts a shell script in a program's place."""
    quoted = script.replace("\\", "\\\\").replace("'", "'\"'\"'").replace("\n", "\\n")
    return f"RUN printf '#!/bin/busybox sh\\n{quoted}\\n' >{path} && chmod 755 {path}"


# --- what it is ---------------------------------------------------------------------------


def test_it_is_an_engine_with_exactly_the_images_asked_for(host: sandbox.Sandbox) -> None:
    """The learner's names are there, the outer engine's are not, and they run."""
    assert [tag for image in host.client.images.list() for tag in image.tags] == [BASE]
    assert host.client.containers.run(BASE, ["echo", "hello"], remove=True) == b"hello\n"
    assert host.client.info()["Name"] == "lab-host"


def test_containers_with_networks_limits_and_ports_work(host: sandbox.Sandbox) -> None:
    """Names resolve, memory limits hold, a published port answers on the host."""
    client = host.client
    network = client.networks.create("village")
    serve = ["sh", "-c", "while true; do printf 'hi' | nc -l -N 80; done"]
    server = client.containers.run(
        BASE, serve, name="server", network="village", ports={"80/tcp": 8080}, detach=True
    )
    try:
        shown = client.containers.run(
            BASE,
            ["bash", "-c", REACH_SERVER],
            network="village",
            mem_limit="32m",
            remove=True,
        )
        assert shown.decode().startswith("hi")
        assert str(32 << 20) in shown.decode()
        published = host.run(["bash", "-c", "exec 3<>/dev/tcp/198.18.0.1/8080; cat <&3"])
        assert published.out == "hi"
    finally:
        server.remove(force=True)
        network.remove()


def test_a_running_one_can_be_attached_to(host: sandbox.Sandbox) -> None:
    """A second command finds the same engine."""
    folder = Path(host.docker_host.removeprefix("unix://")).parent.parent
    again = sandbox.attach(engine_address(), host.lab_id, folder)
    assert again.client.info()["ID"] == host.client.info()["ID"]
    again.close()


def test_one_that_is_gone_is_said_to_be(engine: docker.DockerClient) -> None:
    """Attaching to nothing is an error that says so; removing nothing is none."""
    with pytest.raises(EngineError, match="gone"):
        sandbox.attach(engine_address(), "test-never-was", Path("/nonexistent"))
    assert sandbox.remove(engine, "test-never-was") is False


def test_it_takes_everything_with_it(
    engine: docker.DockerClient, host_image: str, tools: dict[str, str]
) -> None:
    """Afterwards the engine's containers and volumes are what they were, template aside."""

    def volumes() -> set[str]:
        found = engine.api.volumes()["Volumes"] or ()
        return {v["Name"] for v in found if not v["Name"].startswith("labrunner-template-")}

    with private_folder() as folder:
        lab_id = f"test-{secrets.token_hex(4)}"
        spec = sandbox.SandboxSpec(lab_id, "lab-host", Limits(), tools, False, folder)
        made = sandbox.create(engine, spec, host_image=host_image)
        mounts = engine.api.inspect_container(made.container)["Mounts"]
        anonymous = {m["Name"] for m in mounts if m["Destination"] == "/var/lib/docker"}
        made.client.containers.run(BASE, ["sleep", "1000"], detach=True)
        made.client.volumes.create("mine")
        made.close()
        assert anonymous <= volumes()
        assert sandbox.remove(engine, lab_id) is True
        assert sandbox.remove(engine, lab_id) is False
        assert not anonymous & volumes()
        assert not engine.api.containers(all=True, filters={"name": made.container})


def test_stopping_it_is_quick_and_clean(
    engine: docker.DockerClient, host_image: str, tools: dict[str, str]
) -> None:
    """``docker stop`` reaches the engine inside, which ends in good order, not by force."""
    with running(engine, host_image, tools) as made:
        box = engine.containers.get(made.container)
        box.stop(timeout=20)
        assert box.wait()["StatusCode"] == 0


def test_no_zombies_stay(host: sandbox.Sandbox) -> None:
    """The host's first process takes care of what containers leave behind."""
    for _ in range(3):
        host.client.containers.run(BASE, ["true"], remove=True)
    states = host.run(["sh", "-c", "cat /proc/[0-9]*/stat | cut -d' ' -f3"]).out.split()
    assert "Z" not in states


# --- commands on the host -----------------------------------------------------------------


def test_run_gives_outputs_and_exit_code(host: sandbox.Sandbox) -> None:
    """A command on the host is its root's, with both outputs apart and its exit code."""
    done = host.run(["sh", "-c", "id -u; pwd; echo problem >&2; exit 5"])
    assert (done.code, done.out, done.err) == (5, "0\n/root\n", "problem\n")


@pytest.mark.parametrize("size", [0, 5, 300_000])
def test_run_hands_on_its_input(host: sandbox.Sandbox, size: int) -> None:
    """Input of any size arrives whole, and then ends."""
    assert host.run(["wc", "-c"], stdin="x" * size).out.strip() == str(size)


def test_run_ends_what_takes_too_long(host: sandbox.Sandbox) -> None:
    """After the time is over there is an error, and the command is gone."""
    with pytest.raises(EngineError, match=r"did not end within 0\.3 s"):
        host.run(["sleep", "77.7"], timeout=0.3)
    assert "77.7" not in host.run(["ps"]).out


def test_run_says_when_the_sandbox_has_gone(engine: docker.DockerClient, host_image: str) -> None:
    """A command on a host that was removed is an error, not a crash."""
    with running(engine, host_image, {}) as made:
        sandbox.remove(engine, made.lab_id)
        with pytest.raises(EngineError, match="No such container"):
            made.run(["true"])


def test_probe_speaks_json_lines(host: sandbox.Sandbox) -> None:
    """A request goes in, replies come out, the last one says that it is done."""
    replies = list(host.probe({"mode": "reach", "containers": [], "timeout": 0.2}, timeout=10))
    assert replies
    assert "done" in replies[-1]


def end_prober(host: sandbox.Sandbox) -> None:
    """End the prober that runs on a host, its conversations too."""
    # the brackets keep the pattern from finding the shell that looks for it
    each = 'for p in /proc/[0-9]*; do grep -qs "[p]robe_serve" $p/cmdline && kill ${p#/proc/}; done'
    assert host.run(["sh", "-c", f"{each}; true"]).code == 0


def test_conversations_with_the_prober_are_held_at_once(host: sandbox.Sandbox) -> None:
    """One that takes long, or that nobody listens to any more, keeps no other waiting."""
    silent = {"mode": "wait", "ports": [{"name": "x", "pid": 1, "ip": "198.18.0.1", "port": 9}]}

    def wait() -> None:
        with suppress(EngineError):
            list(host.probe({**silent, "timeout": 30}, timeout=40))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    try:
        begun = time.monotonic()
        assert list(host.probe({"mode": "tcp", "tries": [], "timeout": 1}, timeout=10))
        assert time.monotonic() - begun < 5
        assert waiting.is_alive()
    finally:
        end_prober(host)
        waiting.join(10)
    assert not waiting.is_alive()


def test_without_its_prober_a_host_is_probed_all_the_same(host: sandbox.Sandbox) -> None:
    """Somebody inside has ended it: another is started for the question."""
    end_prober(host)
    replies = list(host.probe({"mode": "reach", "containers": [], "timeout": 0.2}, timeout=10))
    assert "done" in replies[-1]


def interactive(host: sandbox.Sandbox, *argv: str) -> list[str]:
    """A Python command line that runs a command interactively in a sandbox."""
    folder = Path(host.docker_host.removeprefix("unix://")).parent.parent
    code = (
        "import sys; from pathlib import Path; from labrunner.engine import sandbox, client; "
        f"host = sandbox.attach(client.engine_address(), {host.lab_id!r}, Path({str(folder)!r})); "
        f"sys.exit(host.interactive({list(argv)!r}))"
    )
    return [sys.executable, "-c", code]


def test_interactive_is_a_terminal(host: sandbox.Sandbox) -> None:
    """Keys, window size and its changes go in, colours come out, the exit code comes back."""
    command, *arguments = interactive(host, "bash")
    child = pexpect.spawn(command, arguments, dimensions=(33, 77), timeout=20, encoding="utf-8")
    child.expect(r"root@lab-host:~# ")
    child.sendline("stty size")
    child.expect("33 77")
    child.setwinsize(44, 99)
    child.sendline("sleep 0.2; stty size; tty")
    child.expect("44 99")
    child.sendline("echo begin; cat")
    child.expect("\rbegin\r\n")
    child.sendline("typed")
    child.expect("typed\r\ntyped")
    child.sendintr()
    child.expect(r"# ")
    child.sendline("exit 9")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 9


def test_interactive_in_a_pipe_is_plain(host: sandbox.Sandbox) -> None:
    """Without a terminal, input and both outputs pass unchanged, to the last byte."""
    data = os.urandom(100_000)
    done = subprocess.run(
        interactive(host, "sh", "-c", "cat; echo problem >&2; exit 3"),
        input=data,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, data, b"problem\n")


# --- limits -------------------------------------------------------------------------------


def test_the_limits_are_set_on_the_outside(
    engine: docker.DockerClient, host: sandbox.Sandbox
) -> None:
    """Memory without swap on top, cores, processes; no privilege; only the capabilities needed."""
    settings = engine.api.inspect_container(host.container)["HostConfig"]
    assert settings["Memory"] == settings["MemorySwap"] == 768 << 20
    assert settings["NanoCpus"] == 1_500_000_000
    assert settings["PidsLimit"] == 512
    assert settings["NetworkMode"] == "none"
    assert settings["Privileged"] is False
    assert {c.removeprefix("CAP_") for c in settings["CapAdd"]} == set(outer_box.CAPABILITIES)
    assert settings["CapDrop"] == ["ALL"]


def test_a_full_disk_is_full_inside_only(host: sandbox.Sandbox) -> None:
    """Filling it gives "no space left", leaves the engine answering, and can be undone."""
    before = os.statvfs("/").f_bavail
    container = host.client.containers.run(BASE, ["sleep", "infinity"], detach=True)
    try:
        code, said = container.exec_run(["sh", "-c", "head -c 500M /dev/zero >/var/big"])
        assert code != 0
        assert b"No space left" in said
        assert host.client.ping()
    finally:
        container.remove(force=True)
    assert host.client.containers.run(BASE, ["true"], remove=True) == b""
    assert before - os.statvfs("/").f_bavail < (200 << 20) / os.statvfs("/").f_frsize


def test_a_disk_must_fit_into_memory(engine: docker.DockerClient, host_image: str) -> None:
    """A disk of the size of the memory would end in killed processes: refused beforehand."""
    limits = Limits(memory="256m", disk="256m")
    with (
        pytest.raises(EngineError, match="does not fit"),
        running(engine, host_image, {}, limits=limits),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "size"),
    [("1g", 1 << 30), ("64m", 64 << 20), ("1.5k", 1536), ("7", 7), ("2GB", 2 << 30)],
)
def test_sizes_are_read_as_docker_writes_them(text: str, size: int) -> None:
    """A number with b, k, m, g or t."""
    assert outer_box.bytes_of(text) == size


def test_a_size_that_is_none_is_an_error() -> None:
    """Anything else is said to be no size."""
    with pytest.raises(EngineError, match="is not a size"):
        outer_box.bytes_of("lots")


# --- names and ways out -------------------------------------------------------------------


@pytest.mark.parametrize("network", ["bridge", "host", "street", "yard"])
def test_an_unknown_name_is_unknown_at_once(host: sandbox.Sandbox, network: str) -> None:
    """Nobody waits for a name server that is not there, on whatever kind of network."""
    made = []
    if network in ("street", "yard"):
        made.append(host.client.networks.create(network, internal=network == "yard"))
    try:
        script = "s=$(date +%s%N); getent hosts nosuchname; echo $(($(date +%s%N) - s))"
        shown = host.client.containers.run(
            BASE, ["bash", "-c", script], network=network, remove=True
        )
        assert int(shown) < 1_000_000_000
    finally:
        for each in made:
            each.remove()


def test_a_way_out_only_where_it_was_asked_for(
    engine: docker.DockerClient, host: sandbox.Sandbox, host_image: str
) -> None:
    """A sandbox has no default route; with ``internet`` it has one, and its gateway answers."""
    assert host.run(["ip", "route", "show", "default"]).out == ""
    with running(engine, host_image, {}, internet=True) as made:
        assert "via 198.19.255.1 dev eth0" in made.run(["ip", "route", "show", "default"]).out
        assert made.run(["ping", "-c", "1", "-W", "5", "198.19.255.1"]).code == 0


# --- sockets ------------------------------------------------------------------------------


def test_a_learner_who_is_not_root_can_use_and_remove_its_folder(
    engine: docker.DockerClient, host_image: str
) -> None:
    """The socket in the private folder opens for its owner, who can delete all of it."""
    with private_folder() as folder:
        lab_id = f"test-{secrets.token_hex(4)}"
        mine = folder / "mine"
        mine.mkdir(mode=0o700)
        spec = sandbox.SandboxSpec(lab_id, "lab-host", Limits(), {}, False, mine)
        (mine / "sock").mkdir(mode=0o700)
        folder.chmod(0o711)
        if os.getuid() == 0:
            for each in (mine, mine / "sock"):
                os.chown(each, NOBODY, NOBODY)
        try:
            made = sandbox.create(engine, spec, host_image=host_image)
            assert made.docker_host == f"unix://{mine}/sock/docker.sock"

            def use() -> bool:
                answered = tunnel.answers(mine / "sock" / "docker.sock")
                shutil.rmtree(mine / "sock")
                return answered

            assert _as_learner(use)
            assert not (mine / "sock").exists()
        finally:
            sandbox.remove(engine, lab_id)


def _as_learner(what: Callable[[], bool]) -> bool:
    """Whether something works for a user who is not root."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1] == 0
    try:
        if os.getuid() == 0:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        os._exit(0 if what() else 1)
    finally:
        os._exit(2)  # an exception must not continue the tests in this process


TUNNELLED = """
import json, os, subprocess, sys
from pathlib import Path
from labrunner.engine import sandbox, client
from labrunner.model.topology import Limits

folder, lab_id, image, base = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "none", folder], check=True)
outer = client.connect()
spec = sandbox.SandboxSpec(lab_id, "lab-host", Limits(), {"base:1": base}, False, Path(folder))
made = sandbox.create(outer, spec, host_image=image)
again = sandbox.attach(client.engine_address(), lab_id, Path(folder))
hello = again.client.containers.run("base:1", ["echo", "hello"], remove=True).decode()
kept = made.client.containers.run("base:1", ["sleep", "infinity"], detach=True)
echoed = kept.exec_run(["echo", "echoed"]).output.decode()
data = os.urandom(3_000_000)
run = ["docker", "run", "--rm", "--interactive", "base:1", "cat"]
env = {**os.environ, "DOCKER_HOST": made.docker_host}
piped = subprocess.run(run, input=data, env=env, capture_output=True).stdout == data
names = sorted(p.name for p in Path(folder).iterdir())
made.close()
again.close()
removed = sandbox.remove(outer, lab_id)
print(json.dumps([made.docker_host, again.docker_host, hello, echoed, piped, names, removed]))
"""


def test_where_folders_are_not_shared_a_tunnel_leads_in(
    engine: docker.DockerClient, host_image: str, tools: dict[str, str]
) -> None:
    """As with an engine in a virtual machine: it works the same, and the tunnel ends with it."""
    lab_id = f"test-{secrets.token_hex(4)}"
    with private_folder() as folder:
        argv = [sys.executable, "-c", TUNNELLED, str(folder), lab_id, host_image, tools[BASE]]
        try:
            done = subprocess.run(
                ["unshare", "--mount", *argv],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        finally:
            sandbox.remove(engine, lab_id)
        first, second, hello, echoed, piped, names, removed = json.loads(done.stdout)
        assert first == second == f"unix://{folder}/tunnel.sock"
        assert (hello, echoed, piped, removed) == ("hello\n", "echoed\n", True, True)
        assert "tunnel.sock" in names
        assert _ends(lambda: lab_id not in _command_lines())


def _command_lines() -> str:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue  # it has just ended
    return "\n".join(line for line in found if "labrunner.engine.tunnel" in line)


def _ends(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_socket_where_nothing_answers_does_not_answer(tmp_path: Path) -> None:
    """Neither a missing socket nor a dead one is taken for an engine."""
    assert not tunnel.answers(tmp_path / "none.sock")


# --- when it fails ------------------------------------------------------------------------


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
                outer_box.start(engine, box, deadline=2)
        finally:
            assert outer_box.remove(engine, box.name)


def test_an_engine_that_dies_later_takes_the_sandbox_along(
    engine: docker.DockerClient, host_image: str
) -> None:
    """Its container ends, and its log has the last words."""
    with running(engine, host_image, {}) as made:
        box = engine.containers.get(made.container)
        made.run(["sh", "-c", "kill -9 $(pidof containerd)"])
        assert box.wait(timeout=20)["StatusCode"] == 1
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
    found = sandbox.diagnose(engine, host_image)
    assert [d.name for d in found if not d.ok] == []
    assert {"sandbox", "reaching it", "containers in it"} <= {d.name for d in found}
    assert not engine.api.containers(all=True, filters={"name": "labrunner-doctor-"})


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
    assert _ends(lambda: not engine.api.containers(all=True, filters={"name": name}))


def test_a_second_client_of_the_engine_works(host: sandbox.Sandbox) -> None:
    """Many connections at once are served."""
    clients = [connect(host.docker_host) for _ in range(8)]
    assert {c.info()["ID"] for c in clients} == {host.client.info()["ID"]}
    for each in clients:
        each.close()


def test_paused_containers_do_not_keep_it_from_going(
    engine: docker.DockerClient, host_image: str, tools: dict[str, str]
) -> None:
    """A paused container in it delays its removal by no more than a moment."""
    with running(engine, host_image, tools) as made:
        made.client.containers.run(BASE, ["sleep", "infinity"], detach=True).pause()
        made.close()
        started = time.monotonic()
        assert sandbox.remove(engine, made.lab_id) is True
        assert time.monotonic() - started < 5
