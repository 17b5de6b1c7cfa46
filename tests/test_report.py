"""Reports of a proof: nothing is lost, nothing that was seen can act, all of it can be read."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from labrunner.errors import UsageError
from labrunner.validate import report
from labrunner.validate.page import KINDS
from labrunner.validate.proof import Case, Kind, Proof, Result, Status

EVIL = (
    '<script>alert("x")</script><img src=x onerror=alert(1)> & ]]> \x1b[31mred\x1b[0m \x00\x08'
    " \ud800 \u202eback \ufffe ' \" $title {x}"
)
WORDS = "of all the cases that were tried, this one shows a rather long sentence " * 3


def result(status: Status = Status.PROVEN, kind: Kind = Kind.TRAP, **values: object) -> Result:
    """A result of some case; the case's own fields are taken from ``values`` too."""
    fields: dict[str, Any] = {"scenario": "shop", "step": "cut-it"}
    fields["where"] = "content/shop/lesson.md:12"
    names = ("scenario", "step", "name", "where", "number")
    fields |= {name: values.pop(name) for name in names if name in values}
    given: dict[str, Any] = {"message": "a message", "seconds": 1.25} | values
    return Result(Case(kind=kind, **fields), status, **given)


def proof(*results: Result) -> Proof:
    return Proof(results, 61.5, 7, "0.1.0", "sandbox")


def of_everything(text: str = EVIL) -> Proof:
    """Each kind with each status, every field filled."""
    return proof(
        *(
            result(
                status,
                kind,
                number=number,
                name=text,
                message=text,
                typed=(text, "docker ps"),
                expected=text,
                seen=text,
                transcript=text,
                explained="",
            )
            for number, status in enumerate(Status, 1)
            for kind in Kind
        )
    )


# --- JSON ---------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [of_everything(), of_everything(WORDS), proof()])
def test_json_gives_the_same_proof_again(whole: Proof) -> None:
    """Whatever a terminal printed survives the way to a file and back."""
    written = report.to_json(whole)
    assert report.from_json(written.encode("utf-8").decode("utf-8")) == whole


def test_json_says_what_programs_ask_for() -> None:
    """The format, the whole, each scenario and step, without having to add anything up."""
    whole = proof(
        result(kind=Kind.MUTATION), result(Status.SURVIVED, Kind.MUTATION, number=2, step="b")
    )
    data = json.loads(report.to_json(whole))
    assert (data["format"], data["fine"], data["strength"]) == (1, False, 0.5)
    (scenario,) = data["scenarios"]
    assert scenario["steps"] == [
        {"id": "cut-it", "fine": True, "strength": 1.0},
        {"id": "b", "fine": False, "strength": 0.0},
    ]
    assert data["results"][1]["id"] == "shop/b/mutation/2"
    assert data["results"][1]["fine"] is False


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "3", "{}", '{"format": 99}', '{"format": 1, "results": [{}]}', "{"],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    """Another file, or that of a later version, ends in a sentence and not in a stack trace."""
    with pytest.raises(UsageError):
        report.from_json(text)


def test_an_unknown_kind_is_refused() -> None:
    """A file with a word that means nothing here is not read half."""
    text = report.to_json(proof(result())).replace('"trap"', '"guess"')
    with pytest.raises(UsageError, match="not a proof"):
        report.from_json(text)


# --- JUnit --------------------------------------------------------------------------------


def parsed(text: str) -> ET.Element:
    """A report of ours as a CI system reads it: from a file in UTF-8."""
    return ET.fromstring(text.encode("utf-8"))  # noqa: S314  we have just written it


def test_junit_counts_are_right_and_cases_are_unique() -> None:
    """CI systems add up attributes, and tell cases apart by class and name."""
    whole = proof(*of_everything("a").results, result(scenario="other", status=Status.ERROR))
    root = parsed(report.junit_xml(whole))
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["shop", "other"]
    for element in (root, *suites):
        cases = list(element.iter("testcase"))
        assert element.get("tests") == str(len(cases))
        for attribute, tag in (("failures", "failure"), ("errors", "error")):
            assert element.get(attribute) == str(len(list(element.iter(tag))))
    names = Counter((c.get("classname"), c.get("name")) for c in root.iter("testcase"))
    assert set(names.values()) == {1}


def test_junit_says_all_that_helps() -> None:
    """Message and text both, since some readers show only one; the transcript as output."""
    bad = result(
        Status.FAILED,
        name='"no network"',
        message="the trap passes",
        typed=("docker run one",),
        expected="red",
        seen="green",
        transcript="$ docker run one\nok",
    )
    (case,) = parsed(report.junit_xml(proof(bad))).iter("testcase")
    assert case.get("file") == "content/shop/lesson.md"
    assert case.get("line") == "12"
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "the trap passes"
    for part in ("content/shop/lesson.md:12", "$ docker run one", "red", "green"):
        assert part in (failure.text or "")
    assert case.findtext("system-out") == "$ docker run one\nok"


def test_junit_survivors_fail_unless_explained() -> None:
    """A slip that nobody notices is a failure; a reason makes it pass, and is told."""
    alone = result(Status.SURVIVED, Kind.MUTATION)
    explained = result(Status.SURVIVED, Kind.MUTATION, number=2, explained="no difference")
    first, second = parsed(report.junit_xml(proof(alone, explained))).iter("testcase")
    assert first.find("failure") is not None
    assert second.find("failure") is None
    assert "no difference" in (second.findtext("system-out") or "")


def test_junit_holds_nothing_that_xml_cannot() -> None:
    """Output with control characters and halves of letters is XML all the same, in UTF-8."""
    text = report.junit_xml(of_everything())
    root = parsed(text)
    assert all("\x1b" not in (e.text or "") for e in root.iter())
    assert '<script>alert("x")</script>' in (next(root.iter("failure")).get("message") or "")


def test_a_long_transcript_is_cut_in_its_middle() -> None:
    """A report stays small enough to open; beginning and end tell most."""
    long = "begin" + "x" * 1_000_000 + "end"
    whole = proof(result(Status.FAILED, transcript=long))
    for text in (report.junit_xml(whole), report.html(whole)):
        assert len(text) < 100_000
        assert "begin" in text
        assert "end" in text
        assert "characters left out" in text
    assert report.from_json(report.to_json(whole)) == whole


# --- the page -----------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would make of a page: its elements, and their nesting."""

    VOID = frozenset({"meta", "br", "img", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It must end what was opened last."""
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text, as a reader sees it."""
        self.text += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for tag, attributes in self.tags if tag == name]


def test_the_page_needs_nothing_else() -> None:
    """No script, no picture, no request; what a terminal printed is text and nothing more."""
    text = report.html(of_everything())
    text.encode("utf-8")
    page = Page(text)
    assert page.opened == []
    tags = {tag for tag, _ in page.tags}
    assert tags.isdisjoint({"script", "img", "link", "iframe", "object", "form", "base"})
    attributes = {name for _, attributes in page.tags for name in attributes}
    assert not {name for name in attributes if name.startswith("on") or name in ("src", "style")}
    assert all(str(a["href"]).startswith("#") for a in page.named("a"))
    assert re.search(r"url\(|@import|https?:", text) is None
    assert '<script>alert("x")</script>' in page.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_the_page_can_be_found_ones_way_in() -> None:
    """Headings without a gap, captions, heads of rows and columns, links that lead somewhere."""
    page = Page(report.html(of_everything("a")))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.named("table")) == len(page.named("caption")) >= 2
    assert {str(head.get("scope")) for head in page.named("th")} == {"row", "col"}
    ids = [str(a["id"]) for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {str(a["href"])[1:] for a in page.named("a")} <= set(ids)
    assert page.named("html") == [{"lang": "en"}]
    assert len(page.named("details")) == len(page.named("summary")) > 0
    assert all(pre.get("tabindex") == "0" for pre in page.named("pre"))


def test_failures_come_first_and_open() -> None:
    """Who opens the page sees what to do; words say it, whatever the colours are."""
    bad = result(Status.FAILED, message="the trap passes", transcript="$ docker run one")
    text = report.html(proof(result(), bad, result(kind=Kind.SOLUTION)))
    assert text.index("the trap passes") < text.index("<details>")
    assert "Not proven: 1 to mend" in text
    assert text.count("$ docker run one") == 1
    for status in ("failed", "proven"):
        assert f">{status}<" in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_every_kind_has_a_word() -> None:
    """Nothing new is tried without a name on the page."""
    assert set(KINDS) == set(Kind)


COLOUR = re.compile(r"--(\w+): (#\w{3,6})")


def luminance(colour: str) -> float:
    """How bright a colour is, as the Web Content Accessibility Guidelines measure it."""
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_colour_can_be_read() -> None:
    """Text has a contrast of 4.5 at least, light, dark and printed, on page and panel."""
    blocks = [
        dict(COLOUR.findall(b))
        for b in re.findall(r":root \{(.*?)\}", report.html(proof()), re.DOTALL)
    ]
    assert len(blocks) == 3
    for colours in blocks:
        for ground in ("page", "panel"):
            for name in ("ink", "quiet", "good", "bad", "warn", "link"):
                pair = sorted((luminance(colours[name]), luminance(colours[ground])))
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (name, ground, colours)


# --- lines --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [EVIL, WORDS, "x" * 500, "", "a\n\n  b\n" * 30])
def test_lines_fit_a_terminal_and_cannot_steer_it(text: str) -> None:
    """80 columns, no escape code, however wide and wild what was printed is."""
    whole = of_everything(text)
    for shown in (report.text(whole), *(report.line(each) for each in whole.results)):
        shown.encode("utf-8")
        assert max(len(row) for row in shown.split("\n")) <= 80
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)


def test_the_summary_shows_strength_by_step_and_every_survivor() -> None:
    """What is weak has a number, and a name; a reason stands beside what is explained."""
    whole = proof(
        result(kind=Kind.MUTATION),
        result(Status.SURVIVED, Kind.MUTATION, number=2, name='without "docker stop"'),
        result(
            Status.SURVIVED,
            Kind.MUTATION,
            step="b",
            name='-p missing in "docker run"',
            explained="nobody looks from outside",
        ),
    )
    shown = report.text(whole)
    assert re.search(r"cut-it +1 of 2 +50 % +1 of 2", shown)
    assert re.search(r"\n  b +1 of 1 +0 % +0 of 1", shown)
    assert 'without "docker stop"' in shown
    assert "nobody looks from outside" in shown
    assert shown.endswith("Not proven: 1 of 3 cases, strength 33 %, 62 s, seed 7.")


def test_a_strength_is_not_rounded_up() -> None:
    """100 % is said of nothing less."""
    results = [result(kind=Kind.MUTATION, number=n) for n in range(1, 300)]
    shown = report.text(proof(*results, result(Status.SURVIVED, Kind.MUTATION, number=300)))
    assert "99 %" in shown
    assert "100 %" not in shown


def test_a_failed_result_says_what_to_do() -> None:
    """File and line, what was typed, expected and seen, and the terminal's last lines."""
    bad = result(
        Status.FAILED,
        message="the trap passes",
        typed=("docker run one",),
        expected="red",
        seen="green",
        transcript="\n".join(f"line {n}" for n in range(40)),
    )
    shown = report.line(bad)
    where = "where:    content/shop/lesson.md:12"
    for part in (where, "the trap passes", "$ docker run one", "expected: red", "seen:     green"):
        assert part in shown
    assert "line 39" in shown
    assert "line 1\n" not in shown
    assert report.complaint(bad)[0] == "content/shop/lesson.md:12: the trap passes"
    assert report.line(result()) == "proven    shop/cut-it/trap/1 (1.2 s)"


def test_nothing_tried_is_not_called_proven() -> None:
    """An empty run proves nothing."""
    assert report.text(proof()) == "Nothing was tried."
    assert "Nothing was tried" in report.html(proof())
