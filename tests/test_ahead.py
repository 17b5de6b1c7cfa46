"""The engine asked without the SDK, while that is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labrunner.engine import ahead, sandbox
from labrunner.engine.ahead import Ahead, ask, listed
from labrunner.engine.client import engine_address
from labrunner.engine.local import held, held_ahead

if TYPE_CHECKING:
    import docker


@pytest.mark.engine
def test_it_is_answered_as_the_sdk_would_be(engine: docker.DockerClient) -> None:
    """The same images, whoever asks."""
    engine.api.import_image_from_data(b"\0" * 1024, "labtest-ahead", "1")
    try:
        found = Ahead(lambda: held_ahead(engine_address())).answer()
        assert found is not None
        theirs = engine.api.inspect_image("labtest-ahead:1")["Id"]
        assert found.tags["labtest-ahead:1"] == held(engine).tags["labtest-ahead:1"] == theirs
        assert {n["Id"] for n in found.networks} >= {n.id for n in engine.networks.list(["bridge"])}
    finally:
        engine.api.remove_image("labtest-ahead:1")


@pytest.mark.engine
@pytest.mark.parametrize("path", ["/nothing/like/it", "/_ping"])
def test_what_is_no_answer_is_none(path: str) -> None:
    """An error of the engine's, and something that is no JSON."""
    assert listed(engine_address(), path) is None


@pytest.mark.parametrize("address", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:2375", ""])
def test_an_engine_that_is_not_there_is_not_waited_for(address: str, tmp_path: Path) -> None:
    """What is wrong is said by who asks next."""
    address = address.replace("/nowhere", str(tmp_path))
    assert ask(address, ahead.IMAGES) is None
    assert held_ahead(address) is None
    assert sandbox.remove_simply(address, "test-never-was") is False


@pytest.mark.engine
def test_a_sandbox_that_is_not_there_is_left_to_the_sdk() -> None:
    """It knows what that means."""
    assert sandbox.remove_simply(engine_address(), "test-never-was") is False
