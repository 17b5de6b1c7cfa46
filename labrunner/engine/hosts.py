"""Making, finding again and removing a lab's host, whichever kind it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.engine import client as engine_client
from labrunner.engine import images as engine_images
from labrunner.engine import local
from labrunner.engine.addresses import free_subnets
from labrunner.engine.topology import Intend, up
from labrunner.errors import UsageError
from labrunner.model.event import OnEvent
from labrunner.model.scenario import Scenario
from labrunner.model.topology import HostKind, Limits

if TYPE_CHECKING:
    import docker

    from labrunner.engine.ahead import Ahead
    from labrunner.engine.host import Host
    from labrunner.engine.local import Held

HOST_VARIABLE = "LABRUNNER_HOST"


def choose(scenario: Scenario, asked: str | None) -> HostKind:
    """The kind of host: what was asked for, the environment's wish, or the scenario's default.

    Raises:
        UsageError: there is no such kind, or the scenario refuses to run there.
    """
    kind = asked or os.environ.get(HOST_VARIABLE) or scenario.hosts[0]
    if kind not in ("sandbox", "local"):
        raise UsageError(f"there is no host called {kind!r}", "choose sandbox or local")
    if kind not in scenario.hosts:
        raise UsageError(
            f"{scenario.name} does not run on a {kind} host",
            f"start it with --host {scenario.hosts[0]}",
        )
    return "sandbox" if kind == "sandbox" else "local"


def look_ahead(kind: HostKind) -> Ahead[Held | None] | None:
    """Ask the engine for what a lab on this kind of host needs first; the SDK takes its time."""
    if kind == "sandbox" or os.environ.get("DOCKER_TLS_VERIFY"):
        return None
    from labrunner.engine.ahead import Ahead

    return Ahead(partial(local.held_ahead, engine_client.engine_address()))


def bring_up(
    outer: docker.DockerClient,
    scenario: Scenario,
    kind: HostKind,
    *,
    lab_id: str,
    folder: Path,
    limits: Limits,
    intend: Intend,
    ahead: Ahead[Held | None] | None = None,
    on_event: OnEvent,
) -> Host:
    """Images, host and topology of a lab; the host, with every container ready.

    ``ahead`` is from `look_ahead`.

    Raises:
        EngineError: any part failed; what was made is still there and in the ledger.
    """
    wanted = image_folders(scenario)
    own = engine_images.HOST_IMAGE
    # looked at once: that costs as much as a container
    found = (ahead and ahead.answer()) or local.held(outer) if kind == "local" else None
    # in one call, so that the host's image is built beside the scenario's
    built = engine_images.ensure(
        outer,
        {**wanted, own: engine_images.KNOWN[own]},
        there=found.tags if found else None,
        on_event=on_event,
    )
    host_image = built[own]
    references = {name: built[name] for name in wanted}
    if found is None:
        return _sandbox(
            outer,
            scenario,
            references,
            host_image,
            lab_id=lab_id,
            folder=folder,
            limits=limits,
            intend=intend,
            on_event=on_event,
        )
    local.refuse_taken_names(found, scenario)
    # what was built a moment ago is not in the first list
    late = not found.tags.keys() >= {*references.values()}
    names = local.names_to_give(references, (local.held(outer) if late else found).tags)
    intend(local.entries(scenario, references))
    host = local.LocalHost(lab_id, outer, engine_client.engine_address())
    subnets = free_subnets(outer, len(scenario.networks), found.networks)
    up(
        host,
        scenario,
        subnets=subnets,
        intend=intend,
        beside=partial(local.tag_images, outer, references, names),
        rename=lambda image: local.tag_images(outer, references, [image]),
        on_event=on_event,
    )
    return host


def _sandbox(
    outer: docker.DockerClient,
    scenario: Scenario,
    references: Mapping[str, str],
    host_image: str,
    *,
    lab_id: str,
    folder: Path,
    limits: Limits,
    intend: Intend,
    on_event: OnEvent,
) -> Host:
    from labrunner.engine import sandbox

    spec = sandbox.SandboxSpec(
        lab_id=lab_id,
        hostname="lab-host",
        limits=limits,
        images=references,
        internet=scenario.internet,
        folder=folder,
    )
    intend([("host", f"labrunner-{lab_id}")])
    host = sandbox.create(outer, spec, host_image=host_image, on_event=on_event)
    up(host, scenario, intend=intend, on_event=on_event)
    return host


def image_folders(scenario: Scenario) -> dict[str, Path]:
    """The build context of every image of a lab, by the learner's name.

    The runner's own images are always among them: a lesson may type them without more ado.
    """
    own = {image.name: (scenario.folder or Path()) / image.folder for image in scenario.images}
    return {**engine_images.RUNNER_IMAGES, **own}
