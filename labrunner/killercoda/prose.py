"""Running text: HTML, links and headings of Killercoda → Markdown that a lesson may hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Found = Callable[[Any, str], None]
"""Called with the kind of a finding and a message."""

CODE_INDENT = 4
"""Columns from which on Markdown takes a paragraph for code."""
_HEADING_LEVELS = 6
_STEP_LEVEL = 2

_COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL)
_TRAFFIC = re.compile(r"\{\{TRAFFIC_HOST(?P<host>\d+)_(?P<port>\d+)\}\}[^\s)\"'>]*", re.IGNORECASE)
_TRAFFIC_ANY = re.compile(r"\{\{TRAFFIC_[A-Z_0-9]*\}\}[^\s)\"'>]*")
_OLD_TRAFFIC = re.compile(
    r"https?://\[\[(?:CLIENT|HOST)\d*_SUBDOMAIN\]\]-(?P<port>\d+)-\[\[[A-Z_]*\]\][^\s)\"'>]*"
)
_LEFT_MARK = re.compile(r"\{\{\s*(?:exec|execute|copy)\b[^{}\n]*\}\}|\{\{\}\}")
_PICTURE = re.compile(r"!\[(?P<alt>[^\[\]]*)\]\(\s*<?(?P<to>[^()\s<>]*)>?[^()\n]*\)")
_LINK = re.compile(r"(?<!!)\[(?P<words>[^\[\]\n]+)\]\(\s*<?(?P<to>[^()\s<>]+)>?[^()\n]*\)")
_REFERENCE = re.compile(r"\[(?P<words>[^\]\[\n]+)\]\[(?P<name>[^\[\]\n]*)\]")
_SHORT = re.compile(r"(?<![\]\\])\[(?P<name>[^\]\[\n]+)\](?![\[(:])")
_DEFINITION = re.compile(
    r"^ {0,3}\[(?P<name>[^\[\]\n]+)\]:[ \t]*<?(?P<to>[^\s>]+)>?.*$", re.MULTILINE
)
_HREF = re.compile(
    r"<a\s[^<>]{0,300}?href\s*=\s*[\"']?(?P<to>[^\"'\s<>]+)[^<>]*>(?P<words>(?:(?!<a\s).)*?)</a>",
    re.IGNORECASE | re.DOTALL,
)
_IMG = re.compile(r"<img\b(?P<attributes>[^<>]*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\b(?P<name>alt|src)\s*=\s*[\"'](?P<value>[^\"']*)[\"']", re.IGNORECASE)
_HTML_HEADING = re.compile(
    r"<h[1-6]\b[^<>]*>(?P<words>(?:(?!<h[1-6]).)*?)</h[1-6]>", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"</?(?P<name>[a-zA-Z][a-zA-Z0-9]*)\b[^<>\n]*>")
_SAME = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "kbd": "`", "tt": "`"}
_DROPPED = frozenset(
    [
        "p",
        "div",
        "span",
        "center",
        "font",
        "u",
        "small",
        "sup",
        "sub",
        "ul",
        "ol",
        "big",
        "section",
        "article",
        "header",
        "footer",
        "table",
        "tbody",
        "thead",
        "tr",
        "td",
        "th",
        "pre",
        "blockquote",
        "mark",
        "summary",
        "details",
        "script",
        "style",
        "iframe",
        "video",
        "button",
        "nobr",
        "dl",
        "dt",
        "dd",
        "input",
        "label",
        "form",
    ]
)
_LOUD = frozenset(["script", "style", "iframe", "video", "button", "table", "form"])
_HEADING = re.compile(
    r"(?P<before>\s{0,3}(?:(?:>|[-*+]|\d+[.)])\s+)*)(?P<marks>#{1,6})(?P<rest>\s.*)?"
)
_UNDERLINE = re.compile(r"\s{0,3}(?P<mark>=+|-+)\s*")
_HEADING_ID = re.compile(r"\{#[^{}]*\}\s*$")
_COLONS = re.compile(r"\A(?P<before>[\s>]*):::")


def take_definitions(source: str) -> tuple[str, dict[str, str]]:
    """The text without its ``[name]: address`` lines, and the addresses by name."""
    found = {m["name"].lower(): m["to"] for m in _DEFINITION.finditer(source)}
    return (_DEFINITION.sub("", source) if found else source), found


def plain(text: str) -> str:
    """The words of a little HTML, on one line."""
    return " ".join(_TAG.sub("", text).split()).strip("*_: ")


def words(text: str, definitions: Mapping[str, str], found: Found) -> str:
    """Text without inline code: links, pictures and HTML become what a lesson can show."""
    text = _COMMENT.sub("", text)
    text = _HTML_HEADING.sub(lambda m: f"\n\n### {plain(m['words'])}\n\n", text)
    text = _HREF.sub(lambda m: f"[{plain(m['words']) or m['to']}]({m['to']})", text)
    text = _IMG.sub(lambda m: _img(m["attributes"]), text)
    text = _REFERENCE.sub(lambda m: _reference(m, definitions), text)
    if definitions:
        text = _SHORT.sub(lambda m: _short(m, definitions), text)
    text = _PICTURE.sub(lambda m: _picture(m["alt"], m["to"], found), text)
    text = _LINK.sub(lambda m: _link(m, found), text)
    text = _traffic(text, found)
    if _LEFT_MARK.search(text):
        found("unknown", "a mark such as {{exec}} that stands behind no code")
        text = _LEFT_MARK.sub("", text)
    return _TAG.sub(lambda m: _tag(m, found), text)


def _img(attributes: str) -> str:
    values = {m["name"].lower(): m["value"] for m in _ATTRIBUTE.finditer(attributes)}
    return f"![{values.get('alt', '')}]({values.get('src', '')})"


def _reference(match: re.Match[str], definitions: Mapping[str, str]) -> str:
    to = definitions.get((match["name"] or match["words"]).lower())
    return f"[{match['words']}]({to})" if to else match[0]


def _short(match: re.Match[str], definitions: Mapping[str, str]) -> str:
    to = definitions.get(match["name"].lower())
    return f"[{match['name']}]({to})" if to else match[0]


def _picture(alt: str, to: str, found: Found) -> str:
    called = " ".join(alt.split()) or to.rpartition("/")[2] or "without a name"
    found("lost", f"the picture {to or called}: a lesson in a terminal has words only")
    if to.startswith(("http://", "https://")):
        return f"[picture: {called}]({to})"
    return f"(picture: {called})"


def _link(match: re.Match[str], found: Found) -> str:
    """A link: to a port of the machine it becomes words, to a file of the scenario too."""
    to = match["to"]
    if _TRAFFIC_ANY.search(to) or _OLD_TRAFFIC.search(to):
        return f"{match['words']} ({_traffic(to, found)})"
    if re.match(r"[a-z]+:|#|//", to, re.IGNORECASE):
        return match[0]
    found("lost", f"the link to {to}: it leads to a file of the scenario or of Killercoda's page")
    return match["words"]


def _traffic(text: str, found: Found) -> str:
    """Links to exposed ports, as what can be typed on the machine instead."""

    def port(match: re.Match[str]) -> str:
        number = match["port"]
        other = match.groupdict().get("host") or "1"
        if other != "1":
            found("lost", f"the link to port {number} of machine {other}: there is one machine")
        else:
            message = f"the link to port {number}: no browser reaches the lab; it says to use curl"
            found("lost", message)
        return f"port {number} of the lab's machine: `curl http://localhost:{number}` there"

    def any_port(_match: re.Match[str]) -> str:
        found("lost", "the link to a choice of ports: no browser reaches the lab")
        return "no page here: ask the port with `curl` on the lab's machine"

    text = _OLD_TRAFFIC.sub(port, _TRAFFIC.sub(port, text))
    return _TRAFFIC_ANY.sub(any_port, text)


def _tag(match: re.Match[str], found: Found) -> str:
    """What stands in place of an HTML tag; what is no tag stays."""
    name = match["name"].lower()
    if name in ("br", "hr"):
        return "\n" if name == "br" else "\n\n"
    if name in _SAME:
        return _SAME[name]
    if name == "li":
        return "\n- " if not match[0].startswith("</") else ""
    if name in _DROPPED:
        if name in _LOUD and not match[0].startswith("</"):
            found("changed", f"HTML: <{name}>; its words are kept, its form is not")
        return ""
    return match[0]


def shift(text: str) -> int:
    """How much lower headings have to be for the highest to stand just below a step's."""
    found = (_HEADING.fullmatch(line) for line in text.split("\n"))
    levels = [len(match["marks"]) for match in found if match]
    return _STEP_LEVEL + 1 - min(levels, default=1)


def lines(text: str, lower: int) -> str:
    """Prose whose headings, rules and colons mean nothing to a lesson that they should not.

    Args:
        text: of a paragraph or several.
        lower: what `shift` says of the whole text.
    """
    made: list[str] = []
    for line in text.split("\n"):
        before = made[-1] if made else ""
        underline = _UNDERLINE.fullmatch(line)
        heading = _HEADING.fullmatch(line)
        if underline and before.strip():
            made += _underlined(made, underline["mark"])
        elif heading and len(line) - len(line.lstrip()) < CODE_INDENT:
            made.append(_demoted(heading, lower))
        else:
            made.append(_COLONS.sub(lambda m: f"{m['before']}\\:::", line, count=1))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(made))


def _underlined(made: list[str], mark: str) -> list[str]:
    """A line of ``=`` makes a heading of the one before it; one of ``-`` becomes a rule."""
    if mark.startswith("="):
        return ["", f"### {made.pop().strip()}", ""]
    return ["", "---", ""] if len(mark) > 1 else ["", "-"]


def _demoted(heading: re.Match[str], lower: int) -> str:
    """A heading on a lower level: those of steps are the lesson's own."""
    level = max(_STEP_LEVEL + 1, min(len(heading["marks"]) + lower, _HEADING_LEVELS))
    rest = _HEADING_ID.sub("", heading["rest"] or "")
    return f"{heading['before']}{'#' * level}{rest}"
