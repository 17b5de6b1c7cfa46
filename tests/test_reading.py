"""What a lesson file becomes is kept, and never outlives what it was made from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "content" / "segregated-vs-unsegregated" / "lesson.md"
LOOK = """
import sys
from pathlib import Path
from labrunner.lessons import lesson, reading
found = reading.read(Path(sys.argv[1]))
loaded = "markdown_it" in sys.modules
path = Path(sys.argv[1], "lesson.md")
print(found == lesson.parse(path.read_text("utf-8"), path), loaded, found.title)
"""


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A folder with a lesson, and a cache folder beside it."""
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "lesson.md").write_bytes(SOURCE.read_bytes())
    return folder


def look(content: Path) -> tuple[str, ...]:
    """In a process of its own: is it what parsing gives, did the parser run, what is the title."""
    env = {**os.environ, "LABRUNNER_CACHE": str(content.parent / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(content)], env=env, capture_output=True, check=True
    )
    return tuple(done.stdout.decode().strip().split(" ", 2))


def test_a_lesson_is_parsed_once_and_stays_the_same(content: Path) -> None:
    """The second command has the whole lesson without loading the Markdown parser."""
    assert look(content)[:2] == ("True", "True")
    assert look(content)[:2] == ("True", "False")


def test_an_edited_lesson_is_parsed_again(content: Path) -> None:
    """An edit shows at once, even one that leaves size and time of the file as they were."""
    look(content)
    file = content / "lesson.md"
    before = file.stat()
    text = file.read_text("utf-8")
    title = next(line for line in text.splitlines() if line.startswith("title: "))
    file.write_text(text.replace(title, title[:-1] + "X", 1), "utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    same, loaded, found = look(content)
    assert (same, loaded, found[-1]) == ("True", "True", "X")


def test_a_damaged_answer_is_no_answer(content: Path) -> None:
    """Whatever was done to the cache, the lesson is right."""
    look(content)
    (kept,) = (content.parent / "cache").glob("lesson-*")
    for damage in (b"", b"00000000\n{}", kept.read_bytes()[:-9]):
        kept.write_bytes(damage)
        assert look(content)[:2] == ("True", "True")
