"""What a lab is made of: networks, containers, images, and what it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

HostKind = Literal["sandbox", "local"]


@dataclass(frozen=True)
class Network:
    """A bridge network that the start of a lab creates.

    Attributes:
        name: what the learner sees in ``docker network ls``.
        internal: no way out through the host (``--internal``).
        icc: members may talk to each other (``com.docker.network.bridge.enable_icc``).
    """

    name: str
    internal: bool = False
    icc: bool = True


@dataclass(frozen=True)
class Port:
    """A published port: ``address:host`` on the lab's host leads to ``container``."""

    container: int
    host: int
    address: str = "127.0.0.1"


@dataclass(frozen=True)
class Ready:
    """When a container counts as started: a port of its own accepts, or a file appears.

    Attributes:
        port: TCP port that must accept on the container's own address (probed from inside).
        timeout: seconds until the start gives up and shows the last log lines.
    """

    port: int
    timeout: float = 20.0


@dataclass(frozen=True)
class Container:
    """A container that the start of a lab creates.

    Attributes:
        name: what the learner sees in ``docker ps``.
        image: the name of an `Image` of the scenario (or a runner image such as ``tools:1``).
        networks: names of `Network`; the first is the one it is created on; empty: no network.
        command: replaces the image's command.
        env: environment variables.
        ports: published ports.
        ready: when it counts as started; ``None``: as soon as it runs.
        after: names of containers that must be ready before this one is started.
        cap_add, cap_drop, user, read_only, memory, cpus, pids: as ``docker run`` has them
            (memory as ``"64m"``, cpus as a number of cores).
        volumes: ``{"volume-name": "/path"}``; the volume is created with the lab.
    """

    name: str
    image: str
    networks: tuple[str, ...] = ()
    command: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    ready: Ready | None = None
    after: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    user: str | None = None
    read_only: bool = False
    memory: str | None = None
    cpus: float | None = None
    pids: int | None = None
    volumes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Image:
    """An image that a scenario brings: a folder with a Dockerfile.

    Attributes:
        name: ``repository:tag`` as the learner types it. The tag is never ``latest``.
        folder: the build context; relative to the scenario's folder.
    """

    name: str
    folder: str


@dataclass(frozen=True)
class Owned:
    """What the lesson has the learner create, so that a ``local`` host can be cleaned.

    Everything named here must be absent before a lab starts on a ``local`` host, and is
    removed when it stops. A sandbox needs none of it: it goes as a whole.
    """

    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """What a sandbox may use of the learner's machine.

    Attributes:
        memory: bytes as Docker writes them (``"2g"``).
        cpus: cores; ``None``: as many as there are.
        processes: processes and threads in the whole sandbox.
        disk: bytes that the sandbox may write (``"1g"``).
    """

    memory: str = "2g"
    cpus: float | None = None
    processes: int = 4096
    disk: str = "1g"
