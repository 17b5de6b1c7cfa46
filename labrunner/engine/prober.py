"""The prober on a ``local`` host: a helper container that lives for one request.

It shares the machine's process and network namespaces, to step from there into those of
the lab's containers; so it needs nothing in them, and leaves nothing in them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from labrunner.engine.client import engine_errors
from labrunner.engine.hijack import STDOUT, Stream
from labrunner.engine.host import LABEL, ROLE
from labrunner.errors import EngineError

if TYPE_CHECKING:
    import docker

COMMAND = ("python3", "-S", "-E", "-s", "/usr/local/lib/labrunner/probe.py")
"""How the prober is started in the host image."""

CAPABILITIES = ("SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH")
"""Stepping into a network namespace takes the first, finding it through ``/proc`` the second.
The third sees whose socket it is where several containers share a namespace and one of them
does not run as root."""


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
    deadline = time.monotonic() + timeout
    api = client.api
    with engine_errors("starting the prober"):
        helper = _create(client, {LABEL: lab_id, ROLE: "probe"})
        try:
            handle = api.attach_socket(
                helper, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            )
            api.start(helper)
        except BaseException:
            api.remove_container(helper, force=True, v=True)
            raise
    with Stream(handle) as stream:
        yield from converse(stream, request, deadline=deadline)


def _create(client: docker.DockerClient, labels: Mapping[str, str]) -> str:
    """A helper that waits to be started; its id. Its image is made where it is missing.

    The engine removes the helper when it ends, and it ends with its standard input: also
    when this process is killed.
    """
    import docker.errors

    from labrunner.engine import images

    def create(image: str) -> str:
        made = client.api.create_container(
            image,
            entrypoint=list(COMMAND),
            command=[],
            user="0",
            stdin_open=True,
            labels=dict(labels),
            host_config=_host_config(client),
        )
        return str(made["Id"])

    planned = images.plan({images.HOST_IMAGE: images.KNOWN[images.HOST_IMAGE]})
    try:
        # nearly always there: to ask first would cost as much as a third of the whole probe
        return create(planned[images.HOST_IMAGE].ref)
    except docker.errors.ImageNotFound:
        return create(images.host_image(client))


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
    stream: Stream, request: Mapping[str, Any], *, deadline: float
) -> Iterator[dict[str, Any]]:
    """Send a request to a running prober and yield its replies, ``done`` the last.

    Args:
        stream: to and from the prober.
        request: one request.
        deadline: on the monotonic clock.

    Raises:
        EngineError: the prober ended early, or the deadline passed.
    """
    with engine_errors("talking to the prober"):
        stream.send(json.dumps(request).encode() + b"\n")
    try:
        for line in _lines(stream, deadline):
            reply: dict[str, Any] = json.loads(line)
            yield reply
            if "done" in reply:
                return
    except TimeoutError as error:
        raise EngineError("the prober did not answer in time") from error


def _lines(stream: Stream, deadline: float) -> Iterator[bytes]:
    """Lines of the prober's standard output; it never ends before its last answer."""
    line, complaint = b"", b""
    for kind, content in stream.frames(deadline):
        if kind == STDOUT:
            *whole, line = (line + content).split(b"\n")
            yield from whole
        else:
            complaint += content
    last = complaint.decode("utf-8", "replace").strip().splitlines()[-1:]
    raise EngineError(f"the prober ended without an answer: {' '.join(last)}".rstrip(": "))
