"""Courses of a test's own, and where their packages go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.killercoda.courses import VERIFY, Make


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a course: one step with a verify script, unless other files are given."""

    def write(
        files: Mapping[str, str | bytes] | None = None, /, name: str = "harbour", **root: Any
    ) -> Path:
        folder = tmp_path / "courses" / name
        given: dict[str, Any] = {
            "title": "The harbour",
            "description": "Look at ships",
            "details": {"steps": [{"title": "Moor", "text": "a.md", "verify": "a.sh"}]},
            "backend": {"imageid": "ubuntu"},
            **root,
        }
        usual: dict[str, str | bytes] = {
            "index.json": json.dumps(given),
            "a.md": "Type `touch done`{{exec}}.\n",
            "a.sh": VERIFY,
        }
        for path, content in {**usual, **(files or {})}.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return write


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "packages"
