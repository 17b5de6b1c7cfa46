"""The picture of networks: complete, stable, and the same in words."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest

from labrunner import catalogue, plugins
from labrunner.reach import picture
from labrunner.reach.picture import Box, Line, Picture, Places

SVG = "{http://www.w3.org/2000/svg}"
SIDES = ("x", "y", "width", "height")
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
    assert len(list(root.iter(f"{SVG}circle"))) == len(
        ("db", "order", "order", "web", "host", "host")
    )
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"db", "paused", "lonely", "no network", "back", "front", "host"} <= set(texts)
    assert root.findtext(f"{SVG}desc") == " ".join(picture.words(SHOP))
    assert root.get("role") == "img"


def frames(drawn: Picture) -> dict[str, tuple[float, ...]]:
    """Where each container's box is: left, top, width and height."""
    return {
        str(group.get("data-name")): tuple(
            float(group.findall(f"{SVG}rect")[0].get(side, "")) for side in SIDES
        )
        for group in parsed(picture.svg(drawn)).findall(f"{SVG}g")
        if group.get("class") == "container"
    }


def rows(drawn: Picture) -> dict[str, str]:
    """How high the line of each network is."""
    return {
        str(group.get("data-name")): str(group.findall(f"{SVG}line")[0].get("y1"))
        for group in parsed(picture.svg(drawn)).findall(f"{SVG}g")
        if group.get("class") == "network"
    }


def test_nothing_lies_on_top_of_anything() -> None:
    """Boxes do not overlap, and everything is inside the picture."""
    width = float(parsed(picture.svg(SHOP)).get("viewBox", "").split()[2])
    boxes = [(left, size) for left, _, size, _ in frames(SHOP).values()]
    assert len(boxes) == len(SHOP.boxes)
    for (left, size), (following, _) in itertools.pairwise(boxes):
        assert left + size < following
    assert all(left + size < width for left, size in boxes)


def test_all_that_is_written_has_room() -> None:
    """What stands above a box ends before its neighbour's line, and within the picture."""
    ports = ("127.0.0.1:18080 to 8080", "0.0.0.0:8443 to 443")
    crowd = Picture("t", (Line("n"),), tuple(Box(f"c{n}", ("n",), ports) for n in range(3)))
    root = parsed(picture.svg(crowd))
    width = float(root.get("viewBox", "").split()[2])
    ways_up = [
        float(group.findall(f"{SVG}line")[0].get("x1", ""))
        for group in root.findall(f"{SVG}g[@class='container']")
    ]
    for text in root.iter(f"{SVG}text"):
        if text.text in ports:
            x = float(text.get("x", ""))
            limit = min([line for line in ways_up if line > x], default=width)
            assert x + len(text.text) * picture.SMALL < limit


def test_who_is_on_two_networks_has_a_double_frame() -> None:
    """It can be seen without following lines."""
    double = [
        group.get("data-name")
        for group in parsed(picture.svg(SHOP)).findall(f"{SVG}g")
        if len(group.findall(f"{SVG}rect")) > 1
    ]
    assert double == ["order"]


LINES = {"front": Line("front"), "back": Line("back")}
BOXES = {
    "web": Box("web", ("front",)),
    "order": Box("order", ("front", "back")),
    "a-much-longer-name-than-that": Box("a-much-longer-name-than-that", ("back",)),
}
PLAN = Places(("front", "back"), ("web", "order"))


def moments() -> Iterator[tuple[str, dict[str, Line], dict[str, Box]]]:
    """What a learner does to a lab, one thing after another."""
    lines, boxes = dict(LINES), dict(BOXES)
    yield "as it was", lines, boxes
    boxes = {**boxes, "order": Box("order", ("front",))}
    yield "order is disconnected", lines, boxes
    boxes = {**boxes, "web": Box("web", ("front",), ("127.0.0.1:8080 to 80", "0.0.0.0:80 to 80"))}
    yield "web is published", lines, boxes
    boxes = {name: box for name, box in boxes.items() if name != "web"}
    yield "web is removed", lines, boxes
    lines = {**lines, "a-third": Line("a-third", ("internal: no way out",))}
    boxes = {**boxes, "a-new-one": Box("a-new-one", ("a-third",)), "b-new-one": Box("b-new-one")}
    yield "two come, on a network of their own", lines, boxes
    boxes = {name: box for name, box in boxes.items() if name != "a-new-one"}
    yield "one of them goes", lines, boxes
    lines = {name: line for name, line in lines.items() if name != "front"}
    yield "a network is removed", lines, boxes
    boxes = {**boxes, "b-new-one": Box("b-new-one", ("back",), state="exited")}
    yield "one stops", lines, boxes
    boxes = {**boxes, "web": Box("web", ("back",), listens=("80", "443", "8080", "53/udp"))}
    yield "web is made anew, elsewhere", lines, boxes


def test_a_change_of_one_thing_leaves_the_rest_where_it_was() -> None:
    """Whatever comes, goes, moves or stops: nothing else is anywhere else than before."""
    known = Places()
    before: dict[str, tuple[float, ...]] = {}
    lines_before: dict[str, str] = {}
    for what, lines, boxes in moments():
        drawn = picture.arranged("t", lines, boxes, plan=PLAN, known=known)
        now, lines_now = frames(drawn), rows(drawn)
        assert set(now) == set(boxes) | set(PLAN.boxes), what
        assert set(lines_now) == set(lines) | set(PLAN.lines), what
        assert {n: f for n, f in now.items() if n in before} == {
            n: f for n, f in before.items() if n in now
        }, what
        assert {n: y for n, y in lines_now.items() if n in lines_before} == {
            n: y for n, y in lines_before.items() if n in lines_now
        }, what
        before, lines_before, known = now, lines_now, drawn.places


def test_the_order_in_which_an_engine_answers_is_no_change() -> None:
    """The same lab gives the same picture, to the byte."""
    backwards = dict(reversed(BOXES.items())), dict(reversed(LINES.items()))
    one = picture.arranged("t", LINES, BOXES, plan=PLAN, known=Places())
    other = picture.arranged("t", backwards[1], backwards[0], plan=PLAN, known=Places())
    assert picture.svg(one) == picture.svg(other)


def test_a_place_that_was_left_is_taken_again() -> None:
    """A learner who starts a hundred throw-away containers does not get a hundred gaps."""
    known = Places()
    for number in range(9):
        here = {f"one-off-{number}": Box(f"one-off-{number}")}
        drawn = picture.arranged("t", {}, here, plan=Places(), known=known)
        known = drawn.places
    assert known.boxes == ("one-off-8",)


def test_what_was_measured_is_in_the_picture_and_in_the_words() -> None:
    """Ports on which somebody listens, and who has a way out of the host."""
    seen = Picture(
        "t",
        (Line("front"),),
        (Box("web", ("front",), listens=("80", "53/udp")), Box("db", ("front",))),
        ("web",),
    )
    said = picture.words(seen)
    assert "Ports of web: 80, 53/udp." in said
    assert "Way out of the host: web." in said
    texts = {text.text for text in parsed(picture.svg(seen)).iter(f"{SVG}text")}
    assert {"port 80, 53/udp", "outside: web"} <= texts


def test_it_has_no_colour_of_its_own() -> None:
    """Within a page it is drawn in the colour of the text, and no style sheet need be allowed."""
    inline, alone = picture.svg(SHOP), picture.svg(SHOP, alone=True)
    for drawn in (inline, alone):
        assert "<style" not in drawn
        assert "style=" not in drawn
    painted = {
        element.get(attribute)
        for element in parsed(inline).iter()
        for attribute in ("fill", "stroke", "color")
    }
    assert painted == {None, "none", "currentColor"}
    # a file of its own says both sides of its contrast
    assert parsed(alone).get("color") == "black"
    assert parsed(alone).findall(f"{SVG}path")[0].get("fill") == "white"


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
