"""Search without a server: an index as a script, and the page that asks it.

The index is a script and not data, since a page that was opened as a file may load scripts
beside it and nothing else. It has every word of the pages in one language, each with the places
where it stands. A page in another language than English asks the English index, too.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence

from labrunner.lessons.frontmatter import ORIGINAL
from labrunner.website.markup import fill
from labrunner.website.material import Material
from labrunner.website.page import SEARCH_SCRIPT, Entry, Page, translated
from labrunner.words import tr

_WORD = re.compile(r"\w+")
_SHORTEST, _LONGEST = 2, 24
_DIGITS = 5
"""Longer numbers are ids and times, which nobody looks for."""
_BASE = 36
_FIGURES = "0123456789abcdefghijklmnopqrstuvwxyz"


def page(material: Material, language: str) -> Page:
    """The page on which people search, in one language."""
    title = tr("Search")
    body = fill(
        "search.html",
        title=title,
        label=tr("Words to look for"),
        none=tr("Nothing has all of these words."),
        one=tr("1 place"),
        many=tr("{1} places"),
        more=tr("{1} places, the best {2} of them:"),
        hint=tr("The beginning of a word is enough."),
        without=tr(
            "Searching needs scripts, and yours are off. The front page names every lab, and "
            "your browser can look for words on a page."
        ),
    )
    indexes = dict.fromkeys([index_of(ORIGINAL), index_of(language)])
    versions = {other: translated("search.html", other) for other in material.languages}
    several = versions if len(versions) > 1 else {}
    return Page(
        translated("search.html", language),
        title,
        body,
        tr("Look for words in labs, claims and documents."),
        language,
        several,
        kind="search",
        scripts=(*indexes, SEARCH_SCRIPT),
    )


def index_of(language: str) -> str:
    """The file of the index of what is written in a language."""
    return translated("assets/search-index.js", language)


def script(pages: Iterable[Page]) -> bytes:
    """The index of these pages, as a script."""
    shown: list[list[str]] = []
    places: dict[str, dict[int, bool]] = {}
    for one in pages:
        for entry in one.entries:
            _note(places, len(shown), entry)
            shown.append(_shown(one, entry))
    words = {word: _numbers(sorted(found.items())) for word, found in sorted(places.items())}
    whole = {"places": shown, "words": words}
    index = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    return f'"use strict";\n(globalThis.labrunnerIndexes ??= []).push({index});\n'.encode()


def _shown(page: Page, entry: Entry) -> list[str]:
    """What a result says: where, its title, the title of its page, language, beginning."""
    where = f"{page.path}#{entry.anchor}" if entry.anchor else page.path
    above = page.title if entry.anchor else ""
    return [where, entry.title, above, page.language, entry.shown]


def _note(places: dict[str, dict[int, bool]], number: int, entry: Entry) -> None:
    """Remember at which place each word stands, and whether in its title."""
    for word in words(entry.text):
        places.setdefault(word, {}).setdefault(number, False)
    for word in words(entry.title):
        places.setdefault(word, {})[number] = True


def words(text: str) -> set[str]:
    """The words of a text as the index has them: small letters, without accents."""
    return {word for word in _WORD.findall(folded(text)) if _wanted(word)}


def folded(text: str) -> str:
    """Small letters without accents; ``search.js`` does the same to what is typed."""
    apart = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _wanted(word: str) -> bool:
    if any(letter.isdigit() for letter in word) and len(word) > _DIGITS:
        return False
    return _SHORTEST <= len(word) <= _LONGEST


def _numbers(found: Sequence[tuple[int, bool]]) -> str:
    """Places as text: steps from one to the next in base 36, ``!`` where it is in the title."""
    parts, before = [], 0
    for number, titled in found:
        parts.append(_figures(number - before) + ("!" if titled else ""))
        before = number
    return " ".join(parts)


def _figures(number: int) -> str:
    text = ""
    while True:
        number, rest = divmod(number, _BASE)
        text = _FIGURES[rest] + text
        if not number:
            return text
