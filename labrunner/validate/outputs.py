"""Whether a command printed what the lesson shows below it.

The rule: every line that a lesson shows must come, in the order in which it is shown.

- Lines between them may be missing in the lesson: it may shorten. ``...`` says so to the
  reader; inside a line it stands for any text.
- A shown line may be the beginning of a printed one, and a printed line may go on in the next
  shown one: lessons wrap at 80 columns.
- What differs from run to run is compared by its kind only: addresses, ids, times, figures
  with a unit or a decimal point, random words (``heron-4821``), ports that the kernel chose.
  In a line with a size or a rate, whole numbers between blanks are figures too.
- What differs for another reason is named by the author, in a comment within the step:
  ``<!-- varies: REGULAR EXPRESSION -->``. Its matches, shown and printed, are all the same.
- The width of columns does not count, nor the order of lines below a heading in capitals, as
  ``docker ps`` has it: it depends on which container was ready first.

All else, small numbers and exit codes included, must be the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNIT = r"(?:[kKMGT]i?)?(?:B|[Bb]ytes?|bits?(?:/s(?:ec)?)?|bps)\b"
_SIZE = re.compile(rf"\b\d+(?:\.\d+)?\s?{_UNIT}(?:/s(?:ec)?\b)?")
_WHOLE = re.compile(r"(?<!\S)\d+(?!\S)")
_SOME = r"(?:about an? |less than an? |\d+ )?"
_TIME = r"(?:second|minute|hour|day|week)s?"
_DAY = r"\d{4}-\d\d-\d\d"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_ALIKE = (
    (re.compile(r"\b\d{1,3}(?:\.\d{1,4}){6,}\b"), "<glued addresses>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?\b"), "<address>"),
    (re.compile(r"\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,7}(?:/\d{1,3})?"), "<address>"),
    (re.compile(r"\b(?:sha256:)?(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b"), "<id>"),
    (re.compile(rf"\b{_DAY}(?:[T ]{_CLOCK}(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(rf"\b\d\d/{_MONTH}/\d{{4}}\b|\b{_MONTH} +\d{{1,2}}\b(?=  ?\d)"), "<day>"),
    (re.compile(rf"\b{_CLOCK}\b"), "<time>"),
    (re.compile(rf"\b{_SOME}{_TIME} ago\b", re.IGNORECASE), "<time> ago"),
    (re.compile(rf"\bUp {_SOME}{_TIME}\b", re.IGNORECASE), "Up <time>"),
    (
        re.compile(rf"\b\d+(?:\.\d+)?\s?(?:ms|[u\u00b5n]s|s|secs?|(?:milli|micro)?{_TIME})\b"),
        "<figure>",
    ),
    (re.compile(r"\b\d+(?:\.\d+)?\s?%"), "<figure>"),
    (re.compile(r"\b\d+\.\d+\b"), "<figure>"),
    (re.compile(r"\b[a-z]+-\d{2,}\b"), "<word>"),
    (re.compile(r"\b[3-6]\d{4}\b"), "<port>"),
    (re.compile(r"-{3,}"), "---"),
)


_HEADING = re.compile(r"[A-Z]{2,}(?: [A-Z]+| {2,})*")


def alike(line: str, varies: Sequence[re.Pattern[str]] = ()) -> str:
    """A line in which everything that varies is replaced by its kind."""
    for pattern in varies:
        line = pattern.sub("<varies>", line)
    line, sizes = _SIZE.subn("<figure>", line)
    for pattern, name in _ALIKE:
        line = pattern.sub(name, line)
    if sizes:
        line = _WHOLE.sub("<figure>", line)
    return " ".join(line.replace("\N{HORIZONTAL ELLIPSIS}", "...").split())


def missing(shown: str, printed: str, varies: Sequence[re.Pattern[str]] = ()) -> str | None:
    """The first line of what a lesson shows that was not printed; ``None`` where all came."""
    lines = [alike(line, varies) for line in printed.splitlines()]
    wanted = [(line.strip(), alike(line, varies)) for line in shown.splitlines()]
    wanted = [(line, like) for line, like in wanted if like not in ("", "...")]
    if wanted and _HEADING.fullmatch(wanted[0][1]):
        return _in_any_order(wanted, lines)
    at, rest = 0, ""
    for original, like in wanted:
        end = _begins(rest, like) if rest else None
        if end is not None:
            rest = rest[end:].lstrip()
            continue
        found = _find(lines, at, like)
        if found is None:
            return original
        at, end = found[0] + 1, found[1]
        rest = lines[found[0]][end:].lstrip()
    return None


def _in_any_order(wanted: Sequence[tuple[str, str]], lines: list[str]) -> str | None:
    """The same for a table: each line that is shown was printed, wherever."""
    left = list(lines)
    for original, like in wanted:
        found = _find(left, 0, like)
        if found is None:
            return original
        del left[found[0]]
    return None


def _find(lines: Sequence[str], start: int, wanted: str) -> tuple[int, int] | None:
    """The first line from here on that begins like this one, and where that beginning ends."""
    for index in range(start, len(lines)):
        end = _begins(lines[index], wanted)
        if end is not None:
            return index, end
    return None


def _begins(line: str, wanted: str) -> int | None:
    """Where in a line its beginning ends, if that is ``wanted``; words are not cut."""
    pattern = ".*?".join(re.escape(part) for part in wanted.split("..."))
    after = r"(?!\w)" if re.search(r"\w$", wanted) else ""
    match = re.match(pattern + after, line)
    return match.end() if match else None
