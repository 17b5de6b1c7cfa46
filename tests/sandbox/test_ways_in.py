"""Commands on the host, and the sockets that lead in."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from labrunner.engine import sandbox, tunnel
from labrunner.engine.hijack import dial
from labrunner.errors import EngineError
from labrunner.model.topology import Limits
from tests.sandboxes import BASE, private_folder, running
from tests.waiting import ends

if TYPE_CHECKING:
    import docker


pytestmark = pytest.mark.engine


NOBODY = 65534
# --- commands on the host ------------------------------------------------------------------


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
    assert ends(lambda: "77.7" not in host.run(["ps"]).out)


def test_run_says_when_the_sandbox_has_gone(engine: docker.DockerClient, host_image: str) -> None:
    """A command on a host that was removed is an error, not a crash."""
    with running(engine, host_image, {}) as made:
        sandbox.remove(engine, made.lab_id)
        with pytest.raises(EngineError, match="No such container"):
            made.run(["true"])


def test_probe_speaks_json_lines(host: sandbox.Sandbox) -> None:
    """A request goes in, replies come out, the last one says that it is done."""
    replies = list(host.probe({"mode": "reach", "containers": [], "timeout": 0.2}, timeout=60))
    assert replies
    assert "done" in replies[-1]


def end_prober(host: sandbox.Sandbox) -> None:
    """End the prober that runs on a host, its conversations too."""
    # the brackets keep the pattern from finding the shell that looks for it
    each = 'for p in /proc/[0-9]*; do grep -qs "[p]robe_serve" $p/cmdline && kill ${p#/proc/}; done'
    host.run(["sh", "-c", each])
    assert ends(lambda: not answers(host))


def answers(host: sandbox.Sandbox) -> bool:
    """Whether somebody listens at the prober's socket."""
    try:
        dial(Path(host.docker_host.removeprefix("unix://")).with_name("probe.sock")).close()
    except ConnectionRefusedError:
        return False
    return True


def test_conversations_with_the_prober_are_held_at_once(host: sandbox.Sandbox) -> None:
    """One that takes long, or that nobody listens to any more, keeps no other waiting."""
    silent = {"mode": "wait", "ports": [{"name": "x", "pid": 1, "ip": "198.18.0.1", "port": 9}]}

    def wait() -> None:
        with suppress(EngineError):
            list(host.probe({**silent, "timeout": 300}, timeout=310))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    try:
        begun = time.monotonic()
        assert list(host.probe({"mode": "tcp", "tries": [], "timeout": 1}, timeout=60))
        assert time.monotonic() - begun < 60
        assert waiting.is_alive()
    finally:
        end_prober(host)
        waiting.join(60)
    assert not waiting.is_alive()


def test_without_its_prober_a_host_is_probed_all_the_same(host: sandbox.Sandbox) -> None:
    """Somebody inside has ended it: another is started for the question."""
    end_prober(host)
    replies = list(host.probe({"mode": "reach", "containers": [], "timeout": 0.2}, timeout=60))
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
    child = pexpect.spawn(command, arguments, dimensions=(33, 77), timeout=60, encoding="utf-8")
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
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, data, b"problem\n")


# --- sockets -------------------------------------------------------------------------------


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
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        finally:
            sandbox.remove(engine, lab_id)
        first, second, hello, echoed, piped, names, removed = json.loads(done.stdout)
        assert first == second == f"unix://{folder}/tunnel.sock"
        assert (hello, echoed, piped, removed) == ("hello\n", "echoed\n", True, True)
        assert "tunnel.sock" in names
        assert ends(lambda: lab_id not in _command_lines())


def _command_lines() -> str:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue  # it has just ended
    return "\n".join(line for line in found if "labrunner.engine.tunnel" in line)


def test_a_socket_where_nothing_answers_does_not_answer(tmp_path: Path) -> None:
    """Neither a missing socket nor a dead one is taken for an engine."""
    assert not tunnel.answers(tmp_path / "none.sock")
