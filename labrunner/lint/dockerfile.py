"""The rule about a scenario's Dockerfiles: what they start from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from labrunner.lint.finding import Finding, found
from labrunner.lint.typed import mutable, pinned

_ARG = re.compile(r"ARG\s+(\w+)(?:=(\S+))?\s*", re.IGNORECASE)
_FROM = re.compile(
    r"FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*", re.IGNORECASE
)
_VARIABLE = re.compile(r"\$\{?(\w+)(?::-([^}]*))?\}?")


def look(path: Path) -> Iterator[Finding]:
    """A finding for each image that may be another one next month."""
    defaults: dict[str, str] = {}
    stages = {"scratch"}
    for line, text in instructions(path):
        argument, start = _ARG.fullmatch(text), _FROM.fullmatch(text)
        if argument:
            defaults[argument[1]] = (argument[2] or "").strip("\"'")
        elif start:
            image = _VARIABLE.sub(lambda m: defaults.get(m[1]) or m[2] or m[0], start["image"])
            if image.lower() not in stages and mutable(image):
                message = f"it starts from {image}, which has no tag of its own"
                yield found("mutable-tag", path, line, message, f"Write {pinned(image)}.")
            stages.add((start["stage"] or "").lower())


def instructions(path: Path) -> Iterator[tuple[int, str]]:
    """Each instruction in one line, with the number of its first line."""
    parts: list[str] = []
    first = 1
    text = path.read_text(encoding="utf-8", errors="replace")
    for number, row in enumerate(text.splitlines(), 1):
        if row.lstrip().startswith("#") or (not row.strip() and not parts):
            continue
        first = first if parts else number
        parts.append(row.strip().removesuffix("\\").rstrip())
        if not row.rstrip().endswith("\\"):
            yield first, " ".join(parts)
            parts = []
    if parts:
        yield first, " ".join(parts)
