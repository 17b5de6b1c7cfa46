"""What an author writes: a topology, and a check for each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.model.topology import Container, HostKind, Image, Limits, Network, Owned
from labrunner.model.verdict import Verdict

if TYPE_CHECKING:
    from labrunner.view import Lab

Check = Callable[["Lab"], Verdict]
Hook = Callable[["Lab"], None]


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
        riddle: the learner is to find out what is wrong: ``lab map`` names no cause.
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
    riddle: bool = False
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
