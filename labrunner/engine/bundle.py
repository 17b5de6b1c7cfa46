"""Images in one file, for machines that reach neither a registry nor Debian.

A bundle is a tar of two members: ``images.tar``, as the engine saves it, and after it
``bundle.json``, which says what is in it and its SHA-256. The digest is known only at the end,
hence the order; readers skip over the first member, so nothing is read twice for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from labrunner.engine.background import Ongoing, watched
from labrunner.engine.base import IMAGE_LABEL, INPUTS_LABEL
from labrunner.engine.client import engine_errors
from labrunner.engine.images import PREFIX
from labrunner.errors import EngineError
from labrunner.model.event import OnEvent, ignore_event

if TYPE_CHECKING:
    import docker

FORMAT = 1
_IMAGES, _MANIFEST = "images.tar", "bundle.json"
_CHUNK = 1 << 20
_BLOCK = tarfile.BLOCKSIZE
_MANIFEST_LIMIT = 1 << 20


@dataclass(frozen=True)
class Saved:
    """One image in a bundle: its reference, its name for learners, what it was made from."""

    ref: str
    name: str
    inputs: str


def save(
    client: docker.DockerClient,
    refs: Sequence[str],
    file: Path,
    *,
    on_event: OnEvent = ignore_event,
) -> list[Saved]:
    """Write images of ours into one file; what was there before stays until it is complete.

    Raises:
        EngineError: an image is missing, the engine failed, or the file cannot be written.
    """
    saved = [_described(client, ref) for ref in refs]
    ongoing = Ongoing(file.name, on_event)
    ongoing.step(f"saving {len(saved)} images")
    try:
        handle, part = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    except OSError as error:
        raise _unwritable(file, error) from error
    try:
        with os.fdopen(handle, "w+b") as out:
            size = _write(client, saved, out, ongoing)
            out.flush()
            os.fsync(out.fileno())
        Path(part).replace(file)
    except OSError as error:
        ongoing.failed("the file cannot be written")
        raise _unwritable(file, error) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(part).unlink()
    ongoing.done(f"{len(saved)} images, {size / 1e6:.0f} MB")
    return saved


def load(
    client: docker.DockerClient, file: Path, *, on_event: OnEvent = ignore_event
) -> list[Saved]:
    """Bring the images of a bundle to the engine; nothing of a damaged one gets there.

    Raises:
        EngineError: no such file, not a bundle, damaged, or the engine refused it.
    """
    ongoing = Ongoing(file.name, on_event)
    ongoing.step("checking")
    try:
        with tarfile.open(file, "r:") as tar:
            manifest, images = _opened(tar, file)
            saved = [Saved(**entry) for entry in manifest["images"]]
            _verify(images, manifest["sha256"], file, ongoing)
            _only_ours(images, {entry.ref for entry in saved}, file)
            _send(client, images, ongoing)
    except (tarfile.TarError, EOFError, KeyError, TypeError, ValueError) as error:
        raise _no_bundle(file, str(error)) from error
    except OSError as error:
        raise EngineError(f"{file} cannot be read: {error.strerror or error}") from error
    for entry in saved:
        if _described(client, entry.ref).inputs != entry.inputs:
            raise EngineError(f"the engine has another image under the name {entry.ref}")
    ongoing.done(f"{len(saved)} images")
    return saved


def _described(client: docker.DockerClient, ref: str) -> Saved:
    with engine_errors(f"looking for the image {ref}"):
        labels = client.images.get(ref).labels
    return Saved(ref, labels.get(IMAGE_LABEL, ""), labels.get(INPUTS_LABEL, ""))


# --- writing ------------------------------------------------------------------------------


def _write(
    client: docker.DockerClient, saved: Sequence[Saved], out: IO[bytes], ongoing: Ongoing
) -> int:
    """Both members; the size in the header of the first is filled in when it is known."""
    out.write(bytes(_BLOCK))
    sums = hashlib.sha256()

    def copy(tell: Callable[[int], None]) -> int:
        size = 0
        for chunk in _exported(client, [entry.ref for entry in saved]):
            out.write(chunk)
            sums.update(chunk)
            size += len(chunk)
            tell(size)
        return size

    size = watched(copy, lambda done: ongoing.beat(f"saving, {_megabytes(done)}" if done else ""))
    if size == 0:
        raise EngineError("the engine saved nothing")
    _pad(out, size)
    out.seek(0)
    out.write(_header(_IMAGES, size))
    out.seek(0, os.SEEK_END)
    manifest = {
        "labrunner_bundle": FORMAT,
        "sha256": sums.hexdigest(),
        "images": [asdict(entry) for entry in saved],
    }
    text = json.dumps(manifest, indent=1).encode()
    out.write(_header(_MANIFEST, len(text)) + text)
    _pad(out, len(text))
    out.write(bytes(2 * _BLOCK))
    return size


def _exported(client: docker.DockerClient, refs: Sequence[str]) -> Iterator[bytes]:
    """What ``docker save`` gives; the SDK's own call takes one image only."""
    api = client.api
    with (
        engine_errors("saving images"),
        api.get(
            f"{api.base_url}/v{api.api_version}/images/get",
            params={"names": list(refs)},
            stream=True,
            timeout=None,
        ) as answer,
    ):
        answer.raise_for_status()
        yield from answer.iter_content(_CHUNK)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, int(time.time()), 0o644
    return info.tobuf(tarfile.GNU_FORMAT)


def _pad(out: IO[bytes], size: int) -> None:
    out.write(bytes(-size % _BLOCK))


def _unwritable(file: Path, error: OSError) -> EngineError:
    return EngineError(f"{file} cannot be written: {error.strerror or error}")


# --- reading ------------------------------------------------------------------------------


def _opened(tar: tarfile.TarFile, file: Path) -> tuple[dict[str, Any], IO[bytes]]:
    members = {member.name: member for member in tar.getmembers()}
    if _IMAGES not in members or _MANIFEST not in members:
        raise _no_bundle(file, "it lacks " + (_MANIFEST if _IMAGES in members else _IMAGES))
    text = tar.extractfile(members[_MANIFEST])
    images = tar.extractfile(members[_IMAGES])
    if text is None or images is None:
        raise _no_bundle(file, "its members are no files")
    try:
        manifest = json.loads(text.read(_MANIFEST_LIMIT))
    except ValueError as error:
        raise _no_bundle(file, f"{_MANIFEST} is damaged") from error
    if not isinstance(manifest, dict) or "labrunner_bundle" not in manifest:
        raise _no_bundle(file, f"{_MANIFEST} says something else")
    if manifest["labrunner_bundle"] != FORMAT:
        raise EngineError(
            f"{file} is a bundle of format {manifest['labrunner_bundle']}, "
            f"this labrunner reads format {FORMAT}",
            "use the labrunner that wrote it, or save the images again",
        )
    return manifest, images


def _verify(images: IO[bytes], wanted: str, file: Path, ongoing: Ongoing) -> None:
    sums = hashlib.sha256()
    done = 0
    while chunk := images.read(_CHUNK):
        sums.update(chunk)
        done += len(chunk)
        ongoing.beat(f"checking, {_megabytes(done)}")
    if sums.hexdigest() != wanted:
        raise EngineError(f"{file} is damaged: its digest is not the one it was saved with", _AGAIN)


def _only_ours(images: IO[bytes], refs: set[str], file: Path) -> None:
    """A bundle may bring labrunner's images and nothing that replaces an image of the learner."""
    images.seek(0)
    with tarfile.open(fileobj=images, mode="r:") as inner:
        member = inner.extractfile("manifest.json")
        entries = json.loads(member.read()) if member else []
    tags = {tag for entry in entries for tag in entry.get("RepoTags") or ()}
    if tags != refs or not all(tag.startswith(PREFIX) for tag in tags):
        raise _no_bundle(file, "it holds other images than it says")


def _send(client: docker.DockerClient, images: IO[bytes], ongoing: Ongoing) -> None:
    api = client.api
    size = images.seek(0, io.SEEK_END)
    images.seek(0)

    def chunks(tell: Callable[[int], None]) -> Iterator[bytes]:
        while chunk := images.read(_CHUNK):
            yield chunk
            tell(images.tell())

    def send(tell: Callable[[int], None]) -> str:
        with api.post(
            f"{api.base_url}/v{api.api_version}/images/load",
            params={"quiet": "1"},
            data=chunks(tell),
            headers={"Content-Type": "application/x-tar"},
            timeout=None,
        ) as answer:
            answer.raise_for_status()
            return answer.text

    ongoing.step("handing the images to the engine")
    with engine_errors("loading images"):
        said = watched(
            send,
            lambda done: ongoing.beat(f"loading, {_megabytes(done or size)} of {_megabytes(size)}"),
        )
    if '"error"' in said:
        raise EngineError(f"the engine refused the images: {said.strip()}")


_AGAIN = "copy the file again, or save it again with lab images save FILE"


def _no_bundle(file: Path, why: str) -> EngineError:
    return EngineError(
        f"{file} is not a bundle of labrunner's images, or not a whole one ({why})", _AGAIN
    )


def _megabytes(size: int | None) -> str:
    return f"{(size or 0) / 1e6:.0f} MB"
