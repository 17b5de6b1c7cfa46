"""Images for sandboxes, loaded once and then shared read-only by every sandbox that needs them.

A *template* is a volume in which a nested engine has loaded a set of images. A sandbox mounts it
read-only and unpacks a small archive of metadata that points into it, so its start costs the
same whatever the images weigh.

The volume with the data has a random name. It counts only once a second, empty volume names it:
a *pointer*, called after the digest of everything that went in. Creating a volume is atomic, so
a half-made template is never used, and of two that were made at once one wins.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labrunner.engine import outer_box
from labrunner.engine.background import watched
from labrunner.engine.client import engine_errors
from labrunner.engine.hijack import Exec
from labrunner.engine.host import ROLE
from labrunner.engine.outer_box import ENTER, USER
from labrunner.errors import EngineError
from labrunner.model.event import Event, OnEvent, ignore_event

if TYPE_CHECKING:
    import docker

PREFIX = "labrunner-template-"
DATA_LABEL = "labrunner.template.data"
IMAGES_LABEL = "labrunner.template.images"
TEMPLATE = "template"

_FORMAT = "1 overlay2"
"""Part of every digest: the layout of a template and the storage driver inside."""

_BEAT = 0.5
"""Seconds between two signs of life while images are loaded."""

_PATIENCE = 900.0
"""Seconds that another process may take to make the template that we wait for."""


_BIRTH = 5
"""Seconds from a box's creation to its start, at the very most; less than one is usual."""


@dataclass(frozen=True)
class Template:
    """A template on the engine.

    Attributes:
        name: its pointer, or the data volume where nothing points to it.
        volumes: everything that belongs to it.
        images: ids of the images in it and of the host image it was made with; empty where
            it was never finished.
        in_use: a container has it mounted, or is filling it.
    """

    name: str
    volumes: tuple[str, ...]
    images: frozenset[str]
    in_use: bool


def ensure(
    outer: docker.DockerClient,
    images: Mapping[str, str],
    *,
    host_image: str,
    on_event: OnEvent = ignore_event,
) -> str | None:
    """The volume to mount for these images, made first where it is missing.

    Args:
        outer: the engine.
        images: learner's name → image on the outer engine.
        host_image: the image of the nested engine that loads them.
        on_event: told what happens; nothing where the template is there.

    Returns:
        The data volume's name; ``None`` where there are no images.

    Raises:
        EngineError: an image is missing, or loading failed. Nothing half-made is left.
    """
    if not images:
        return None
    with engine_errors("looking at images"):
        ids = {name: str(outer.api.inspect_image(ref)["Id"]) for name, ref in images.items()}
        host_id = str(outer.api.inspect_image(host_image)["Id"])
    pointer = PREFIX + _digest(host_id, ids)
    deadline = time.monotonic() + _PATIENCE
    while not (data := _data_of(outer, pointer)):
        started = time.monotonic()
        with _lock(outer, pointer, host_image, deadline, on_event) as box:
            if box is None:
                continue  # another process was at it; see what it left
            label = {IMAGES_LABEL: " ".join(sorted({host_id, *ids.values()}))}
            _make(outer, box, images, label, on_event)
        _say(on_event, "done", seconds=time.monotonic() - started)
    return data


def templates(outer: docker.DockerClient) -> list[Template]:
    """Every template on the engine, finished or not."""
    with engine_errors("looking for image templates"):
        volumes = outer.api.volumes(filters={"label": f"{ROLE}={TEMPLATE}"})["Volumes"] or []
        containers = outer.api.containers(all=True)
    used = {mount.get("Name") for box in containers for mount in box.get("Mounts") or ()}
    labels = {volume["Name"]: volume["Labels"] or {} for volume in volumes}
    pointers = {name: tags[DATA_LABEL] for name, tags in labels.items() if DATA_LABEL in tags}
    found = [
        Template(
            pointer,
            (pointer, *((data,) if data in labels else ())),
            frozenset(labels[pointer].get(IMAGES_LABEL, "").split()) if data in labels else _NONE,
            data in used,
        )
        for pointer, data in pointers.items()
    ]
    orphans = labels.keys() - pointers.keys() - set(pointers.values())
    found += [Template(name, (name,), _NONE, name in used) for name in orphans]
    return sorted(found, key=lambda template: template.name)


_NONE: frozenset[str] = frozenset()


def unused_templates(outer: docker.DockerClient) -> list[Template]:
    """Templates that nothing uses now, whether or not they will be wanted again."""
    return [template for template in templates(outer) if not template.in_use]


def stale_templates(outer: docker.DockerClient) -> list[Template]:
    """Unused templates of which nobody can ever use one: half made, or of images that are gone."""
    with engine_errors("looking at images"):
        there = {str(image["Id"]) for image in outer.api.images(all=True)}
    return [t for t in unused_templates(outer) if not t.images or not t.images <= there]


def stillborn(outer: docker.DockerClient) -> list[str]:
    """Names of boxes that were created and never started, since their maker was killed."""
    filters = {"label": f"{ROLE}={TEMPLATE}", "status": "created"}
    with engine_errors("looking for image templates"):
        boxes = outer.api.containers(all=True, filters=filters)
    late = time.time() - _BIRTH
    return [box["Names"][0].lstrip("/") for box in boxes if box["Created"] < late]


def remove_template(outer: docker.DockerClient, template: Template) -> bool:
    """Remove a template; false where something has begun to use it meanwhile."""
    import docker.errors

    for volume in reversed(
        template.volumes
    ):  # the data first: it may be in use, and then all stays
        try:
            with engine_errors(f"removing the image template {volume}"):
                outer.api.remove_volume(volume)
        except EngineError as error:
            if isinstance(error.__cause__, docker.errors.NotFound):
                continue
            if "in use" in error.message:
                return False
            raise
    return True


def _digest(host_id: str, ids: Mapping[str, str]) -> str:
    parts = json.dumps([_FORMAT, host_id, sorted(ids.items())])
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def _data_of(outer: docker.DockerClient, pointer: str) -> str | None:
    """The data volume that a pointer names, if both exist."""
    import docker.errors

    with engine_errors("looking for the image template"):
        try:
            data = outer.api.inspect_volume(pointer)["Labels"][DATA_LABEL]
        except docker.errors.NotFound:
            return None
        try:
            return str(outer.api.inspect_volume(data)["Name"])
        except docker.errors.NotFound:
            outer.api.remove_volume(pointer)  # somebody pruned volumes
            return None


@contextmanager
def _lock(
    outer: docker.DockerClient,
    pointer: str,
    host_image: str,
    deadline: float,
    on_event: OnEvent,
) -> Iterator[outer_box.Box | None]:
    """A running box with an empty data volume; ``None`` after another process had one.

    The container's name is the lock: only one of them can exist. Its life hangs on this
    process: the box ends when the connection to its standard input does.
    """
    data = f"{pointer}-{secrets.token_hex(4)}"
    box = outer_box.Box(name=pointer, image=host_image, template=data, role=TEMPLATE, tied=True)
    try:
        with engine_errors("creating the image template"):
            outer.api.create_volume(data, labels={ROLE: TEMPLATE})
        with outer_box.lent(outer, box) as made:
            if made is not None:
                yield box
        if made is None:
            _await_other(outer, pointer, deadline, on_event)
            yield None
    finally:
        if _data_of(outer, pointer) != data:
            with suppress(EngineError):
                remove_template(outer, Template(data, (data,), _NONE, in_use=False))


def _await_other(
    outer: docker.DockerClient, pointer: str, deadline: float, on_event: OnEvent
) -> None:
    """Wait until the box of another process is gone."""
    import docker.errors

    def wait(_tell: object) -> None:
        try:
            box = outer.api.inspect_container(pointer)
            if box["State"]["Status"] == "created":
                _await_birth(outer, box["Id"])
                return
            left = max(1, int(deadline - time.monotonic()))
            outer.api.wait(box["Id"], timeout=left, condition="removed")
        except docker.errors.NotFound:
            return

    waiting = "another process is loading these images; waiting for it"
    _say(on_event, "note", waiting)
    try:
        with engine_errors("waiting for the image template"):
            watched(wait, lambda _news: _say(on_event, "note", waiting), beat=_BEAT)
    except EngineError as error:
        if time.monotonic() < deadline:
            raise
        raise EngineError(
            "another process has been loading the lab's images for too long",
            f"docker rm -f {pointer}",
        ) from error


def _await_birth(outer: docker.DockerClient, identity: str) -> None:
    """Give a box that was created but not started a moment; then its maker was killed."""
    import requests.exceptions

    try:
        outer.api.wait(identity, timeout=_BIRTH, condition="next-exit")
    except requests.exceptions.RequestException:
        state = outer.api.inspect_container(identity)["State"]["Status"]
        if state == "created":
            outer.api.remove_container(identity, force=True, v=True)


def _make(
    outer: docker.DockerClient,
    box: outer_box.Box,
    images: Mapping[str, str],
    labels: Mapping[str, str],
    on_event: OnEvent,
) -> None:
    """Fill the box's volume and publish it."""
    _say(on_event, "started", f"{len(images)} images, once for all labs")
    carried = 0

    def news(so_far: int | None) -> None:
        nonlocal carried
        carried = so_far or carried
        _say(on_event, "note", f"{carried / 1e6:.0f} MB loaded")

    def load(tell: Callable[[int], None]) -> None:
        _load(outer, box.name, sorted(set(images.values())), tell)

    watched(load, news, beat=_BEAT)
    names = "".join(f"{ref} {name}\n" for name, ref in sorted(images.items()))
    _inside(outer, box.name, ("lab-seal",), names.encode())
    with engine_errors("creating the image template"):
        outer.api.create_volume(
            box.name, labels={**labels, ROLE: TEMPLATE, DATA_LABEL: str(box.template)}
        )


def _load(
    outer: docker.DockerClient, name: str, refs: list[str], tell: Callable[[int], None]
) -> None:
    """Carry images from the outer engine into the box; tells the bytes carried so far."""
    api = outer.api
    with engine_errors("reading images"):
        # one archive for all of them, so that layers they share are carried once
        answer = api.get(
            f"{api.base_url}/v{api.api_version}/images/get",
            params=[("names", ref) for ref in refs],
            stream=True,
            timeout=api.timeout,
        )
        answer.raise_for_status()
    with answer, Exec(outer, name, (ENTER, "docker", "load", "--quiet"), user=USER) as command:
        carried, told = 0, time.monotonic()
        with engine_errors("loading images into the template"):
            for chunk in answer.iter_content(1 << 20):
                command.send(chunk)
                carried += len(chunk)
                if time.monotonic() - told > _BEAT:
                    told = time.monotonic()
                    tell(carried)
        command.end_input()
        _expect_success("loading images into the template", command)


def _inside(outer: docker.DockerClient, name: str, argv: tuple[str, ...], data: bytes) -> None:
    argv = (ENTER, "--input", str(len(data)), *argv)
    with Exec(outer, name, argv, user=USER) as command:
        command.send(data)
        _expect_success("sealing the image template", command)


def _expect_success(doing: str, command: Exec) -> None:
    words = b"".join(part for _, part in command.frames(time.monotonic() + _PATIENCE))
    if command.code() != 0:
        raise EngineError(f"{doing}: {words.decode('utf-8', 'replace').strip()}")


def _say(on_event: OnEvent, state: Any, detail: str = "", seconds: float | None = None) -> None:
    on_event(Event("image", "shared images", state, detail, seconds))
