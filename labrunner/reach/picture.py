"""A picture of networks: who is on which, what is published, as SVG and in words.

Data in, text out; nothing here looks at an engine but through a lab's view. Networks are lines,
containers are boxes above them, and a dot says that a box is on a line; who is on several has
a double frame. The host is the line above, and beyond it is what is outside.

What changes in a picture has changed in the lab: everything keeps its place for as long as the
lab lives. The plan's things come first, in its order, also while they are away; whatever else
comes takes the next place, or one of the same width that was left. Nothing is said by colour at
all: a drawing has the colour of the text around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, TypeVar

from labrunner.words import count, tr

if TYPE_CHECKING:
    from labrunner.model.reach import Reach
    from labrunner.model.scenario import Scenario
    from labrunner.view import Lab

HOST = "host"
NONE = "none"
"""Networks of Docker's own that are no bridge: the host's itself, and none at all."""
INTERNAL = "internal: no way out"
SILENT = "its members may not talk"
GONE = "not there"
"""The state of what the plan has and the engine has not."""

EVERY = "0.0.0.0"  # noqa: S104  shown, not bound

LETTER = 8.4  # px that a letter takes in the font below, which is 14 px
SMALL = LETTER * 12 / 14
LINE = 20
PAD = 12
BOX = 60
ROW = 64
OUT_LINE = 24
HOST_LINE = 72
NAME = 18
"""Letters of a name for which every box and line has room."""
HOLES = 2
"""Published ports for which there is room above every box."""
FONT = 'font-family="ui-monospace, monospace" font-size="14"'
STILL = ' stroke-dasharray="2 4"'
DASHED = ' stroke-dasharray="12 6"'


@dataclass(frozen=True)
class Line:
    """A network: its name, and what is special about it, in words."""

    name: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Box:
    """A container.

    Attributes:
        name: its name.
        networks: names of the networks that it is on.
        published: ports as ``127.0.0.1:8080 to 80``.
        state: what it is where it is not running (``paused``, ``exited`` …), else "".
        listens: the ports on which it listens, where that was measured.
    """

    name: str
    networks: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    state: str = ""
    listens: tuple[str, ...] = ()


@dataclass(frozen=True)
class Places:
    """Names of networks and of containers, in the order in which they stand."""

    lines: tuple[str, ...] = ()
    boxes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """What is drawn, each thing in its place.

    Attributes:
        title: what it shows.
        lines, boxes: networks and containers.
        way_out: who has a way out of the host; ``None``, where that is not known.
        empty: places that somebody has left, by the name that is still on them.
    """

    title: str
    lines: tuple[Line, ...]
    boxes: tuple[Box, ...]
    way_out: tuple[str, ...] | None = None
    empty: frozenset[str] = field(default=frozenset())

    @property
    def places(self) -> Places:
        """What the next picture of this lab needs to know, so that everything stays."""
        return Places(tuple(n.name for n in self.lines), tuple(b.name for b in self.boxes))


Thing = TypeVar("Thing", Line, Box)

# --- where a picture comes from -----------------------------------------------------------


def of_scenario(scenario: Scenario) -> Picture:
    """What a lab is when it has just been started."""
    lines = (Line(n.name, _facts(internal=n.internal, icc=n.icc)) for n in scenario.networks)
    boxes = (
        Box(
            container.name,
            tuple(container.networks),
            _published((p.address, p.host, p.container) for p in container.ports),
        )
        for container in scenario.containers
    )
    return Picture(tr("{1} as it starts", scenario.name), tuple(lines), tuple(boxes))


def of_lab(lab: Lab, reach: Reach | None = None, places: Places | None = None) -> Picture:
    """What a lab is now, the learner's own containers and networks among them.

    Args:
        lab: it.
        reach: what was measured in it: who listens where, and who has a way out.
        places: where everything was in the picture before.
    """
    known = places or Places()
    plan = lab.scenario
    lines = {
        n.name: Line(n.name, _facts(internal=n.internal, icc=n.icc))
        for n in lab.networks(unused=True)
        if n.name not in (HOST, NONE)
    }
    boxes = {
        c.name: Box(
            c.name,
            tuple(c.networks),
            _published((p.address, p.host_port, p.port) for p in c.published),
            "" if c.running else c.status,
            _ports(reach, c.name) if reach else (),
        )
        for c in lab.containers(stopped=True)
    }
    return arranged(
        tr("{1} as it is now", plan.name),
        lines,
        boxes,
        plan=Places(tuple(n.name for n in plan.networks), tuple(c.name for c in plan.containers)),
        known=known,
        way_out=_way_out(reach) if reach else None,
    )


def arranged(
    title: str,
    lines: dict[str, Line],
    boxes: dict[str, Box],
    *,
    plan: Places,
    known: Places,
    way_out: tuple[str, ...] | None = None,
) -> Picture:
    """Everything that there is in its place, and what the plan has beside it marked as gone."""
    rows = _seated(plan.lines, known.lines, lines, _same)
    seats = _seated(plan.boxes, known.boxes, boxes, _box_width)
    left = {n for n in rows if n not in lines and n not in plan.lines}
    left |= {n for n in seats if n not in boxes and n not in plan.boxes}
    return Picture(
        title,
        tuple(lines.get(name, Line(name, (GONE,))) for name in rows),
        tuple(boxes.get(name, Box(name, state=GONE)) for name in seats),
        way_out,
        frozenset(left),
    )


def _seated(
    planned: Sequence[str],
    known: Sequence[str],
    present: Iterable[str],
    width: Callable[[str], float],
) -> list[str]:
    """Names in the order of their places; some may be of those that have left."""
    seats = list(dict.fromkeys([*planned, *known]))
    here = set(present)
    for name in sorted(here.difference(seats)):
        left = (
            n
            for n, old in enumerate(seats)
            if old not in here and old not in planned and width(old) == width(name)
        )
        place = next(left, len(seats))
        seats[place : place + 1] = [name]
    while seats and seats[-1] not in here and seats[-1] not in planned:
        seats.pop()
    return seats


def _same(_name: str) -> float:
    """Every line has a row of its own, whatever it is called."""
    return 0


def _facts(*, internal: bool, icc: bool) -> tuple[str, ...]:
    said = ((internal, INTERNAL), (not icc, SILENT))
    return tuple(words for holds, words in said if holds)


def _published(ports: Iterable[tuple[str, int, int]]) -> tuple[str, ...]:
    """Addresses and ports of the host, and where they lead; all of IPv6 goes along with IPv4."""
    found = {(address or EVERY, outer, inner) for address, outer, inner in ports}
    found -= {("::", outer, inner) for address, outer, inner in found if address == EVERY}
    return tuple(
        tr("{1}:{2} to {3}", f"[{address}]" if ":" in address else address, outer, inner)
        for address, outer, inner in sorted(found)
    )


def _ports(reach: Reach, name: str) -> tuple[str, ...]:
    """The ports on which a container listens, UDP ones as ``53/udp``."""
    found = {(one.port, one.protocol) for one in reach.listeners if one.owner == name}
    return tuple(f"{port}" if kind == "tcp" else f"{port}/{kind}" for port, kind in sorted(found))


def _way_out(reach: Reach) -> tuple[str, ...] | None:
    """Who has a way out; ``None`` where it was not measured."""
    if not reach.outside:
        return None
    return tuple(one.container for one in reach.outside if one.state == "open")


# --- words --------------------------------------------------------------------------------


def words(picture: Picture) -> list[str]:
    """The same in sentences, one for each network and each thing that is special."""
    said = []
    for line in _there(picture.lines, picture):
        facts = "; ".join(tr(fact) for fact in line.facts)
        name = f"{line.name} ({facts})" if facts else line.name
        said.append(tr("Network {1}: {2}.", name, _on(picture, line.name) or tr("nobody")))
    boxes = list(_there(picture.boxes, picture))
    if alone := _on(picture, HOST):
        said.append(tr("On the host's own network: {1}.", alone))
    if alone := _on(picture, NONE):
        said.append(tr("On no network: {1}.", alone))
    for box in boxes:
        said += [tr("Published on the host: {1} of {2}.", port, box.name) for port in box.published]
        said += [tr("Not running: {1} ({2}).", box.name, tr(box.state))] if box.state else []
    for box in boxes:
        if box.listens:
            said.append(tr("Ports of {1}: {2}.", box.name, ", ".join(box.listens)))
    if picture.way_out is not None:
        said.append(tr("Way out of the host: {1}.", ", ".join(picture.way_out) or tr("nobody")))
    return said


def _there(things: Sequence[Thing], picture: Picture) -> Iterator[Thing]:
    """Those that are drawn: an empty place is not."""
    return (thing for thing in things if thing.name not in picture.empty)


def _on(picture: Picture, network: str) -> str:
    """The names of those that are on a network."""
    boxes = _there(picture.boxes, picture)
    return ", ".join(box.name for box in boxes if network in _nets(box))


def _nets(box: Box) -> tuple[str, ...]:
    """The networks of a container; one that is not there is on none, and not on "none"."""
    return box.networks or (() if box.state == GONE else (NONE,))


# --- SVG ----------------------------------------------------------------------------------


def svg(picture: Picture, *, alone: bool = False, ident: str = "map") -> str:
    """The picture as SVG, with a title and the words for who cannot see it.

    It has no style sheet and no colours: within a page its lines are of the colour of the text
    around them, whatever the theme. Classes and ``data-name`` say what each thing is.

    Args:
        picture: what to draw.
        alone: whether it is to be a file of its own: black on white then.
        ident: what the ids in it begin with, where a page has several.
    """
    gutter = 2 * PAD + _gutter(picture)
    top = HOST_LINE + PAD + LINE * max(HOLES, *(len(b.published) for b in picture.boxes), 0) + LINE
    parts: list[str] = []
    left = gutter + PAD
    for box in picture.boxes:
        width = _box_width(box.name)
        if box.name not in picture.empty:
            parts += _draw_box(picture, box, left, top, width)
        left += width + 2 * PAD
    right = max(left, gutter + 10 * PAD)
    height = top + BOX + ROW * max(len(picture.lines), 1)
    size = f'viewBox="0 0 {right:.0f} {height:.0f}" width="{right:.0f}" height="{height:.0f}"'
    look = f'{FONT} fill="currentColor"' + (' color="black"' if alone else "")
    said = f'role="img" aria-labelledby="{ident}-title {ident}-words"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {look} {said}>',
            f'<title id="{ident}-title">{escape(picture.title)}</title>',
            f'<desc id="{ident}-words">{escape(" ".join(words(picture)))}</desc>',
            *([f'<path fill="white" d="M0 0h{right:.0f}v{height:.0f}H0z"/>'] if alone else []),
            *_draw_host(picture, right),
            *_draw_lines(picture, top, gutter, right),
            *parts,
            "</svg>\n",
        ]
    )


def _gutter(picture: Picture) -> float:
    """Room for the names of networks, and for whatever may have to be said of them."""
    names = max([NAME, *(len(line.name) for line in picture.lines)]) * LETTER
    facts = max(len(tr(fact)) for fact in (INTERNAL, SILENT, GONE)) * SMALL
    return max(names, facts)


def _box_width(name: str) -> float:
    """Nothing but a name makes a box wider, so that its neighbours stay where they are."""
    return max(NAME, len(name)) * LETTER + 2 * PAD


def _row(picture: Picture, network: str, top: float) -> float:
    """Where the line of a network is."""
    number = [line.name for line in picture.lines].index(network)
    return top + BOX + ROW * number + ROW / 2


def _draw_host(picture: Picture, right: float) -> list[str]:
    """The host's line, and what is beyond it."""
    found = [
        '<g class="host">',
        _text(PAD, HOST_LINE - PAD / 2, tr("host")),
        _line(PAD, HOST_LINE, right - PAD, HOST_LINE),
    ]
    if picture.way_out is not None:
        whose = ", ".join(picture.way_out)
        said = tr("outside: {1}", whose or tr("nobody gets there"))
        found += [_text(PAD, OUT_LINE - PAD / 2, said, small=True)]
        found += [_line(PAD, OUT_LINE, right - PAD, OUT_LINE, DASHED)]
    if picture.way_out:
        x = right - 2 * PAD
        found += [_line(x, OUT_LINE, x, HOST_LINE), _dot(x, OUT_LINE), _dot(x, HOST_LINE)]
    return [*found, "</g>"]


def _draw_lines(picture: Picture, top: float, gutter: float, right: float) -> list[str]:
    found = []
    for line in _there(picture.lines, picture):
        y = _row(picture, line.name, top)
        found += [_group("network", line.name), _text(PAD, y + 5, line.name)]
        found += [
            _text(PAD, y + 5 + LINE * n, tr(fact), small=True)
            for n, fact in enumerate(line.facts, 1)
        ]
        style = STILL if GONE in line.facts else DASHED if INTERNAL in line.facts else ""
        found += [_line(gutter, y, right - PAD, y, style), "</g>"]
    return found


def _draw_box(picture: Picture, box: Box, left: float, top: float, width: float) -> list[str]:
    """A container, its ways down to its networks, and its published ports up to the host."""
    middle = left + width / 2
    deep = BOX - PAD
    bottom = top + deep
    drawn = [line.name for line in picture.lines if line.name in box.networks]
    found = [_group("container", box.name), _rect(left, top, width, deep, still=bool(box.state))]
    if len(drawn) > 1:
        found.append(_rect(left + 3, top + 3, width - 6, deep - 6, still=bool(box.state)))
    under = _under(box, width)
    found.append(_text(middle, top + (20 if under else 29), box.name, middle=True))
    if under:
        found.append(_text(middle, top + 38, under, small=True, middle=True))
    if NONE in _nets(box):
        found.append(_text(middle, bottom + LINE - 2, tr("no network"), small=True, middle=True))
    if HOST in box.networks or box.published:
        # what is published stands beside it, over the whole width of the box
        x = left + PAD
        found += [_line(x, HOST_LINE, x, top), _dot(x, HOST_LINE)]
    for number, port in enumerate(box.published):
        y = top - LINE * (len(box.published) - number) + 8
        found.append(_text(left + PAD + 6, y, port, small=True))
    step = width / (len(drawn) + 1)
    for number, network in enumerate(drawn, 1):
        x, y = left + step * number, _row(picture, network, top)
        found += [_line(x, bottom, x, y), _dot(x, y)]
    return [*found, "</g>"]


def _under(box: Box, width: float) -> str:
    """What stands below a container's name: its state, or its ports."""
    if box.state:
        return tr(box.state)
    if not box.listens:
        return ""
    said = tr("port {1}", ", ".join(box.listens))
    return said if len(said) * SMALL < width - PAD else count(len(box.listens), "port", "ports")


def _group(kind: str, name: str) -> str:
    return f'<g class="{kind}" data-name="{escape(name)}">'


def _rect(left: float, top: float, width: float, height: float, *, still: bool) -> str:
    place = f'x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" rx="6"'
    line = STILL if still else ""
    return f'<rect {place} fill="none" stroke="currentColor" stroke-width="2"{line}/>'


def _text(x: float, y: float, said: str, *, small: bool = False, middle: bool = False) -> str:
    attributes = (' font-size="12"' if small else "") + (' text-anchor="middle"' if middle else "")
    return f'<text x="{x:.0f}" y="{y:.0f}"{attributes}>{escape(said)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str = "") -> str:
    ends = f'x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}"'
    return f'<line {ends} stroke="currentColor" stroke-width="2"{style}/>'


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:.0f}" cy="{y:.0f}" r="5"/>'
