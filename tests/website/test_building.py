"""Building the site: always the same, over nothing of anybody's, and never half."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from labrunner.errors import BusyError, LabError, UsageError
from labrunner.website import changes, documents, search, writing
from labrunner.website.markup import Html
from labrunner.website.page import Entry, Page
from tests.conftest import Lab
from tests.website.conftest import BASE, DAY, Built, Bundled
from tests.website.reading import tree

ROOT = Path(__file__).resolve().parents[2]
ATOM = "{http://www.w3.org/2005/Atom}"
INDEX_LIMIT = 60_000
"""Bytes that the index of a language may have when it is sent (compressed)."""


def test_the_same_labs_give_the_same_bytes(build: Lab, site: Path, tmp_path: Path) -> None:
    """Whatever the order of sets, the language and the clock of the machine."""
    folder = tmp_path / "public"
    done = build(
        *("site", "build", str(folder)),
        env={"PYTHONHASHSEED": "7", "LANG": "fr_FR.UTF-8", "TZ": "Asia/Tokyo"},
    )
    assert done.returncode == 0, done.stderr
    assert tree(folder) == tree(site)


def test_a_wheel_builds_the_same_site(build: Lab, site: Path, tmp_path: Path) -> None:
    """Templates, documents and changelog come along; the source tree is not needed."""
    make = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(make, check=True, capture_output=True, cwd=ROOT)
    (wheel,) = tmp_path.glob("labrunner-*.whl")
    target = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(target)
    folder = tmp_path / "public"
    done = subprocess.run(
        [sys.executable, "-m", "labrunner", "site", "build", str(folder)],
        env={**build.env, "PYTHONPATH": str(target)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert tree(folder) == tree(site)


# --- where it is put ----------------------------------------------------------------------


NEW = {"index.html": b"new", "labs/new.html": b"a lab"}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A small site that was put there before, with a page that the next one does not have."""
    folder = tmp_path / "public"
    writing.publish(folder, {"index.html": b"old", "labs/gone.html": b"last year"})
    return folder


def put(folder: Path) -> None:
    """Put a small new site there, as a build does."""
    writing.publish(writing.check(folder), NEW)


def beside(folder: Path) -> list[str]:
    """What is in the same folder as the site."""
    return sorted(path.name for path in folder.parent.iterdir())


def pages(folder: Path) -> dict[str, bytes]:
    """What is in a site, without its list of what is its own."""
    return {name: data for name, data in tree(folder).items() if name != writing.MARKER}


def test_an_old_site_is_replaced_as_a_whole(old: Path) -> None:
    """What is no longer part of it goes; nothing is left beside it. So it is again and again."""
    for _ in range(2):
        put(old)
        assert pages(old) == NEW
        assert beside(old) == ["public"]


@pytest.mark.parametrize("name", ["thesis.txt", "labs/thesis.txt", ".git/config", "a b/c"])
def test_what_is_not_ours_is_not_replaced(build: Lab, old: Path, name: str) -> None:
    """A file that somebody put into the site stops the build, which names it."""
    (old / name).parent.mkdir(exist_ok=True)
    (old / name).write_text("years of work", "utf-8")
    before = tree(old)
    done = build("site", "build", str(old))
    assert done.returncode == 2
    assert name in done.stderr
    assert tree(old) == before
    assert beside(old) == ["public"]


def test_a_link_is_not_ours(old: Path, tmp_path: Path) -> None:
    """Where it leads is nobody's business; it is not removed."""
    (old / "labs" / "photos").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="labs/photos"):
        writing.check(old)
    with pytest.raises(UsageError, match="is not empty"):
        writing.check(Path("/"))


def test_a_folder_of_somebody_elses_is_refused(build: Lab, tmp_path: Path) -> None:
    """So is a file; both stay as they are, and the error says what to do."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "index.html").write_text("my own page", "utf-8")
    for target in (home, home / "index.html"):
        done = build("site", "build", str(target))
        assert done.returncode == 2
        assert str(target.name) in done.stderr
        assert "Name a" in done.stderr
        assert "Traceback" not in done.stderr
    assert tree(home) == {"index.html": b"my own page"}
    assert beside(home) == ["home"]


def test_new_empty_and_linked_folders_are_fine(tmp_path: Path) -> None:
    """Parents are made; a link keeps being one."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    put(tmp_path / "link")
    put(tmp_path / "a" / "b" / "public")
    assert (tmp_path / "link").is_symlink()
    assert pages(tmp_path / "empty") == pages(tmp_path / "a" / "b" / "public") == NEW
    assert beside(tmp_path / "empty") == ["a", "empty", "link"]


def test_a_build_that_cannot_go_on_leaves_the_old_site(build: Lab, old: Path) -> None:
    """A full disk (here: no large files) is told, and nothing has changed."""
    before = tree(old)
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 20; exec "$@"', "-", *build.argv("site", "build", str(old))],
        env=build.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert tree(old) == before
    assert beside(old) == ["public"]


KILLED = """
import os, sys
from pathlib import Path
from labrunner.website import writing

class Files(dict):
    def items(self):
        yield "labs/half.html", b"<!doctype"
        os._exit(9)

writing.publish(Path(sys.argv[1]), Files({"labs/half.html": b"", "index.html": b""}))
"""


def test_the_next_build_clears_up_after_one_that_was_killed(old: Path) -> None:
    """Whether it was killed while it wrote, or between taking the old site away and the end."""
    killed = subprocess.run([sys.executable, "-c", KILLED, str(old)], cwd=ROOT, check=False)
    assert killed.returncode == 9
    assert (old.with_name(".public.new") / "labs" / "half.html").is_file()
    put(old)
    assert pages(old) == NEW
    old.rename(old.with_name(".public.before"))
    writing.check(old)
    assert pages(old) == NEW, "the old one is back before anything new is made"
    assert beside(old) == ["public"]


@pytest.mark.parametrize("name", [".public.new", ".public.before"])
@pytest.mark.parametrize("ours", [True, False])
def test_what_is_beside_is_cleared_only_where_it_is_ours(
    old: Path, name: str, *, ours: bool
) -> None:
    """Somebody's folder with such a name is named and left alone, and so is all else."""
    foreign = old.with_name(name)
    if ours:
        writing.publish(foreign, {"index.html": b"half"})
    foreign.mkdir(exist_ok=True)
    (foreign / "thesis.txt").write_text("years of work", "utf-8")
    before = tree(old.parent)
    for act in (lambda: writing.check(old), lambda: writing.publish(old, NEW)):
        with pytest.raises(UsageError, match=r"thesis\.txt") as error:
            act()
        assert name in error.value.message
    assert tree(old.parent) == before
    (foreign / "thesis.txt").unlink()
    put(old)
    assert pages(old) == NEW
    assert beside(old) == ["public"]


@pytest.mark.parametrize("name", [".public.new", ".public.before"])
def test_what_is_beside_may_lead_elsewhere(old: Path, tmp_path: Path, name: str) -> None:
    """A link there is somebody's, wherever it leads, and so is a file."""
    site = tmp_path / "other"
    writing.publish(site, {"index.html": b"another site"})
    link = old.with_name(name)
    link.symlink_to(site)
    for _ in range(2):
        before = tree(tmp_path)
        for act in (lambda: writing.check(old), lambda: writing.publish(old, NEW)):
            with pytest.raises(LabError, match=re.escape(name)):
                act()
        assert tree(tmp_path) == before
        link.unlink()
        link.write_text("a note", "utf-8")


def test_what_came_during_a_build_is_not_replaced(old: Path) -> None:
    """It is looked at again before it goes."""
    place = writing.check(old)
    (old / "thesis.txt").write_text("years of work", "utf-8")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        writing.publish(place, NEW)
    assert (old / "index.html").read_bytes() == b"old"
    assert beside(old) == ["public"]


def test_two_builds_do_not_meet(old: Path) -> None:
    """The second one says that the first is at it; the old site stays."""
    fresh = old.with_name(".public.new")
    fresh.mkdir()
    handle = os.open(fresh, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        before = tree(old)
        with pytest.raises(BusyError, match="another build"):
            put(old)
    finally:
        os.close(handle)
    assert tree(old) == before


# --- what is said -------------------------------------------------------------------------


def test_a_broken_plugin_is_named(theirs: Built, bundled: Bundled) -> None:
    """The site is built without it; people and programs are told why."""
    (problem,) = theirs.said["problems"]
    assert problem["name"] == "broken"
    assert "ZeroDivisionError" in problem["message"]
    assert "broken" not in theirs.said["labs"]
    assert not (theirs.folder / "labs" / "broken.html").exists()
    assert "left out: broken" in bundled.told
    assert f"{bundled.broken}:1" in bundled.told.replace("\n", "").replace(" ", "")
    assert "index.html" in bundled.printed


def test_a_summary_for_programs(theirs: Built) -> None:
    """Nothing else is printed, and it is true."""
    assert theirs.said["pages"] == len(list(theirs.folder.rglob("*.html")))
    assert theirs.said["languages"] == ["en", "fr"]
    assert theirs.said["folder"] == str(theirs.folder)


@pytest.mark.parametrize(
    "address", ["example.org", "ftp://example.org", "https://", "https://a/?b", "https://[::1"]
)
def test_what_is_no_address_is_refused(build: Lab, tmp_path: Path, address: str) -> None:
    """Before anything is built."""
    done = build("site", "build", str(tmp_path / "public"), "--base-url", address)
    assert done.returncode == 2
    assert address in done.stderr
    assert not (tmp_path / "public").exists()


def test_a_document_without_a_heading_is_a_document() -> None:
    """It has one part, and no name."""
    assert documents.parts("Only words.\n") == [documents.Part(0, "", "", "Only words.\n")]


# --- search -------------------------------------------------------------------------------


def index(script: bytes) -> dict[str, Any]:
    """What is in an index."""
    found = re.search(r"\.push\((.*)\);\n", script.decode(), re.DOTALL)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


def numbers(places: str) -> list[int]:
    """The places of a word."""
    steps = [int(part.rstrip("!"), 36) for part in places.split()]
    return [sum(steps[: end + 1]) for end in range(len(steps))]


def test_every_word_is_found_where_it_stands() -> None:
    """Small or large, with and without accents, in a text or in a title."""
    entries = tuple(
        Entry(f"at-{n}", f"Title {n}", f"Réseau n° {n} uses DOCKER-0.1, word{n}", "shown")
        for n in range(100)
    )
    found = index(search.script([Page("a.html", "A page", Html(), "", entries=entries)]))
    assert numbers(found["words"]["reseau"]) == list(range(100))
    assert numbers(found["words"]["docker"]) == list(range(100))
    assert "!" in found["words"]["title"]
    assert "!" not in found["words"]["uses"]
    assert numbers(found["words"]["word7"]) == [7]
    assert found["places"][7] == ["a.html#at-7", "Title 7", "A page", "en", "shown"]


def test_an_index_is_small_and_whole(site: Path) -> None:
    """Steps, claims and documents are in it; it can be sent over a slow line."""
    for name in ("search-index.js", "search-index.fr.js"):
        script = (site / "assets" / name).read_bytes()
        assert len(gzip.compress(script)) < INDEX_LIMIT
        for where, *_ in index(script)["places"]:
            assert (site / where.partition("#")[0]).is_file()
    found = index((site / "assets" / "search-index.js").read_bytes())
    places = [found["places"][number][0] for number in numbers(found["words"]["arpspoof"])]
    assert "labs/eavesdropping.html#spoof" in places
    kinds = {where.partition("/")[0].partition(".")[0] for where, *_ in found["places"]}
    assert kinds == {"labs", "claims", "docs", "changes"}


# --- changes ------------------------------------------------------------------------------


def test_the_feed_is_one(site: Path, theirs: Built) -> None:
    """Atom: an id, a title, a date and an entry with text for each release; links are whole."""
    for folder, base in ((site, ""), (theirs.folder, BASE)):
        feed = ET.parse(folder / "feed.xml").getroot()  # noqa: S314  we have written it
        assert feed.tag == f"{ATOM}feed"
        entries = feed.findall(f"{ATOM}entry")
        assert len(entries) == (ROOT / "CHANGELOG.md").read_text("utf-8").count("\n## ")
        for element in (feed, *entries):
            for name in ("id", "title", "updated"):
                assert element.findtext(f"{ATOM}{name}"), name
            assert re.fullmatch(
                r"\d{4}-\d\d-\d\dT00:00:00Z", element.findtext(f"{ATOM}updated") or ""
            )
        ids = [entry.findtext(f"{ATOM}id") for entry in entries]
        assert len(set(ids)) == len(ids)
        content = entries[0].findtext(f"{ATOM}content") or ""
        assert "<li>" in content
        assert f'href="{base}docs/' in content
        links = [link.get("href", "") for link in feed.iter(f"{ATOM}link")]
        assert links[:2] == [f"{base}feed.xml", f"{base}changes.html"]
        assert all(link.startswith(f"{base}changes.html#") for link in links[2:])


def test_a_release_has_its_own_date(tmp_path: Path) -> None:
    """What is not released has the day of the changelog, or the one that the builder gives."""
    log = tmp_path / "CHANGELOG.md"
    log.write_text("# Log\n\n## Unreleased\n\n- a\n\n## 0.2.0 (2026-03-04)\n\n- b\n", "utf-8")
    os.utime(log, (1_772_000_000, 1_772_000_000))
    assert [(r.title, r.date) for r in changes.releases(log)] == [
        ("Unreleased", "2026-02-25"),
        ("0.2.0 (2026-03-04)", "2026-03-04"),
    ]
    assert DAY["SOURCE_DATE_EPOCH"].isdecimal()


def test_the_day_of_the_builder_is_in_the_feed(site: Path) -> None:
    """``SOURCE_DATE_EPOCH`` stands in for the changelog's own day."""
    assert "<updated>2026-01-01T00:00:00Z</updated>" in (site / "feed.xml").read_text("utf-8")
