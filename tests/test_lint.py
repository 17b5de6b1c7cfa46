"""Every rule of `lab lint`: a bad sample is caught and named rightly, a good one is not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from labrunner import lint as linting
from labrunner.errors import UsageError
from labrunner.lint import FINAL, RULES, Finding, lint, prose, shell, typed
from labrunner.lint.page import Page
from tests.conftest import Lab

ROOT = Path(__file__).parent.parent
BUNDLED = ("segregated-vs-unsegregated", "unsegregated-shop")
FOUND, USAGE = 1, 2

LESSON = """\
---
title: A sample
level: beginner
minutes: 10
summary: One step, with all that a step has.
objectives:
  - see what lint sees
  - tell good from bad
requires: []
---
Here is a page. It has words. See [the manual](https://docs.docker.com/) of Docker.

![Two boxes with a line between them](boxes.svg)

## Start it {#start-it}

Start a container.

```console
$ docker ps --format '{{.Names}}'
web
```

::: hint
Which command starts one?
:::

::: hint
`docker run` has an option for the network.
:::

::: solution
```console
$ docker run -d --name two --network front tools:1 sleep infinity
$ docker exec two curl -s http://127.0.0.1:8000/
```
:::

::: trap "two does not run"
```console
$ docker run --name two --network front tools:1 true
```
:::
"""

CODE = """\
from labrunner import Container, Image, Network, Scenario, not_yet, passed
from labrunner.checks import first, running

scenario = Scenario(
    "sample",
    networks=(Network("front"),),
    images=(Image("page:1", "images/page"),),
    containers=(Container("web", "tools:1", ("front",)),),
)


@scenario.check("start-it")
def started(lab):
    \"\"\"The address 198.18.0.1 in a docstring is only talk.\"\"\"
    return first(running(lab, "two")) or passed("two runs")
"""

DOCKERFILE = """\
ARG BASE=debian:trixie-slim
FROM ${BASE} AS first
FROM first
RUN true \\
 && true
"""


@dataclass(frozen=True)
class Sample:
    """A scenario without a fault, to put one in."""

    folder: Path

    @property
    def lesson(self) -> Path:
        """Its lesson."""
        return self.folder / "content" / "lesson.md"

    @property
    def code(self) -> Path:
        """Its Python."""
        return self.folder / "scenario.py"

    @property
    def dockerfile(self) -> Path:
        """Its one Dockerfile."""
        return self.folder / "images" / "page" / "Dockerfile"

    def edit(self, path: Path, old: str, new: str) -> None:
        """Replace what must be there."""
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def findings(self) -> list[Finding]:
        """What lint says of it."""
        return lint([str(self.folder)])

    def open(self) -> list[tuple[str, str]]:
        """Rules and lines of what is not suppressed; a line as the text that it holds."""
        return [
            (f.rule, Path(f.file).read_text(encoding="utf-8").split("\n")[f.line - 1])
            for f in self.findings()
            if not f.suppressed
        ]


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    made = Sample(tmp_path / "sample")
    made.lesson.parent.mkdir(parents=True)
    made.dockerfile.parent.mkdir(parents=True)
    made.lesson.write_text(LESSON, encoding="utf-8")
    made.lesson.with_name("boxes.svg").write_text("<svg/>", encoding="utf-8")
    made.code.write_text(CODE, encoding="utf-8")
    made.dockerfile.write_text(DOCKERFILE, encoding="utf-8")
    return made


def test_a_good_sample_has_no_finding(sample: Sample) -> None:
    """No false alarm: loopback, docstrings, stages, containers that sleep, programs in spans."""
    assert sample.findings() == []


@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_scenarios_have_no_finding(name: str) -> None:
    """What ships is clean, and whatever is left as it is has its reason in the file."""
    assert [f for f in lint([name]) if not f.suppressed] == []


# --- each rule ----------------------------------------------------------------------------

HINT = "::: hint\nWhich command starts one?\n:::\n\n"
TRAP = LESSON[LESSON.index('::: trap "two') :]
SOLUTION = "$ docker exec two curl -s http://127.0.0.1:8000/"
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


RETURN = 'return first(running(lab, "two")) or passed("two runs")'
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


# --- checks that cannot fail --------------------------------------------------------------

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


# --- leaving things as they are -----------------------------------------------------------

WHY = "it is what the step is about"


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (
            "```console\n$ docker run -d",
            "\n<!-- lint: {}: {} -->\n```console\n$ docker run -d",
            "sleep",
        ),
        ("::: solution", "<!-- lint: {}: {} -->\n::: solution", "sleep"),
        ("## Start it", "<!-- lint: {}: {} -->\n## Start it", "no-trap"),
        ("minutes: 10", "# lint: {}: {}\nminutes: 90", "front-matter"),
        ("minutes: 10", "minutes: 90  # lint: {}: {}", "front-matter"),
    ],
)
def test_a_reason_in_a_lesson_suppresses(sample: Sample, old: str, new: str, rule: str) -> None:
    """A comment covers the block below it, a step as a whole from above its heading."""
    sample.edit(sample.lesson, SOLUTION, "$ sleep 5" if rule == "sleep" else SOLUTION)
    if rule == "no-trap":
        sample.edit(sample.lesson, TRAP, "")
    sample.edit(sample.lesson, old, new.format(rule, WHY))
    assert [(f.rule, f.suppressed) for f in sample.findings()] == [(rule, WHY)]


def test_a_suppression_reaches_no_further_than_its_block(sample: Sample) -> None:
    """What comes later has to give a reason of its own."""
    sample.edit(sample.lesson, SOLUTION, "$ sleep 5")
    sample.edit(sample.lesson, "Start a container.", f"<!-- lint: sleep: {WHY} -->\nStart one.")
    assert sorted(rule for rule, _ in sample.open()) == ["sleep", "suppression"]


@pytest.mark.parametrize(
    "body",
    [
        '    # lint: literal-address: {0}\n    return passed("198.18.0.7") if lab else None',
        '    return passed("198.18.0.7") if lab else elsewhere(lab)  # lint: literal-address: {0}',
        '    # lint: literal-address: {0}\n    return passed(\n        "198.18.0.7"\n    )',
    ],
)
def test_a_reason_in_code_suppresses(sample: Sample, body: str) -> None:
    """At the end of the line, or above the statement, however many lines that has."""
    sample.edit(sample.code, f"    {RETURN}", body.format(WHY))
    found = [f for f in sample.findings() if f.rule != "check-cannot-fail"]
    assert [(f.rule, f.suppressed) for f in found] == [("literal-address", WHY)]


def test_a_reason_above_a_check_covers_all_of_it(sample: Sample) -> None:
    """Decorators are no obstacle."""
    sample.edit(
        sample.code, "@scenario.check", f"# lint: check-cannot-fail: {WHY}\n@scenario.check"
    )
    sample.edit(sample.code, RETURN, "return passed('yes')")
    assert [(f.rule, f.suppressed) for f in sample.findings()] == [("check-cannot-fail", WHY)]


def test_a_reason_in_a_dockerfile_suppresses(sample: Sample) -> None:
    """The comment covers the instruction below it."""
    sample.edit(sample.dockerfile, "FROM first", f"# lint: mutable-tag: {WHY}\nFROM debian")
    assert [(f.rule, f.suppressed) for f in sample.findings()] == [("mutable-tag", WHY)]


# --- translations -------------------------------------------------------------------------


def translate(sample: Sample) -> Path:
    """A French lesson that is as new as the original."""
    page = Page(sample.lesson, "en")
    text = LESSON.replace("Here is a page. It has words. See", "Voici. Voir")
    text = text.replace("---\nVoici", f"---\n<!-- source: {page.digest(None)} -->\nVoici")
    heading = "## Start it {#start-it}\n"
    mark = f"<!-- source: {page.digest(page.lesson.steps[0])} -->\n"
    path = sample.lesson.with_name("lesson.fr.md")
    path.write_text(text.replace(heading, f"## Démarrez {{#start-it}}\n{mark}"), encoding="utf-8")
    return path


def test_a_translation_that_is_up_to_date(sample: Sample) -> None:
    """Other words, the same commands, the right digests: nothing to say."""
    translate(sample)
    assert sample.findings() == []


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("lesson.md", "Start a container.", "Start a small container."),
        ("lesson.md", "Here is a page.", "Here is a page of paper."),
        ("lesson.fr.md", "<!-- source: ", "<!-- from: "),
        ("lesson.fr.md", "--network front tools:1 sleep", "tools:1 sleep"),
        ("lesson.fr.md", '"two does not run"', '"two ne marche pas"'),
        ("lesson.fr.md", TRAP, ""),
        ("lesson.fr.md", "{#start-it}", "{#demarrer}"),
    ],
)
def test_a_translation_that_is_behind(sample: Sample, file: str, old: str, new: str) -> None:
    """A change in the original, no digest, other commands, other steps: all are found."""
    path = translate(sample)
    sample.edit(sample.lesson.with_name(file), old, new)
    found = [f for f in sample.findings() if not f.suppressed]
    assert [f.rule for f in found] == ["translation-behind"]
    assert found[0].file == str(path)


def test_comments_do_not_make_a_translation_old(sample: Sample) -> None:
    """What no reader sees needs no translation."""
    translate(sample)
    sample.edit(sample.lesson, "Start a container.", "<!-- a thought -->\n\nStart a container.")
    assert sample.findings() == []


def test_a_folder_that_is_named_in_vain(sample: Sample, lab: Lab) -> None:
    """LABRUNNER_SCENARIOS that leads nowhere is a finding, where every scenario is meant."""
    done = lab("lint", env={"LABRUNNER_SCENARIOS": str(sample.folder / "images")})
    assert done.returncode == FOUND
    assert "holds no scenario.py" in done.stdout


def test_a_module_beside_that_is_not_python(sample: Sample) -> None:
    """A file that nothing imports yet is looked at as well."""
    (sample.folder / "later.py").write_text("def f(:\n")
    assert sample.open() == [("scenario", "def f(:")]


# --- measures and parts -------------------------------------------------------------------


def test_lix_is_what_the_table_says() -> None:
    """Words a sentence, plus the percentage of words with more than six letters."""
    score, count = prose.lix(["One two three four. One elephant three four"])
    assert count == 8
    assert score == pytest.approx(4 + 100 / 8)
    assert prose.lix([]) == (0.0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1 docker run -d x:1 sleep 9", [("docker", False), ("sleep", True)]),
        (
            "for n in 1 2; do\n  echo $n\ndone | tee x",
            [("echo", False), ("done", False), ("tee", False)],
        ),
        ("X=$(docker inspect -f '{{.Id}}' a)", [("docker", False)]),
        ("bash -ec 'cd /x; ls'", [("bash", False), ("cd", False), ("ls", False)]),
        ("echo 'no end", [("echo", False)]),
    ],
)
def test_commands_are_taken_apart(text: str, expected: list[tuple[str, bool]]) -> None:
    """Pipes, loops, substitutions, containers; an odd quote stops nobody."""
    assert [(call.words[0], call.detached) for call in shell.calls(text)] == expected


def test_docker_options_are_told_from_arguments() -> None:
    """The image is found behind flags, values and joined letters."""
    text = "docker -H tcp://x container run -itp80:80 --rm -e A=1 --name=n x:1 -v"
    found = shell.parse_docker(text.split())
    assert found is not None
    assert (found.name, found.arguments) == ("run", ("x:1", "-v"))
    assert found.has("-t")
    assert found.values("-p", "-e", "--name") == ["80:80", "A=1", "n"]
    assert shell.parse_docker(["podman", "run"]) is None


@pytest.mark.parametrize(
    "fine",
    [
        "1.2.3",
        "127.0.0.11",
        "0.0.0.0",  # noqa: S104  nothing is bound
        "::",
        "255.255.255.0",
        "v1.2.3.4",
        "10:20:30",
        "aa:bb:cc:dd:ee:ff",
        "1.2.3.4.5",
        "999.1.1.1",
    ],
)
def test_what_is_no_address(fine: str) -> None:
    """Versions, times and masks are left alone, and so is what every machine has."""
    assert typed.literal_addresses(f"echo {fine} x") == []


# --- the command --------------------------------------------------------------------------


def test_the_documented_table_is_the_code() -> None:
    """docs/lint.md has each rule, in this order, with these words."""
    text = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \| (.*) \|$", text, re.MULTILINE)
    assert rows == [(name, rule.finds, rule.why) for name, rule in RULES.items()]


def test_every_rule_has_a_bad_sample() -> None:
    """A rule that nothing here breaks is a rule that nobody knows to work."""
    shown = {row[0] for row in (*IN_LESSON, *IN_CODE)}
    assert set(RULES) - shown == {"check-cannot-fail", "translation-behind"}
    assert set(FINAL) <= set(RULES)


def test_the_command_prints_and_exits(lab: Lab, sample: Sample) -> None:
    """For people, for scripts, and with the exit code that a CI system reads."""
    assert lab("lint", str(sample.folder)).returncode == 0
    sample.edit(sample.lesson, SOLUTION, "$ sleep 5")
    done = lab("lint", str(sample.folder))
    assert done.returncode == FOUND
    assert re.search(r"lesson\.md:\d+: sleep\n {2}`sleep 5` waits", done.stdout)
    found = json.loads(lab("lint", "--json", str(sample.folder)).stdout)["findings"]
    assert [(f["rule"], f["suppressed"]) for f in found] == [("sleep", "")]


@pytest.mark.parametrize("name", ["unsegregated-shp", "./nowhere"])
def test_an_unknown_name_is_a_usage_error(lab: Lab, name: str) -> None:
    """A typing mistake is told from a clean scenario."""
    assert lab("lint", name).returncode == USAGE
    with pytest.raises(UsageError):
        linting.lint([name])
