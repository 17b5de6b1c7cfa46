"""What goes from an engine that is not the lab's own, and what stays."""

from __future__ import annotations

import io
import json
import secrets
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labrunner import lab as labs
from labrunner.engine import images
from labrunner.engine.clearing import TAG, Made, clear
from labrunner.engine.client import engine_address
from labrunner.engine.host import LABEL
from labrunner.engine.local import held, refuse_taken_names
from labrunner.errors import BusyError, EngineError
from labrunner.lock import holding
from labrunner.model.event import Event, ignore_event
from labrunner.model.scenario import Scenario
from labrunner.model.topology import Owned
from labrunner.store import LabRecord, Store
from tests.conftest import Lab

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


def test_an_image_that_was_there_before_refuses_the_start(
    engine: docker.DockerClient, image: str
) -> None:
    """What a lesson has its learner build goes at the end, so nobody's own may be called that."""
    engine.api.tag(image, image.partition(":")[0], "latest")
    for name in (image, image.partition(":")[0]):
        scenario = Scenario(name="mine", owns=Owned(images=(name,)))
        with pytest.raises(EngineError, match=f"image {name}"):
            refuse_taken_names(held(engine), scenario)


def test_of_two_labs_that_end_at_once_the_last_gives_a_name_back(
    engine: docker.DockerClient, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each leaves it to the other while that one is there: one of the two must still see to it."""
    monkeypatch.setenv("LABRUNNER_STATE", str(tmp_path))
    store = Store(tmp_path / "labs.db")
    one, other = (ending(store, tmp_path, image) for _ in range(2))
    network = engine.api.create_network(one.id, labels={LABEL: one.id})["Id"]
    tools = images.ensure(engine, images.RUNNER_IMAGES)["tools:1"]
    stranger = engine.containers.run(tools, ["sleep", "60"], network=one.id, detach=True)
    meanwhile: list[Event] = []

    def hear(event: Event) -> None:
        """The stranger is cut off while the one lab is on its way out; so the other goes then."""
        if not meanwhile:
            meanwhile.append(event)
            labs.stop(store, other)
            assert names(engine, image) == [image]

    try:
        labs.stop(store, one, on_event=hear)
        assert meanwhile
        assert not names(engine, image)
    finally:
        stranger.remove(force=True, v=True)
        assert not engine.api.networks(filters={"id": network})
        store.close()


def test_only_what_was_stopped_is_said_to_be(image: str, lab: Lab) -> None:
    """Of several labs one is at work: programs are not told that it has gone."""
    lab.state.mkdir(mode=0o700)
    store = Store(lab.state / "labs.db")
    busy, other = (ending(store, lab.state, image) for _ in range(2))
    with holding(lab.state / "locks", busy.scenario):
        done = lab("stop", "--all", "--json")
    assert done.returncode == BusyError.exit_code
    assert json.loads(done.stdout) == {"stopped": [other.id]}
    assert [each.id for each in store.labs()] == [busy.id]
    store.close()


def ending(store: Store, folder: Path, image: str) -> LabRecord:
    """A lab on the engine as it is, which has given an image a name."""
    lab_id = f"labtest-{secrets.token_hex(4)}"
    found = LabRecord(
        id=lab_id,
        scenario=lab_id,
        host="local",
        engine=engine_address(),
        folder=folder / lab_id,
        seed=1,
        language="en",
        step="first",
        farewell=False,
        state="running",
        created=time.time(),
    )
    store.add_lab(found)
    store.intend(lab_id, [(TAG, image)])
    return found
