"""Ready-made parts of checks. Each gives ``None`` where all is well, else what to tell.

Use them in a row, and give the first complaint::

    return first(
        running(lab, "order-service"),
        can_reach(lab, "gateway", "order-service", 8080),
    ) or passed("the gateway reaches the order service")
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from labrunner.model.verdict import Verdict, not_yet

if TYPE_CHECKING:
    from labrunner.model.reach import ReachState
    from labrunner.view import Lab

MEANING: dict[ReachState, str] = {
    "open": "it connects",
    "refused": "refused at once: the host is there, but nothing listens on that port",
    "filtered": "no answer at all: packets are dropped on the way",
    "no_route": "no route: there is no way to that address",
    "unknown_name": "the name is not known there",
}


JUST_STARTED = 2.0
"""Seconds that a server gets to listen, which a learner may have started a moment ago."""


def first(*complaints: Verdict | None) -> Verdict | None:
    """The first complaint, or ``None`` where there is none."""
    return next((c for c in complaints if c is not None), None)


def running(lab: Lab, name: str) -> Verdict | None:
    """The container exists, runs and is not paused."""
    found = lab.container(name)
    if found is not None and found.running:
        return None
    if found is None:
        seen = "no container of that name"
    elif found.status == "exited":
        last = lab.logs(name, lines=3).strip().replace("\n", " | ") or "it printed nothing"
        seen = f"it ended with exit code {found.exit_code}; its last words: {last}"
    else:
        seen = f"it is {found.status}"
    return not_yet(
        f"{name} does not run",
        expected=f"a running container {name}",
        seen=seen,
        look="docker ps -a",
    )


def only_on(lab: Lab, name: str, networks: Collection[str]) -> Verdict | None:
    """The container runs and is on exactly these networks."""
    complaint = running(lab, name)
    found = lab.container(name)
    if complaint is not None or found is None:
        return complaint
    seen = set(found.networks)
    if seen == set(networks):
        return None
    return not_yet(
        f"{name} is not on the networks that it should be on",
        expected=", ".join(sorted(networks)) or "no network",
        seen=", ".join(sorted(seen)) or "no network",
        look=f"docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {name}",
    )


def can_reach(lab: Lab, source: str, target: str, port: int) -> Verdict | None:
    """A connection from one container to another's name or address is accepted."""
    complaint = running(lab, source)
    if complaint is not None:
        return complaint
    state = lab.tcp(source, target, port, patience=JUST_STARTED)
    if state == "open":
        return None
    return not_yet(
        f"{source} cannot reach {target}:{port}",
        expected=f"{source} connects to {target}:{port}",
        seen=MEANING[state],
        look="lab map",
    )


def cannot_reach(lab: Lab, source: str, target: str, port: int) -> Verdict | None:
    """Both run, the target listens on the port, and still the source gets no connection.

    The target is tried at its name and at every address that it has, since a name that is
    not known says nothing about the way.
    """
    complaint = first(running(lab, source), running(lab, target))
    found = lab.container(target)
    if complaint is not None or found is None:
        return complaint
    addresses = [address for address in found.networks.values() if address]
    if addresses and lab.tcp(target, addresses[0], port) != "open":
        return not_yet(
            f"{target} does not serve on port {port}, so nothing can be said of the way to it",
            expected=f"{target} listens on its own address, port {port}",
            seen="it does not answer even itself",
            look=f"docker logs {target}",
        )
    for dialled in (target, *addresses):
        if lab.tcp(source, dialled, port) == "open":
            return not_yet(
                f"{source} still reaches {target}:{port}",
                expected=f"no connection from {source} to {target}:{port}",
                seen=f"it connects when it dials {dialled}",
                look="lab map",
            )
    return None
