"""Checks what the documents say against the project: links, `lab` commands, `make` targets.

    python tools/check_docs.py

Prints ``file:line: what is wrong`` and exits with 1 where something is.
"""
# ruff: noqa: INP001, T201

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import typer.main

from labrunner.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = {".venv", ".cache", ".git", "node_modules", "build", "dist"}

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:")
FENCE = re.compile(r"^\s*(```|~~~)")
SPAN = re.compile(r"`([^`]+)`")
LAB = re.compile(r"^\$?\s*lab ([a-z]+)(?: ([a-z]+))?")
MAKE = re.compile(r"^\$?\s*make ([a-z-]+)")
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.*)")
GIVEN_ID = re.compile(r"\{#([\w-]+)\}\s*$")


def main() -> int:
    """Check every document; the exit code."""
    problems = [problem for path in documents() for problem in problems_of(path)]
    print("\n".join(problems) or "the documents agree with the project")
    return 1 if problems else 0


def documents() -> Iterator[Path]:
    """Every Markdown file of the project."""
    for path in sorted(ROOT.rglob("*.md")):
        if SKIPPED.isdisjoint(path.relative_to(ROOT).parts):
            yield path


def problems_of(path: Path) -> Iterator[str]:
    """What is wrong in one document."""
    place = path.relative_to(ROOT)
    fenced = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
            continue
        found = [] if fenced else [link_problem(path, link) for link in LINK.findall(line)]
        found += [command_problem(text) for text in ([line] if fenced else SPAN.findall(line))]
        for problem in filter(None, found):
            yield f"{place}:{number}: {problem}"


def link_problem(path: Path, link: str) -> str:
    """Why a relative link leads nowhere; empty where it does not."""
    if ELSEWHERE.match(link):
        return ""
    file, _, anchor = link.partition("#")
    target = (path.parent / file).resolve() if file else path
    if not target.exists():
        return f"there is no {file}"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return f"{target.name} has no heading #{anchor}"
    return ""


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as code hosts make them, and those given by hand."""
    found: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        heading = HEADING.match(line)
        if heading:
            given = GIVEN_ID.search(heading[1])
            words = re.sub(r"[^\w\s-]", "", heading[1].lower()).strip()
            found.add(given[1] if given else re.sub(r"\s", "-", words))
    return found


def command_problem(text: str) -> str:
    """Why a command cannot be typed; empty where it can, or is none of ours."""
    make = MAKE.match(text)
    if make:
        targets = TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
        return "" if make[1] in targets else f"the Makefile has no target {make[1]}"
    lab = LAB.match(text)
    if not lab:
        return ""
    commands = getattr(typer.main.get_command(app), "commands", {})
    if lab[1] not in commands:
        return f"there is no command lab {lab[1]}"
    inner = getattr(commands[lab[1]], "commands", None)
    if inner and lab[2] and lab[2] not in inner:
        return f"there is no command lab {lab[1]} {lab[2]}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
