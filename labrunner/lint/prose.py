"""Rules about what is read: headings, links, pictures, reading level, words, wide code."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from labrunner.lint.finding import Finding, found
from labrunner.lint.page import CODE, Page, Passage

if TYPE_CHECKING:
    from labrunner.model.lesson import Step

WIDEST = 76
LONGEST = 40
LIX = {"beginner": 40.0, "intermediate": 45.0, "advanced": 50.0}
FOREIGN = 8.0
"""How much more a language may score whose words are longer than the English ones."""
ENOUGH = 60
"""Words; a measure over fewer says more about chance than about the prose."""
LONG_WORD = 6

SUMMARY = 160
MINUTES = (1, 20)
"""Fewest and most minutes for one step."""

_END = re.compile(r"[.!?:;]+(?=[\s)\"'”’]|$)")  # noqa: RUF001  quotes as they are typeset
_WORD = re.compile(rf"[\w{CODE}][\w{CODE}'’-]*")  # noqa: RUF001  see above
_ID = re.compile(r"\s*\{#([^}]*)\}\s*$")
_SAYS_NOTHING = {"", "here", "link", "this", "this link", "click here", "more"}
_READ = ("paragraph_open", "list_item_open")


def look(page: Page) -> Iterator[Finding]:
    """Everything of this room."""
    yield from head(page)
    yield from headings(page)
    yield from links(page)
    yield from code(page)
    yield from sentences(page)
    yield from levels(page)
    if page.language.split("-")[0] == "en":
        yield from words(page)


# --- the head -----------------------------------------------------------------------------


def head(page: Page) -> Iterator[Finding]:
    """Does the head say what a learner chooses by?"""
    lesson, rule = page.lesson, "front-matter"
    line = functools.partial(head_line, page)
    if lesson.title.endswith("."):
        message, fix = "the title ends in a full stop", "Take it away; a title is no sentence."
        yield found(rule, page.path, line("title"), message, fix)
    if not lesson.summary.endswith((".", "!", "?")):
        message, fix = "the summary is no sentence", "Write one, with a full stop at its end."
        yield found(rule, page.path, line("summary"), message, fix)
    if len(lesson.summary) > SUMMARY:
        message = f"the summary has {len(lesson.summary)} letters"
        yield found(rule, page.path, line("summary"), message, f"Say it in {SUMMARY}.")
    if len(lesson.objectives) == 1:
        fix = "Name at least two things that the learner can do afterwards."
        yield found(rule, page.path, line("objectives"), "one objective alone", fix)
    steps = len(lesson.steps)
    if not MINUTES[0] <= lesson.minutes / steps <= MINUTES[1]:
        message = f"{lesson.minutes} minutes for {steps} step{'s' * (steps > 1)}"
        fix = f"A step takes {MINUTES[0]} to {MINUTES[1]} minutes: take the time of somebody new."
        yield found(rule, page.path, line("minutes"), message, fix)


def head_line(page: Page, key: str) -> int:
    """The line of a key of the front matter."""
    rows = enumerate(page.lines[: page.head.length], 1)
    return next((n for n, row in rows if row.startswith(f"{key}:")), 1)


# --- structure ----------------------------------------------------------------------------


def headings(page: Page) -> Iterator[Finding]:
    """Does each heading come at most one level below the one before it?"""
    above = 1
    for token in page.tokens:
        if token.type == "heading_open" and token.map:
            level = int(token.tag[1:])
            if level > above + 1:
                message = f"a heading of level {level} below one of level {above}"
                fix = f"Write it with {'#' * (above + 1)}."
                yield found("heading-order", page.path, token.map[0] + 1, message, fix)
            above = level


def links(page: Page) -> Iterator[Finding]:
    """Do links and pictures lead somewhere, safely, and say where?"""
    for passage in page.passages:
        line, opened, text = passage.line, "", ""
        for child in passage.token.children or ():
            line += child.type in ("softbreak", "hardbreak")
            if child.type == "link_open":
                opened, text = str(child.attrs.get("href", "")), ""
                yield from target(page, opened, line)
            elif child.type == "link_close":
                if text.strip().lower() in _SAYS_NOTHING:
                    message = f"a link whose words are {text.strip()!r}"
                    fix = f"Name what is to be found at {opened}."
                    yield found("link-text", page.path, line, message, fix)
            elif child.type == "image":
                source = str(child.attrs.get("src", ""))
                yield from target(page, source, line)
                text += child.content
                if not child.content.strip():
                    message = f"the picture {source} has no alternative text"
                    fix = "Say in the brackets what one learns from it: `![words](file)`."
                    yield found("alt-text", page.path, line, message, fix)
            else:
                text += child.content


def target(page: Page, address: str, line: int) -> Iterator[Finding]:
    """Is there anything at this address of a link or picture?"""
    parts = urlsplit(address)
    if parts.scheme:
        if parts.scheme == "http" and _elsewhere(parts.hostname or ""):
            message, fix = f"{address} is not encrypted", f"Write https:{address[5:]}."
            yield found("http-link", page.path, line, message, fix)
        return
    ids = {step.id for step in page.lesson.steps}
    if not parts.path and not parts.netloc:
        if parts.fragment not in ids:
            fix = f"The steps are {', '.join(sorted(ids))}."
            message = f"there is no step #{parts.fragment} here"
            yield found("broken-link", page.path, line, message, fix)
    elif parts.netloc or parts.path.startswith("/"):
        message = f"{address} depends on where the page is"
        fix = "Write a whole address, or a path from this file's folder."
        yield found("broken-link", page.path, line, message, fix)
    elif not (page.path.parent / unquote(parts.path)).exists():
        message = f"there is no file {parts.path}"
        fix = f"Paths begin at {page.path.parent}."
        yield found("broken-link", page.path, line, message, fix)


def _elsewhere(host: str) -> bool:
    """Whether this is a machine out in the world: no container's name, no loopback address."""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return "." in host


def code(page: Page) -> Iterator[Finding]:
    """Is every line of code short enough?"""
    for token in page.fences():
        first = (token.map or [0])[0] + (2 if token.type == "fence" else 1)
        for number, row in enumerate(token.content.rstrip("\n").split("\n"), first):
            columns = len(row.expandtabs(8))
            if columns > WIDEST:
                message = f"a line of code with {columns} columns"
                fix = f"Break it before column {WIDEST}, a command with \\ at the line's end."
                yield found("wide-code", page.path, number, message, fix)


# --- sentences and words ------------------------------------------------------------------


def sentences(page: Page) -> Iterator[Finding]:
    """Is every sentence short enough to be kept in mind?"""
    for passage in page.passages:
        start = 0
        for end in [m.end() for m in _END.finditer(passage.text)] + [len(passage.text)]:
            number = len(_WORD.findall(passage.text, start, end))
            if number > LONGEST:
                message = f"a sentence of {number} words"
                line = passage.line_at(_first_letter(passage.text, start))
                yield found("long-sentence", page.path, line, message, "Make two of it.")
            start = end


def _first_letter(text: str, start: int) -> int:
    letter = _WORD.search(text, start)
    return letter.start() if letter else start


def levels(page: Page) -> Iterator[Finding]:
    """Is each step written for its readers?"""
    limit = LIX[page.lesson.level]
    if page.language.split("-")[0] != "en":
        limit += FOREIGN
    for step in page.lesson.steps:
        passages = [p for p in _of(page, step) if p.kind in _READ]
        score, count = lix([p.text for p in passages])
        if count >= ENOUGH and score > limit:
            message = f"step `{step.id}` has a LIX of {score:.0f}, too hard for {page.lesson.level}"
            fix = f"Shorter sentences, shorter words: at most {limit:.0f}."
            yield found("reading-level", page.path, step.line, message, fix)


def _of(page: Page, step: Step) -> Iterator[Passage]:
    end = page.end(step)
    return (p for p in page.passages if step.line < p.line <= end)


def lix(passages: list[str]) -> tuple[float, int]:
    """The LIX of some paragraphs, and how many words it was taken over.

    Words a sentence, plus the percentage of words with more than six letters. A code span is
    a short word; a colon or semicolon ends a sentence, and so does a paragraph.
    """
    total = long = ends = 0
    for text in passages:
        words_here = _WORD.findall(text)
        total += len(words_here)
        long += sum(len(word) > LONG_WORD for word in words_here)
        closed = list(_END.finditer(text))
        ends += len(closed) + (not closed or bool(_WORD.search(text, closed[-1].end())))
    if not total:
        return 0.0, 0
    return total / max(ends, 1) + 100 * long / total, total


def words(page: Page) -> Iterator[Finding]:
    """Is everything called and spelled as the house does?"""
    for passage in page.passages:
        text = _ID.sub("", passage.text)
        for start, message, fix in misspelled(text):
            yield found("spelling", page.path, passage.line_at(start), message, fix)
    for number, row in enumerate(page.lines[: page.head.length], 1):
        for _, message, fix in misspelled(re.sub(r"`[^`]*`", CODE, row)):
            yield found("spelling", page.path, number, message, fix)


def misspelled(text: str, *, names: bool = True) -> Iterator[tuple[int, str, str]]:
    """Positions of wrong words in a text, each with a message and a fix.

    Args:
        text: prose.
        names: with the capitals of names.
    """
    lists = word_lists()
    for table in ("british", "house", "names") if names else ("british", "house"):
        for match in _pattern(table).finditer(text):
            right = lists[table][match[0].lower()]
            if match[0] != right and (table != "names" or not match[0].isupper()):
                yield match.start(), f"`{match[0]}` is written {right} here", f"Write {right}."


@functools.cache
def word_lists() -> dict[str, dict[str, str]]:
    """The tables of ``words.toml``."""
    text = Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@functools.cache
def _pattern(table: str) -> re.Pattern[str]:
    """Matches every word of a table; what is part of a path, an option or a host is none."""
    longest = sorted(word_lists()[table], key=len, reverse=True)
    options = "|".join(map(re.escape, longest))
    return re.compile(rf"(?<![\w./@-])({options})(?![\w/:@-]|\.\w)", re.IGNORECASE)
