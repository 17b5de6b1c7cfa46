"""Images reach sandboxes through a template that is made once, whole or not at all."""

from __future__ import annotations

import io
import os
import secrets
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator

import docker
import docker.errors
import pytest

from labrunner.engine import images as engine_images
from labrunner.engine import outer_box, template
from labrunner.errors import EngineError
from labrunner.model.event import Event

from .sandboxes import running
from .waiting import ends

pytestmark = pytest.mark.engine

CONFLICT = 409

ENSURE = """
import sys
from labrunner.engine import client, template
ref, host_image = sys.argv[1:]
outer = client.connect()
def tell(event):
    print(event.state, event.detail, flush=True)
print("volume", template.ensure(outer, {"mine:1": ref}, host_image=host_image, on_event=tell))
"""


@pytest.fixture(scope="module")
def host_image(engine: docker.DockerClient) -> str:
    return engine_images.host_image(engine)


@pytest.fixture
def image(engine: docker.DockerClient) -> Iterator[str]:
    """An image that nobody has seen before, and no template of it afterwards."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        info = tarfile.TarInfo("random")
        info.size = 5_000_000
        tar.addfile(info, io.BytesIO(os.urandom(info.size)))
    ref = f"labtest-{secrets.token_hex(4)}:1"
    engine.api.import_image_from_data(archive.getvalue(), *ref.split(":"))
    identity = engine.api.inspect_image(ref)["Id"]
    yield ref
    for each in template.templates(engine):
        if identity in each.images:
            template.remove_template(engine, each)
    engine.images.remove(ref)


def of(engine: docker.DockerClient, ref: str) -> list[template.Template]:
    """The templates that have an image in them."""
    identity = engine.api.inspect_image(ref)["Id"]
    return [t for t in template.templates(engine) if identity in t.images]


def start(ref: str, host_image: str) -> subprocess.Popen[str]:
    """Another process that wants a template."""
    return subprocess.Popen(
        [sys.executable, "-c", ENSURE, ref, host_image], stdout=subprocess.PIPE, text=True
    )


def test_it_is_made_once(engine: docker.DockerClient, host_image: str, image: str) -> None:
    """The second time it is only looked up, and nothing is reported."""
    events: list[Event] = []
    made = template.ensure(engine, {"a:1": image}, host_image=host_image, on_event=events.append)
    assert [e.state for e in events if e.state != "note"] == ["started", "done"]
    events.clear()
    again = template.ensure(engine, {"a:1": image}, host_image=host_image, on_event=events.append)
    assert (again, events) == (made, [])


def test_other_names_are_another_template(
    engine: docker.DockerClient, host_image: str, image: str
) -> None:
    """The names are part of it: each sandbox has its own, and no others."""
    first = template.ensure(engine, {"a:1": image}, host_image=host_image)
    second = template.ensure(engine, {"b/c:2": image, "d:3": image}, host_image=host_image)
    assert first != second
    with running(engine, host_image, {"b/c:2": image, "d:3": image}) as host:
        tags = {tag for each in host.client.images.list() for tag in each.tags}
    assert tags == {"b/c:2", "d:3"}


def test_two_processes_make_one(engine: docker.DockerClient, host_image: str, image: str) -> None:
    """Both get the same volume, and there is only one."""
    children = [start(image, host_image) for _ in range(2)]
    outputs = [child.communicate(timeout=300)[0] for child in children]
    volumes = {output.splitlines()[-1] for output in outputs}
    assert len(volumes) == 1
    assert volumes.pop().startswith(f"volume {template.PREFIX}")
    assert len(of(engine, image)) == 1
    assert sum("waiting for it" in output for output in outputs) == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_one_that_was_interrupted_is_never_used(
    engine: docker.DockerClient, host_image: str, image: str, how: signal.Signals
) -> None:
    """What a killed process began is no template; the next one makes it, and can tidy up."""
    child = start(image, host_image)
    assert child.stdout
    assert child.stdout.readline().startswith("started")
    child.send_signal(how)
    child.communicate(timeout=120)
    assert of(engine, image) == []
    made = template.ensure(engine, {"mine:1": image}, host_image=host_image)
    assert made
    (whole,) = of(engine, image)
    left = [t for t in template.stale_templates(engine) if t.name.startswith(whole.name)]
    assert len(left) <= (how is signal.SIGKILL)
    for each in left:
        assert template.remove_template(engine, each)
    assert of(engine, image) == [whole]


def test_one_in_use_stays(engine: docker.DockerClient, host_image: str, image: str) -> None:
    """While a sandbox has it, it is neither listed as unused nor can it be removed."""
    with running(engine, host_image, {"mine:1": image}):
        (found,) = of(engine, image)
        assert found.in_use
        assert found not in template.unused_templates(engine)
        assert template.remove_template(engine, found) is False
        assert of(engine, image)[0].volumes == found.volumes
    (found,) = of(engine, image)
    assert found in template.unused_templates(engine)
    assert template.remove_template(engine, found) is True
    assert of(engine, image) == []


def test_one_whose_images_are_gone_is_stale(
    engine: docker.DockerClient, host_image: str, image: str
) -> None:
    """When an image was removed nobody can ask for its template any more."""
    template.ensure(engine, {"mine:1": image}, host_image=host_image)
    (found,) = of(engine, image)
    assert found not in template.stale_templates(engine)
    kept = b"".join(engine.api.get_image(image))
    engine.images.remove(image)
    assert found in template.stale_templates(engine)
    engine.api.load_image(kept)


def pruned(engine: docker.DockerClient, volume: str) -> bool:
    """Remove a volume; false while somebody else, such as another test's doctor, looks at it."""
    try:
        engine.api.remove_volume(volume)
    except docker.errors.NotFound:
        return True
    except docker.errors.APIError as error:
        if error.status_code == CONFLICT:
            return False
        raise
    return True


def test_one_whose_data_was_pruned_is_made_again(
    engine: docker.DockerClient, host_image: str, image: str
) -> None:
    """``docker volume prune`` may take the data: then it is missing, not broken."""
    first = template.ensure(engine, {"mine:1": image}, host_image=host_image)
    assert first
    assert ends(lambda: pruned(engine, first))
    second = template.ensure(engine, {"mine:1": image}, host_image=host_image)
    assert second not in (None, first)


def test_an_image_that_is_missing_is_named(engine: docker.DockerClient, host_image: str) -> None:
    """An unknown image is an error that names it, before anything is made."""
    with pytest.raises(EngineError, match="labtest-nowhere"):
        template.ensure(engine, {"a:1": "labtest-nowhere:1"}, host_image=host_image)


def test_no_images_need_no_template(engine: docker.DockerClient, host_image: str) -> None:
    """A sandbox without images has nothing to share."""
    assert template.ensure(engine, {}, host_image=host_image) is None


def test_a_sandbox_pays_nothing_for_it(
    engine: docker.DockerClient, host_image: str, image: str
) -> None:
    """Its own disk holds metadata only, whatever the images weigh."""
    with running(engine, host_image, {"mine:1": image}) as host:
        used = int(host.run(["sh", "-c", "df -k /var/lib/docker | awk 'END{print $3}'"]).out)
        size = host.client.images.get("mine:1").attrs["Size"]
    assert size >= 5_000_000
    assert used < 2_000


def test_an_image_in_it_can_be_sent_elsewhere(
    engine: docker.DockerClient, host_image: str, image: str
) -> None:
    """Its topmost layer can be read although no container was made from it yet."""
    recipe = f"FROM {image}\nWORKDIR /on-top\n".encode()
    higher = f"{image}-higher"
    engine.images.build(fileobj=io.BytesIO(recipe), tag=higher, rm=True)
    try:
        with running(engine, host_image, {"low:1": image, "high:1": higher}) as host:
            sent = sum(len(part) for part in host.client.images.get("high:1").save())
    finally:
        engine.images.remove(higher)
    assert sent > 5_000_000


def test_one_removed_in_the_last_moment_is_missed(
    engine: docker.DockerClient, host_image: str
) -> None:
    """A sandbox whose template went between two calls fails rather than start without images."""
    gone = f"labtest-{secrets.token_hex(4)}"
    box = outer_box.Box(name=gone, image=host_image, template=gone)
    try:
        with pytest.raises(EngineError, match="images were removed"):
            outer_box.start(engine, box)
    finally:
        outer_box.remove(engine, gone)
        engine.api.remove_volume(gone)
