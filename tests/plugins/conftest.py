"""A shelf of a test's own, and the example plugin, installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.plugins.shelf import EXAMPLE, Shelf, install


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    path = tmp_path / "shelf"
    path.mkdir()
    return Shelf(path)


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the example plugin is installed."""
    folder = tmp_path_factory.mktemp("example")
    source = shutil.copytree(EXAMPLE, folder / "source")
    install(source, folder / "site")
    return folder / "site"
