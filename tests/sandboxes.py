"""Sandboxes for tests: made in a folder of their own, removed whatever happens."""

from __future__ import annotations

import io
import secrets
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.engine import sandbox
from labrunner.model.topology import Limits

if TYPE_CHECKING:
    import docker

BASE = "base:1"
"""What the tests call the base image inside a sandbox."""


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder with a path short enough for sockets."""
    folder = Path("/tmp") / f"labtest-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def running(
    engine: docker.DockerClient,
    host_image: str,
    images: Mapping[str, str],
    *,
    limits: Limits | None = None,
    internet: bool = False,
) -> Iterator[sandbox.Sandbox]:
    """A sandbox for as long as the context lasts."""
    lab_id = f"test-{secrets.token_hex(4)}"
    with private_folder() as folder:
        spec = sandbox.SandboxSpec(
            lab_id=lab_id,
            hostname="lab-host",
            limits=limits or Limits(),
            images=images,
            internet=internet,
            folder=folder,
        )
        try:
            host = sandbox.create(engine, spec, host_image=host_image)
            yield host
            host.close()
        finally:
            sandbox.remove(engine, lab_id)


@contextmanager
def changed(engine: docker.DockerClient, host_image: str, line: str) -> Iterator[str]:
    """The host image with one more line in its Dockerfile, by a name of its own."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        text = f"FROM {host_image}\n{line}\n".encode()
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    context.seek(0)
    tag = f"labtest-{secrets.token_hex(4)}"
    engine.images.build(fileobj=context, custom_context=True, tag=tag, rm=True)
    try:
        yield tag
    finally:
        engine.images.remove(tag, force=True)
