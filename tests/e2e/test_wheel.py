"""What is installed from a wheel works without the source tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Lab

pytestmark = pytest.mark.engine

SOURCE = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed in it, far away from the source tree."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(SOURCE)]
    subprocess.run(build, check=True, capture_output=True, cwd=folder)
    (wheel,) = folder.glob("labrunner-*.whl")
    target = folder / "site"
    install = [*pip, "install", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, cwd=folder)
    return target


def away(lab: Lab, site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed ``lab`` from a folder that has nothing to do with the source."""
    return subprocess.run(
        [sys.executable, str(site / "bin" / "lab"), *arguments],
        env={**lab.env, "PYTHONPATH": str(site)},
        cwd=site.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_brings_every_lab_and_lesson(lab: Lab, site: Path) -> None:
    """Nothing of the catalogue is left behind in the source tree."""
    where = subprocess.run(
        [sys.executable, "-c", "import labrunner; print(labrunner.__file__)"],
        env={**lab.env, "PYTHONPATH": str(site)},
        cwd=site.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert Path(where.strip()).is_relative_to(site)
    done = away(lab, site, "list", "--json")
    assert done.returncode == 0, done.stderr
    bundled = {p.name.replace("_", "-") for p in (SOURCE / "scenarios").glob("*/") if p.is_dir()}
    names = {entry["name"] for entry in json.loads(done.stdout)["labs"]}
    assert names == {name for name in bundled if not name.startswith("-")}


def test_the_wheel_starts_a_lab(lab: Lab, site: Path) -> None:
    """From images to lesson: a lab runs, is checked, and ends."""
    started = away(lab, site, "start", "unsegregated-shop")
    assert started.returncode == 0, started.stderr
    assert "Step 1 of" in started.stdout
    assert away(lab, site, "check").returncode == 1
    assert away(lab, site, "stop").returncode == 0
    assert os.listdir(lab.env["LABRUNNER_RUNTIME"]) == []  # noqa: PTH208  names are enough
