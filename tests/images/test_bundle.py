"""Images in a file: carried to an engine that lacks them, and refused when damaged."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import docker
import pytest

from labrunner.engine import base, bundle, images
from labrunner.errors import EngineError
from labrunner.model.event import Event
from tests.images.contexts import MINIMAL, make_context


@pytest.fixture
def saved(
    engine: docker.DockerClient, unique: str, tmp_path: Path
) -> tuple[Path, str, dict[str, Path]]:
    """A bundle with one small image: the file, the image's reference, what it is made of."""
    folder = make_context(tmp_path / "context", f"{MINIMAL}RUN echo {unique} > /f\n")
    wanted = {f"{unique}:1": folder}
    ref = images.ensure(engine, wanted)[f"{unique}:1"]
    file = tmp_path / "labs.tar"
    bundle.save(engine, [ref], file)
    return file, ref, wanted


Saved = tuple[Path, str, dict[str, Path]]


@pytest.mark.engine
def test_a_bundle_brings_images_to_an_engine_that_lacks_them(
    engine: docker.DockerClient, saved: Saved
) -> None:
    """Saved, removed, loaded: the same image, and nothing left to build."""
    file, ref, wanted = saved
    before = engine.images.get(ref).id
    engine.api.remove_image(ref)
    assert [entry.ref for entry in bundle.load(engine, file)] == [ref]
    assert engine.images.get(ref).id == before
    events: list[Event] = []
    images.ensure(engine, wanted, on_event=events.append)
    assert events == []


@pytest.mark.engine
def test_a_bundle_named_in_the_environment_is_used_before_building(
    engine: docker.DockerClient, saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LABRUNNER_BUNDLE=FILE is enough for a machine without a way out."""
    file, ref, wanted = saved
    engine.api.remove_image(ref)
    monkeypatch.setenv(images.BUNDLE_VARIABLE, str(file))
    events: list[Event] = []
    images.ensure(engine, wanted, on_event=events.append)
    assert {event.name for event in events} == {file.name}


@pytest.mark.engine
def test_nothing_of_a_damaged_bundle_reaches_the_engine(
    engine: docker.DockerClient, saved: Saved
) -> None:
    """Truncated anywhere, one byte changed, or something else: one clear sentence."""
    file, ref, _wanted = saved
    whole = file.read_bytes()
    engine.api.remove_image(ref)
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    other = io.BytesIO()
    with tarfile.open(fileobj=other, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("manifest.json"))
    for content, message in (
        (flipped, "is damaged"),
        (whole[:middle], "not a whole one"),
        (whole[:-3000], "not a whole one"),
        (b"", "is not a bundle"),
        (b"something else " * 1000, "is not a bundle"),
        (other.getvalue(), "is not a bundle"),
    ):
        file.write_bytes(content)
        with pytest.raises(EngineError, match=message):
            bundle.load(engine, file)
    assert ref not in images.held(engine)


@pytest.mark.engine
def test_a_bundle_cannot_replace_an_image_of_the_learner(
    engine: docker.DockerClient, saved: Saved, unique: str
) -> None:
    """What a bundle says it holds is compared with what it holds, and must be ours."""
    file, ref, _wanted = saved
    engine.api.tag(ref, unique, "1")
    try:
        bundle.save(engine, [f"{unique}:1"], file)
        with pytest.raises(EngineError, match="other images than it says"):
            bundle.load(engine, file)
    finally:
        engine.api.remove_image(f"{unique}:1")


@pytest.mark.engine
def test_a_bundle_of_another_format_says_so(engine: docker.DockerClient, tmp_path: Path) -> None:
    """A newer labrunner's bundle is not called damaged."""
    file = tmp_path / "new.tar"
    text = json.dumps({"labrunner_bundle": 99}).encode()
    with tarfile.open(file, "w") as tar:
        tar.addfile(tarfile.TarInfo("images.tar"))
        info = tarfile.TarInfo("bundle.json")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    with pytest.raises(EngineError, match="format 99"):
        bundle.load(engine, file)


@pytest.mark.engine
def test_a_bundle_that_cannot_be_written_leaves_what_was_there(
    engine: docker.DockerClient, saved: Saved, tmp_path: Path
) -> None:
    """A missing image or folder: an error, the old file untouched, no partial file."""
    file, _ref, _wanted = saved
    before = file.read_bytes()
    with pytest.raises(EngineError, match="labrunner/none:0"):
        bundle.save(engine, ["labrunner/none:0"], file)
    with pytest.raises(EngineError, match="cannot be written"):
        bundle.save(engine, [base.REF], tmp_path / "missing" / "labs.tar")

    def interrupt(event: Event) -> None:
        if event.state == "done":
            raise KeyboardInterrupt

    assert file.read_bytes() == before
    with pytest.raises(KeyboardInterrupt):
        bundle.save(engine, [base.REF], file, on_event=interrupt)
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []


@pytest.mark.engine
def test_a_missing_bundle_is_named(engine: docker.DockerClient, tmp_path: Path) -> None:
    """No stack trace for a mistyped file name."""
    with pytest.raises(EngineError, match=r"none\.tar cannot be read: No such file"):
        bundle.load(engine, tmp_path / "none.tar")
