"""A lesson as HTML: nothing is lost, and nothing in it can do harm."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from labrunner.lessons import html, reading

ROOT = Path(__file__).parents[2]
FOLDERS = [p.parent for p in sorted(ROOT.glob("content/*/lesson.md"))]
ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[words](javascript:alert(1))",
    "[words](JaVaScRiPt&colon;alert(1))",
    "[words](data:text/html;base64,PHNjcmlwdD4=)",
    '[words](https://one.example "a\\" onmouseover=\\"alert(1)")',
    "![x](javascript:alert(1))",
    '![" onerror="alert(1)](x)',
    "<javascript:alert(1)>",
    '```"><script>alert(1)</script>\nx\n```',
    "```console\n$ echo \"'><script>alert(1)</script>\n</pre><script>alert(2)</script>\n```",
    "| a |\n|---|\n| <iframe src=x> |",
    "# <svg onload=alert(1)>",
    '<div style="position:fixed">',
)


class Seen(HTMLParser):
    """Every tag and attribute of a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep what stands between tags."""
        self.words += data

    def commands(self) -> list[str | None]:
        """What each command block has the reader type."""
        return [a["data-command"] for _, a in self.tags if "data-command" in a]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_a_lesson_can_act(attack: str) -> None:
    """Whatever an author writes, no tag, attribute or link of it comes out that could act."""
    for tag, attributes in Seen(html.blocks(f"before\n\n{attack}\n\nafter")).tags:
        assert tag in html._TAGS
        assert attributes.keys() <= html._ATTRIBUTES.get(tag, set()) | {"rel"}
        assert not re.match(r"\s*(javascript|data):", attributes.get("href") or "", re.IGNORECASE)


def test_a_command_is_what_is_typed() -> None:
    """A command block carries exactly what is to be typed, and what it printed stands below."""
    seen = Seen(html.blocks('```console\n$ docker run \\\n>   -it "x" && <a>\nout\n$ b\n```\n'))
    assert seen.commands() == ['docker run \\\n  -it "x" && <a>', "b"]
    assert [a["class"] for t, a in seen.tags if t == "pre"] == ["command", "output", "command"]


def test_admonitions_headings_tables_and_links_keep_their_place() -> None:
    """A note says that it is one, headings stay below the page's, links say where they lead."""
    text = "::: warning\nMind.\n:::\n\n### A\n\n#### B\n\n<https://x.example>\n\n"
    text += "| a | b |\n|:-:|--:|\n| 1 | 2 |\n"
    made = html.blocks(text)
    seen = Seen(made)
    assert ("div", {"class": "admonition warning", "role": "note"}) in seen.tags
    assert '<p class="admonition-title">Warning</p>' in made
    assert [t for t, _ in seen.tags if t in {"h2", "h3", "h4"}] == ["h3", "h4"]
    assert [a.get("class") for t, a in seen.tags if t == "td"] == ["center", "right"]
    link = next(a for t, a in seen.tags if t == "a")
    assert link["rel"] == "noopener noreferrer"


def test_what_is_hidden_stays_hidden() -> None:
    """Hints, solutions and traps inside of a text are left out; what stands around is not."""
    made = html.blocks('one\n\n::: hint\nsecret\n:::\n\n::: trap "x"\nsecret\n:::\n\ntwo')
    assert "secret" not in made
    assert "one" in made
    assert "two" in made


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_bundled_lesson_is_whole(folder: Path) -> None:
    """Of every lesson that is shipped, each step's commands are there as they are typed."""
    lesson = reading.read(folder)
    assert Seen(html.introduction(lesson)).words.strip()
    for step in lesson.steps:
        seen = Seen(html.blocks(step.solution))
        assert seen.commands() == [command.text for command in step.commands]
        assert "<script" not in html.blocks(step.body)
