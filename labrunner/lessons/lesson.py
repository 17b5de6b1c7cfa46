"""Markdown → `Lesson`. Text in, data out; `labrunner.lessons.reading` is where files are read.

A lesson is read by learners, typed by the validator and drawn by two renderers, so it is
strict: whatever is not understood is an error with its line, never skipped. All of a file's
mistakes are collected (`mistakes`), because an author wants them at once; `parse` raises the
first. ``python -m labrunner.lessons.lesson FILE…`` prints them.
"""

from __future__ import annotations

import contextlib
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.errors import ScenarioError
from labrunner.lessons import frontmatter, markdown
from labrunner.lessons.frontmatter import ORIGINAL
from labrunner.lessons.markdown import HIDDEN
from labrunner.model.lesson import Command, Lesson, Step, Trap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_HEADING_ID = re.compile(r"\s*\{#(?P<id>[^}]*)\}\s*$")
_TRAP = re.compile(r'trap\s+"(?P<message>.+)"')


# --- text ---------------------------------------------------------------------------------


def parse(text: str, path: Path, language: str = ORIGINAL) -> Lesson:
    """The lesson in this text.

    Raises:
        ScenarioError: the first mistake; its ``where`` is ``path:line``.
    """
    reader = _Reader(text, path, language)
    lesson = reader.lesson()
    if reader.errors:
        raise reader.errors[0]
    return lesson


def mistakes(text: str, path: Path) -> list[ScenarioError]:
    """Every mistake in this text, in the order of its lines; empty where it is a good lesson."""
    reader = _Reader(text, path, ORIGINAL)
    reader.lesson()
    return reader.errors


@dataclass
class _Block:
    """A hidden container of a step; its content is source lines ``first`` to ``end``, 0-based."""

    name: str
    info: str
    line: int
    first: int
    end: int
    tokens: Sequence[Token]


@dataclass
class _Section:
    """From one step heading to the next; its text is source lines ``first`` to ``end``, 0-based.

    ``cut``: what follows it is no proper heading, so what seems to be missing may be below that.
    """

    id: str
    title: str
    line: int
    first: int
    end: int = 0
    blocks: list[_Block] = field(default_factory=list)
    cut: bool = False


class _Reader:
    """Reads one text, collecting mistakes.

    Args:
        text, path, language: as for `parse`.
    """

    def __init__(self, text: str, path: Path, language: str) -> None:
        self.lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.path = path
        self.language = language
        self.errors: list[ScenarioError] = []

    def fail(self, line: int, message: str, hint: str) -> None:
        """Remember a mistake on this 1-based line."""
        self.errors.append(ScenarioError(message, f"{self.path}:{line}", hint))

    def lesson(self) -> Lesson:
        """The lesson, as far as it could be read."""
        head, self.errors = frontmatter.parse(self.lines, self.path)
        environment: dict[str, Any] = {}
        # The head becomes blank lines, so that line numbers stay those of the file.
        body = [""] * head.length + self.lines[head.length :]
        tokens = markdown.parser().parse("\n".join(body), environment)
        sections: list[_Section] = []
        if markdown.check_structure(self.lines, tokens, self.fail):
            self.check_references(environment)
            self.check_consoles(tokens)
            sections = self.sections(tokens)
        steps = tuple(self.step(section) for section in sections)
        self.errors.sort(key=lambda e: int(e.where.rpartition(":")[2]))
        first = sections[0].line - 1 if sections else len(self.lines)
        return Lesson(
            path=self.path,
            language=self.language,
            title=head.title,
            level=head.level,
            minutes=head.minutes,
            summary=head.summary,
            objectives=head.objectives,
            requires=head.requires,
            introduction=_trim(self.lines[head.length : first]),
            steps=steps,
        )

    def check_references(self, environment: dict[str, Any]) -> None:
        """Complain about `[name]: address` lines: a step is rendered without the rest."""
        for name, target in environment.get("references", {}).items():
            hint = "Write the address at the link: `[words](address)`."
            self.fail(target["map"][0] + 1, f"a link definition, `[{name.lower()}]:`", hint)

    def check_consoles(self, tokens: Sequence[Token]) -> None:
        """Complain about console blocks that nobody could type, wherever they are."""
        for token in tokens:
            if _is_console(token):
                try:
                    markdown.commands(token.content, markdown.span(token)[0] + 2)
                except ValueError as error:
                    hint = "Write what is typed as `$ command`, with its output below it."
                    self.fail(error.args[1], error.args[0], hint)

    def sections(self, tokens: Sequence[Token]) -> list[_Section]:
        """The steps' headings, each with the hidden blocks below it."""
        found: list[_Section] = []
        for index, token in enumerate(tokens):
            if token.type == "heading_open":
                section = self.heading(token, tokens[index + 1])
                if section:
                    if found:
                        found[-1].end = section.line - 1
                        found[-1].cut = not section.id
                    self.check_id(section, found)
                    found.append(section)
            elif markdown.container(token) in HIDDEN:
                block = _block(tokens, index)
                if found:
                    found[-1].blocks.append(block)
                else:
                    hint = "Put it below the heading of the step that it belongs to."
                    self.fail(block.line, f"`::: {block.name}` before the first step", hint)
        if found:
            found[-1].end = len(self.lines)
        else:
            hint = "Write a heading such as `## Look around {#look-around}`."
            self.fail(len(self.lines), "the lesson has no step", hint)
        return found

    def heading(self, token: Token, inline: Token) -> _Section | None:
        """The step that a heading begins; ``None`` for a smaller heading or a wrong one."""
        first, end = markdown.span(token)
        line = first + 1
        match = _HEADING_ID.search(inline.content)
        if token.tag == "h1":
            hint = "The lesson's title is in its front matter; a step has `##`."
            self.fail(line, "a heading with one `#`", hint)
        elif token.tag != "h2":
            if match:
                self.fail(line, "only a step has an id", "Take the `{#…}` away, or write `##`.")
        elif token.level:
            hint = "Write it at the left edge, outside of lists, quotes and `:::`."
            self.fail(line, "the heading of a step inside another block", hint)
        else:
            words = [child.content for child in inline.children or []]
            title = _HEADING_ID.sub("", "".join(words)).strip()
            return _Section(match["id"] if match else "", title, line, end)
        return None

    def check_id(self, section: _Section, before: Sequence[_Section]) -> None:
        """Complain about a missing, malformed or repeated id, or a missing title."""
        same = [other.line for other in before if other.id == section.id]
        if not section.id:
            hint = (
                "Write `## Title {#short-name}`; a line of `---` below text also makes a heading."
            )
            self.fail(section.line, "the heading of a step has no id", hint)
        elif not _ID.fullmatch(section.id):
            hint = "An id is lower-case words joined by hyphens, such as `look-around`."
            self.fail(section.line, f"`{section.id}` cannot be an id", hint)
        elif same:
            hint = "Give every step an id of its own."
            self.fail(section.line, f"the id `{section.id}` is taken by line {same[0]}", hint)
        if not section.title:
            self.fail(section.line, "the heading of a step has no title", "Write what it is about.")

    def step(self, section: _Section) -> Step:
        """The step of a section, with a complaint for each thing that it lacks."""
        solutions = self.named(section, "solution")
        if not solutions and not section.cut:
            hint = "Add `::: solution`, a console block and `:::`."
            self.fail(section.line, f"step `{section.id}` has no solution", hint)
        for extra in solutions[1:]:
            hint = f"The first one is on line {solutions[0].line}; put the other way into its text."
            self.fail(extra.line, f"step `{section.id}` has two solutions", hint)
        hints = self.named(section, "hint")
        if not hints and not section.cut:
            hint = "Add `::: hint`, a nudge in the right direction and `:::`."
            self.fail(section.line, f"step `{section.id}` has no hint", hint)
        for block in hints:
            if not self.source(block):
                self.fail(block.line, "an empty hint", "Write it, or remove it.")
        return Step(
            id=section.id,
            title=section.title,
            body=self.body(section),
            hints=tuple(self.source(block) for block in hints),
            solution=self.source(solutions[0]) if solutions else "",
            commands=self.commands(solutions[0]) if solutions else (),
            traps=tuple(self.trap(block) for block in self.named(section, "trap")),
            line=section.line,
        )

    def trap(self, block: _Block) -> Trap:
        """The known wrong answer in this block."""
        match = _TRAP.fullmatch(block.info)
        if not match or not match["message"].strip():
            hint = 'Write `::: trap "part of the message that it must earn"`.'
            self.fail(block.line, "a trap without its message", hint)
        message = match["message"] if match else ""
        return Trap(message, self.commands(block), block.line, self.source(block))

    def commands(self, block: _Block) -> tuple[Command, ...]:
        """Everything that a block has the learner type."""
        consoles = [token for token in block.tokens if _is_console(token)]
        if not consoles:
            hint = "Write them in a block that begins with ```console."
            self.fail(block.line, f"a {block.name} without commands", hint)
        found: list[Command] = []
        for token in consoles:
            # What is wrong with one was said by `check_consoles`.
            with contextlib.suppress(ValueError):
                found += markdown.commands(token.content, markdown.span(token)[0] + 2)
        return tuple(found)

    def named(self, section: _Section, name: str) -> list[_Block]:
        """The blocks of a step with this name."""
        return [block for block in section.blocks if block.name == name]

    def source(self, block: _Block) -> str:
        """The Markdown inside a block."""
        return _trim(self.lines[block.first : block.end])

    def body(self, section: _Section) -> str:
        """The Markdown of a step without its hidden blocks."""
        parts, first = [], section.first
        for block in section.blocks:
            parts.append(_trim(self.lines[first : block.line - 1]))
            first = block.end + 1
        parts.append(_trim(self.lines[first : section.end]))
        return "\n\n".join(part for part in parts if part)


def _block(tokens: Sequence[Token], index: int) -> _Block:
    """The container that the token at this index opens."""
    token = tokens[index]
    after = index + 1
    while tokens[after].level > token.level:
        after += 1
    first, end = markdown.span(token)
    inner = tokens[index + 1 : after]
    return _Block(markdown.container(token), token.info.strip(), first + 1, first + 1, end, inner)


def _is_console(token: Token) -> bool:
    """Whether this is a block of what the learner types."""
    return token.type == "fence" and token.info.split()[:1] == ["console"]


def _trim(lines: Sequence[str]) -> str:
    """These lines as Markdown, without blank lines around them."""
    return "\n".join(lines).strip("\n").rstrip()


def main(arguments: Sequence[str]) -> int:
    """Print the mistakes of these lesson files; 1 where there is one."""
    from labrunner.lessons.reading import text

    bad = 0
    for argument in arguments:
        path = Path(argument)
        try:
            found = mistakes(text(path), path)
        except ScenarioError as error:
            found = [error]
        bad += len(found)
        for mistake in found:
            sys.stdout.write(f"{mistake}\n    {mistake.hint}\n")
        if not found:
            steps = len(parse(text(path), path).steps)
            sys.stdout.write(f"{path}: a good lesson of {steps} steps\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
