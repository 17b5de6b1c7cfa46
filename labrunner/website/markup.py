"""HTML out of templates: whatever is put in is escaped, unless it is HTML already."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from functools import cache
from html import escape, unescape

from labrunner.website import places

_TAG = re.compile(r"<[^>]*>")
_OUTPUT = re.compile(r'<pre class="output".*?</pre>', re.DOTALL)


class Html(str):
    """Text that is HTML: it is put into a page as it is."""

    __slots__ = ()


Part = str | int | Iterable[Html] | None
"""What a template takes: HTML, text, a number, several pieces of HTML, or nothing."""


def fill(template: str, **parts: Part) -> Html:
    """A template with every ``$name`` in it replaced.

    Raises:
        KeyError: a name of the template is missing.
    """
    filled = {name: html(part) for name, part in parts.items()}
    return Html(_template(template).substitute(filled).rstrip("\n"))


@cache
def _template(name: str) -> string.Template:
    return string.Template((places.assets() / "templates" / name).read_text("utf-8"))


def html(part: Part) -> Html:
    """Anything as HTML."""
    if isinstance(part, Html):
        return part
    if part is None:
        return Html()
    if isinstance(part, str | int):
        return Html(escape(str(part)))
    return join(part)


def join(parts: Iterable[Html], between: str = "\n") -> Html:
    """Pieces of HTML as one; empty ones leave nothing."""
    return Html(between.join(part for part in parts if part))


def tag(name: str, content: Part = None, **attributes: Part) -> Html:
    """One element; ``class_`` is its class, and an attribute without a value is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{html(content)}</{name}>")


def items(entries: Iterable[Part], kind: str = "ul", **attributes: Part) -> Html:
    """A list; nothing where it would be empty."""
    rows = [tag("li", entry) for entry in entries]
    return tag(kind, join(rows), **attributes) if rows else Html()


def plain(markup: str) -> str:
    """The words of some HTML, without what programs printed in it."""
    return " ".join(unescape(_TAG.sub(" ", _OUTPUT.sub(" ", markup))).split())
