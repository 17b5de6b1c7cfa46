"""Lessons in the terminal.

Markdown becomes lines that are as wide as the terminal. Colour and weight come from rich and
are only an extra: admonitions carry their word, commands their ``$``, and where text cannot be
emphasised, code keeps its backticks. In a pipe, or where the encoding is not UTF-8, lines and
bullets are ASCII, and letters that cannot be written are replaced by the nearest that can.
Code is never broken there: what is copied from it must run.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labrunner.lessons import markdown
from labrunner.words import tr

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markdown_it.tree import SyntaxTreeNode
    from rich.console import Console
    from rich.text import Text

    from labrunner.model.lesson import Lesson, Step

WIDEST = 92
"""Columns; longer lines of prose are hard to read."""
NARROWEST = 20

NO_BREAK = "\N{NO-BREAK SPACE}"
"""French has one before a colon; rich would break a line there."""
_STAND_IN = "\ue000"
"""A letter of no alphabet, of the same width."""

_STYLES = {"note": "blue", "warning": "yellow", "danger": "red"}
_CODE = "cyan"
_ASCII = {
    **dict.fromkeys("‘’‚′", "'"),  # noqa: RUF001  the letters are what this table is about
    **dict.fromkeys("“”„″", '"'),
    **dict.fromkeys("–‐‑−─━", "-"),  # noqa: RUF001  see above
    **dict.fromkeys("•·▪", "*"),
    **dict.fromkeys("│┃", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯", "+"),
    **dict.fromkeys("×✗", "x"),  # noqa: RUF001  see above
    "—": "--",
    "…": "...",
    "→": "->",
    "←": "<-",
    "⇒": "=>",
    "≥": ">=",
    "≤": "<=",
    "≈": "~",
    "µ": "u",
    "✓": "ok",
    "€": "EUR",
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "Œ": "OE",
    "«": '"',
    "»": '"',
}


def render_markdown(text: str, console: Console) -> None:
    """Print Markdown taken from a lesson; hints, solutions and traps in it are not shown."""
    from markdown_it.tree import SyntaxTreeNode

    page = _Page(console)
    tree = SyntaxTreeNode(markdown.parser().parse(text))
    _print(page.blocks(tree.children, page.width), console)


def render_intro(lesson: Lesson, console: Console) -> None:
    """Print what a lesson is about: title, level, objectives, introduction."""
    page = _Page(console)
    facts = tr("{1}, about {2} minutes", tr(lesson.level), lesson.minutes)
    _print([*page.title(lesson.title), *page.wrap(page.text(facts, "dim"), page.width)], console)
    parts = [
        lesson.summary,
        _list(tr("You will:"), lesson.objectives),
        _list(tr("You should know:"), lesson.requires),
        lesson.introduction,
    ]
    console.print()
    render_markdown("\n\n".join(part for part in parts if part), console)


def render_step(lesson: Lesson, step: Step, console: Console, number: int, total: int) -> None:
    """Print a step as the learner reads it: its number, its title, its text."""
    del lesson  # what a step shows of its lesson may grow; callers need not change then
    _print(_Page(console).title(step.title, tr("Step {1} of {2}: ", number, total)), console)
    if step.body:
        console.print()
        render_markdown(step.body, console)


def encodable(text: str, encoding: str) -> str:
    """This text in letters that the encoding has, each replaced by the nearest one it has."""
    try:
        text.encode(encoding)
    except LookupError:
        return encodable(text, "ascii")
    except UnicodeEncodeError:
        return "".join(_nearest(letter, encoding) for letter in text)
    return text


def _nearest(letter: str, encoding: str) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
    for choice in (letter, _ASCII.get(letter, ""), bare):
        if choice and choice.encode(encoding, "ignore").decode(encoding) == choice:
            return choice
    return "" if unicodedata.combining(letter) else "?"


def _list(title: str, items: Sequence[str]) -> str:
    return "\n".join([title, "", *(f"- {item}" for item in items)]) if items else ""


def _print(lines: Iterable[Text], console: Console) -> None:
    """Print lines that have their width already; longer ones are the terminal's to break."""
    for line in lines:
        line.rstrip()
        console.print(line, soft_wrap=True, highlight=False)


@dataclass(frozen=True)
class _Cell:
    """A cell of a table: its text, and how wide it is at least and at best."""

    text: Text

    @property
    def least(self) -> int:
        """Columns of its longest word."""
        words = self.text.plain.replace(NO_BREAK, _STAND_IN).split()
        return max((len(word) for word in words), default=1)

    @property
    def best(self) -> int:
        """Columns that it takes in one line."""
        return max(self.text.cell_len, 1)


class _Page:
    """Turns the blocks of a parsed text into lines."""

    def __init__(self, console: Console) -> None:
        from rich.text import Text

        self.console = console
        self.make = Text
        self.terminal = console.is_terminal
        # Where nothing can be emphasised, marks must do it.
        self.styled = console.is_terminal and console.color_system is not None
        utf8 = console.encoding.replace("-", "").startswith("utf8")
        self.fancy = console.is_terminal and utf8 and not console.legacy_windows
        self.width = max(NARROWEST, min(console.width, WIDEST))

    def text(self, words: str = "", style: str = "") -> Text:
        """A text that the console can encode."""
        # The style is a span, not the whole text's: more may be appended in another style.
        return self.make().append(encodable(words, self.console.encoding), style or None)

    def wrap(self, text: Text, width: int) -> list[Text]:
        """A text as lines of at most this width; words that are longer are broken."""
        kept = text.copy()
        kept.plain = text.plain.replace(NO_BREAK, _STAND_IN)
        lines = kept.wrap(self.console, max(width, 4), overflow="fold")
        for line in lines:
            line.rstrip()
            line.plain = line.plain.replace(_STAND_IN, NO_BREAK)
        return list(lines)

    def title(self, words: str, before: str = "") -> list[Text]:
        """A title, underlined where lines can be drawn."""
        text = self.text(before, "dim") + self.text(words, "bold")
        lines = self.wrap(text, self.width)
        if self.fancy:
            lines.append(self.text("─" * max(line.cell_len for line in lines), "dim"))
        return lines

    # --- blocks ---------------------------------------------------------------------------

    def blocks(
        self, nodes: Iterable[SyntaxTreeNode], width: int, *, nested: bool = False
    ) -> list[Text]:
        """Blocks below one another; a blank line between them, save in tight lists."""
        lines: list[Text] = []
        tight = False
        for node in nodes:
            found = self.block(node, width, nested=nested)
            if found and lines and not tight:
                lines.append(self.text())
            lines += found
            tight = node.type == "paragraph" and bool(node.hidden)
        return lines

    def block(self, node: SyntaxTreeNode, width: int, *, nested: bool) -> list[Text]:
        """One block."""
        kind = node.type
        if kind in {"fence", "code_block"}:
            return self.code(node, width, nested=nested)
        draw = {
            "bullet_list": self.items,
            "ordered_list": self.items,
            "blockquote": self.quote,
            "table": self.table,
            "hr": self.rule,
        }.get(kind, self.admonition if kind.startswith("container_") else self.prose)
        return draw(node, width)

    def prose(self, node: SyntaxTreeNode, width: int) -> list[Text]:
        """A paragraph or a heading within a step."""
        return self.wrap(self.inline(node, "bold" if node.type == "heading" else ""), width)

    def quote(self, node: SyntaxTreeNode, width: int) -> list[Text]:
        """A quotation, with a bar beside it."""
        bar = self.text("│ " if self.fancy else "> ", "dim")
        return [bar + line for line in self.blocks(node.children, width - 2, nested=True)]

    def rule(self, _node: SyntaxTreeNode, width: int) -> list[Text]:
        """A line across."""
        return [self.text(("─" if self.fancy else "-") * width, "dim")]

    def admonition(self, node: SyntaxTreeNode, width: int) -> list[Text]:
        """A note, a warning or a danger with its word; nothing of a hint, solution or trap."""
        name = node.type.removeprefix("container_")
        if name not in markdown.ADMONITIONS:
            return []
        style = _STYLES[name]
        bar = self.text("┃ " if self.fancy else "  ", style)
        inner = self.blocks(node.children, width - 2, nested=True)
        word = tr(name.capitalize())
        label = self.text(word if self.fancy else f"{word.upper()}:", f"bold {style}")
        head = bar + label if self.fancy else label
        return [head, *(bar + line for line in inner)]

    def items(self, node: SyntaxTreeNode, width: int) -> list[Text]:
        """A list, its marks beside its items."""
        start = int(node.attrs.get("start", 1))
        ordered = node.type == "ordered_list"
        last = len(str(start + len(node.children) - 1))
        lines: list[Text] = []
        for number, item in enumerate(node.children, start=start):
            bullet = f"{number}.".rjust(last + 1) if ordered else "•" if self.fancy else "-"
            mark = self.text(f"{bullet} ")
            inner = self.blocks(item.children, width - len(mark), nested=True) or [self.text()]
            loose = any(c.type == "paragraph" and not c.hidden for c in item.children)
            if lines and loose:
                lines.append(self.text())
            blank = self.text(" " * len(mark))
            lines += [(blank if at else mark) + line for at, line in enumerate(inner)]
        return lines

    def code(self, node: SyntaxTreeNode, width: int, *, nested: bool) -> list[Text]:
        """A block of code, indented; what is typed stands out in a console block."""
        language = node.info.split()[0] if node.type == "fence" and node.info.split() else ""
        source = encodable(node.content.rstrip("\n"), self.console.encoding).expandtabs(8)
        lines = self.console_lines(source) if language == "console" else self.lit(source, language)
        margin = self.text("  ")
        if nested and self.terminal:
            # Inside of something else an overlong line would run out of its bar or indent.
            room = max(width - 2, 4)
            lines = [part for line in lines for part in _broken(line, room)]
        return [margin + line if line.plain else line for line in lines]

    def console_lines(self, source: str) -> list[Text]:
        """Commands bold after their prompt, output as it is."""
        lines: list[Text] = []
        typing = False
        for row in source.split("\n"):
            goes_on = typing and (row.startswith(">") or lines[-1].plain.endswith("\\"))
            typing = row.startswith("$ ") or goes_on
            prompt = row[:2] if typing and row[:2] in {"$ ", "> "} else ""
            line = self.make().append(prompt, "dim")
            lines.append(line.append(row[len(prompt) :], "bold" if typing else None))
        return lines

    def lit(self, source: str, language: str) -> list[Text]:
        """Code with its syntax in colour, where there is colour and the language is known."""
        if language in {"", "text"} or not self.styled or self.console.no_color:
            return [self.make(row) for row in source.split("\n")]
        from rich.syntax import Syntax

        syntax = Syntax(source, language, theme="ansi_dark", background_color="default")
        lines = syntax.highlight(source).split("\n", allow_blank=True)
        return list(lines[: source.count("\n") + 1])

    # --- tables ---------------------------------------------------------------------------

    def table(self, node: SyntaxTreeNode, width: int) -> list[Text]:
        """A table in columns; where they do not fit, each row as a list of its cells."""
        rows = [
            [_Cell(self.inline(cell, "bold" if cell.type == "th" else "")) for cell in row.children]
            for part in node.children
            for row in part.children
        ]
        columns = list(zip(*rows, strict=False))
        room = width - 2 * (len(columns) - 1)
        least = [max(cell.least for cell in column) for column in columns]
        if sum(least) > room:
            return self.records(rows, width)
        sizes = [max(cell.best for cell in column) for column in columns]
        while sum(sizes) > room:
            # The column with the most to give gives one.
            spare = [size - floor for size, floor in zip(sizes, least, strict=True)]
            sizes[spare.index(max(spare))] -= 1
        lines = self.row(rows[0], sizes)
        rule = "─" if self.fancy else "-"
        lines.append(self.text("  ".join(rule * size for size in sizes), "dim"))
        for row in rows[1:]:
            lines += self.row(row, sizes)
        return lines

    def row(self, cells: Sequence[_Cell], sizes: Sequence[int]) -> list[Text]:
        """A row of a table, as many lines as its highest cell."""
        wrapped = [self.wrap(cell.text, size) for cell, size in zip(cells, sizes, strict=True)]
        lines = []
        for at in range(max(len(cell) for cell in wrapped)):
            line = self.text()
            for cell, size in zip(wrapped, sizes, strict=True):
                part = cell[at] if at < len(cell) else self.text()
                line += part + self.text(" " * (size - part.cell_len + 2))
            line.rstrip()
            lines.append(line)
        return lines

    def records(self, rows: Sequence[Sequence[_Cell]], width: int) -> list[Text]:
        """Each row as its cells, one below the other, each with its column's name."""
        lines: list[Text] = []
        for row in rows[1:]:
            if lines:
                lines.append(self.text())
            for head, cell in zip(rows[0], row, strict=True):
                named = head.text + self.text(": ", "bold") if head.text.plain else head.text
                wrapped = self.wrap(named + cell.text, width - 2)
                lines += [self.text("  " if at else "") + text for at, text in enumerate(wrapped)]
        return lines

    # --- words ----------------------------------------------------------------------------

    def inline(self, node: SyntaxTreeNode, style: str = "") -> Text:
        """The words of a block, emphasised as they are marked."""
        text = self.text()
        for child in node.children:
            text += self.words(child, style)
        return text

    def words(self, node: SyntaxTreeNode, style: str) -> Text:
        """One run of words."""
        kind = node.type
        if kind in {"strong", "em", "inline"}:
            more = {"strong": "bold", "em": "italic"}.get(kind, "")
            return self.inline(node, f"{style} {more}".strip())
        if kind == "link":
            address = str(node.attrs.get("href", "")).removeprefix("mailto:")
            words = self.inline(node, style)
            return words if words.plain == address else words + self.text(f" ({address})", "dim")
        shown = node.content
        if kind == "code_inline":
            shown, style = (shown if self.styled else f"`{shown}`"), f"{style} {_CODE}".strip()
        elif kind == "image":
            shown = f"[{tr('picture: {1}', shown)}] ({node.attrs.get('src', '')})"
        elif kind in {"softbreak", "hardbreak"}:
            shown = " " if kind == "softbreak" else "\n"
        return self.text(shown, style)


def _broken(line: Text, width: int) -> list[Text]:
    """A line in pieces of this width; nothing of it is dropped."""
    return list(line.divide(range(width, len(line), width))) if len(line) > width else [line]
