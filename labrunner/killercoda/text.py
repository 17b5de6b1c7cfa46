"""Killercoda's Markdown → parts of a lesson: prose, code, clicks, hints, a solution.

The marks are ``{{exec}}``, ``{{exec interrupt}}``, ``{{copy}}`` and ``{{}}`` behind inline code
or a block, ``{{TRAFFIC_HOST1_80}}`` in links, and ``<details>`` around hints and solutions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from labrunner.killercoda import commands, prose
from labrunner.killercoda.commands import Click
from labrunner.killercoda.report import Finding

Place = Literal["body", "hint", "solution"]

_FENCE = re.compile(r"(?P<indent>\s*)(?P<marks>`{3,}|~{3,})(?P<info>[^`]*)$")
_ACTION = r"\{\{(?P<action>[^{}\n]*)\}\}"
_CODE = re.compile(
    r"(?P<ticks>(?<!`)`+(?!`))(?P<code>(?:(?!\n\s*\n).){1,4000}?)(?<!`)(?P=ticks)(?!`)"
    rf"(?:{_ACTION})?",
    re.DOTALL,
)
_BOX = re.compile(
    r"(?P<open><details\b[^<>]*>\s*(?:<summary[^<>]*>(?P<summary>(?:(?!<summary).)*?)</summary>)?)|(?P<close></details>)",
    re.IGNORECASE | re.DOTALL,
)
_HINT = re.compile(r"\b(hint|tip|tipp|help|hinweis|indice|pista)", re.IGNORECASE)
_SOLUTION = re.compile(
    r"\b(solution|answer|lösung|solución|respuesta|réponse|result)", re.IGNORECASE
)
_SHELLS = ("bash", "sh", "shell", "console", "zsh")
_RUN = ("exec", "execute")


@dataclass(frozen=True)
class Part:
    """A piece of a text.

    Attributes:
        place: whether every reader sees it, or it is a hint, or of the solution.
        number: which hint, where it is one.
        text: Markdown; of a code block its lines.
        kind: prose, code (a block), or clicks (commands that a click types).
        indent: of a block in a list.
        language: of a code block.
        clicks: the commands.
        inline: the commands stand in the prose as well.
    """

    place: Place
    number: int
    kind: Literal["prose", "code", "clicks"]
    text: str = ""
    indent: str = ""
    language: str = ""
    clicks: tuple[Click, ...] = ()
    inline: bool = False


@dataclass
class Text:
    """A text in its parts, and what was found on the way."""

    parts: list[Part] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def of(self, place: Place, number: int | None = None) -> list[Part]:
        """The parts of one place (of one hint)."""
        return [p for p in self.parts if p.place == place and number in (None, p.number)]

    @property
    def hints(self) -> list[list[Part]]:
        """The parts of each hint."""
        numbers = sorted({p.number for p in self.of("hint")})
        return [self.of("hint", number) for number in numbers]


def parse(source: str, file: str, place: Place = "body") -> Text:
    """The parts of a text.

    Args:
        source: Markdown with marks.
        file: its name, for findings.
        place: where it belongs that is in no ``<details>``.
    """
    return _Reader(file, place).read(source)


class _Reader:
    """Reads one text."""

    def __init__(self, file: str, place: Place) -> None:
        self.file = file
        self.places: list[Place] = [place]
        self.hints = 0
        self.lower = 0
        self.text = Text()
        self.definitions: dict[str, str] = {}

    def found(self, kind: Literal["lost", "unknown", "changed"], message: str) -> None:
        finding = Finding(kind, self.file, message)
        if finding not in self.text.findings:
            self.text.findings.append(finding)

    def read(self, source: str) -> Text:
        """The whole text."""
        source, self.definitions = prose.take_definitions(source)
        blocks = list(_blocks(source))
        self.lower = prose.shift(
            "\n".join(row for kind, b in blocks if kind == "prose" for row in b)
        )
        for kind, payload in blocks:
            if kind == "prose":
                self.boxes("\n".join(payload))
            else:
                self.block(payload)
        return self.text

    def add(self, **fields: object) -> None:
        number = self.hints if self.places[-1] == "hint" else 0
        self.text.parts.append(Part(self.places[-1], number, **fields))  # type: ignore[arg-type]

    def boxes(self, text: str) -> None:
        """Prose, cut where a ``<details>`` begins or ends."""
        position = 0
        for match in _BOX.finditer(text):
            self.prose(text[position : match.start()])
            position = match.end()
            if match["close"]:
                if len(self.places) > 1:
                    self.places.pop()
            else:
                self.open(prose.plain(match["summary"] or ""))
        self.prose(text[position:])

    def open(self, summary: str) -> None:
        """A box begins: a hint, a solution, or something else that all may read at once."""
        if _SOLUTION.search(summary) or self.places[-1] == "solution":
            self.places.append("solution")
        elif _HINT.search(summary):
            self.places.append("hint")
            self.hints += 1
        else:
            self.places.append(self.places[-1])
            if summary:
                self.add(kind="prose", text=f"**{summary}**")

    def prose(self, text: str) -> None:
        """Running text, with its inline code and the commands in it."""
        if not text.strip():
            return
        clicks: list[Click] = []
        pieces: list[str] = []
        position = 0
        for match in _CODE.finditer(text):
            pieces += [self.words(text[position : match.start()]), self.code(match, clicks)]
            position = match.end()
        pieces.append(self.words(text[position:]))
        whole = prose.lines("".join(pieces), self.lower).strip("\n")
        if whole.strip():
            self.add(kind="prose", text=whole)
        if clicks:
            self.add(kind="clicks", clicks=tuple(clicks), inline=True)

    def words(self, text: str) -> str:
        """Text without code in it."""
        return prose.words(text, self.definitions, self.found)

    def code(self, match: re.Match[str], clicks: list[Click]) -> str:
        """Inline code, without its mark; what a click on it types is collected."""
        action = self.action(match["action"])
        if action is not None:
            text = " ".join(match["code"].split())
            clicks.append(Click(text, interrupt=action))
        before = "(Ctrl-C, then) " if action else ""
        return f"{before}{match['ticks']}{match['code']}{match['ticks']}"

    def action(self, mark: str | None) -> bool | None:
        """Whether a mark interrupts what ran before; ``None`` where it runs nothing."""
        words = (mark or "").split()
        if not words or words[0] in ("copy", "copycode"):
            return None
        if words[0] not in _RUN:
            self.found("unknown", f"the mark {{{{{mark}}}}}: its code is only shown")
            return None
        for word in words[1:]:
            if re.fullmatch(r"(T|HOST)0*([2-9]|1\d+)", word, re.IGNORECASE):
                self.found(
                    "lost", f"{{{{{mark}}}}}: another terminal or machine; it is the same one"
                )
            elif not re.fullmatch(r"interrupt|(T|HOST)0*1", word, re.IGNORECASE):
                self.found("unknown", f"the word {word} in {{{{{mark}}}}}")
        return "interrupt" in words

    def block(self, lines: list[str]) -> None:
        """A code block: its first line, its content, and a last one that may hold a mark."""
        begin = _FENCE.fullmatch(lines[0])
        indent = begin["indent"] if begin else ""
        info = (begin["info"] if begin else "").split()
        mark = re.search(rf"{_ACTION}\s*$", lines[-1])
        content = [_dedent(line, len(indent)) for line in lines[1:-1]]
        action = self.action(mark["action"] if mark else None)
        if action is None or not "".join(content).strip():
            self.add(
                kind="code", text="\n".join(content), indent=indent, language="".join(info[:1])
            )
            return
        texts = commands.split("\n".join(content))
        clicks = tuple(Click(text, action and n == 0) for n, text in enumerate(texts))
        kept = indent if len(indent) < prose.CODE_INDENT or self.in_list() else ""
        self.add(kind="clicks", clicks=clicks, indent=kept)

    def in_list(self) -> bool:
        """Whether what was read last is an item of a list."""
        last = next((p.text for p in reversed(self.text.parts) if p.kind == "prose"), "")
        return re.search(r"(?m)^\s*([-*+]|\d+[.)])\s", last) is not None


def guess(parts: list[Part]) -> list[Click]:
    """The commands in the code blocks of a solution that has nothing to click on."""
    blocks = [p.text for p in parts if p.kind == "code" and p.language in _SHELLS]
    return [Click(text.removeprefix("$ ")) for b in blocks for text in commands.split(b)]


def _blocks(source: str) -> Iterator[tuple[str, list[str]]]:
    """The text in turns: lines of prose, and code blocks with their first and last line.

    A block ends at a line of its marks with ``{{…}}`` behind them, too, which is why a usual
    parser of Markdown cannot read this.
    """
    lines: list[str] = []
    block: list[str] = []
    ending = re.compile("")
    for line in source.split("\n"):
        begin = _FENCE.fullmatch(line) if not block else None
        if begin and not begin["info"].strip().startswith("{{"):
            yield "prose", lines
            lines, block = [], [line]
            marks = begin["marks"]
            ending = re.compile(
                rf"(?P<before>.*?){re.escape(marks[0])}{{{len(marks)},}}\s*(\{{\{{[^{{}}]*\}}\}})?\s*"
            )
        elif block:
            end = ending.fullmatch(line)
            if end and (not end["before"].strip() or line.rstrip().endswith("}}")):
                if end["before"].strip():
                    block.append(end["before"])
                yield "block", [*block, line]
                block = []
            else:
                block.append(line)
        else:
            lines.append(line)
    if block:
        yield "block", [*block, ""]
    yield "prose", lines


def _dedent(line: str, indent: int) -> str:
    """A line without as much of its indentation as its block has."""
    return line[min(indent, len(line) - len(line.lstrip())) :]
