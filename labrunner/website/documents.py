"""The documents for authors as pages: headings that can be linked to, links that lead on."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from labrunner.lessons import html as lessons
from labrunner.lessons import markdown
from labrunner.lessons.reading import text
from labrunner.website import places
from labrunner.website.labs import inline, shortened
from labrunner.website.markup import Html, fill, items, join, plain, tag
from labrunner.website.page import Entry, Page, anchor, link

_ORDER = ("guide.md", "reference.md", "lint.md", "ci.md", "site.md")
"""What an author reads, in this order; what else there is comes after it."""
_PLAIN = frozenset({"claims.md"})
"""Documents that the site has in another form."""
_GIVEN_ID = re.compile(r"\s*\{#([\w-]+)\}\s*$")
_LINK = re.compile(r'<a href="([^"]*)"([^>]*)>(.*?)</a>', re.DOTALL)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")
_LARGEST_IN_CONTENTS = 2


@dataclass(frozen=True)
class Part:
    """A heading of a document and what stands below it, up to the next heading.

    Attributes:
        level: of the heading; 0 for a document that has none.
        id: what a link names it by.
        title: as Markdown.
        body: as Markdown.
    """

    level: int
    id: str
    title: str
    body: str


class Documents:
    """Every document, and what a link in one of them leads to."""

    def __init__(self) -> None:
        root = places.documents()
        named = [root / "docs" / name for name in _ORDER]
        others = sorted((root / "docs").glob("*.md"))
        found = [*named, *others, root / "ARCHITECTURE.md"]
        self.files = [
            file for file in dict.fromkeys(found) if file.name not in _PLAIN and file.is_file()
        ]
        self.copied = [f for f in sorted((root / "docs").iterdir()) if f.suffix != ".md"]
        self._targets = {
            (root / "README.md").resolve(): "index.html",
            (root / "CHANGELOG.md").resolve(): "changes.html",
            (root / "docs" / "claims.md").resolve(): "claims.html",
            **{file.resolve(): f"docs/{file.stem.lower()}.html" for file in self.files},
            **{file.resolve(): f"docs/{file.name}" for file in self.copied},
        }

    def pages(self) -> Iterator[Page]:
        """Each document as a page."""
        titles = {self.path(file): parts(text(file))[0].title for file in self.files}
        for file in self.files:
            yield self._page(file, titles)

    def path(self, file: Path) -> str:
        """The page of a document."""
        return self._targets[file.resolve()]

    def _page(self, file: Path, titles: Mapping[str, str]) -> Page:
        path = self.path(file)
        head, *rest = parts(text(file))
        shown = {part.id: self.linked(file, path, lessons.blocks(part.body)) for part in rest}
        chosen = [part for part in rest if part.level <= _LARGEST_IN_CONTENTS]
        begin = self.linked(file, path, lessons.blocks(head.body))
        body = fill(
            "document.html",
            title=inline(head.title),
            contents=items(
                (tag("a", inline(part.title), href=f"#{part.id}") for part in chosen),
                class_="contents",
            ),
            begin=begin,
            parts=[_part(part, shown[part.id]) for part in rest],
            others=items(
                tag("strong", inline(title))
                if other == path
                else anchor(path, other, inline(title))
                for other, title in titles.items()
            ),
        )
        title = plain(inline(head.title))
        entries = [Entry("", title, plain(begin), shortened(plain(begin)))]
        for part in rest:
            said = plain(shown[part.id])
            entries.append(Entry(part.id, plain(inline(part.title)), said, shortened(said)))
        summary = shortened(plain(begin), 200)
        return Page(path, title, body, summary, kind="document", entries=tuple(entries))

    def linked(self, file: Path, path: str, made: str) -> Html:
        """The HTML of a document with its links leading to pages of the site."""

        def one(match: re.Match[str]) -> str:
            href, more, words = match.groups()
            target = self._target(file, unescape(href))
            if target is None:
                return words
            return (
                match[0] if target == href else f'<a href="{link(path, target)}"{more}>{words}</a>'
            )

        return Html(_LINK.sub(one, made))

    def _target(self, file: Path, href: str) -> str | None:
        """Where a link of a document leads on the site; ``None``: nowhere."""
        if _ELSEWHERE.match(href) or href.startswith("#"):
            return href
        name, mark, anchor_id = href.partition("#")
        page = self._targets.get((file.parent / name).resolve())
        if page is None:
            return None
        if posixpath.basename(page) == "claims.html" and anchor_id:
            anchor_id = f"claim-{anchor_id}"
        return f"{page}{mark}{anchor_id}"


def parts(source: str) -> list[Part]:
    """A document, taken apart at its headings; the first part has its title."""
    lines = source.splitlines()
    tokens = markdown.parser().parse(source)
    heads = [
        (markdown.span(token), int(token.tag[1:]), tokens[at + 1].content)
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and not token.level
    ]
    if not heads:
        return [Part(0, "", "", source)]
    ends = [first for (first, _), _, _ in heads[1:]] + [len(lines)]
    found: list[Part] = []
    for ((_, first), level, words), end in zip(heads, ends, strict=True):
        given = _GIVEN_ID.search(words)
        title = _GIVEN_ID.sub("", words)
        name = given[1] if given else _slug(title)
        taken = [part.id for part in found]
        name = name if name not in taken else f"{name}-{sum(t.startswith(name) for t in taken)}"
        found.append(Part(level, name, title, "\n".join(lines[first:end])))
    return found


def _slug(title: str) -> str:
    """The anchor that code hosts give to a heading."""
    words = re.sub(r"[^\w\s-]", "", title.lower()).strip()
    return re.sub(r"\s", "-", words)


def _part(part: Part, body: Html) -> Html:
    head = tag(f"h{part.level}", inline(part.title), id=part.id)
    return join([head, body])
