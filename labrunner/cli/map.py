"""Drawing a measured `Reach` as text: a table where it fits, a list where it does not."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from labrunner.words import count, tr

if TYPE_CHECKING:
    from labrunner.model.reach import Listener, Probe, Reach

Paint = Callable[[str, str], str]
"""Text and a word's style in, text in that style out."""

MEANING = {
    "open": "accepts connections",
    "open*": "accepts by address; its name does not lead there",
    "paused": "the kernel still accepts, but the container is paused: nobody answers",
    "refused": "reached, but nothing listens at that address",
    "rejected": "a firewall rule said no",
    "filtered": "no answer: no shared network, or a rule that drops",
    "no route": "no way to that address",
    "no name": "it has no address, and its name is not known there",
    "-": "itself, or not tried",
}
"""What each word in the table stands for, most open first."""

STYLES = {"open": "32", "open*": "32", "paused": "33", "refused": "33", "-": "2"}
BLOCKED = "31"

STATES = ("open", "refused", "filtered", "no_route", "unknown_name")
Column = tuple[str, int]


def show(reach: Reach) -> None:
    """Print it for this terminal."""
    from labrunner.cli import ui

    ui.say(draw(reach, ui.width(), ui.paint))


def to_json(reach: Reach) -> dict[str, Any]:
    """It as plain data, with the word that the table has for each pair."""
    cells = [
        {
            "source": source,
            "target": target,
            "port": port,
            "word": cell(reach, source, target, port),
        }
        for source in reach.containers
        for target, port in _columns(reach)
        if source != target
    ]
    return {**asdict(reach), "table": cells}


def draw(reach: Reach, width: int = 80, paint: Paint = lambda text, _style: text) -> str:
    """It as lines of at most ``width`` characters (a name alone may be longer)."""
    if not reach.containers:
        return tr("No container is running.")
    columns = _columns(reach)
    if not columns:
        return tr("{1}: nothing listens anywhere.", _containers(reach))
    table = _table(reach, columns, width, paint) or _list(reach, columns, width, paint)
    used = {cell(reach, s, t, p) for s in reach.containers for t, p in columns}
    size = _cell_width()
    parts = [
        _wrap(_summary(reach), width),
        table,
        "\n".join(
            _wrap(f"{tr(w):<{size}}  {tr(MEANING[w])}", width, size + 2)
            for w in MEANING
            if w in used
        ),
    ]
    notes = [_wrap(note, width, 2) for note in _notes(reach)]
    if notes:
        parts.append("\n".join(notes))
    return "\n\n".join(parts)


def cell(reach: Reach, source: str, target: str, port: int) -> str:
    """One word for everything that was tried from a container on a port of another."""
    probes = reach.between(source, target, port)
    if not probes:
        return "-"
    best = min(probes, key=lambda p: STATES.index(p.state))
    if best.state == "open":
        if best.detail == "paused":
            return "paused"
        names = [p for p in probes if p.by == "name"]
        lost = names and all(p.state == "unknown_name" for p in names)
        return "open*" if lost else "open"
    if _by_rule(best):
        return "rejected"
    return {"no_route": "no route", "unknown_name": "no name"}.get(best.state, best.state)


def _by_rule(probe: Probe) -> bool:
    if probe.state == "refused":
        return bool(probe.detail)
    return probe.state == "no_route" and probe.detail.endswith("prohibited")


def _columns(reach: Reach) -> list[Column]:
    """Every target and port that somebody listens on: containers first, the host last."""
    found = {(one.owner, one.port) for one in reach.listeners}
    return sorted(found, key=lambda column: (column[0] == "host", column))


def _summary(reach: Reach) -> str:
    ways = {(p.source, p.target, p.port) for p in reach.probes}
    open_ways = {(p.source, p.target, p.port) for p in reach.probes if p.state == "open"}
    probes = count(len(reach.probes), "probe", "probes")
    return tr(
        "{1}, {2} of {3} ways open ({4}, {5} s)",
        _containers(reach),
        len(open_ways),
        len(ways),
        probes,
        f"{reach.seconds:.1f}",
    )


def _containers(reach: Reach) -> str:
    return count(len(reach.containers), "container", "containers")


def _cell_width() -> int:
    """Characters of the longest word in a table."""
    return max(len(tr(word)) for word in MEANING)


def _table(reach: Reach, columns: Sequence[Column], width: int, paint: Paint) -> str | None:
    """Sources down, targets across; ``None`` where it would be wider than ``width``."""
    corner = tr("from \\ to")
    least = _cell_width()
    first = max(len(corner), *(len(name) for name in reach.containers))
    widths = [
        max(least, len(f":{port}"), *(len(part) + 1 for part in name.split("-")))
        for name, port in columns
    ]
    if first + sum(w + 2 for w in widths) > width:
        return None
    heads = [
        [*textwrap.wrap(_named(name), w), f":{port}"]
        for (name, port), w in zip(columns, widths, strict=True)
    ]
    deep = max(len(head) for head in heads)
    lines = []
    for row in range(deep):
        texts = [_head(head, row, deep) for head in heads]
        lines.append(_row(corner if row == deep - 1 else "", first, texts, widths))
    for source in reach.containers:
        words = [cell(reach, source, target, port) for target, port in columns]
        cells = [
            paint(f"{tr(word):<{w}}", _style(word)) for word, w in zip(words, widths, strict=True)
        ]
        lines.append(_row(source, first, cells, widths))
    return "\n".join(line.rstrip() for line in lines)


def _head(head: Sequence[str], row: int, deep: int) -> str:
    """The line of a column's head in a row, heads standing on the table."""
    place = row - (deep - len(head))
    return head[place] if place >= 0 else ""


def _row(name: str, first: int, texts: Sequence[str], widths: Sequence[int]) -> str:
    cells = [text.ljust(w) for text, w in zip(texts, widths, strict=True)]
    return "  ".join([name.ljust(first), *cells])


def _list(reach: Reach, columns: Sequence[Column], width: int, paint: Paint) -> str:
    """For each source, what it found in each state."""
    blocks = []
    size = _cell_width()
    for source in reach.containers:
        lines = [source]
        words = {column: cell(reach, source, *column) for column in columns}
        for word in MEANING:
            targets = [f"{_named(t)}:{p}" for (t, p), found in words.items() if found == word]
            if targets and word != "-":
                said = tr(word)
                text = _wrap(f"  {said:<{size}}  {', '.join(targets)}", width, size + 4)
                lines.append(text.replace(said, paint(said, _style(word)), 1))
        blocks.append("\n".join(lines))
    return "\n".join(blocks)


def _style(word: str) -> str:
    return STYLES.get(word, BLOCKED)


def _notes(reach: Reach) -> list[str]:
    """What the table cannot show: holes through the host, and ports that only loopback has."""
    notes = []
    leads: dict[int, str] = {}
    for one in reach.listeners:
        if one.behind:
            leads[one.port] = one.behind
    notes += [tr("host:{1} leads to {2}", port, behind) for port, behind in sorted(leads.items())]
    owners: dict[Column, list[Listener]] = {}
    for one in reach.listeners:
        owners.setdefault((one.owner, one.port), []).append(one)
    for (owner, port), listeners in sorted(owners.items()):
        if all(_is_loopback(one.address) for one in listeners):
            bound = tr(" and ").join(sorted({one.address for one in listeners}))
            notes.append(tr("{1}:{2} listens on {3} only", _named(owner), port, bound))
    return notes


def _named(owner: str) -> str:
    """A container has its own name; the host has one in each language."""
    return tr("host") if owner == "host" else owner


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _wrap(text: str, width: int, indent: int = 0) -> str:
    return textwrap.fill(
        text,
        max(width, 20),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
