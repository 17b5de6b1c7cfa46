"""The container around a nested engine: what it may do, and its boot as seen from outside."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from labrunner.engine.client import engine_errors
from labrunner.engine.hijack import Exec, Stream
from labrunner.engine.host import ROLE
from labrunner.errors import EngineError

if TYPE_CHECKING:
    import docker

    from labrunner.model.topology import Limits

ENTER = "/usr/local/sbin/lab-enter"
USER = "100000:100000"
"""Who starts `ENTER`: the owner of the sandbox's user namespace, nobody anywhere else."""

CAPABILITIES = ("SYS_ADMIN", "SETUID", "SETGID", "CHOWN", "DAC_OVERRIDE", "SYS_CHROOT")
DEADLINE = 60.0
"""Seconds that an engine may take to answer; half a second where all is well."""

_DISK_SHARE = 0.75
_WORDS = "labrunner: "
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


@dataclass(frozen=True)
class Box:
    """A container that is to run a nested engine.

    Attributes:
        name: the container's name.
        image: the host image.
        labels: labels beside its role.
        hostname: what the inside calls itself.
        limits: what it may use; ``None``: no limits.
        socket_folder: folder on this machine where the engine's socket is to appear.
        template: volume with images for the inside, if any.
        internet: it gets a network.
        role: value of the label `ROLE`; a ``template`` box fills its template's volume.
        tied: it ends and goes when this process does, however that happens.
    """

    name: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    hostname: str = "lab-host"
    limits: Limits | None = None
    socket_folder: Path | None = None
    template: str | None = None
    internet: bool = False
    role: str = "host"
    tied: bool = False


def start(outer: docker.DockerClient, box: Box, *, deadline: float = DEADLINE) -> list[str]:
    """Create the container, start it and wait until its engine answers.

    Returns:
        What works differently than asked for on this machine, a sentence each.

    Raises:
        EngineError: it did not come up within ``deadline`` seconds; the container is still
            there.
    """
    with engine_errors(f"creating the sandbox {box.name}"):
        identity = _create(outer, box)
    with _boot(outer, box, identity, deadline) as notes:
        return notes


@contextmanager
def lent(
    outer: docker.DockerClient, box: Box, *, deadline: float = DEADLINE
) -> Iterator[list[str] | None]:
    """A box for as long as the context lasts, or ``None`` where its name is taken.

    Gives what works differently than asked for on this machine, a sentence each.

    Raises:
        EngineError: it did not come up.
    """
    import docker.errors

    try:
        with engine_errors(f"creating the sandbox {box.name}"):
            identity = _create(outer, box)
    except EngineError as error:
        cause = error.__cause__
        if isinstance(cause, docker.errors.APIError) and cause.status_code == HTTPStatus.CONFLICT:
            yield None
            return
        raise
    try:
        with _boot(outer, box, identity, deadline) as notes:
            yield notes
    finally:
        remove(outer, identity)


@contextmanager
def _boot(
    outer: docker.DockerClient, box: Box, identity: str, deadline: float
) -> Iterator[list[str]]:
    """Start a container, attached to its streams, and wait for its engine."""
    attach = {"stdout": 1, "stderr": 1, "stream": 1, "logs": 1, "stdin": int(box.tied)}
    with engine_errors(f"starting the sandbox {box.name}"):
        handle = outer.api.attach_socket(identity, params=attach)
    with Stream(handle) as streams:
        with engine_errors(f"starting the sandbox {box.name}"):
            outer.api.start(identity)
        try:
            notes = _follow_boot(streams, time.monotonic() + deadline)
        except TimeoutError as error:
            words = _last_words(outer, identity)
            raise _failure("its engine did not answer in time", words) from error
        yield notes


def remove(outer: docker.DockerClient, name: str) -> bool:
    """Remove a box and its anonymous volume; whether there was one."""
    import docker.errors

    try:
        with engine_errors(f"removing the sandbox {name}"):
            outer.api.remove_container(name, v=True, force=True)
    except EngineError as error:
        cause = error.__cause__
        if isinstance(cause, docker.errors.NotFound):
            return False
        if isinstance(cause, docker.errors.APIError) and "already in progress" in str(cause):
            return True  # somebody else is at it
        raise
    return True


def bytes_of(size: str) -> int:
    """``"1g"`` as a number of bytes.

    Raises:
        EngineError: it is not a size as Docker writes them.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([bkmgt]?)b?", size.strip().lower())
    if not match:
        raise EngineError(f"{size!r} is not a size", "write it like 512m or 2g")
    return int(float(match[1]) * _UNITS[match[2]])


def _create(outer: docker.DockerClient, box: Box) -> str:
    import docker.errors

    config = _config(box)
    try:
        made = to_its_end(lambda: outer.api.create_container_from_config(config, box.name))
    except docker.errors.APIError as error:
        if "bind source path does not exist" not in str(error):
            raise
        # the engine does not see our files: it runs in a virtual machine or far away
        config["HostConfig"]["Mounts"] = [
            mount for mount in config["HostConfig"]["Mounts"] if mount["Type"] != "bind"
        ]
        made = to_its_end(lambda: outer.api.create_container_from_config(config, box.name))
    return str(made["Id"])


def to_its_end(call: Callable[[], Any]) -> Any:
    """Make a call that an interrupt must not cut off, and raise the interrupt afterwards.

    The engine goes on with what it was asked for when nobody listens any more; a container
    that it makes after we looked for it would stay. An executor would not do: an interrupt that
    comes while its thread begins leaves one that it does not wait for.
    """
    orders: SimpleQueue[bool] = SimpleQueue()
    outcome: Future[Any] = Future()

    def work() -> None:
        try:
            outcome.set_result(call() if orders.get() else None)
        except BaseException as error:  # noqa: BLE001  it is raised again where it was asked for
            outcome.set_exception(error)

    thread = threading.Thread(target=work, daemon=True)
    try:
        thread.start()
        orders.put(True)  # the first order counts
        outcome.exception()  # waits
    finally:
        orders.put(False)
        if thread.is_alive():
            outcome.exception()
    return outcome.result()


def _config(box: Box) -> dict[str, Any]:
    """The container as the engine's API has it; the SDK's own helper drops half of this."""
    fills_template = box.role == "template"
    environment = {
        "LABRUNNER_DISK": "" if fills_template else _disk(box.limits),
        "LABRUNNER_IMAGES": "1" if box.template and not fills_template else "",
        "LABRUNNER_TIED": "1" if box.tied else "",
        "LABRUNNER_INTERNET": "1" if box.internet else "",
    }
    return {
        "Image": box.image,
        "Hostname": box.hostname,
        "Labels": {**box.labels, ROLE: box.role},
        "Env": [f"{key}={value}" for key, value in environment.items() if value],
        # its standard input is closed when this process goes, and then it ends
        "OpenStdin": box.tied,
        "StdinOnce": box.tied,
        "HostConfig": {
            "AutoRemove": box.tied,
            "NetworkMode": "default" if box.internet else "none",
            "CapDrop": ["ALL"],
            "CapAdd": [*CAPABILITIES, *(("NET_ADMIN", "NET_RAW") if box.internet else ())],
            "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined", "label=disable"],
            "MaskedPaths": [],  # nothing may be mounted over /proc where the inside mounts its own
            "ReadonlyPaths": [],
            "ReadonlyRootfs": True,
            "Mounts": _mounts(box, fills_template=fills_template),
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}},
            **_limits(box.limits),
        },
    }


def _mounts(box: Box, *, fills_template: bool) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = []
    if fills_template:
        mounts.append({"Type": "volume", "Source": box.template, "Target": "/var/lib/docker"})
        return mounts
    mounts.append({"Type": "volume", "Target": "/var/lib/docker"})
    if box.template:
        mounts.append(
            {"Type": "volume", "Source": box.template, "Target": "/tpl", "ReadOnly": True}
        )
    if box.socket_folder:
        box.socket_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mounts.append({"Type": "bind", "Source": str(box.socket_folder), "Target": "/run/lab"})
    return mounts


def _limits(limits: Limits | None) -> dict[str, Any]:
    if limits is None:
        return {}
    memory = bytes_of(limits.memory)
    chosen: dict[str, Any] = {
        "Memory": memory,
        "MemorySwap": memory,
        "PidsLimit": limits.processes,
    }
    if limits.cpus is not None:
        chosen["NanoCpus"] = int(limits.cpus * 1_000_000_000)
    return chosen


def _disk(limits: Limits | None) -> str:
    """Bytes of the sandbox's disk, which lives in its memory and must leave room there."""
    if limits is None:
        return ""
    disk, memory = bytes_of(limits.disk), bytes_of(limits.memory)
    if disk > memory * _DISK_SHARE:
        raise EngineError(
            f"a disk of {limits.disk} does not fit into {limits.memory} of memory",
            "a sandbox keeps its disk in memory: allow at most three quarters of it",
        )
    return str(disk)


def _follow_boot(output: Stream, deadline: float) -> list[str]:
    """Read the container's output until its engine is ready."""
    lines: list[str] = []
    for line in _lines(output, deadline):
        lines.append(line)
        if line == f"{_WORDS}ready":
            return [text for kind, text in _said(lines) if kind == "note"]
    raise _failure("it ended before its engine answered", lines)


def _last_words(outer: docker.DockerClient, identity: str) -> list[str]:
    """The ends of the logs inside a box that runs but does not get on."""
    logs = [f"/var/log/labrunner/{name}.log" for name in ("containerd", "dockerd")]
    try:
        with Exec(outer, identity, (ENTER, "tail", "-n", "6", *logs), user=USER) as command:
            parts = [part for _, part in command.frames(time.monotonic() + 5)]
    except (EngineError, TimeoutError):
        return []
    return b"".join(parts).decode("utf-8", "replace").splitlines()


def _lines(output: Stream, deadline: float) -> Iterator[str]:
    pending = b""
    for _, part in output.frames(deadline):
        *whole, pending = (pending + part).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if pending:
        yield pending.decode("utf-8", "replace")


def _said(lines: list[str]) -> Iterator[tuple[str, str]]:
    """What the entry point said, as ``(kind, text)``."""
    for line in lines:
        if line.startswith(_WORDS):
            kind, _, text = line.removeprefix(_WORDS).partition(": ")
            yield kind, text


def _failure(what: str, lines: list[str]) -> EngineError:
    reasons = [text for kind, text in _said(lines) if kind == "failed"]
    text = "\n".join(lines[-14:])
    message = f"the sandbox did not start: {reasons[0] if reasons else what}"
    return EngineError(f"{message}\n{text}" if text else message, _hint(text))


_HINTS = (
    (
        r"unshare.*(not permitted|No space|Invalid argument)",
        (
            "this machine allows no user namespaces (user.max_user_namespaces, "
            "kernel.unprivileged_userns_clone): let its administrator allow them, "
            "or use --host local"
        ),
    ),
    (
        r"no ids to hand on|user namespace its ids",
        (
            "this engine runs without root (rootless or user-remapped) and cannot hand on "
            "65536 ids: use one that runs as root, or --host local"
        ),
    ),
    (r"[Nn]o space left", "free some disk (docker system df shows what the engine holds)"),
)


def _hint(text: str) -> str:
    for pattern, hint in _HINTS:
        if re.search(pattern, text):
            return hint
    return "lab doctor says what this machine can do; --host local needs no sandbox"
