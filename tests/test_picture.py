"""The picture of networks: complete, stable, and the same in words."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree as ET

import pytest

from labrunner import catalogue, plugins
from labrunner.reach import picture
from labrunner.reach.picture import Box, Line, Picture

SVG = "{http://www.w3.org/2000/svg}"
SHOP = Picture(
    "a shop",
    (Line("back", ("internal: no way out",)), Line("front")),
    (
        Box("db", ("back",), state="paused"),
        Box("lonely"),
        Box("monitor", ("host",)),
        Box("order", ("back", "front")),
        Box("web", ("front",), ("127.0.0.1:8080 to 80", "0.0.0.0:8443 to 443")),
    ),
)


def parsed(drawn: str) -> ET.Element:
    """A drawing as XML; what is no well-formed SVG fails here."""
    root = ET.fromstring(drawn)  # noqa: S314  our own words
    assert root.tag == f"{SVG}svg"
    return root


def test_the_words_say_everything() -> None:
    """Who cannot see the picture misses nothing of it."""
    assert picture.words(SHOP) == [
        "Network back (internal: no way out): db, order.",
        "Network front: order, web.",
        "On the host's own network: monitor.",
        "On no network: lonely.",
        "Not running: db (paused).",
        "Published on the host: 127.0.0.1:8080 to 80 of web.",
        "Published on the host: 0.0.0.0:8443 to 443 of web.",
    ]


def test_the_picture_has_a_dot_for_each_membership() -> None:
    """Five on lines, of which two lead to the host; every name can be read, and the words too."""
    root = parsed(picture.svg(SHOP))
    assert len(root.findall(f"{SVG}circle")) == len(("db", "order", "order", "web", "host", "host"))
    texts = [text.text for text in root.findall(f"{SVG}text")]
    assert {"db", "paused", "lonely", "no network", "back", "front", "host"} <= set(texts)
    assert root.findtext(f"{SVG}desc") == " ".join(picture.words(SHOP))
    assert root.get("role") == "img"


def test_nothing_lies_on_top_of_anything() -> None:
    """Boxes do not overlap, and everything is inside the picture."""
    root = parsed(picture.svg(SHOP))
    width = float(root.get("viewBox", "").split()[2])
    boxes = [(float(r.get("x", 0)), float(r.get("width", 0))) for r in root.iter(f"{SVG}rect")]
    for (left, size), (following, _) in itertools.pairwise(boxes):
        assert left + size < following
    assert all(left + size < width for left, size in boxes)


def test_a_change_of_one_thing_leaves_the_rest_where_it_was() -> None:
    """A container that leaves a network takes its dot along and nothing else."""
    moved = Picture(
        SHOP.title,
        SHOP.lines,
        tuple(Box("order", ("front",)) if box.name == "order" else box for box in SHOP.boxes),
    )
    before = {ET.tostring(e) for e in parsed(picture.svg(SHOP)).iter(f"{SVG}rect")}
    after = {ET.tostring(e) for e in parsed(picture.svg(moved)).iter(f"{SVG}rect")}
    assert before == after


def test_names_cannot_break_it() -> None:
    """Whatever a name holds is text."""
    nasty = Picture("<x>", (Line("a&b"),), (Box("<script>", ("a&b",)),))
    assert "<script>" not in picture.svg(nasty)
    parsed(picture.svg(nasty))


@pytest.mark.parametrize("name", [entry.name for entry in catalogue.load(()).entries])
def test_every_lab_can_be_drawn(name: str) -> None:
    """Each network and container of each bundled lab is in its picture and in its words."""
    scenario = plugins.find(name)
    drawn = picture.of_scenario(scenario)
    texts = {text.text for text in parsed(picture.svg(drawn)).iter(f"{SVG}text")}
    said = " ".join(picture.words(drawn))
    names = {*(n.name for n in scenario.networks), *(c.name for c in scenario.containers)}
    assert names <= texts
    assert all(name in said for name in names)
