"""The Markdown that lessons are written in: its parser, and what a ``console`` block holds.

CommonMark with tables, raw HTML off (it is shown as typed), six ``:::`` containers, and
``<!-- comments -->`` on lines of their own, which are for authors and which no reader sees.
Every renderer uses this parser, so that what one of them shows the others show too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labrunner.model.lesson import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

    # Called with a 1-based line, what is wrong, and how to mend it.
    Fail = Callable[[int, str, str], None]

HIDDEN = ("hint", "solution", "trap")
ADMONITIONS = ("note", "warning", "danger")
# The container that catches every ``:::`` that is none of the above, and stray closing ones.
STRAY = "unknown"
COMMENTS = "comments"
"""Where the parser's environment holds the comments: pairs of a 1-based line and a text."""

_CLOSING = re.compile(r"[\s>]*:::+\s*")


def parser() -> MarkdownIt:
    """The parser for lessons and for any Markdown taken from one, the same for all renderers."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.container import container_plugin

    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    for name in (*HIDDEN, *ADMONITIONS):
        container_plugin(made, name)
    # Registered last, so asked last: whatever none of the others wanted.
    container_plugin(made, STRAY, validate=lambda _params, _markup: True)
    ends = ["paragraph", "reference", "blockquote", "list"]
    made.block.ruler.before("fence", "comment", _comment, {"alt": ends})
    return made


def _comment(state: StateBlock, first: int, end: int, silent: bool) -> bool:  # noqa: FBT001  markdown-it's signature
    """Take a comment out of the text: it becomes no token, and is kept in the environment."""
    if state.is_code_block(first) or not _row(state, first).startswith("<!--"):
        return False
    last = next((n for n in range(first, end) if _row(state, n).endswith("-->")), None)
    if last is None:
        return False  # an arrow in prose, or a forgotten end: shown, so that it is noticed
    if not silent:
        text = "\n".join(_row(state, n) for n in range(first, last + 1))
        inner = text.removeprefix("<!--").removesuffix("-->").strip()
        state.env.setdefault(COMMENTS, []).append((first + 1, inner))
        state.line = last + 1
    return True


def _row(state: StateBlock, line: int) -> str:
    """A line of the block that is parsed, without what surrounds it."""
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()


def commands(source: str, line: int = 1) -> tuple[Command, ...]:
    """The commands in the content of a ``console`` block whose first line has this number.

    Raises:
        ValueError: text before the first ``$``, an empty command, a continuation without end;
            its arguments are the message and the line.
    """
    found: list[_Draft] = []
    for number, text in enumerate(source.rstrip("\n").split("\n"), start=line):
        draft = found[-1] if found else None
        if draft and draft.continues(text):
            draft.typed.append(
                text.removeprefix(">").removeprefix(" ") if text[:1] == ">" else text
            )
        elif text == "$" or text.startswith("$ "):
            if draft and draft.unfinished:
                raise ValueError("a command ends in a backslash", draft.line)
            if not text[1:].strip():
                raise ValueError("nothing after the `$`", number)
            found.append(_Draft(number, [text[2:].rstrip()]))
        elif draft:
            draft.output.append(text)
        elif text.strip():
            raise ValueError("a console block begins with a `$ command`", number)
    if not found:
        raise ValueError("a console block without a `$ command`", line - 1)
    if found[-1].unfinished:
        raise ValueError("a command ends in a backslash", found[-1].line)
    return tuple(
        Command("\n".join(d.typed), "\n".join(d.output).rstrip("\n"), d.line) for d in found
    )


@dataclass
class _Draft:
    """A command that is being read."""

    line: int
    typed: list[str]
    output: list[str] = field(default_factory=list)

    @property
    def unfinished(self) -> bool:
        """Whether the shell would ask for more."""
        return not self.output and self.typed[-1].endswith("\\")

    def continues(self, text: str) -> bool:
        """Whether this next line belongs to what is typed."""
        if self.output:
            return False
        return (
            text == ">" or text.startswith("> ") or (self.unfinished and not text.startswith("$ "))
        )


def container(token: Token) -> str:
    """The container that this token opens (`STRAY` for an unknown one), or ""."""
    if token.type.startswith("container_") and token.nesting == 1:
        return token.type.removeprefix("container_").removesuffix("_open")
    return ""


def span(token: Token) -> tuple[int, int]:
    """Source lines of a block, 0-based, the end not included."""
    return (token.map[0], token.map[1]) if token.map else (0, 0)


def check_structure(lines: Sequence[str], tokens: Sequence[Token], fail: Fail) -> bool:
    """Complain about blocks that are not what they seem; whether there was nothing to say.

    A forgotten end swallows what follows it, so nothing else about the text can be trusted
    until these are mended.
    """
    complaints: list[int] = []
    strays: list[int] = []

    def complain(line: int, message: str, hint: str) -> None:
        if line not in complaints:
            complaints.append(line)
            fail(line, message, hint)

    opened: list[Token] = []
    for token in tokens:
        if any(container(outer) == STRAY for outer in opened):
            pass  # what a mistake took in is not judged
        elif container(token) == STRAY and not token.info.strip():
            strays.append(span(token)[0] + 1)
        elif container(token):
            _check_container(lines, token, opened, complain)
        elif token.type == "fence":
            _check_fence(lines, token, complain)
        if token.type.startswith("container_"):
            opened = [*opened, token] if token.nesting == 1 else opened[:-1]
    if strays and not complaints:
        # After another mistake a stray end is only its echo.
        complain(strays[0], "this `:::` closes nothing", "Remove it, or name what it should open.")
    return not complaints


def _check_container(
    lines: Sequence[str], token: Token, opened: Sequence[Token], fail: Fail
) -> None:
    """Complain about one container: its name, its place, its end."""
    name, line = container(token), span(token)[0] + 1
    if name == STRAY:
        known = ", ".join((*HIDDEN, *ADMONITIONS))
        word = token.info.split()[0]
        fail(line, f"there is no `::: {word}`", f"There is {known}.")
        return
    outer = opened[-1] if opened else None
    closed = _container_closed(lines, token, outer)
    if outer is not None:
        _check_nested(token, outer, fail, closed=closed)
    elif not closed:
        fail(line, f"`::: {name}` is not closed", "End it with a line of `:::`.")
    elif name in HIDDEN and token.level:
        hint = "Begin it at the left edge, outside of lists and quotes."
        fail(line, f"`::: {name}` stands inside a list or a quote", hint)
    if name != "trap" and token.info.strip() != name:
        fail(line, f"`::: {name}` takes nothing after its name", "Move the words below it.")


def _check_nested(token: Token, outer: Token, fail: Fail, *, closed: bool) -> None:
    """Complain about a container inside another one, if it may not be there."""
    name, line = container(token), span(token)[0] + 1
    around, above = container(outer), span(outer)[0] + 1
    if name in HIDDEN and not closed:
        message = f"`::: {around}` is not closed before `::: {name}` on line {line}"
        fail(above, message, "End it with a line of `:::`.")
    elif name in HIDDEN:
        message = f"`::: {name}` stands inside the `::: {around}` of line {above}"
        fail(line, message, "Hints, solution and traps stand side by side in a step.")
    elif not closed:
        message = f"`::: {name}` takes the `:::` that should close the `{around}` of line {above}"
        colons = outer.markup + ":"
        fail(line, message, f"Give the outer one more colons: `{colons} {around}` … `{colons}`.")


def _container_closed(lines: Sequence[str], token: Token, outer: Token | None) -> bool:
    """Whether a container has an end of its own (the parser closes it silently where not)."""
    end = span(token)[1]
    if end >= len(lines) or (outer is not None and end >= span(outer)[1]):
        return False
    return _CLOSING.fullmatch(lines[end]) is not None


def _check_fence(lines: Sequence[str], token: Token, fail: Fail) -> None:
    """Complain about a code block without an end of its own."""
    start, end = span(token)
    hint = f"End it with a line of `{token.markup}`."
    last = lines[end - 1].strip(" >\t")
    closed = end - 1 > start and last.startswith(token.markup) and not last.strip(token.markup[0])
    # A beginning inside of it means that it took the end of the next one.
    inner = [row.strip() for row in token.content.split("\n")]
    begins = next((n for n, row in enumerate(inner) if row.startswith(token.markup)), None)
    if begins is not None:
        message = f"a code block is not closed before the one on line {start + begins + 2}"
        fail(start + 1, message, hint)
    elif not closed:
        fail(start + 1, "a code block is not closed", hint)
