"""A way to a sandbox's engine where its socket cannot be shared with this machine.

Docker Desktop keeps its engine in a virtual machine, ``DOCKER_HOST`` may name another computer:
a socket in our folder then appears nowhere, or cannot be connected to. This listens on a socket
here and carries each connection over the outer engine's API to ``docker system dial-stdio`` in
the sandbox.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import docker


def answers(path: Path, *, timeout: float = 2.0) -> bool:
    """Whether an engine answers at this socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(timeout)
        try:
            probe.connect(str(path))
            probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in probe.recv(64)
        except OSError:
            return False


def ensure(outer: docker.DockerClient, name: str, folder: Path) -> Path:
    raise NotImplementedError
