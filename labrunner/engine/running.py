"""Labs that run: their hosts found again, and removed. Making one is in hosts.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.engine import client as engine_client
from labrunner.engine.ahead import Ahead
from labrunner.engine.clearing import Made, clear, clear_labelled_containers
from labrunner.engine.client import engine_errors
from labrunner.engine.host import LABEL
from labrunner.model.event import Event, OnEvent
from labrunner.model.topology import HostKind

if TYPE_CHECKING:
    import docker

    from labrunner.engine.host import Host


def attach(kind: HostKind, lab_id: str, folder: Path, engine: str) -> Host:
    """The host of a lab that runs.

    Raises:
        EngineError: the engine does not answer, or the host is gone.
    """
    if kind == "local":
        from labrunner.engine import local

        return local.LocalHost(lab_id, engine_client.connect(engine), engine)
    from labrunner.engine import sandbox

    return sandbox.attach(engine, lab_id, folder)


def is_there(outer: docker.DockerClient, lab_id: str) -> bool:
    """Whether the engine still runs anything of a lab."""
    with engine_errors("looking for the lab"):
        return bool(outer.api.containers(filters={"label": f"{LABEL}={lab_id}"}))


def take_down(
    outer: Callable[[], docker.DockerClient],
    kind: HostKind,
    made: Made,
    *,
    address: str = "",
    on_event: OnEvent,
) -> None:
    """Remove everything of a lab. Safe to repeat, and to call for one that is half made.

    Args:
        outer: connects to the engine; a sandbox goes without, where all is as it should be.
        kind: the lab's kind of host.
        made: which things are the lab's.
        address: the engine's, where it is known to be the lab's; "" for another.
        on_event: told what happens.

    Raises:
        EngineError: something is still there.
    """
    if kind == "local":
        begun = Ahead(lambda: clear_labelled_containers(address, made.lab_id))
        engine = outer()
        begun.answer()
        clear(engine, made, on_event=on_event)
        return
    from labrunner.engine import sandbox

    on_event(Event("remove", "host", "started"))
    if not sandbox.remove_simply(address, made.lab_id):
        sandbox.remove(outer(), made.lab_id)
    on_event(Event("remove", "host", "done"))


def labelled(outer: docker.DockerClient) -> dict[str, list[str]]:
    """Everything on the engine that carries a lab's label: names by lab id."""
    label = {"label": LABEL}
    found: dict[str, list[str]] = {}
    with engine_errors("looking for labelled things"):
        containers = outer.api.containers(all=True, filters=label)
        networks = outer.api.networks(filters=label)
        volumes = outer.api.volumes(filters=label)["Volumes"] or ()
    things = [
        *((c["Labels"], (c["Names"] or [c["Id"]])[0].lstrip("/")) for c in containers),
        *((n["Labels"], n["Name"]) for n in networks),
        *((v["Labels"], v["Name"]) for v in volumes),
    ]
    for labels, name in things:
        lab_id = (labels or {}).get(LABEL, "")
        if lab_id:
            found.setdefault(lab_id, []).append(name)
    return found


def clear_labelled(outer: docker.DockerClient, lab_id: str, *, on_event: OnEvent) -> None:
    """Remove everything that carries a lab's label, whichever kind of host it had."""
    clear(outer, Made(lab_id, (), since=math.inf), on_event=on_event)
