"""A measurement laid out as text: a table where it fits, a list where it does not."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labrunner.reach import changes as reach_changes
from labrunner.reach import table
from labrunner.words import count, tr

if TYPE_CHECKING:
    from labrunner.model.reach import Protocol, Reach, Trouble
    from labrunner.reach.changes import Change
    from labrunner.reach.table import Cell, Column, Table

Paint = Callable[[str, str], str]
"""Text and a word's style in, text in that style out."""

STYLES = {
    **dict.fromkeys(("open", "open*", "answers", "arrives"), "32"),
    **dict.fromkeys(("paused", "refused"), "33"),
    "-": "2",
}
BLOCKED = "31"
MOST = 6
"""Faults that are named without ``--all``."""
MARK = " <"
"""Behind a word that is another one than before."""

SINCE = {
    "last": "since the last map, {1}:",
    "step": "since this step began, {1}:",
    "lab": "since the lab began, {1}:",
    "drawn": "at {1}:",
}
"""What stands above changes, by what was compared with."""


@dataclass(frozen=True)
class Compared:
    """What changed, and since when.

    Attributes:
        since: a key of `SINCE`.
        at: when what was compared with was measured, in seconds since the epoch.
        changes: what changed; nothing, where nothing did.
    """

    since: str
    at: float
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Shown:
    """A measurement, and what is to be shown of it.

    Attributes:
        reach: the measurement.
        everything: all protocols, published ports and the way out, and not TCP alone.
        riddle: no cause is named.
        troubles: faults that have a name.
        compared: what changed.
    """

    reach: Reach
    everything: bool = False
    riddle: bool = False
    troubles: Sequence[Trouble] = ()
    compared: Compared | None = None
    tables: tuple[Table, ...] = field(init=False)

    def __post_init__(self) -> None:
        kinds: tuple[Protocol, ...] = table.PROTOCOLS if self.everything else ("tcp",)
        marked = reach_changes.ways(self.compared.changes if self.compared else ())
        tables = (table.table(self.reach, kind, marked) for kind in kinds)
        object.__setattr__(self, "tables", tuple(t for t in tables if t.columns))


def _plain(text: str, _style: str) -> str:
    return text


def draw(shown: Shown, width: int = 80, paint: Paint = _plain) -> str:
    """It as lines of at most ``width`` characters (a name alone may be longer)."""
    return "\n\n".join(part for part in _parts(shown, width, paint) if part)


def _parts(shown: Shown, width: int, paint: Paint) -> Iterator[str]:
    reach = shown.reach
    missing = table.nothing(reach)
    yield missing or _wrap(table.summary(reach), width)
    holes = table.published(reach) if shown.everything else ()
    lists = False
    for one in shown.tables:
        kind = one.columns[0].protocol
        title = _wrap(tr(table.TITLES[kind]), width) if shown.everything else ""
        drawn = _table(reach, one, width, paint)
        lists = lists or drawn is None
        yield f"{title}\n{drawn or _list(one, width, paint)}".lstrip("\n")
    if holes:
        yield _holes(holes, width, paint)
    if shown.everything and reach.outside:
        yield _outside(reach, width)
    yield _legend(shown, holes, width, lists=lists)
    told = table.told_by(shown.troubles)
    notes = table.notes(reach, riddle=shown.riddle, told=told)
    yield "\n".join(_wrap(note, width, 2) for note in notes)
    yield _troubles(shown, width)
    if shown.compared:
        yield changed(shown.compared, width, everything=shown.everything, riddle=shown.riddle)


def _holes(holes: Sequence[table.Hole], width: int, paint: Paint) -> str:
    """Published ports: where, whose, and what came of it."""
    first = max(len(hole.at) for hole in holes)
    second = max(len(hole.target) for hole in holes)
    lines = [_wrap(tr(table.TITLES["published"]), width)]
    for hole in holes:
        word = paint(hole.label, _style(hole.word))
        if first + second + _cell_width() + 4 <= width:
            lines.append(f"{hole.at:<{first}}  {hole.target:<{second}}  {word}")
        else:
            lines += [hole.at, f"  {hole.target}", f"  {word}"]
    return "\n".join(lines)


def _outside(reach: Reach, width: int) -> str:
    """Who has a way out, by what they have."""
    by_label: dict[str, list[str]] = {}
    for one in table.outside(reach):
        by_label.setdefault(one.label, []).append(one.container)
    lines = [_wrap(tr(table.TITLES["outside"]), width)]
    for label, names in by_label.items():
        lines.append(_wrap(tr("{1}: {2}", ", ".join(names), label), width, 2))
    return "\n".join(lines)


def _legend(shown: Shown, holes: Sequence[table.Hole], width: int, *, lists: bool) -> str:
    """What the words stand for; in a list, what was not tried is left out."""
    size = _cell_width()
    lines = [
        _wrap(f"{one.label:<{size}}  {one.meaning}", width, size + 2)
        for one in table.legend(shown.tables, holes)
        if one.word != "-" or not lists
    ]
    if any(cell.changed for one in shown.tables for row in one.rows for cell in row.cells):
        lines.append(_wrap(f"{MARK.strip():<{size}}  {tr('another word than before')}", width))
    return "\n".join(lines)


def _troubles(shown: Shown, width: int) -> str:
    """Faults that have a name, each with what shows it; the first few, or all."""
    if not shown.troubles:
        return ""
    lines = [tr("noticed:")]
    most = len(shown.troubles) if shown.everything else MOST
    for one in shown.troubles[:most]:
        lines.append(_wrap(f"  {one.message}", width, 4))
        if one.look:
            lines.append(_wrap(f"    {tr('look:')} {one.look}", width, 6))
    left = len(shown.troubles) - most
    if left > 0:
        lines.append(_wrap(f"  {tr('and {1} more (--all shows them)', left)}", width, 4))
    return "\n".join(lines)


def changed(
    compared: Compared, width: int, *, everything: bool = False, riddle: bool = False
) -> str:
    """What changed since when, in sentences: of what the tables show, and how much beside it."""
    clock = time.strftime("%H:%M:%S", time.localtime(compared.at))
    seen = [c for c in compared.changes if everything or c.protocol == "tcp"]
    told = reach_changes.tell(seen, riddle=riddle)
    hidden = len(compared.changes) - len(seen)
    if hidden:
        told.append(tr("by UDP or ping: {1} (--all shows them)", count(hidden, "way", "ways")))
    return "\n".join(
        [
            _wrap(tr(SINCE[compared.since], clock), width),
            *(_wrap(f"  {line}", width, 4) for line in told or [tr("nothing has changed")]),
        ]
    )


# --- one table ----------------------------------------------------------------------------


def _cell_width() -> int:
    """Characters of the longest word in a table."""
    return max(len(tr(word)) for word in table.MEANING)


def _table(reach: Reach, shown: Table, width: int, paint: Paint) -> str | None:
    """Sources down, targets across; ``None`` where it would be wider than ``width``."""
    corner = tr("from \\ to")
    marked = any(cell.changed for row in shown.rows for cell in row.cells)
    least = _cell_width() + (len(MARK) if marked else 0)
    first = max(len(corner), *(len(name) for name in reach.containers))
    widths = [
        max(least, len(_port(c)), *(len(part) + 1 for part in c.target.split("-")))
        for c in shown.columns
    ]
    if first + sum(w + 2 for w in widths) > width:
        return None
    heads = [
        [*textwrap.wrap(table.named(c.target), w), *([_port(c)] if c.port else [])]
        for c, w in zip(shown.columns, widths, strict=True)
    ]
    deep = max(len(head) for head in heads)
    lines = []
    for row in range(deep):
        texts = [_head(head, row, deep) for head in heads]
        lines.append(_row(corner if row == deep - 1 else "", first, texts, widths))
    for each in shown.rows:
        cells = [
            paint(f"{_said(cell):<{w}}", _style(cell.word))
            for cell, w in zip(each.cells, widths, strict=True)
        ]
        lines.append(_row(each.source, first, cells, widths))
    return "\n".join(line.rstrip() for line in lines)


def _said(cell: Cell) -> str:
    return cell.label + (MARK if cell.changed else "")


def _port(column: Column) -> str:
    return f":{column.port}"


def _head(head: Sequence[str], row: int, deep: int) -> str:
    """The line of a column's head in a row, heads standing on the table."""
    place = row - (deep - len(head))
    return head[place] if place >= 0 else ""


def _row(name: str, first: int, texts: Sequence[str], widths: Sequence[int]) -> str:
    cells = [text.ljust(w) for text, w in zip(texts, widths, strict=True)]
    return "  ".join([name.ljust(first), *cells])


def _list(shown: Table, width: int, paint: Paint) -> str:
    """For each source, what it found in each state."""
    blocks = []
    size = _cell_width()
    for row in shown.rows:
        lines = [row.source]
        for word in table.MEANING:
            found = [
                _short(column) + (MARK.strip() if cell.changed else "")
                for column, cell in zip(shown.columns, row.cells, strict=True)
                if cell.word == word
            ]
            if found and word != "-":
                said = tr(word)
                text = _wrap(f"  {said:<{size}}  {', '.join(found)}", width, size + 4)
                lines.append(text.replace(said, paint(said, _style(word)), 1))
        blocks.append("\n".join(lines))
    return "\n".join(blocks)


def _short(column: Column) -> str:
    """Without what the title above says."""
    return table.named(column.target) if column.protocol == "icmp" else column.label


def _style(word: str) -> str:
    return STYLES.get(word, BLOCKED)


def _wrap(text: str, width: int, indent: int = 0) -> str:
    return textwrap.fill(
        text,
        max(width, 20),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
