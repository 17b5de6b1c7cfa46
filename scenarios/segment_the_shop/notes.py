"""What the learner wrote down at the desk: ways, and what the networks cost."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet

from .facts import DESK, PORTS, Pair

if TYPE_CHECKING:
    from labrunner import Lab

_NAME = re.compile(rf"(?<![\w-])(?:{'|'.join(PORTS)})(?!-?\w)")
_FIGURE = re.compile(r"(?i)^\W*(networks|addresses|room)\W+(\d+)\s*$", re.MULTILINE)


def note(lab: Lab, path: str, what: str) -> str | Verdict:
    """What stands in a file at the desk, or that there is nothing."""
    text = lab.file(DESK, path)
    if text and text.strip():
        return text
    return not_yet(
        f"There is no note {path} at the desk yet.",
        expected=f"{what} in {path}, in the container {DESK}",
        seen="no such file" if text is None else "an empty file",
        look=f"docker exec {DESK} cat {path}",
    )


def ways_in(lab: Lab, path: str, what: str) -> set[Pair] | Verdict:
    """The ways in a note, one a line: who calls, then who is called."""
    text = note(lab, path, what)
    if isinstance(text, Verdict):
        return text
    ways: set[Pair] = set()
    for line in text.splitlines():
        found = named(line)
        if line.strip() and len(found) < 2:  # noqa: PLR2004  who calls, and who is called
            return not_yet(
                "A line of the note does not name two services.",
                expected="CALLER CALLED in each line, both by their full names",
                seen=line.strip(),
                look=f"docker exec {DESK} cat {path}",
            )
        ways.update(pairwise(found))
    return ways


def named(line: str) -> list[str]:
    """The services that a line names, in their order."""
    return _NAME.findall(line)


def figures(text: str) -> dict[str, int]:
    """The figures of a note, by what stands before each; the last of several counts."""
    return {name.lower(): int(number) for name, number in _FIGURE.findall(text)}
