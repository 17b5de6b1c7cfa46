"""The changelog as a page and as a feed."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from labrunner import __version__
from labrunner.lessons import html as lessons
from labrunner.lessons.reading import text
from labrunner.website.documents import Documents, parts
from labrunner.website.markup import Html, fill, join, plain, tag
from labrunner.website.page import FEED, Entry, Page

PATH = "changes.html"
TITLE = "What changed"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_EPOCH = "SOURCE_DATE_EPOCH"
"""A convention of reproducible builds: the time, in seconds, that stands in for now."""


@dataclass(frozen=True)
class Release:
    """One heading of the changelog.

    Attributes:
        id: what a link names it by.
        title: as it stands there.
        date: of the release; what is not released has that of the changelog.
        body: as HTML.
    """

    id: str
    title: str
    date: str
    body: Html


def releases(file: Path) -> list[Release]:
    """Every release of a changelog, in its order."""
    documents = Documents()
    found = []
    for part in parts(text(file))[1:]:
        dated = _DATE.search(part.title)
        body = documents.linked(file, PATH, lessons.blocks(part.body))
        date = dated[0] if dated else _date_of(file)
        found.append(Release(part.id, part.title, date, body))
    return found


def _date_of(file: Path) -> str:
    """The day on which a file was last changed, or that the environment says it was."""
    given = os.environ.get(_EPOCH, "")
    seconds = int(given) if given.isdecimal() else file.stat().st_mtime
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def page(found: Sequence[Release]) -> Page:
    """All changes on a page."""
    shown = [join([tag("h2", release.title, id=release.id), release.body]) for release in found]
    body = fill("changes.html", title=TITLE, feed=FEED, releases=shown)
    entries = tuple(Entry(r.id, f"{TITLE}: {r.title}", plain(r.body), "") for r in found)
    return Page(PATH, TITLE, body, "What users of labrunner notice.", entries=entries)


def feed(found: Sequence[Release], base_url: str) -> bytes:
    """The same as an Atom feed."""
    made = fill(
        "feed.xml",
        id=_id(base_url, ""),
        updated=_time(max((release.date for release in found), default="1970-01-01")),
        version=__version__,
        self=base_url + FEED,
        page=base_url + PATH,
        entries=[_entry(release, base_url) for release in found],
    )
    return f"{made}\n".encode()


def _entry(release: Release, base_url: str) -> Html:
    body = re.sub(r'href="([^"]*)"', lambda m: f'href="{_absolute(m[1], base_url)}"', release.body)
    return fill(
        "feed-entry.xml",
        id=_id(base_url, release.id),
        title=f"labrunner: {release.title}",
        updated=_time(release.date),
        href=f"{base_url}{PATH}#{release.id}",
        content=str(body),
    )


def _absolute(href: str, base_url: str) -> str:
    return href if re.match(r"[a-z]+:", href) else base_url + href


def _id(base_url: str, name: str) -> str:
    """An address that stays the same from build to build."""
    if base_url:
        return f"{base_url}{PATH}#{name}".removesuffix("#")
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'labrunner/changes/{name}')}"


def _time(date: str) -> str:
    return f"{date}T00:00:00Z"
