"""The ``lab`` command with a tiny scenario of the test file's own name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tiny
from tests.conftest import Lab


@pytest.fixture
def tiny_lab(request: pytest.FixtureRequest, tmp_path: Path, lab: Lab) -> Lab:
    """The command; the scenario is called what the module's ``NAME`` says."""
    tiny.write(tmp_path / "mine", request.module.NAME)
    return Lab(lab.state, {**lab.env, "LABRUNNER_SCENARIOS": str(tmp_path / "mine")})


@pytest.fixture
def stopped(tiny_lab: Lab) -> Iterator[Lab]:
    """The same; whatever runs at the end is stopped while its scenario can still be found."""
    yield tiny_lab
    done = tiny_lab("stop", "--all")
    assert done.returncode == 0, f"something may be left on the engine:\n{done.stderr}"
