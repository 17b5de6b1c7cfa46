"""A question to the engine that is on its way while the SDK is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labrunner.engine.ahead import Ahead
from labrunner.engine.client import engine_address
from labrunner.engine.local import tagged

if TYPE_CHECKING:
    import docker


@pytest.mark.engine
def test_it_is_answered_as_the_sdk_would_be(engine: docker.DockerClient) -> None:
    """The same images, whoever asks."""
    engine.api.import_image_from_data(b"\0" * 1024, "labtest-ahead", "1")
    try:
        ids = tagged(engine, Ahead(engine_address()))
        assert ids["labtest-ahead:1"] == engine.api.inspect_image("labtest-ahead:1")["Id"]
    finally:
        engine.api.remove_image("labtest-ahead:1")


@pytest.mark.engine
@pytest.mark.parametrize("path", ["/nothing/like/it", "/_ping"])
def test_what_is_no_answer_is_none(path: str) -> None:
    """An error of the engine's, and something that is no JSON."""
    assert Ahead(engine_address(), path).answer() is None


@pytest.mark.parametrize("address", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:2375", ""])
def test_an_engine_that_is_not_there_is_not_waited_for(address: str, tmp_path: Path) -> None:
    """What is wrong is said by who asks next."""
    assert Ahead(address.replace("/nowhere", str(tmp_path))).answer() is None


@pytest.mark.engine
def test_without_an_answer_the_sdk_asks(engine: docker.DockerClient, tmp_path: Path) -> None:
    """A question that led nowhere costs time and nothing else."""
    lost = Ahead(f"unix://{tmp_path}/none.sock")
    assert lost.answer() is None
    assert tagged(engine, lost).keys() >= {
        tag for image in engine.images.list("labrunner/host") for tag in image.tags
    }
