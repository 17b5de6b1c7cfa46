"""What a lab's host is to the rest of the code, whichever kind it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import docker

    from labrunner.model.result import Result
    from labrunner.model.topology import HostKind

LABEL = "labrunner.lab"
"""On everything that the runner creates: the id of the lab that it belongs to."""

ROLE = "labrunner.role"
"""What a labelled thing is: ``host``, ``template``, ``probe``, ``build`` or ``part``."""

EVENTS = {"type": ["container", "network"]}
"""The filter of the engine's events of which some are news."""
ACTS = frozenset(
    (
        *("create", "start", "die", "destroy", "pause", "unpause", "rename", "update", "oom"),
        *("connect", "disconnect", "remove"),
    )
)
"""What can change who reaches whom; looking into containers, and checks of their health, cannot."""


def is_news(event: Mapping[str, Any], *, commands: bool = False) -> bool:
    """Whether an event of the engine's may have changed who reaches whom.

    What the prober's own container does on a `local` host has not.

    Args:
        event: one of those that the filter `EVENTS` lets through.
        commands: whether the end of a command in a container is news: it may have changed
            anything, and nothing else says so.
    """
    action = str(event.get("Action", "")).partition(":")[0]
    attributes = (event.get("Actor") or {}).get("Attributes") or {}
    probing = attributes.get(ROLE) == "probe" or attributes.get("name") == "host"
    return not probing and (action in ACTS or (commands and action == "exec_die"))


class Host(Protocol):
    """A Docker engine for one lab, and a way to run commands on the machine it runs on."""

    kind: HostKind
    lab_id: str
    docker_host: str
    """A value for ``DOCKER_HOST``; always a ``unix://`` address."""

    @property
    def client(self) -> docker.DockerClient:
        """One kept client of the engine on which the lab's containers live."""

    def run(self, argv: Sequence[str], *, stdin: str = "", timeout: float = 30) -> Result:
        """Run a command on the host itself, as its root. Seconds; ``EngineError`` when over."""

    def interactive(self, argv: Sequence[str]) -> int:
        """Run a command on the host, attached to this terminal; its exit code."""

    def probe(self, request: Mapping[str, Any], *, timeout: float) -> Iterator[dict[str, Any]]:
        """Run the prober on the host: a JSON request in, JSON replies out as they come."""

    def close(self) -> None:
        """Let go of connections; the host stays."""
