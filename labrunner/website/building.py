"""Builds the whole site: gather, make every page, index them, put them in their place."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from labrunner.errors import UsageError
from labrunner.model.event import Event, OnEvent, ignore_event
from labrunner.sources import Problem
from labrunner.website import (
    changes,
    claimed,
    front,
    labs,
    material,
    places,
    search,
    sheets,
    writing,
)
from labrunner.website.documents import Documents
from labrunner.website.markup import fill, tag
from labrunner.website.material import Material, speaking
from labrunner.website.page import FEED, Frame, Page

_ASSETS = ("site.css", "search.js", "icon.svg")


@dataclass(frozen=True)
class Site:
    """What was built.

    Attributes:
        folder: where it is.
        pages: how many there are.
        labs: their names, in the order of the front page.
        languages: of the front page, the original first.
        problems: why other labs are missing.
    """

    folder: Path
    pages: int
    labs: tuple[str, ...]
    languages: tuple[str, ...]
    problems: tuple[Problem, ...]


def build(folder: Path, base_url: str = "", on_event: OnEvent = ignore_event) -> Site:
    """Build the site of every lab there is into a folder.

    Args:
        folder: new, empty, or one that holds a site that was built here.
        base_url: where the site will be; the feed, the map of the site and links between
            languages are complete with it.
        on_event: told what goes on.

    Raises:
        UsageError: the folder is somebody's, or the address is none.
        BusyError: another build is writing there.
        LabError: the file system refuses.
    """
    base = address(base_url)
    place = writing.check(folder)
    with _stage("labs", on_event):
        found = material.gather()
    with _stage("pages", on_event):
        files = _files(found, base)
    with _stage("folder", on_event):
        writing.publish(place, files)
    pages = sum(name.endswith(".html") for name in files)
    names = tuple(lab.name for lab in found.labs)
    return Site(folder, pages, names, found.languages, found.problems)


def address(base_url: str) -> str:
    """The address with a slash at its end; empty stays empty.

    Raises:
        UsageError: it is no address of a site.
    """
    if not base_url:
        return ""
    try:
        parts = urlsplit(base_url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            f"{base_url!r} is not the address of a site", "Write it as https://example.org/labs/."
        )
    if re.search(r"[\s\"'<>]", base_url):
        raise UsageError(f"{base_url!r} has letters that no address has")
    return base_url.rstrip("/") + "/"


@contextmanager
def _stage(name: str, on_event: OnEvent) -> Iterator[None]:
    """A part of the work, told at its beginning and its end."""
    begun = time.monotonic()
    on_event(Event("site", name, "started"))
    yield
    on_event(Event("site", name, "done", seconds=time.monotonic() - begun))


def _files(found: Material, base: str) -> dict[str, bytes]:
    """Every file of the site, by its path."""
    frame = Frame(found.languages, base)
    documents = Documents()
    released = changes.releases(places.documents() / "CHANGELOG.md")
    pages = _pages(found, documents, released)
    files = {page.path: frame.around(page) for page in pages}
    files |= {"404.html": _lost(frame, base), FEED: changes.feed(released, base)}
    for language in found.languages:
        written = [page for page in pages if page.language == language]
        files[search.index_of(language)] = search.script(written)
    files |= {f"assets/{name}": (places.assets() / name).read_bytes() for name in _ASSETS}
    files |= {f"docs/{file.name}": file.read_bytes() for file in documents.copied}
    return files | ({"sitemap.xml": _sitemap(pages, base)} if base else {})


def _pages(
    found: Material, documents: Documents, released: Sequence[changes.Release]
) -> list[Page]:
    """Every page that can be linked to, those in other languages among them."""
    made: list[Page] = []
    for language in found.languages:
        with speaking(language):
            made += [front.page(found, language), search.page(found, language)]
    for lab in found.labs:
        for language in lab.languages:
            with speaking(language, lab.scenario.content):
                made += [labs.page(found, lab, language), sheets.page(lab, language)]
    return [*made, claimed.page(found), *documents.pages(), changes.page(released)]


def _sitemap(pages: list[Page], base: str) -> bytes:
    rows = [tag("url", tag("loc", base + page.path)) for page in pages]
    return f"{fill('sitemap.xml', rows=rows)}\n".encode()


def _lost(frame: Frame, base: str) -> bytes:
    """The page for what is not there: shown at any address, so its links begin at the root."""
    made = frame.around(front.lost()).decode()
    if base:
        root = urlsplit(base).path
        made = re.sub(r'\b(href|src)="(?![a-z]+:|#)', rf'\1="{root}', made)
    return made.encode()
