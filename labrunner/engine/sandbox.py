"""The sandbox host: one container that runs a Docker engine of its own, for one lab.

What happens inside is in ``labrunner/images/host``; here is what the runner does around it:
create the container with no more rights than that needs, wait until its engine answers,
find a way to talk to it, and remove all of it again.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from labrunner.engine import ahead, outer_box, template
from labrunner.engine.client import connect, engine_errors
from labrunner.engine.hijack import STDERR, STDOUT, Exec, Stream, dial
from labrunner.engine.host import LABEL
from labrunner.engine.outer_box import ENTER, USER
from labrunner.errors import EngineError
from labrunner.model.event import Event, OnEvent, ignore_event
from labrunner.model.result import Result
from labrunner.model.topology import HostKind, Limits

if TYPE_CHECKING:
    import docker

_KILLED_BY_TIMEOUT = 137


@dataclass(frozen=True)
class SandboxSpec:
    """What a sandbox is to be.

    Attributes:
        lab_id: the lab it is for; names the container.
        hostname: what its host calls itself.
        limits: what it may use of this machine.
        images: learner's name → image on the outer engine; they exist inside at once.
        internet: it gets a way out.
        folder: private folder of the learner (mode 0700, exists); the socket goes there.
    """

    lab_id: str
    hostname: str
    limits: Limits
    images: Mapping[str, str]
    internet: bool
    folder: Path


class Sandbox:
    """A running sandbox. Implements `labrunner.engine.host.Host`.

    Args:
        outer: gives a client of the engine that runs the sandbox; most work needs none.
        lab_id: the lab.
        api: the socket where its API answers, on this machine.
    """

    kind: HostKind = "sandbox"

    def __init__(self, outer: Callable[[], docker.DockerClient], lab_id: str, api: Path) -> None:
        self.lab_id = lab_id
        self.container = container_name(lab_id)
        self.docker_host = f"unix://{api}"
        self._socket = api
        self._outer = outer

    @cached_property
    def client(self) -> docker.DockerClient:
        """One kept client of the engine inside."""
        return connect(self.docker_host)

    def run(self, argv: Sequence[str], *, stdin: str = "", timeout: float = 30) -> Result:
        """Run a command on the sandbox host, as its root.

        Raises:
            EngineError: the sandbox is gone, or the command did not end within ``timeout``
                seconds (it is killed then).
        """
        data = stdin.encode()
        # the byte count makes an end of input that works over every kind of connection
        options = ("--timeout", f"{timeout:g}", "--input", str(len(data)))
        outputs = {STDOUT: bytearray(), STDERR: bytearray()}
        started = time.monotonic()
        late = f"{' '.join(argv)} on the lab's host did not end within {timeout:g} s"
        try:
            with Exec(self._outer(), self.container, (ENTER, *options, *argv), user=USER) as stream:
                if data:
                    stream.send(data)
                for kind, part in stream.frames(started + timeout + 5):
                    outputs[kind] += part
                code = stream.code()
        except TimeoutError as error:
            raise EngineError(late) from error
        if code == _KILLED_BY_TIMEOUT and time.monotonic() - started >= timeout:
            raise EngineError(late)
        out, err = (bytes(outputs[kind]).decode("utf-8", "replace") for kind in (STDOUT, STDERR))
        return Result(code, out, err)

    def interactive(self, argv: Sequence[str]) -> int:
        """Run a command on the sandbox host, attached to this terminal; its exit code."""
        from labrunner.engine.terminal import interact

        return interact(self._outer(), self.container, (ENTER, *argv), user=USER)

    def probe(self, request: Mapping[str, Any], *, timeout: float) -> Iterator[dict[str, Any]]:
        """Run the prober on the host: a JSON request in, JSON replies out as they come.

        Raises:
            EngineError: it failed, or took longer than ``timeout`` seconds.
        """
        from labrunner.engine import prober

        deadline = time.monotonic() + timeout
        with self._prober(timeout) as stream:
            yield from prober.converse(stream, request, deadline=deadline)

    def _prober(self, timeout: float) -> Stream:
        """A conversation with the prober that runs on the host, or with one of its own.

        The one that runs saves more time than a probe takes; where its socket does not reach
        this machine, or somebody inside has ended it, another is started.
        """
        with suppress(OSError):
            return Stream(dial(self._socket.with_name("probe.sock")), tty=True)
        from labrunner.engine.prober import COMMAND

        argv = (ENTER, "--timeout", f"{timeout:g}", *COMMAND)
        return Exec(self._outer(), self.container, argv, user=USER)

    def close(self) -> None:
        """Let go of the connection; the sandbox stays."""
        if "client" in self.__dict__:
            self.client.close()
            del self.__dict__["client"]


def container_name(lab_id: str) -> str:
    """What the container of a lab's sandbox is called."""
    return f"labrunner-{lab_id}"


def create(
    outer: docker.DockerClient,
    spec: SandboxSpec,
    *,
    host_image: str,
    on_event: OnEvent = ignore_event,
) -> Sandbox:
    """Start a sandbox and wait until its engine answers.

    Raises:
        EngineError: it did not come up; says why, with the last words of what was inside.
            Nothing is left behind.
    """
    images = template.ensure(outer, spec.images, host_image=host_image, on_event=on_event)
    started = time.monotonic()
    on_event(Event("host", spec.hostname, "started", "a Docker engine of your own"))
    name = container_name(spec.lab_id)
    box = outer_box.Box(
        name=name,
        image=host_image,
        labels={LABEL: spec.lab_id},
        hostname=spec.hostname,
        limits=spec.limits,
        socket_folder=_socket(spec.folder).parent,
        template=images,
        internet=spec.internet,
    )
    try:
        for note in outer_box.start(outer, box):
            on_event(Event("host", spec.hostname, "note", note))
        sandbox = Sandbox(lambda: outer, spec.lab_id, _way_in(outer, name, spec.folder))
    except BaseException:
        # also when interrupted: a half-made sandbox is of use to nobody
        with suppress(EngineError):
            remove(outer, spec.lab_id)
        raise
    on_event(Event("host", spec.hostname, "done", seconds=time.monotonic() - started))
    return sandbox


def attach(engine: str, lab_id: str, folder: Path) -> Sandbox:
    """A sandbox that runs already, on the engine at this address.

    Raises:
        EngineError: it is gone.
    """
    from labrunner.engine import tunnel

    outer = cache(partial(connect, engine))
    # whoever answers in the lab's private folder is its engine: nobody else need be asked
    if tunnel.answers(_socket(folder)):
        return Sandbox(outer, lab_id, _socket(folder))
    name = container_name(lab_id)
    with engine_errors("looking for the lab's host"):
        filters = {"name": f"^/?{name}$", "label": f"{LABEL}={lab_id}"}
        found = outer().api.containers(filters=filters)
    if not found:
        raise EngineError("the lab's host is gone", "lab stop clears what is left of the lab")
    return Sandbox(outer, lab_id, _way_in(outer(), name, folder))


def remove(outer: docker.DockerClient, lab_id: str) -> bool:
    """Remove a sandbox with everything in it; whether there was one."""
    name = container_name(lab_id)
    _thaw(outer, name)
    return outer_box.remove(outer, name)


def remove_simply(engine: str, lab_id: str) -> bool:
    """Remove a sandbox on the engine at this address without the SDK, where nothing is special.

    Returns:
        Whether it is gone. Where it is not, for whatever reason, `remove` does it, or says why.
    """
    path = f"/containers/{container_name(lab_id)}"
    running = ahead.ask(engine, f"{path}/top?ps_args={quote(STATES)}")
    if running is None or running.status != ahead.OK or _frozen(running.body):
        return False
    gone = ahead.ask(engine, f"{path}?force=1&v=1", "DELETE")
    return gone is not None and gone.status == ahead.GONE


STATES = "-eo pid,stat"
"""What ``ps`` is asked for: the states of all processes."""
THAW = (
    *("find", "/sys/fs/cgroup/freezer", "-name", "freezer.state"),
    *("-exec", "sh", "-c", 'echo THAWED >"$1"', "thaw", "{}", ";"),
)


def _thaw(outer: docker.DockerClient, name: str) -> None:
    """Let paused containers of a sandbox go on, where they would keep it from ending.

    In the freezer of cgroup v1 a process does not even die, and the sandbox's first process
    waits for it. Frozen processes show as ``D``; asking costs a third of going in blindly.
    The groups have names that somebody inside has chosen: this is done as their owner, who may
    write nowhere else, and no shell takes the names apart.
    """
    import docker.errors

    with suppress(docker.errors.APIError, OSError):
        if _frozen(outer.api.top(name, ps_args=STATES)):
            made = outer.api.exec_create(name, ["/bin/busybox", *THAW], user=USER)
            outer.api.exec_start(made["Id"])


def _frozen(top: Mapping[str, Any]) -> bool:
    """Whether a process waits in a freezer, from what the engine says of all processes."""
    return any(stat.startswith("D") for _, stat, *_ in top["Processes"] or ())


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was tried.

    Attributes:
        name: what.
        ok: whether it works.
        detail: what was seen.
        hint: what to do about it.
    """

    name: str
    ok: bool
    detail: str
    hint: str = ""


def diagnose(outer: docker.DockerClient, host_image: str) -> list[Diagnosis]:
    """Start a throw-away sandbox and a container in it, and say what works here.

    It goes again in any case, also when this process is killed.
    """
    from labrunner.engine import tunnel
    from labrunner.places import runtime_folder

    found: list[Diagnosis] = []
    name = f"labrunner-doctor-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory(prefix="doctor-", dir=runtime_folder()) as private:
        api = _socket(Path(private))
        box = outer_box.Box(
            name=name,
            image=host_image,
            limits=Limits(),
            socket_folder=api.parent,
            tied=True,
        )
        started = time.monotonic()
        try:
            with outer_box.lent(outer, box) as notes:
                seconds = time.monotonic() - started
                found.append(Diagnosis("sandbox", True, f"starts in {seconds:.2f} s"))
                found += [Diagnosis("limits", True, note) for note in notes or ()]
                shared = tunnel.answers(api)
                way = "by a shared socket" if shared else "through the engine's own connection"
                found.append(Diagnosis("reaching it", True, way))
                tried = Sandbox(lambda: outer, name.removeprefix("labrunner-"), api).run(
                    ["lab-try"]
                )
                words = (tried.out + tried.err).strip()
                runs = tried.code == 0
                detail = "run, on networks and with limits" if runs else words
                found.append(Diagnosis("containers in it", runs, detail))
        except EngineError as error:
            found.append(Diagnosis("sandbox", False, error.message, error.hint))
    return found


def _socket(folder: Path) -> Path:
    return folder / "sock" / "docker.sock"


def _way_in(outer: docker.DockerClient, name: str, folder: Path) -> Path:
    """A socket on this machine at which the engine inside answers."""
    from labrunner.engine import tunnel

    shared = _socket(folder)
    return shared if tunnel.answers(shared) else tunnel.ensure(outer, name, folder)
