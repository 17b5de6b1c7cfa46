"""What `lab list` needs is kept, and never stale."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Lab
from tests.plugins.shelf import LESSON, SCENARIO, Shelf, with_path
from tests.waiting import ends

OLD = 2.1
"""Seconds after which a file counts as one that nobody is writing."""


@dataclass(frozen=True)
class Listing:
    """``catalogue.load`` in processes of its own, as ``lab list`` calls it."""

    env: dict[str, str]
    cache: Path

    def titles(self, **more: str) -> dict[str, str]:
        """What a list shows now."""
        script = (
            "import json; from labrunner import catalogue\n"
            "print(json.dumps({e.name: e.title for e in catalogue.load().entries}))"
        )
        command = [sys.executable, "-c", script]
        env = {**self.env, **more}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        found: dict[str, str] = json.loads(done.stdout)
        return found

    def kept(self) -> list[Path]:
        """The answers that are kept."""
        return sorted(self.cache.glob("catalogue-*"))


@pytest.fixture
def listing(shelf: Shelf, lab: Lab, tmp_path: Path) -> Listing:
    """A listing of one scenario of the user's, written long enough ago to be kept."""
    shelf.add("hello_there")
    cache = tmp_path / "kept"
    env = {**lab.env, "LABRUNNER_SCENARIOS": str(shelf.path), "LABRUNNER_CACHE": str(cache)}
    return Listing(env, cache)


def settle(listing: Listing, shelf: Shelf) -> None:
    """List until an answer is kept: not before the files are two seconds old."""
    listing.titles()  # parses the lesson, which is kept by itself
    written = max(path.stat().st_ctime for path in (shelf.path, *shelf.path.rglob("*")))
    assert ends(lambda: time.time() > written + OLD)
    # a file of labrunner itself may be younger, where somebody works on it
    while not listing.kept():
        listing.titles()


@pytest.mark.slow
def test_a_kept_answer_is_never_stale(listing: Listing, shelf: Shelf, example: Path) -> None:
    """Whatever changes, the next list shows it."""
    settle(listing, shelf)
    before = listing.titles()
    assert before["hello-there"] == "Hello"
    # a lesson of the same size, with its old time put back
    lesson = shelf.path / "hello_there" / "content" / "lesson.md"
    times = lesson.stat()
    lesson.write_text(LESSON.replace("Hello", "Servus"[:5]), encoding="utf-8")
    os.utime(lesson, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert listing.titles()["hello-there"] == "Servu"
    # another scenario
    shelf.add("good_day")
    assert listing.titles().keys() == before.keys() | {"good-day"}
    # another package
    assert "hello-network" in listing.titles(**with_path(example))
    # a scenario renamed, then gone
    file = shelf.path / "good_day" / "scenario.py"
    file.write_text(SCENARIO.format(name="good-bye"), encoding="utf-8")
    assert "good-bye" in listing.titles()
    shutil.rmtree(file.parent)
    assert listing.titles().keys() == before.keys()


@pytest.mark.slow
def test_a_damaged_answer_is_ignored(listing: Listing, shelf: Shelf) -> None:
    """And replaced by a good one."""
    settle(listing, shelf)
    (file,) = listing.kept()
    data = file.read_bytes()
    changed = data.replace(b"Hello", b"Jello")
    for spoilt in (b"", b"{}", b"00000000\n{}", b"\xff\xfe", data[:-9], changed):
        file.write_bytes(spoilt)
        assert listing.titles()["hello-there"] == "Hello"
        assert file.read_bytes() == data


def test_without_a_cache_folder_there_is_still_a_list(listing: Listing) -> None:
    """No home, or nowhere to write."""
    assert "hello-there" in listing.titles(LABRUNNER_CACHE="/dev/null/nowhere")
    assert "hello-there" in listing.titles(LABRUNNER_CACHE="", XDG_CACHE_HOME="", HOME="/dev/null")


def test_an_answer_with_problems_is_not_kept(listing: Listing, shelf: Shelf) -> None:
    """What mends a plugin may be anywhere, so it is tried again each time."""
    shelf.add("broken", "import nothing_of_this_name\n")
    listing.titles()
    assert listing.kept() == []
