"""What the engine holds of our images: a list of it, and taking it away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from labrunner.engine import base, images
from labrunner.engine import template as templates
from labrunner.engine.base import IMAGE_LABEL
from labrunner.engine.client import engine_errors
from labrunner.model.event import Event, OnEvent, ignore_event

if TYPE_CHECKING:
    import docker

State = Literal["present", "missing", "outdated"]
RUNNER = "labrunner"
"""What uses the images that no scenario brings."""

_IN_USE = 409


@dataclass(frozen=True)
class Stock:
    """One image of ours, on the engine or not.

    Attributes:
        name: as the learner types it.
        ref: its reference on the engine.
        state: present, missing, or outdated (made from inputs that have changed since).
        size: bytes on disk, the base included; ``None`` where it is missing.
        own: bytes on top of the base; ``None`` where that cannot be said.
        used_by: names of the scenarios that use it; ``labrunner`` for the runner's own.
    """

    name: str
    ref: str
    state: State
    size: int | None
    own: int | None
    used_by: tuple[str, ...]


def list_images(
    client: docker.DockerClient, users: Mapping[str, Mapping[str, Path]]
) -> list[Stock]:
    """Every image that is wanted, and every image of ours that no longer is.

    Args:
        client: the engine.
        users: scenario's name → its images (learner's name → folder).

    Raises:
        ScenarioError: a folder has no Dockerfile.
        EngineError: the engine does not answer.
    """
    held = images.held(client)
    current = _wanted(users)
    base_size = held[base.REF]["Size"] if base.REF in held else None
    rows = []
    for ref, (name, used_by) in current.items():
        size = held[ref]["Size"] if ref in held else None
        state: State = "missing" if size is None else "present"
        rows.append(Stock(name, ref, state, size, _own(size, base_size), used_by))
    return rows + list(_outdated(held, current, base_size))


def _wanted(
    users: Mapping[str, Mapping[str, Path]],
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Reference → name and users of every image that is wanted now; the base comes first."""
    wanted: dict[str, tuple[str, tuple[str, ...]]] = {base.REF: (base.NAME, (RUNNER,))}
    for user, folders in ((RUNNER, images.KNOWN), *users.items()):
        for name, build in images.plan(folders).items():
            used_by = wanted.get(build.ref, (name, ()))[1]
            wanted[build.ref] = (name, (*used_by, user))
    return wanted


def _outdated(
    held: Mapping[str, Mapping[str, Any]],
    current: Mapping[str, tuple[str, tuple[str, ...]]],
    base_size: int | None,
) -> Iterator[Stock]:
    users = dict(current.values())
    for ref, image in held.items():
        if ref not in current:
            name = (image.get("Labels") or {}).get(IMAGE_LABEL) or ref
            size = int(image["Size"])
            own = _own(size, base_size)
            yield Stock(name, ref, "outdated", size, own, users.get(name, ()))


def _own(size: int | None, base_size: int | None) -> int | None:
    return None if size is None or base_size is None or size < base_size else size - base_size


@dataclass(frozen=True)
class Removal:
    """References and volumes that were removed, and references that stay (→ why)."""

    removed: tuple[str, ...]
    kept: Mapping[str, str]


def remove(
    client: docker.DockerClient, stock: Iterable[Stock], *, on_event: OnEvent = ignore_event
) -> Removal:
    """Remove images of ours; one that a container still uses stays and is reported.

    With the images go the templates that sandboxes made of them.

    Raises:
        EngineError: the engine does not answer.
    """
    removed: list[str] = []
    kept: dict[str, str] = {}
    # the base last: the others are made of it
    for item in sorted(stock, key=lambda s: s.name == base.NAME):
        if item.state == "missing":
            continue
        with engine_errors(f"removing the image {item.ref}"):
            refusal = _remove(client, item.ref)
        if refusal:
            kept[item.ref] = refusal
        else:
            removed.append(item.ref)
            on_event(Event("remove", item.name, "done", item.ref))
    for template in templates.stale_templates(client):
        if templates.remove_template(client, template):
            removed.append(template.name)
            on_event(Event("remove", "template", "done", template.name))
    return Removal(tuple(removed), kept)


def _remove(client: docker.DockerClient, ref: str) -> str:
    """Why the image stays; empty when it is gone."""
    import docker.errors

    try:
        client.api.remove_image(ref)
    except docker.errors.ImageNotFound:
        return ""
    except docker.errors.APIError as error:
        if error.status_code != _IN_USE:
            raise
        return str(error.explanation)
    return ""
