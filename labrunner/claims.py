"""What is said about container networks, what is true, and the step that lets you measure it.

A well-known article about unsegregated networks, taken apart claim by claim: each is numbered
in the order of the article, and each lab lists those that its steps put to the test in
``content/<name>/claims.toml``, a table ``[[claim]]`` each. ``python -m labrunner.claims`` prints
the page made of all of them.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from labrunner.errors import ScenarioError

FILE = "claims.toml"
VERDICTS = ("true", "partly", "false", "outdated", "dangerous")
_ROW = re.compile(r"(\d+)([a-z]?)")
_KEYS = {"row", "says", "verdict", "truth", "step"}
_INTRODUCTION = """\
# What is said, what is true

A widely read article explains unsegregated container networks. Many of its commands and claims
do not hold, and some lower the security that they promise. Do not take our word for it either:
each line names the step of a lab in which you measure it yourself.

A verdict is *true*, *partly* (true with a condition that matters), *false*, *outdated*, or
*dangerous* (done as written, it lowers security).
"""


@dataclass(frozen=True)
class Claim:
    """One claim, as one lab puts it to the test.

    Attributes:
        row: its number in the article; a letter marks what belongs to the one before.
        says: what the article says.
        verdict: one of `VERDICTS`.
        truth: what is true instead, or with it.
        lab, step: where it is measured.
    """

    row: str
    says: str
    verdict: str
    truth: str
    lab: str
    step: str

    @property
    def place(self) -> tuple[int, str]:
        """Where it comes in the order of the article."""
        match = _ROW.fullmatch(self.row)
        return (int(match[1]), match[2]) if match else (0, self.row)


def read(content: Path) -> tuple[Claim, ...]:
    """The claims of every lab below a folder of content, in the order of the article.

    Raises:
        ScenarioError: a file is no TOML, or a claim lacks something or has an unknown verdict.
    """
    files = sorted(content.glob(f"*/{FILE}"))
    return tuple(sorted((c for f in files for c in _read(f)), key=lambda c: (c.place, c.lab)))


def _read(file: Path) -> Iterator[Claim]:
    try:
        tables = tomllib.loads(file.read_text("utf-8")).get("claim", [])
    except (OSError, ValueError) as error:
        raise ScenarioError(f"cannot be read: {error}", str(file)) from error
    for number, table in enumerate(tables, 1):
        _check(table, f"{file}: claim {number}")
        yield Claim(**{**table, "row": str(table["row"])}, lab=file.parent.name)


def _check(table: dict[str, Any], where: str) -> None:
    """Raise where a claim is not what it should be."""
    hint = f"A claim has {', '.join(sorted(_KEYS))}; a verdict is one of {', '.join(VERDICTS)}."
    wrong = sorted(_KEYS ^ set(table))
    if wrong:
        raise ScenarioError(f"{', '.join(wrong)}: missing or unknown", where, hint)
    if table["verdict"] not in VERDICTS:
        raise ScenarioError(f"the verdict {table['verdict']!r} is unknown", where, hint)
    if not _ROW.fullmatch(str(table["row"])):
        raise ScenarioError(f"the row {table['row']!r} is no number", where, hint)


def page(claims: Sequence[Claim]) -> str:
    """The claims as a page in Markdown; those of one row stand together."""
    parts = [_INTRODUCTION]
    for row, same in groupby(claims, key=lambda claim: claim.row):
        parts.append(f"## {row}\n")
        parts += [
            f"> {claim.says}\n\n"
            f"**{claim.verdict.capitalize()}.** {claim.truth}\n\n"
            f"Measure it: `lab start {claim.lab} --at {claim.step}`\n"
            for claim in same
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    from labrunner import shelves

    root = shelves.bundled_root()
    sys.stdout.write(page(read(root.parent / "content")) if root else "")
