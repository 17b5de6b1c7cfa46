"""The prober on a ``local`` host: a helper container that lives for one request.

It shares the machine's process and network namespaces, to step from there into those of
the lab's containers; so it needs nothing in them, and leaves nothing in them.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labrunner.engine.client import engine_errors
from labrunner.engine.host import LABEL, ROLE
from labrunner.errors import EngineError
from labrunner.model import ignore_event

if TYPE_CHECKING:
    import docker

COMMAND = ("python3", "-S", "-E", "-s", "/usr/local/lib/labrunner/probe.py")
"""How the prober is started in the host image."""

CAPABILITIES = ("SYS_ADMIN", "SYS_PTRACE")
"""Stepping into a network namespace takes the first, finding it through ``/proc`` the second."""

STDERR = 2
LONGEST_LINE = 1 << 20


def probe(
    client: docker.DockerClient, lab_id: str, request: Mapping[str, Any], *, timeout: float
) -> Iterator[dict[str, Any]]:
    """Run one request in a helper container beside the engine; replies as they come.

    Args:
        client: the engine on which the lab's containers live.
        lab_id: the lab, for the helper's label.
        request: see ``probe.py`` in the host image.
        timeout: seconds for everything, the helper's start included.

    Raises:
        EngineError: the helper could not be started, failed, or took too long.
    """
    from labrunner.engine import images

    image = images.host_image(client, on_event=ignore_event)
    yield from run(client, image, COMMAND, request, timeout=timeout, labels={LABEL: lab_id})


def run(
    client: docker.DockerClient,
    image: str,
    command: Sequence[str],
    request: Mapping[str, Any],
    *,
    timeout: float,
    labels: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    """As `probe`, with a given image and command.

    The engine removes the helper when it ends, and it ends with its standard input: also
    when this process is killed.
    """
    deadline = time.monotonic() + timeout
    api = client.api
    with engine_errors("starting the prober"):
        made = api.create_container(
            image,
            entrypoint=list(command),
            command=[],
            user="0",
            stdin_open=True,
            labels={**labels, ROLE: "probe"},
            host_config=_host_config(client),
        )
        try:
            stream = api.attach_socket(
                made["Id"], params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            )
            api.start(made["Id"])
        except BaseException:
            api.remove_container(made["Id"], force=True, v=True)
            raise
    try:
        yield from converse(stream, request, deadline=deadline)
    finally:
        close(stream)


def close(stream: Any) -> None:
    """End a conversation: the prober sees the end of its input.

    The SDK's own ``close`` leaves the socket open until the garbage is collected.
    """
    response = getattr(stream, "_response", None)
    raw = getattr(stream, "_sock", stream)
    if response is not None:
        response.close()
    raw.close()


def _host_config(client: docker.DockerClient) -> dict[str, Any]:
    from docker.types import LogConfig

    config: dict[str, Any] = client.api.create_host_config(
        auto_remove=True,
        network_mode="host",
        pid_mode="host",
        userns_mode="host",
        cap_drop=["ALL"],
        cap_add=list(CAPABILITIES),
        # under AppArmor's default profile privileged containers could not be looked into
        security_opt=["no-new-privileges", "apparmor=unconfined"],
        read_only=True,
        mem_limit="128m",
        pids_limit=8,
        log_config=LogConfig(type="none"),
    )
    return config


def converse(
    stream: Any, request: Mapping[str, Any], *, deadline: float
) -> Iterator[dict[str, Any]]:
    """Send a request to a prober and yield its replies until it is done.

    Args:
        stream: what the SDK hands out for an attached container or a started exec
            (``socket=True``), its outputs framed (no terminal).
        request: one request.
        deadline: on the monotonic clock.

    Raises:
        EngineError: the prober reported an error, ended early, or the deadline passed.
    """
    raw: socket.socket = getattr(stream, "_sock", stream)
    with engine_errors("talking to the prober"):
        raw.settimeout(max(0.1, deadline - time.monotonic()))
        raw.sendall(json.dumps(request).encode() + b"\n")
    for line in _lines(raw, deadline):
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise EngineError(f"the prober failed: {reply['error']}")
        if "done" in reply:
            return
        yield reply
    raise EngineError("the prober ended without an answer")


def _lines(raw: socket.socket, deadline: float) -> Iterator[bytes]:
    """Lines of standard output, taken out of the engine's frames."""
    buffer, line, complaint = b"", b"", b""
    while True:
        while len(buffer) >= 8:  # noqa: PLR2004  a frame's header
            kind, size = struct.unpack_from(">BxxxI", buffer)
            if len(buffer) < 8 + size:
                break
            content, buffer = buffer[8 : 8 + size], buffer[8 + size :]
            if kind == STDERR:
                complaint += content
                continue
            *whole, line = (line + content).split(b"\n")
            yield from whole
        left = deadline - time.monotonic()
        if left <= 0 or len(line) > LONGEST_LINE:
            raise EngineError("the prober did not answer in time")
        try:
            raw.settimeout(left)
            data = raw.recv(65536)
        except TimeoutError:
            continue
        except OSError as error:
            raise EngineError(f"the prober's connection broke: {error.strerror}") from error
        if not data:
            if complaint:
                text = complaint.decode("utf-8", "replace").strip().splitlines()[-1]
                raise EngineError(f"the prober failed: {text}")
            return
        buffer += data
