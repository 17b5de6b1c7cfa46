"""The engine with its base, and names that nobody else uses."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import docker
import pytest

from labrunner.engine import base, images
from tests.images.contexts import PREFIX


@pytest.fixture(scope="module")
def engine(engine: docker.DockerClient) -> Iterator[docker.DockerClient]:
    """The engine, with its base there; what these tests leave of images is removed."""
    base.ensure(engine)
    yield engine
    for ref in images.held(engine):
        if ref.startswith(f"labrunner/{PREFIX.replace('/', '-')}"):
            engine.api.remove_image(ref, force=True)


@pytest.fixture
def unique() -> str:
    """A name that no other run of these tests uses."""
    return f"{PREFIX}{secrets.token_hex(4)}"
