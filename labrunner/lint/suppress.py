"""Findings that stay as they are, each for a reason that stands in the file.

In a lesson, a comment on a line of its own; it covers the block that follows, which may be a
whole ``:::`` container, or a step's heading and with it what is said of the step as a whole::

    <!-- lint: wide-code: the table is what the step is about -->

In Python, a Dockerfile and front matter, ``# lint: rule: reason`` at the end of a line, which it
covers, or on a line of its own; then it covers the statement or instruction that follows.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.lint.dockerfile import instructions
from labrunner.lint.finding import FINAL, RULES, Finding, found

if TYPE_CHECKING:
    from labrunner.lint.page import Page
    from labrunner.lint.python import Module

_IN_COMMENT = re.compile(r"lint:\s*(?P<rule>[\w-]*)\s*(?::\s*(?P<reason>.*))?", re.DOTALL)
_IN_CODE = re.compile(r"(?:^|\s)#\s*(?P<comment>lint:.*)$")


@dataclass(frozen=True)
class Suppression:
    """A comment that asks to leave something as it is.

    Attributes:
        path, line: where it stands.
        rule: which rule it is about.
        reason: why; "" where none is given.
        first, last: the lines that it covers.
    """

    path: Path
    line: int
    rule: str
    reason: str
    first: int
    last: int

    def covers(self, finding: Finding) -> bool:
        """Whether it is about this finding."""
        return (
            bool(self.reason)
            and finding.rule == self.rule
            and finding.rule not in FINAL
            and finding.file == str(self.path)
            and self.first <= finding.line <= self.last
        )


def _read(path: Path, line: int, text: str, covered: tuple[int, int]) -> Suppression | None:
    match = _IN_COMMENT.fullmatch(text.strip())
    if match is None:
        return None
    reason = " ".join((match["reason"] or "").split())
    return Suppression(path, line, match["rule"], reason, *covered)


def in_page(page: Page) -> Iterator[Suppression]:
    """The suppressions of a lesson."""
    spans = [(t.map[0] + 1, t.map[1]) for t in page.tokens if t.map]
    for line, text in page.comments:
        after = line + text.count("\n")
        following = [span for span in spans if span[0] > after]
        nearest = min(following, key=lambda s: (s[0], -s[1]), default=(line, line))
        found_one = _read(page.path, line, text, nearest)
        if found_one:
            yield found_one
    for number, row in enumerate(page.lines[: page.head.length], 1):
        yield from _in_row(page.path, number, row, (number + 1, number + 1))


def in_module(module: Module) -> Iterator[Suppression]:
    """The suppressions of a Python file."""
    statements = [
        (min([n.lineno, *(d.lineno for d in getattr(n, "decorator_list", ()))]), n.end_lineno or 0)
        for n in ast.walk(module.tree)
        if isinstance(n, ast.stmt | ast.expr | ast.keyword)
    ]
    for token in tokenize.tokenize(io.BytesIO(module.source).readline):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            following = [s for s in statements if s[0] > line]
            nearest = min(following, key=lambda s: (s[0], -s[1]), default=(line, line))
            alone = token.line.lstrip().startswith("#")
            text = token.string if alone else f"code {token.string}"
            yield from _in_row(module.path, line, text, nearest)


def in_dockerfile(path: Path) -> Iterator[Suppression]:
    """The suppressions of a Dockerfile (which knows comments on lines of their own only)."""
    firsts = [first for first, _ in instructions(path)]
    rows = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, row in enumerate(rows, 1):
        if row.lstrip().startswith("#"):
            first = min((n for n in firsts if n > number), default=number)
            yield from _in_row(path, number, row.strip(), (first, first))


def _in_row(path: Path, line: int, text: str, following: tuple[int, int]) -> Iterator[Suppression]:
    """The suppression in a row with a ``#`` comment, if there is one."""
    match = _IN_CODE.search(text)
    if match:
        covered = following if text.lstrip().startswith("#") else (line, line)
        found_one = _read(path, line, match["comment"], covered)
        if found_one:
            yield found_one


def apply(findings: Iterable[Finding], suppressions: Sequence[Suppression]) -> list[Finding]:
    """The findings, those that are to stay marked; and what is wrong with the suppressions."""
    used: set[Suppression] = set()
    answer = []
    for finding in findings:
        covering = [s for s in suppressions if s.covers(finding)]
        used.update(covering)
        reason = covering[0].reason if covering else ""
        answer.append(replace(finding, suppressed=reason))
    for each in suppressions:
        answer += [] if each in used else [_useless(each)]
    return answer


def _useless(one: Suppression) -> Finding:
    """What is wrong with a suppression that did nothing."""
    if one.rule not in RULES:
        known = ", ".join(sorted(set(RULES) - set(FINAL)))
        message, fix = f"there is no rule `{one.rule}` to suppress", f"Rules: {known}."
    elif one.rule in FINAL:
        message, fix = f"`{one.rule}` cannot be suppressed", "Mend it, and remove this comment."
    elif not one.reason:
        message = f"a suppression of `{one.rule}` without a reason"
        fix = f"Write `lint: {one.rule}: why it has to stay so`."
    else:
        message, fix = f"nothing here is a case of `{one.rule}`", "Remove this comment."
    return found("suppression", one.path, one.line, message, fix)
