"""What a scenario, a lesson, a verdict and a measurement are. Data only: no I/O, no engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from labrunner.view import Lab

HostKind = Literal["sandbox", "local"]

# --- topology -----------------------------------------------------------------------------


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


# --- verdicts -----------------------------------------------------------------------------


class Outcome(StrEnum):
    """What a check can say. ``ERROR`` is the lab's fault, never the learner's."""

    PASSED = "passed"
    NOT_YET = "not_yet"
    RUINED = "ruined"
    ERROR = "error"


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        outcome: passed, not_yet, ruined (only a reset helps) or error.
        message: one sentence for the learner.
        expected, seen: what the check looked for and what it found.
        look: a command to type to see it oneself.
    """

    outcome: Outcome
    message: str
    expected: str = ""
    seen: str = ""
    look: str = ""

    @property
    def passed(self) -> bool:
        """Whether the step is done."""
        return self.outcome is Outcome.PASSED


def passed(message: str, *, seen: str = "") -> Verdict:
    """The step is done; the message says what was measured."""
    return Verdict(Outcome.PASSED, message, seen=seen)


def not_yet(message: str, *, expected: str, seen: str, look: str = "") -> Verdict:
    """The step is not done: what was expected, what was seen, where to look."""
    return Verdict(Outcome.NOT_YET, message, expected, seen, look)


def ruined(message: str, *, expected: str, seen: str) -> Verdict:
    """The step cannot be done any more from here; ``lab reset --step`` helps."""
    return Verdict(Outcome.RUINED, message, expected, seen)


Check = Callable[["Lab"], Verdict]
Hook = Callable[["Lab"], None]

# --- lesson -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Command:
    r"""What a learner types: one entry of a ``console`` block, and what it printed there.

    Attributes:
        text: the command without its prompt; may have several lines (``\`` at a line's end).
        output: the lines shown below it in the lesson, without the final newline.
        line: 1-based line in the lesson file.
    """

    text: str
    output: str = ""
    line: int = 0


@dataclass(frozen=True)
class Trap:
    """A known wrong answer, and a part of the message that it must earn."""

    message: str
    commands: tuple[Command, ...]
    line: int


@dataclass(frozen=True)
class Step:
    """One step of a lesson.

    Attributes:
        id: stable name, the ``{#id}`` of its heading.
        title: the heading's text.
        body: Markdown that the learner reads, hints, solution and traps taken out.
        hints: Markdown of each hint, weakest first.
        solution: Markdown of the solution, commands and explanation.
        commands: what the solution has the learner type.
        traps: known wrong answers.
        line: 1-based line of the heading.
    """

    id: str
    title: str
    body: str
    hints: tuple[str, ...]
    solution: str
    commands: tuple[Command, ...]
    traps: tuple[Trap, ...]
    line: int


@dataclass(frozen=True)
class Lesson:
    """A parsed lesson file."""

    path: Path
    language: str
    title: str
    level: str
    minutes: int
    summary: str
    objectives: tuple[str, ...]
    requires: tuple[str, ...]
    introduction: str
    steps: tuple[Step, ...]

    def step(self, step_id: str) -> Step:
        """The step with this id; ``KeyError`` where there is none."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)


# --- scenario -----------------------------------------------------------------------------


@dataclass
class Scenario:
    """What an author writes and a plugin registers.

    Attributes:
        name: lower-case words joined by hyphens; the learner types it.
        networks, containers, images: the topology, as data.
        owns: what the learner creates on the way (for ``local`` hosts).
        hosts: where it may run; the first is the default.
        limits: what a sandbox may use.
        alone: ids of steps that measure speed: while their commands and checks run,
            ``lab validate`` lets no other lab do anything.
        internet: the sandbox gets a way out; only for scenarios that need one.
        setup: runs after the topology is up, for what data cannot say.
        teardown: runs before a ``local`` lab is taken down (a sandbox just goes).
        folder: where ``scenario.py`` lives; filled in from the caller's file.
        content: folder of the lesson; default ``content/<name>`` beside ``scenarios``,
            or ``content`` inside `folder`.
    """

    name: str
    networks: tuple[Network, ...] = ()
    containers: tuple[Container, ...] = ()
    images: tuple[Image, ...] = ()
    owns: Owned = field(default_factory=Owned)
    hosts: tuple[HostKind, ...] = ("sandbox", "local")
    limits: Limits = field(default_factory=Limits)
    alone: tuple[str, ...] = ()
    internet: bool = False
    setup: Hook | None = None
    teardown: Hook | None = None
    folder: Path | None = None
    content: Path | None = None
    checks: dict[str, Check] = field(default_factory=dict)
    source: str = ""

    def check(self, step_id: str) -> Callable[[Check], Check]:
        """Decorator that binds a function to the step with this id."""

        def bind(function: Check) -> Check:
            if step_id in self.checks:
                raise ValueError(f"step {step_id!r} of {self.name} has two checks")
            self.checks[step_id] = function
            return function

        return bind


# --- events -------------------------------------------------------------------------------

EventState = Literal["planned", "started", "done", "failed", "note"]


@dataclass(frozen=True)
class Event:
    """One thing that happened while the runner works; the terminal and the page draw it.

    Attributes:
        what: the kind of thing: ``host``, ``image``, ``network``, ``container``, ``setup``,
            ``command``, ``check``, ``remove``.
        name: which one.
        state: planned, started, done, failed or note.
        detail: a few words, e.g. ``"building, 3 of 7"``.
        seconds: how long it took, where it is done.
    """

    what: str
    name: str
    state: EventState
    detail: str = ""
    seconds: float | None = None


OnEvent = Callable[[Event], None]


def ignore_event(_event: Event) -> None:
    """For callers that have nobody to tell."""


# --- reach --------------------------------------------------------------------------------

ReachState = Literal["open", "refused", "filtered", "no_route", "unknown_name"]


@dataclass(frozen=True)
class Probe:
    """One try to connect over TCP, from inside one container's network namespace.

    Attributes:
        source: name of the container that tried.
        target: name of the container (or ``host``) that was tried.
        via: the name or address that was dialled.
        by: whether ``via`` is a name, an address, or a gateway address of the host.
        network: the network that the address belongs to ("" for a name).
        port: TCP port.
        state: what came of it.
        address: the address that was tried ("" for a name that leads nowhere, or elsewhere).
        detail: what more is known: the kind of ``REJECT`` rule that answered, as iptables
            names it (``icmp-port-unreachable``, ``tcp-reset`` …); ``paused``; where a name
            leads instead.
    """

    source: str
    target: str
    via: str
    by: Literal["name", "address", "gateway"]
    network: str
    port: int
    state: ReachState
    address: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Listener:
    """A listening TCP port of a container or of the host.

    Attributes:
        owner: container name or ``host``.
        address: address it is bound to (``0.0.0.0``, ``127.0.0.1``, ``::`` …).
        port: TCP port.
        behind: ``container:port`` for a published port of the host.
    """

    owner: str
    address: str
    port: int
    behind: str = ""


@dataclass(frozen=True)
class Reach:
    """Who can talk to whom, measured.

    Attributes:
        containers: names of the running containers that were looked at.
        listeners: every listening TCP port that was found.
        probes: every try.
        seconds: how long the measurement took.
    """

    containers: tuple[str, ...]
    listeners: tuple[Listener, ...]
    probes: tuple[Probe, ...]
    seconds: float

    def between(self, source: str, target: str, port: int | None = None) -> tuple[Probe, ...]:
        """Every probe from one container to another (on one port, if given)."""
        return tuple(
            p
            for p in self.probes
            if p.source == source and p.target == target and (port is None or p.port == port)
        )

    def can(self, source: str, target: str, port: int | None = None) -> bool:
        """Whether anything between the two is open, by whatever way."""
        return any(p.state == "open" for p in self.between(source, target, port))


# --- a command that ran -------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """What a command gave: exit code, and both outputs as text."""

    code: int
    out: str
    err: str = ""


JSON = Mapping[str, Any]
