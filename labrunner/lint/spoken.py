"""Is what the checks of a scenario say there in every language that its lesson has?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from labrunner import words
from labrunner.lint.finding import Finding, found
from labrunner.lint.python import MAKERS, Module, called, told

_LETTER = re.compile(r"[^\W\d]")


def look(content: Path, languages: Sequence[str], modules: Sequence[Module]) -> Iterator[Finding]:
    """Sentences that a language lacks, and those that no check says any more."""
    said = {key: (module, line) for module in modules for key, line in sentences(module)}
    written = {key for module in modules for key in everything(module)}
    for language in languages:
        own = content / f"words.{language}.toml"
        table = words.read(own) if own.is_file() else {}
        runner = words.load(language)
        for key, (module, line) in said.items():
            if key not in table and not runner.knows(key):
                message = f"{language} has no words for {key!r}"
                fix = f"Write {key!r} = '…' below [words] in {own}."
                yield found("words-missing", module.path, line, message, fix)
        for key in sorted(table.keys() - written):
            message = f"nothing says {key!r} any more"
            fix = "Take it out, or write it as the check does."
            yield found("words-missing", own, _line_of(own, key), message, fix)


def sentences(module: Module) -> Iterator[tuple[str, int]]:
    """What the verdicts of a module say, as `labrunner.words` has it, each with its line.

    Only what is written where the verdict is made can be seen; a word alone is a value.
    """
    for call in module.calls:
        if called(call) in MAKERS:
            for node in (inner for value in told(call) for inner in _texts(value)):
                key = key_of(node)
                if " " in key.strip() and _LETTER.search(words.without_gaps(key)):
                    yield key, node.lineno


def everything(module: Module) -> Iterator[str]:
    """Every text in a module: what a verdict says may be put together elsewhere."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        ):
            yield key_of(node)


def _texts(value: ast.expr) -> Iterable[ast.JoinedStr | ast.Constant]:
    """The outermost texts of an expression; what a text is filled with is not looked into."""
    if isinstance(value, ast.JoinedStr):
        yield value
    elif isinstance(value, ast.Constant):
        if isinstance(value.value, str):
            yield value
    elif not isinstance(value, ast.Call):
        for inner in ast.iter_child_nodes(value):
            if isinstance(inner, ast.expr):
                yield from _texts(inner)


def key_of(node: ast.JoinedStr | ast.Constant) -> str:
    """A text with ``{1}``, ``{2}`` … for what is put into it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    parts = []
    gaps = 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        else:
            gaps += 1
            parts.append(f"{{{gaps}}}")
    return "".join(parts)


def _line_of(file: Path, key: str) -> int:
    lines = file.read_text("utf-8").splitlines()
    return next((n for n, line in enumerate(lines, 1) if key[:20] in line), 1)
