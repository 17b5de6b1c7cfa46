"""A page: what is on it, and the frame that every page has."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field

from labrunner import __version__
from labrunner.lessons.frontmatter import ORIGINAL
from labrunner.website.markup import Html, fill, join, tag
from labrunner.website.material import speaking
from labrunner.words import tr

FEED = "feed.xml"
SEARCH_SCRIPT = "assets/search.js"
STYLE = "assets/site.css"
ICON = "assets/icon.svg"

_LANGUAGES = {
    "de": "Deutsch",
    "en": "English",
    "es": "español",
    "fr": "français",
    "it": "italiano",
    "nl": "Nederlands",
    "pl": "polski",
    "pt": "português",
}
"""What speakers of a language call it."""


@dataclass(frozen=True)
class Entry:
    """A place that a search can find.

    Attributes:
        anchor: of the place on its page; empty for the page itself.
        title: what it is called.
        text: everything that it says.
        shown: its beginning, without what should not be given away.
    """

    anchor: str
    title: str
    text: str
    shown: str


@dataclass(frozen=True)
class Page:
    """One page of the site.

    Attributes:
        path: of its file, from the site's root.
        title: its heading.
        body: what stands in its main part.
        summary: one sentence for those who link to it.
        language: in which it is written.
        versions: paths by language, its own among them, where there are several.
        kind: a class for the style sheet.
        entries: what a search finds on it.
        scripts: files that it loads.
    """

    path: str
    title: str
    body: Html
    summary: str
    language: str = ORIGINAL
    versions: dict[str, str] = field(default_factory=dict)
    kind: str = "text"
    entries: tuple[Entry, ...] = ()
    scripts: tuple[str, ...] = ()


def translated(path: str, language: str) -> str:
    """The path of a page in a language: ``labs/x.html`` or ``labs/x.fr.html``."""
    if language == ORIGINAL:
        return path
    stem, ending = posixpath.splitext(path)
    return f"{stem}.{language}{ending}"


def link(page: str, target: str) -> str:
    """The way from a page to a file of the site, both from its root; an anchor stays."""
    file, mark, anchor = target.partition("#")
    if file == page and mark:
        return f"#{anchor}"
    return posixpath.relpath(file, posixpath.dirname(page) or ".") + mark + anchor


def anchor(page: str, target: str, words: str | Html, **attributes: str) -> Html:
    """A link from a page to a file of the site."""
    return tag("a", words, href=link(page, target), **attributes)


class Frame:
    """What every page has around it.

    Args:
        languages: that the site's front page has.
        base_url: where the site will be, with a slash at its end; may be empty.
    """

    def __init__(self, languages: Sequence[str], base_url: str = "") -> None:
        self._languages = languages
        self._base_url = base_url

    def around(self, page: Page) -> bytes:
        """The page as a file; the frame is in the page's language."""
        with speaking(page.language):
            return f"{self._framed(page)}\n".encode()

    def _framed(self, page: Page) -> Html:
        return fill(
            "page.html",
            language=page.language,
            title=_title(page),
            summary=page.summary,
            style=link(page.path, STYLE),
            icon=link(page.path, ICON),
            feed=link(page.path, FEED),
            changes=tr("What changed"),
            versions=self._versions(page),
            scripts=[tag("script", src=link(page.path, s), defer="") for s in page.scripts],
            kind=page.kind,
            skip=tr("Skip to the text"),
            home=link(page.path, self._in(page, "index.html")),
            navigation=self._navigation(page),
            navigation_label=tr("Site"),
            other_languages=_other_languages(page),
            body=page.body,
            footer=self._footer(page),
        )

    def _in(self, page: Page, path: str) -> str:
        """One of the site's own pages, in the language of this page if it is there."""
        here = page.language if page.language in self._languages else ORIGINAL
        return translated(path, here)

    def _navigation(self, page: Page) -> Html:
        places = (
            (self._in(page, "index.html"), tr("Labs"), None),
            ("claims.html", tr("What is true"), ORIGINAL),
            ("docs/guide.html", tr("For authors"), ORIGINAL),
            (self._in(page, "search.html"), tr("Search"), None),
        )
        return join(
            tag(
                "li",
                tag(
                    "a",
                    words,
                    href=link(page.path, path),
                    hreflang=language if language != page.language else None,
                    aria_current="page" if path == page.path else None,
                ),
            )
            for path, words, language in places
        )

    def _versions(self, page: Page) -> list[Html]:
        """For programs: the same page in other languages, and its address."""
        found = [
            tag_alone(
                "link",
                rel="alternate",
                hreflang=language,
                href=self._base_url + path if self._base_url else link(page.path, path),
            )
            for language, path in page.versions.items()
        ]
        if self._base_url:
            found.append(tag_alone("link", rel="canonical", href=self._base_url + page.path))
        return found

    def _footer(self, page: Page) -> Html:
        return fill(
            "footer.html",
            version=tr("Made by labrunner {1}", __version__),
            changes=anchor(page.path, "changes.html", tr("What changed")),
            feed=anchor(page.path, FEED, tr("Feed of changes"), type="application/atom+xml"),
        )


def tag_alone(name: str, **attributes: str) -> Html:
    """An element that has no end."""
    return Html(tag(name, **attributes).removesuffix(f"</{name}>"))


def language_name(language: str) -> str:
    """What speakers of a language call it."""
    return _LANGUAGES.get(language.partition("-")[0], language)


def _title(page: Page) -> str:
    return page.title if page.title == "labrunner" else f"{page.title} - labrunner"


def _other_languages(page: Page) -> Html:
    """Links to the same page in other languages, each in its own words."""
    links = [
        tag(
            "li", anchor(page.path, path, language_name(language), hreflang=language, lang=language)
        )
        for language, path in page.versions.items()
        if language != page.language
    ]
    label = tr("This page in other languages")
    return tag("ul", join(links), class_="languages", aria_label=label) if links else Html()
