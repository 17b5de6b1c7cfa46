"""The host's image, and an empty town."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from labrunner.engine import images

if TYPE_CHECKING:
    import docker


from tests.reach.town import Town


@pytest.fixture(scope="module")
def image(engine: docker.DockerClient) -> str:
    return images.host_image(engine)


@pytest.fixture
def village(engine: docker.DockerClient, image: str) -> Iterator[Town]:
    """An empty town for one test."""
    town = Town(engine, image)
    yield town
    town.remove()
