"""A picture of networks: who is on which, what is published, as SVG and in words.

Data in, text out; nothing here looks at an engine. Networks are lines, containers are boxes
above them, and a dot says that a box is on a line. Things stand in the order of their names,
so that what changes in a picture has changed in the lab. Nothing is said by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from labrunner.words import tr

if TYPE_CHECKING:
    from labrunner.model.scenario import Scenario
    from labrunner.view import Lab

HOST = "host"
NONE = "none"
"""Networks of Docker's own that are no bridge: the host's itself, and none at all."""
INTERNAL = "internal: no way out"

LETTER = 8.4  # px that a letter takes in the font below, which is 14 px
LINE = 20
PAD = 12
BOX = 60
ROW = 64
HOST_LINE = 40
STYLE = """\
text { font: 14px ui-monospace, monospace; fill: CanvasText; }
.small { font-size: 12px; }
line, rect { stroke: CanvasText; stroke-width: 2; fill: none; }
.still { stroke-dasharray: 2 4; }
.internal { stroke-dasharray: 12 6; }
circle { fill: CanvasText; }
:root { color-scheme: light dark; background: Canvas; }
@media print { :root { color-scheme: light; } }"""


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
    """

    name: str
    networks: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    state: str = ""


@dataclass(frozen=True)
class Picture:
    """What is drawn: networks and containers, each in the order of their names."""

    title: str
    lines: tuple[Line, ...]
    boxes: tuple[Box, ...]


# --- where a picture comes from -----------------------------------------------------------


def of_scenario(scenario: Scenario) -> Picture:
    """What a lab is when it has just been started."""
    lines = (Line(n.name, _facts(internal=n.internal, icc=n.icc)) for n in scenario.networks)
    boxes = (
        Box(
            container.name,
            tuple(container.networks),
            tuple(_port(p.address, p.host, p.container) for p in container.ports),
        )
        for container in scenario.containers
    )
    return _sorted(tr("{1} as it starts", scenario.name), lines, boxes)


def of_lab(lab: Lab) -> Picture:
    """What a lab is now, the learner's own containers and networks among them."""
    lines = (
        Line(n.name, _facts(internal=n.internal, icc=n.icc))
        for n in lab.networks()
        if n.name not in (HOST, NONE)
    )
    boxes = (
        Box(
            c.name,
            tuple(c.networks),
            tuple(_port(p.address, p.host_port, p.port) for p in c.published),
            "" if c.running else c.status,
        )
        for c in lab.containers()
    )
    return _sorted(tr("{1} as it is now", lab.scenario.name), lines, boxes)


def _sorted(title: str, lines: Iterable[Line], boxes: Iterable[Box]) -> Picture:
    return Picture(
        title,
        tuple(sorted(lines, key=lambda line: line.name)),
        tuple(sorted(boxes, key=lambda box: box.name)),
    )


def _facts(*, internal: bool, icc: bool) -> tuple[str, ...]:
    said = ((internal, INTERNAL), (not icc, "its members may not talk"))
    return tuple(words for holds, words in said if holds)


def _port(address: str, outer: int, inner: int) -> str:
    return tr("{1}:{2} to {3}", address or "0.0.0.0", outer, inner)  # noqa: S104  shown, not bound


# --- words --------------------------------------------------------------------------------


def words(picture: Picture) -> list[str]:
    """The same in sentences, one for each network and each thing that is special."""
    said = []
    for line in picture.lines:
        facts = "; ".join(tr(fact) for fact in line.facts)
        name = f"{line.name} ({facts})" if facts else line.name
        said.append(tr("Network {1}: {2}.", name, _on(picture, line.name) or tr("nobody")))
    if alone := _on(picture, HOST):
        said.append(tr("On the host's own network: {1}.", alone))
    if alone := _on(picture, NONE):
        said.append(tr("On no network: {1}.", alone))
    for box in picture.boxes:
        said += [tr("Published on the host: {1} of {2}.", port, box.name) for port in box.published]
        said += [tr("Not running: {1} ({2}).", box.name, box.state)] if box.state else []
    return said


def _on(picture: Picture, network: str) -> str:
    """The names of those that are on a network."""
    return ", ".join(box.name for box in picture.boxes if network in _places(box))


def _places(box: Box) -> tuple[str, ...]:
    return box.networks or (NONE,)


# --- SVG ----------------------------------------------------------------------------------


def svg(picture: Picture) -> str:
    """The picture as a whole SVG file, with a title and the words for who cannot see it."""
    gutter = PAD + _width([HOST, *(line.name for line in picture.lines)])
    facts = [tr(fact) for line in picture.lines for fact in line.facts]
    gutter = max(gutter, PAD + _width(facts, small=True))
    top = HOST_LINE + PAD + LINE * max((len(b.published) for b in picture.boxes), default=0) + LINE
    parts = []
    left = gutter + PAD
    for box in picture.boxes:
        width = _box_width(box)
        parts += _draw_box(picture, box, left, top, width)
        left += width + 2 * PAD
    right = max(left, gutter + 10 * PAD)
    height = top + BOX + ROW * max(len(picture.lines), 1)
    rows = [*_draw_host(right), *_draw_lines(picture, top, gutter, right)]
    alternative = escape(" ".join(words(picture)))
    size = f'viewBox="0 0 {right:.0f} {height:.0f}" width="{right:.0f}" height="{height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"'
    return "\n".join(
        [
            f'{head} aria-labelledby="title words">',
            f'<title id="title">{escape(picture.title)}</title>',
            f'<desc id="words">{alternative}</desc>',
            f"<style>{STYLE}</style>",
            *rows,
            *parts,
            "</svg>\n",
        ]
    )


def _width(texts: Sequence[str], *, small: bool = False) -> float:
    letter = LETTER * 12 / 14 if small else LETTER
    return max((len(text) for text in texts), default=0) * letter


def _box_width(box: Box) -> float:
    small = _width([*box.published, box.state, tr("no network")], small=True)
    return max(_width([box.name]), small) + 2 * PAD


def _row(picture: Picture, network: str, top: float) -> float:
    """Where the line of a network is."""
    number = [line.name for line in picture.lines].index(network)
    return top + BOX + ROW * number + ROW / 2


def _draw_host(right: float) -> list[str]:
    return [_text(PAD, HOST_LINE - PAD / 2, HOST), _line(PAD, HOST_LINE, right - PAD, HOST_LINE)]


def _draw_lines(picture: Picture, top: float, gutter: float, right: float) -> list[str]:
    found = []
    for line in picture.lines:
        y = _row(picture, line.name, top)
        found.append(_text(PAD, y + 5, line.name))
        found += [
            _text(PAD, y + 5 + LINE * n, tr(fact), "small") for n, fact in enumerate(line.facts, 1)
        ]
        style = "internal" if INTERNAL in line.facts else ""
        found.append(_line(gutter + PAD, y, right - PAD, y, style))
    return found


def _draw_box(picture: Picture, box: Box, left: float, top: float, width: float) -> list[str]:
    """A container, its ways down to its networks, and its published ports up to the host."""
    middle = left + width / 2
    style = ' class="still"' if box.state else ""
    size = f'width="{width:.0f}" height="{BOX - LINE}" rx="6"'
    found = [
        f'<rect x="{left:.0f}" y="{top:.0f}" {size}{style}/>',
        _text(middle, top + (17 if box.state else 25), box.name, "", "middle"),
    ]
    bottom = top + BOX - LINE
    if box.state:
        found.append(_text(middle, top + 33, box.state, "small", "middle"))
    drawn = [n for n in box.networks if n in [line.name for line in picture.lines]]
    if NONE in _places(box):
        found.append(_text(middle, bottom + LINE - 4, tr("no network"), "small", "middle"))
    if HOST in box.networks:
        found += [_line(middle, HOST_LINE, middle, top), _dot(middle, HOST_LINE)]
    for number, port in enumerate(box.published):
        y = top - LINE * (len(box.published) - number) + 8
        found.append(_text(middle + 6, y, port, "small"))
    if box.published:
        found += [_line(middle, HOST_LINE, middle, top), _dot(middle, HOST_LINE)]
    step = width / (len(drawn) + 1)
    for number, network in enumerate(sorted(drawn), 1):
        x, y = left + step * number, _row(picture, network, top)
        found += [_line(x, bottom, x, y), _dot(x, y)]
    return found


def _text(x: float, y: float, words_: str, style: str = "", anchor: str = "") -> str:
    attributes = (f' class="{style}"' if style else "") + (
        f' text-anchor="{anchor}"' if anchor else ""
    )
    return f'<text x="{x:.0f}" y="{y:.0f}"{attributes}>{escape(words_)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}"{kind}/>'


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:.0f}" cy="{y:.0f}" r="5"/>'
