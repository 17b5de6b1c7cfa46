"""Courses that are refused: nothing is written, and nothing hangs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from labrunner.errors import LabError
from labrunner.killercoda import convert
from labrunner.killercoda.source import TEXT_LIMIT
from tests.killercoda.courses import Make, details, loaded

BAD: list[Any] = [
    ({"index.json": "{"}, {}, "index.json:1 is not JSON"),
    ({"index.json": "[]"}, {}, "not an object"),
    ({"index.json": b"\xff\xfe"}, {}, "not UTF-8"),
    ({"index.json": "[" * 50_000}, {}, "index.json"),
    ({}, {"details": []}, "details in index.json is not an object"),
    ({}, {"details": {"steps": {}}}, "details.steps in index.json is not a list"),
    ({}, {"details": {"steps": ["a.md"]}}, "details.steps[0] in index.json is not an object"),
    ({}, {"title": ["x"]}, "title in index.json is not text"),
    ({}, {"details": {}}, "no step and no text"),
    ({}, details({"text": "gone.md"}), "there is no gone.md"),
    ({}, details({"text": "a.md", "verify": "gone.sh"}), "there is no gone.sh"),
    ({"d/x": ""}, details({"text": "d"}), "d is not a file"),
    ({}, details({"text": "../../secret"}), "leads out of"),
    ({}, details({"text": "/etc/passwd"}), "leads out of"),
    ({}, details({"text": "a\\..\\b"}), "cannot be the name"),
    ({"a.md": b"\x7fELF\0\0"}, {}, "binary"),
    ({"a.sh": b"\xc3\x28"}, {}, "a.sh:1 is not UTF-8"),
    ({"a.md": b"x" * (TEXT_LIMIT + 1)}, {}, "larger than"),
    (
        {},
        details(assets={"host01": [{"file": "../x", "target": "/"}]}, intro={"text": "a.md"}),
        "out",
    ),
    ({}, details({"text": "a.md"}, assets={"host01": [{}]}), "names no file"),
    ({}, details({"text": "a.md"}, assets={"host01": "*"}), "is not a list"),
]


@pytest.mark.parametrize(("files", "root", "words"), BAD, ids=[words for _, _, words in BAD])
def test_bad_input_is_refused_and_nothing_is_written(
    files: dict[str, bytes], root: dict[str, Any], words: str, make: Make, into: Path
) -> None:
    """One clear sentence and what to do; no half of a package."""
    with pytest.raises(LabError) as caught:
        convert(make(files, **root), into)
    assert words in caught.value.message
    assert caught.value.hint
    assert not into.exists()


@pytest.mark.parametrize("kind", ["text", "folder", "asset", "index", "loop", "fifo"])
def test_links_out_of_the_folder_are_refused(
    kind: str, make: Make, into: Path, tmp_path: Path
) -> None:
    """A course must not read the importer's own files, nor make the import wait."""
    (tmp_path / "secret").write_text("s3cret")
    folder = make(**details({"text": "a.md"}, assets={"host01": [{"file": "**", "target": "/"}]}))
    (folder / "assets").mkdir()
    replaced = {
        "text": (folder / "a.md", tmp_path / "secret"),
        "folder": (folder / "assets" / "all", tmp_path),
        "asset": (folder / "assets" / "one", tmp_path / "secret"),
        "index": (folder / "index.json", tmp_path / "secret"),
        "loop": (folder / "a.md", folder / "a.md"),
        "fifo": (folder / "a.md", None),
    }
    link, target = replaced[kind]
    link.unlink(missing_ok=True)
    if target is None:
        os.mkfifo(link)
    else:
        link.symlink_to(target)
    with pytest.raises(LabError):
        convert(folder, into)
    assert not into.exists()


def test_a_folder_that_is_none_and_a_course_of_several(make: Make, into: Path) -> None:
    """A teacher who names the wrong folder is told the right one."""
    with pytest.raises(LabError, match="cannot be read"):
        convert(into / "nowhere", into)
    inner = make(name="unit/one")
    with pytest.raises(LabError) as caught:
        convert(inner.parent, into)
    assert "one/index.json" in caught.value.hint


def test_what_is_there_already_is_not_touched(make: Make, into: Path) -> None:
    """Somebody's work on an earlier import is theirs; and nothing is left beside it."""
    report = convert(make(), into)
    (report.folder / "README.md").write_text("mine")
    with pytest.raises(LabError, match="exists already"):
        convert(make(), into)
    assert (report.folder / "README.md").read_text() == "mine"
    assert [p.name for p in into.iterdir()] == ["harbour"]


def test_a_place_that_cannot_be_written_is_an_error_for_people(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot be written"):
        convert(make(), tmp_path / "file")


@pytest.mark.parametrize(
    "unit", ["` `` ", "<!--", "<a href=x>", "![", "{#", "-  ", "> ", "<details>", "[a](", "'\n"]
)
def test_no_text_keeps_the_import_busy(unit: str, make: Make, into: Path) -> None:
    """What is made to be hard to read is read in seconds."""
    huge = unit * (15_000 // len(unit))
    begun = time.process_time()
    loaded(convert(make({"a.md": f"{huge}\n```\n{huge}\n```{{{{exec}}}}\n", "a.sh": huge}), into))
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("title", "step_id"),
    [
        ('Say "hi" to \\ {#x}', "say-hi-to-x"),
        ("1. Über den Fluß", "uber-den-fluss"),
        ("日本", "step-1"),
        ("Step 2 - *Sail* [on]", "sail-on"),
        ("class", "class"),
    ],
)
def test_any_title_gives_a_name(title: str, step_id: str, make: Make, into: Path) -> None:
    """Quotes, other alphabets, Markdown and Python's own words do no harm."""
    step = {"title": title, "text": "a.md", "verify": "a.sh"}
    twice = details(step, step)
    report = convert(make(title=title, description=title, **twice), into)
    _, found = loaded(report)
    assert found.steps[0].id == step_id
    assert len({s.id for s in found.steps}) == 2
    assert found.title == " ".join(title.split())
