"""One sandbox for the tests of a file that do not harm it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from labrunner.engine import images as engine_images
from labrunner.engine import sandbox
from labrunner.model.topology import Limits
from tests.sandboxes import BASE, running

if TYPE_CHECKING:
    import docker


@pytest.fixture(scope="module")
def host_image(engine: docker.DockerClient) -> str:
    return engine_images.host_image(engine)


@pytest.fixture(scope="module")
def tools(engine: docker.DockerClient) -> dict[str, str]:
    """The tools image under the name that the tests use inside."""
    wanted = {"tools:1": engine_images.RUNNER_IMAGES["tools:1"]}
    return {BASE: engine_images.ensure(engine, wanted)["tools:1"]}


@pytest.fixture(scope="module")
def host(
    engine: docker.DockerClient, host_image: str, tools: dict[str, str]
) -> Iterator[sandbox.Sandbox]:
    """One sandbox for the tests that do not harm it."""
    limits = Limits(memory="768m", cpus=1.5, processes=512, disk="64m")
    with running(engine, host_image, tools, limits=limits) as made:
        yield made
