"""Pages as a browser reads them: tags with their attributes, ids, and the text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

Attributes = dict[str, str]

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source"})


@dataclass
class Document:
    """One page.

    Attributes:
        path: from the site's root.
        tags: every start tag with its attributes, in order.
        text: what is to be read, white space squeezed.
        unclosed: tags that were not closed, or closed in the wrong order.
    """

    path: str
    tags: list[tuple[str, Attributes]] = field(default_factory=list)
    text: str = ""
    unclosed: list[str] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """Every id, in order."""
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    def all(self, tag: str) -> list[Attributes]:
        """The attributes of every tag of this name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def addresses(self) -> list[str]:
        """Everything that the page loads or leads to."""
        return [
            a[key] for _, a in self.tags for key in ("href", "src", "srcset", "data") if key in a
        ]


class _Reader(HTMLParser):
    """Fills a document."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.document = Document(path)
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.document.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.document.unclosed.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def document(path: str, source: str) -> Document:
    """One page."""
    reader = _Reader(path)
    reader.feed(source)
    reader.close()
    reader.document.unclosed += reader.open
    reader.document.text = re.sub(r"\s+", " ", "".join(reader.words))
    return reader.document


def read(site: Path) -> dict[str, Document]:
    """Every page of a site, by its path."""
    paths = [(file.relative_to(site).as_posix(), file) for file in sorted(site.rglob("*.html"))]
    return {path: document(path, file.read_text("utf-8")) for path, file in paths}


def tree(site: Path) -> dict[str, bytes]:
    """Every file of a site, by its path."""
    files = [file for file in sorted(site.rglob("*")) if file.is_file()]
    return {file.relative_to(site).as_posix(): file.read_bytes() for file in files}
