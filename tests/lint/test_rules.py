"""Every rule of `lab lint`: a bad sample is caught and named rightly, a good one is not."""

from __future__ import annotations

import pytest

from labrunner.lint import FINAL, RULES, lint
from tests.lint.samples import RETURN, SOLUTION, TRAP, Sample

BUNDLED = ("segregated-vs-unsegregated", "unsegregated-shop")


def test_a_good_sample_has_no_finding(sample: Sample) -> None:
    """No false alarm: loopback, docstrings, stages, containers that sleep, programs in spans."""
    assert sample.findings() == []


@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_scenarios_have_no_finding(name: str) -> None:
    """What ships is clean, and whatever is left as it is has its reason in the file."""
    assert [f for f in lint([name]) if not f.suppressed] == []


# --- each rule -----------------------------------------------------------------------------

HINT = "::: hint\nWhich command starts one?\n:::\n\n"
LONG = "This " + "and this " * 21 + "is one sentence."
HARD = "Containerisation necessitates comprehensive infrastructural understanding. " * 12

IN_LESSON = [
    # rule, what is replaced, by what, and how the line begins where it is found
    ("lesson", ":::\n\n::: solution", "::: solution", "::: hint"),
    ("front-matter", "title: A sample", "title: A sample.", "title"),
    ("front-matter", "has.\n", "has\n", "summary"),
    ("front-matter", "One step,", "One step, " + "really, " * 20, "summary"),
    ("front-matter", "  - tell good from bad\n", "", "objectives"),
    ("front-matter", "minutes: 10", "minutes: 90", "minutes"),
    ("front-matter", "level: beginner", "level: easy", "level"),
    ("few-hints", HINT, "", "## Start it"),
    ("no-trap", TRAP, "", "## Start it"),
    (
        "hint-tells-all",
        "`docker run` has an option for the network.",
        "Type `docker run -d --name two --network front\ntools:1 sleep infinity`.",
        "::: hint",
    ),
    ("literal-address", "http://127.0.0.1:8000/", "http://198.18.1.2:8000/", "$ docker exec"),
    ("literal-address", "http://127.0.0.1:8000/", "http://[fd00::12]:8000/", "$ docker exec"),
    ("literal-address", "tools:1 true", "tools:1 ping 10.1.2.3", "$ docker run --name"),
    ("sleep", SOLUTION, "$ sleep 5", "$ sleep"),
    ("sleep", SOLUTION, "$ until docker exec two true; do sleep 0.2; done", "$ until"),
    ("sleep", SOLUTION, "$ docker exec two sh -c 'true && sleep 1'", "$ docker exec"),
    ("sleep", SOLUTION, "$ docker run --rm tools:1 sleep 3", "$ docker run --rm"),
    ("mutable-tag", "front tools:1 sleep", "front tools sleep", "$ docker run -d"),
    ("mutable-tag", "tools:1 true", "local:5000/tools:latest true", "$ docker run --name"),
    ("mutable-tag", SOLUTION, "$ docker pull debian", "$ docker pull"),
    ("mutable-tag", "$ docker ps --format '{{.Names}}'", "$ docker build -t mine .", "$ docker b"),
    ("unknown-image", "front tools:1 sleep", "front debian:13 sleep", "$ docker run -d"),
    ("needs-tty", "docker exec two curl", "docker exec -it two curl", "$ docker exec"),
    ("needs-tty", "docker exec two curl", "docker exec two vi", "$ docker exec"),
    ("needs-tty", SOLUTION, "$ docker attach two", "$ docker attach"),
    ("heading-order", "Start a container.", "#### Deep\n\nStart a container.", "#### Deep"),
    ("broken-link", "boxes.svg", "circles.svg", "![Two"),
    ("broken-link", "Start a container.", "Start [a container](#stop-it).", "Start ["),
    ("broken-link", "Start a container.", "Start [a container](/start).", "Start ["),
    ("link-text", "[the manual]", "[]", "Here is"),
    ("link-text", "[the manual]", "[here]", "Here is"),
    ("http-link", "https://docs", "http://docs", "Here is"),
    ("alt-text", "Two boxes with a line between them", "", "![]"),
    ("reading-level", "Start a container.", HARD, "## Start it"),
    ("long-sentence", "Start a container.", f"Short.\n{LONG}", "This and"),
    ("spelling", "It has words.", "Its color is red.", "Here is"),
    ("spelling", "It has words.", "This exercise has words.", "Here is"),
    ("spelling", "of Docker", "of docker", "Here is"),
    ("spelling", "see what lint sees", "see its behavior", "  - see"),
    ("wide-code", "web\n```", "web" + "-" * 76 + "\n```", "web-"),
    ("suppression", "Start a container.", "<!-- lint: sleep -->\n\nStart.", "<!-- lint"),
    ("suppression", "Start a container.", "<!-- lint: slep: why -->\n\nStart.", "<!-- lint"),
    ("suppression", "Start a container.", "<!-- lint: sleep: why -->\n\nStart.", "<!-- lint"),
    ("suppression", "Start a container.", "<!-- lint: lesson: why -->\n\nStart.", "<!-- lint"),
]


@pytest.mark.parametrize(("rule", "old", "new", "line"), IN_LESSON)
def test_a_fault_in_a_lesson_is_named(
    sample: Sample, rule: str, old: str, new: str, line: str
) -> None:
    """One fault, one finding, with its rule and its line."""
    sample.edit(sample.lesson, old, new)
    found = sample.open()
    assert [name for name, _ in found] == [rule], found
    assert found[0][1].startswith(line)


IN_CODE = [
    ("scenario", 'Network("front")', 'Network("front"', "scenario = "),
    ("scenario", '("front",)),)', '("back",)),)', "    containers"),
    ("mutable-tag", '"page:1", "images', '"page:latest", "images', "    images"),
    ("literal-address", '"two runs"', '"two runs on 198.18.0.7"', "    return"),
    ("sleep", "    return first", "    time.sleep(1)\n    return first", "    time.sleep"),
    (
        "verdict-lost",
        "    return first",
        '    running(lab, "web")\n    return first',
        "    running",
    ),
    ("spelling", '"two runs"', '"two runs in my neighborhood"', "    return"),
    ("suppression", "    return first", "    # lint: sleep: why\n    return first", "    # lint"),
]


@pytest.mark.parametrize(("rule", "old", "new", "line"), IN_CODE)
def test_a_fault_in_code_is_named(sample: Sample, rule: str, old: str, new: str, line: str) -> None:
    """One fault is found under its name and line (a broken name may break more than one thing)."""
    sample.edit(sample.code, old, new)
    found = sample.open()
    assert found[0][0] == rule, found
    assert found[0][1].startswith(line)


IN_DOCKERFILE = [
    ("ARG BASE=debian:trixie-slim", "ARG BASE=debian"),
    ("FROM ${BASE} AS first", "FROM --platform=linux/amd64 debian:latest AS first"),
    ("FROM first", "FROM second"),
]


@pytest.mark.parametrize(("old", "new"), IN_DOCKERFILE)
def test_a_mutable_base_is_named(sample: Sample, old: str, new: str) -> None:
    """What a Dockerfile starts from has a tag; stages and build arguments are followed."""
    sample.edit(sample.dockerfile, old, new)
    assert [rule for rule, _ in sample.open()] == ["mutable-tag"]


# --- checks that cannot fail ---------------------------------------------------------------

CANNOT = [
    'return passed("yes")',
    'running(lab, "two") and None\n    return passed("yes")',
    'return passed("yes")\n    return not_yet("no", expected="", seen="")',
    'if False:\n        return not_yet("no", expected="", seen="")\n    return passed("yes")',
    'return passed("yes") or not_yet("no", expected="", seen="")',
    'return first() or passed("yes")',
    'return not_yet("no", expected="", seen="") and passed("yes")',
    'problem = running(lab, "two")\n    return passed(f"yes {problem}")',
    'answer = passed("yes")\n    return answer',
    "return fine(lab)",
    'try:\n        lab.seed()\n    except OSError:\n        pass\n    return passed("yes")',
    'if lab.container("two"):\n        return passed("yes")\n    raise ValueError("no")',
    'return Verdict(Outcome.PASSED, "yes")',
    'if True or lab:\n        return passed("yes")\n    return not_yet("n", expected="", seen="")',
]
CAN = [
    RETURN,
    'if problem := running(lab, "two"):\n        return problem\n    return passed("yes")',
    'problem = running(lab, "two")\n    if problem:\n        return problem\n    return fine(lab)',
    "return helper(lab)",
    "return helper(lab) or passed('yes')",
    'return passed("y") if lab.container("two") else not_yet("n", expected="", seen="")',
    'for n in "ab":\n        if n:\n            return ruined("", expected="", seen="")',
    'return {True: passed("y"), False: not_yet("n", expected="", seen="")}[lab.seed > 1]',
    "return elsewhere(lab)",
    'with open("x"):\n        return helper(lab)\n    return passed("yes")',
    'return Verdict(Outcome.NOT_YET, "no")',
    "return again(lab, 3)",
    'for problem in several(lab):\n        return problem\n    return passed("yes")',
    'answer = passed("yes")\n    _, answer = lab.pair\n    return answer',
    'answer = passed("yes")\n    with lab.host as answer:\n        pass\n    return answer',
    "return guarded(lab)",
]
HELPERS = """\
from labrunner.model.verdict import Outcome, Verdict, ruined
from functools import partial as elsewhere, wraps


def helper(lab):
    return None if lab.container("two") else not_yet("no", expected="", seen="")


def fine(lab):
    return passed("always")


def several(lab):
    yield not_yet("no", expected="", seen="")


def needs(name):
    def around(inner):
        @wraps(inner)
        def outer(lab):
            return running(lab, name) or inner(lab)

        return outer

    return around


@needs("two")
def guarded(lab):
    return passed("yes")


def again(lab, times):
    return again(lab, times - 1) if times else helper(lab) or passed("yes")


@scenario.check"""


@pytest.mark.parametrize(
    ("body", "fails"), [*((b, False) for b in CANNOT), *((b, True) for b in CAN)]
)
def test_whether_a_check_can_fail(sample: Sample, body: str, fails: bool) -> None:  # noqa: FBT001
    """Only a check of which no path gives a complaint is named; helpers are followed."""
    sample.edit(sample.code, "@scenario.check", HELPERS)
    sample.edit(sample.code, RETURN, body)
    found = [line for rule, line in sample.open() if rule == "check-cannot-fail"]
    assert found == ([] if fails else ["def started(lab):"])


def test_a_lambda_that_cannot_fail(sample: Sample) -> None:
    """A check need not be a def."""
    start = sample.code.read_text(encoding="utf-8").index("\n\n@scenario.check")
    text = sample.code.read_text(encoding="utf-8")[:start]
    sample.code.write_text(text, encoding="utf-8")
    sample.edit(
        sample.code, "networks=", 'checks={"start-it": lambda lab: passed("yes")},\n    networks='
    )
    assert [rule for rule, _ in sample.open()] == ["check-cannot-fail"]


def test_helpers_in_a_module_beside_are_followed(sample: Sample) -> None:
    """A check may stand in a file of its own, and its helper in a third."""
    sample.edit(sample.code, RETURN, "return parts.judge(lab)")
    sample.edit(sample.code, "from labrunner.checks", "from . import parts\nfrom labrunner.checks")
    parts = sample.folder / "parts.py"
    parts.write_text("from labrunner import passed\n\n\ndef judge(lab):\n    return passed('y')\n")
    assert [rule for rule, _ in sample.open()] == ["check-cannot-fail"]
    parts.write_text(
        "from labrunner.checks import running as judge0\n\n\ndef judge(lab):\n"
        "    return judge0(lab, 'two')\n"
    )
    assert sample.open() == []


def test_every_rule_has_a_bad_sample() -> None:
    """A rule that nothing here breaks is a rule that nobody knows to work."""
    shown = {row[0] for row in (*IN_LESSON, *IN_CODE)}
    assert set(RULES) - shown == {"check-cannot-fail", "translation-behind", "words-missing"}
    assert set(FINAL) <= set(RULES)
