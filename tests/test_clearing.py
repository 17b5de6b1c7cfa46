"""What goes from an engine that is not the lab's own, and what stays."""

from __future__ import annotations

import io
import secrets
import tarfile
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from labrunner.engine.clearing import TAG, Made, clear
from labrunner.engine.host import LABEL
from labrunner.model.event import ignore_event

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.engine


@pytest.fixture
def image(engine: docker.DockerClient) -> Iterator[str]:
    """An image with one name only; whatever is left of it is removed."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("empty"))
    name = f"labtest-{secrets.token_hex(4)}"
    engine.api.import_image_from_data(archive.getvalue(), name, "1")
    yield f"{name}:1"
    for left in engine.images.list(name):
        engine.images.remove(str(left.id), force=True)


def names(engine: docker.DockerClient, image: str) -> list[str]:
    """The names of an image, where it is still there."""
    return [tag for found in engine.images.list(image.partition(":")[0]) for tag in found.tags]


@pytest.mark.parametrize("other", [True, False])
def test_a_name_goes_with_the_containers_made_of_it(
    engine: docker.DockerClient, image: str, *, other: bool
) -> None:
    """At once where the image has another name; after its containers where that is its last."""
    kept = image.replace(":1", ":kept")
    if other:
        engine.api.tag(image, image.partition(":")[0], "kept")
    lab_id = f"test-{secrets.token_hex(4)}"
    made = Made(lab_id, [(TAG, image)], since=time.time())
    container = engine.api.create_container(image, ["true"], labels={LABEL: lab_id})["Id"]
    clear(engine, made, on_event=ignore_event)
    assert not engine.api.containers(all=True, filters={"id": container})
    assert names(engine, image) == ([kept] if other else [])
    clear(engine, made, on_event=ignore_event)


def test_a_name_that_somebody_elses_container_has_stays(
    engine: docker.DockerClient, image: str
) -> None:
    """What was made of it by others still says what it is made of."""
    container = engine.api.create_container(image, ["true"])["Id"]
    try:
        made = Made(f"test-{secrets.token_hex(4)}", [(TAG, image)], since=time.time() + 3600)
        clear(engine, made, on_event=ignore_event)
        assert names(engine, image) == [image]
    finally:
        engine.api.remove_container(container)
