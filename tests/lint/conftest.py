"""The sample as files of a test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.samples import CODE, DOCKERFILE, LESSON, Sample


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    made = Sample(tmp_path / "sample")
    made.lesson.parent.mkdir(parents=True)
    made.dockerfile.parent.mkdir(parents=True)
    made.lesson.write_text(LESSON, encoding="utf-8")
    made.lesson.with_name("boxes.svg").write_text("<svg/>", encoding="utf-8")
    made.code.write_text(CODE, encoding="utf-8")
    made.dockerfile.write_text(DOCKERFILE, encoding="utf-8")
    return made
