"""A lesson file as lint sees it: its blocks with their lines, its comments, its prose."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.lessons import frontmatter, markdown
from labrunner.lessons import lesson as lessons

if TYPE_CHECKING:
    from markdown_it.token import Token

    from labrunner.model.lesson import Command, Lesson, Step

CODE = "\u2022"
"""What stands for a code span in prose: one short word that is in no word list."""
_BREAKS = ("softbreak", "hardbreak")


@dataclass(frozen=True)
class Passage:
    """A run of prose: a paragraph, a heading, a table's cell.

    Attributes:
        line: 1-based line of its beginning.
        kind: type of the token that it is in, such as ``paragraph_open``.
        text: what is read; code spans are `CODE`, line breaks stay.
        token: the inline token, for links and pictures.
    """

    line: int
    kind: str
    text: str
    token: Token

    def line_at(self, position: int) -> int:
        """The line of a position in `text`."""
        return self.line + self.text.count("\n", 0, position)


@dataclass(frozen=True)
class Block:
    """A hint, solution or trap: its name and its lines, from ``:::`` to ``:::``."""

    name: str
    first: int
    last: int


class Page:
    """One lesson file.

    Args:
        path: the file, which must be a lesson without mistakes.
        language: as in its name.
    """

    def __init__(self, path: Path, language: str) -> None:
        self.path = path
        self.language = language
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        self.lines = text.split("\n")
        self.lesson: Lesson = lessons.parse(text, path, language)
        self.head = frontmatter.parse(self.lines, path)[0]
        body = [""] * self.head.length + self.lines[self.head.length :]
        environment: dict[str, Any] = {}
        self.tokens: Sequence[Token] = markdown.parser().parse("\n".join(body), environment)
        self.comments: list[tuple[int, str]] = environment.get(markdown.COMMENTS, [])

    @cached_property
    def passages(self) -> list[Passage]:
        """Everything that is read as prose, in order."""
        found = []
        line, kind = 1, ""
        for token in self.tokens:
            if token.map:
                line = token.map[0] + 1
            if token.type == "inline":
                found.append(Passage(line, kind, _prose(token), token))
            elif token.nesting == 1:
                kind = token.type
        return found

    @cached_property
    def blocks(self) -> list[Block]:
        """Hints, solutions and traps, in order."""
        return [
            Block(markdown.container(t), t.map[0] + 1, t.map[1] + 1)
            for t in self.tokens
            if t.map and markdown.container(t) in markdown.HIDDEN
        ]

    def fences(self) -> Iterator[Token]:
        """Every block of code."""
        return (t for t in self.tokens if t.type in ("fence", "code_block") and t.map)

    def end(self, step: Step) -> int:
        """The last line of a step."""
        later = [s.line - 1 for s in self.lesson.steps if s.line > step.line]
        return min(later, default=len(self.lines))

    def of_step(self, step: Step, name: str) -> list[Block]:
        """The blocks of a step with this name."""
        end = self.end(step)
        return [b for b in self.blocks if b.name == name and step.line <= b.first <= end]

    def shown(self, step: Step) -> list[Command]:
        """The commands that a step shows to everybody."""
        end = self.end(step)
        found: list[Command] = []
        for token in self.fences():
            first = (token.map or [0])[0] + 1
            hidden = any(b.first < first < b.last for b in self.blocks)
            if step.line < first <= end and token.info.split()[:1] == ["console"] and not hidden:
                found += markdown.commands(token.content, first + 1)
        return found

    def digest(self, step: Step | None) -> str:
        """Eight hex digits over what a step (or all before the first one) says."""
        first = step.line if step else 1
        end = self.end(step) if step else self.lesson.steps[0].line - 1
        commented = {
            number + extra
            for number, text in self.comments
            for extra in range(text.count("\n") + 1)
        }
        kept = [self.lines[n - 1].rstrip() for n in range(first, end + 1) if n not in commented]
        text = re.sub(r"\n{2,}", "\n\n", "\n".join(kept)).strip()
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def _prose(token: Token) -> str:
    """The text of an inline token, pictures left out."""
    parts = []
    for child in token.children or ():
        if child.type == "text":
            parts.append(child.content)
        elif child.type == "code_inline":
            parts.append(CODE)
        elif child.type in _BREAKS:
            parts.append("\n")
    return "".join(parts)
