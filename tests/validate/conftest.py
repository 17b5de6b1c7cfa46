"""What every test of ``lab validate`` may ask for: an author, and the command at work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.conftest import Lab
from tests.validate.authors import Author, left


@pytest.fixture
def author(
    folders: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Author]:
    for name, value in folders.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LABRUNNER_SCENARIOS", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    from labrunner import plugins

    plugins._registry.cache_clear()
    yield Author(tmp_path / "mine")
    plugins._registry.cache_clear()
    assert left(tmp_path / "state", folders["LABRUNNER_RUNTIME"]) == []


@pytest.fixture
def command(lab: Lab, tmp_path: Path) -> Lab:
    """The ``lab`` command with the good tiny scenario."""
    Author(tmp_path / "mine").write()
    return Lab(lab.state, {**lab.env, "LABRUNNER_SCENARIOS": str(tmp_path / "mine")})
