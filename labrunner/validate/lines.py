"""A proof as lines for the terminal: words first, 80 columns, nothing by colour alone."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator, Sequence

from labrunner.validate.proof import Kind, Proof, Result, Status

WIDTH = 80
LAST = 12
"""Lines of a transcript that the terminal shows of what went wrong."""

LONGEST = 20_000
"""Characters of a transcript in a report; the JSON has all of it."""

SHORT = 4_000
"""Characters of any text in a complaint."""

SHOWN = 6
"""Lines of a longer ``expected`` or ``seen``."""

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def seen(text: str) -> str:
    """Text without what would steer a terminal or a browser instead of being shown."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def cut(text: str, longest: int) -> str:
    """Text without its middle where it is longer; its beginning and end tell most."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


# --- one result ---------------------------------------------------------------------------


def line(result: Result, width: int = WIDTH) -> str:
    """A result as it comes: one line where it is fine, else with all that helps to mend it."""
    case = result.case
    what = case.id if result.fine else f"{case.id}: {result.message}"
    head = f"{result.status:<9} {seen(what)} ({result.seconds:.1f} s)"
    lines = _wrapped(head, 10, width)
    if not result.fine:
        where = [f"  where:    {seen(case.where)}"] if case.where else []
        lines += [row for part in (*where, *complaint(result)[1:]) for row in _fit(part, width)]
    return "\n".join(lines)


def complaint(result: Result) -> list[str]:
    """What an author has to know: where, what; typed, expected, seen, and the transcript."""
    case = result.case
    what = " ".join(filter(None, (case.scenario, case.step, case.kind)))
    rows = [f"{case.where or what}: {result.message}"]
    if case.where:
        rows.append(f"  tried:    {what}: {case.name}" if case.name else f"  tried:    {what}")
    rows += _labelled("typed", "\n".join(f"$ {command}" for command in result.typed))
    rows += _labelled("expected", result.expected)
    rows += _labelled("seen", result.seen)
    if result.transcript:
        shown = cut(result.transcript, SHORT).splitlines()
        left = len(shown) - LAST
        rows.append(f"  terminal (its last {LAST} lines):" if left > 0 else "  terminal:")
        rows += [f"    {row}" for row in shown[-LAST:]]
    return [seen(row) for row in rows]


def _labelled(label: str, text: str) -> Iterator[str]:
    rows = cut(text.strip("\n"), SHORT).splitlines()
    left = len(rows) - SHOWN
    if left > 1:
        rows = [*rows[:SHOWN], f"[{left} more lines]"]
    for number, row in enumerate(rows):
        head = f"{label}:" if not number else ""
        yield f"  {head:<9} {row}"


def _fit(row: str, width: int) -> list[str]:
    """A row of a complaint within the width, what goes on indented below its text."""
    if len(row) <= width:
        return [row]
    indent = 4 if row.startswith("    ") and row[4:5] != " " else 12
    if row.startswith("  terminal") or indent == 4:  # noqa: PLR2004  as it is set above
        # a terminal's own text: cut where it is full, spaces and all
        room = width - indent
        return [
            row[:width],
            *(" " * indent + row[n : n + room] for n in range(width, len(row), room)),
        ]
    return _wrapped(row, indent, width)


def _wrapped(row: str, indent: int, width: int) -> list[str]:
    return textwrap.wrap(
        row,
        width,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    ) or [""]


# --- the whole ----------------------------------------------------------------------------


def text(proof: Proof, width: int = WIDTH) -> str:
    """The summary at the end: each scenario and step with its strength, and what is left to do."""
    rows: list[str] = []
    for name in dict.fromkeys(result.case.scenario for result in proof.results):
        rows += [*_scenario(proof, name, width), ""]
    wrong = [result for result in proof.results if not result.fine]
    if wrong:
        rows.append(f"To mend ({len(wrong)}):")
        for result in wrong:
            rows.append("")
            first, *rest = complaint(result)
            rows += _wrapped(f"{result.status}: {first}", 2, width)
            rows += [part for row in rest for part in _fit(row, width)]
        rows.append("")
    explained = [r for r in proof.results if r.status is Status.SURVIVED and r.explained]
    if explained:
        rows.append(f"Survivors that are explained ({len(explained)}):")
        for result in explained:
            case = result.case
            rows += _wrapped(seen(f"  {case.scenario} {case.step}: {case.name}"), 4, width)
            rows += _wrapped(seen(f"    {result.explained}"), 4, width)
        rows.append("")
    return "\n".join([*rows, *_wrapped(_last(proof, wrong), 2, width)])


def _scenario(proof: Proof, name: str, width: int) -> list[str]:
    """A table of a scenario's steps."""
    results = [result for result in proof.results if result.case.scenario == name]
    steps = [step for step in dict.fromkeys(r.case.step for r in results) if step]
    word = "proven" if all(result.fine for result in results) else "NOT PROVEN"
    rows = [*_wrapped(seen(f"{name}: {word}"), 2, width)]
    longest = max([len(seen(step)) for step in steps] + [len("as a whole")])
    column = min(longest, width - 42)
    rows.append(f"  {'':<{column}}  {'fine':>9}  {'strength':>8}  {'slips noticed':>13}")
    for step in [*steps, ""]:
        mine = [r for r in results if r.case.step == step]
        if mine:
            title = seen(step) or "as a whole"
            rows += _row(title, mine, proof.strength(name, step) if step else None, column)
    if steps:
        rows += _row("total", results, proof.strength(name), column)
    return rows


def _row(title: str, results: Sequence[Result], strength: float | None, column: int) -> list[str]:
    fine = f"{sum(r.fine for r in results)} of {len(results)}"
    noticed = ""
    if strength is not None:
        tried = [
            r
            for r in results
            if r.case.kind is Kind.MUTATION and r.status in (Status.PROVEN, Status.SURVIVED)
        ]
        noticed = f"{sum(r.status is Status.PROVEN for r in tried)} of {len(tried)}"
    figures = f"{fine:>9}  {percent(strength):>8}  {noticed:>13}".rstrip()
    if len(title) <= column:
        return [f"  {title:<{column}}  {figures}"]
    return [f"  {title}", f"  {'':<{column}}  {figures}"]


def percent(strength: float | None) -> str:
    """A strength for people; rounded down, so that 100 % is said of nothing less."""
    return "-" if strength is None else f"{math.floor(strength * 100 + 1e-9)} %"


def _last(proof: Proof, wrong: Sequence[Result]) -> str:
    """The one line that says it all."""
    total = len(proof.results)
    if not total:
        return "Nothing was tried."
    word = f"Not proven: {len(wrong)} of {total} cases" if wrong else f"Proven: all {total} cases"
    strength = proof.strength()
    strong = f", strength {percent(strength)}" if strength is not None else ""
    return f"{word}{strong}, {proof.seconds:.0f} s, seed {proof.seed}."
