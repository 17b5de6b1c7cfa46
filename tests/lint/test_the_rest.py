"""`lab lint`: what is left as it is, translations, measures, and the command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from labrunner import lint as linting
from labrunner.errors import UsageError
from labrunner.lint import RULES, prose, shell, typed
from labrunner.lint.page import Page
from tests.conftest import Lab
from tests.lint.samples import LESSON, RETURN, SOLUTION, TRAP, Sample

ROOT = Path(__file__).parent.parent.parent
FOUND, USAGE = 1, 2


# --- leaving things as they are ------------------------------------------------------------

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


SAYS = 'return first(running(lab, "two")) or passed(f"the container {lab.id} does run")'

# --- translations --------------------------------------------------------------------------


def translate(sample: Sample) -> Path:
    """A French lesson that is as new as the original, and words for what its check says."""
    words = sample.lesson.with_name("words.fr.toml")
    words.write_text("[words]\n'two runs' = 'two tourne'\n", "utf-8")
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


def test_what_a_check_says_has_words_in_every_language(sample: Sample) -> None:
    """A sentence without words is found where the check says it; so are words for nothing."""
    translate(sample)
    own = sample.lesson.with_name("words.fr.toml")
    own.write_text("[words]\n", "utf-8")
    sample.edit(sample.code, RETURN, SAYS)
    assert [rule for rule, _ in sample.open()] == ["words-missing"]
    own.write_text("[words]\n'the container {1} does run' = 'le conteneur {1} tourne'\n", "utf-8")
    assert sample.findings() == []
    own.write_text(f"{own.read_text('utf-8')}'it was' = 'le voici'\n", "utf-8")
    (stale,) = sample.findings()
    assert (stale.rule, stale.where) == ("words-missing", f"{own}:3")


def test_a_folder_that_is_named_in_vain(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    """LABRUNNER_SCENARIOS that leads nowhere is a finding, where every scenario is meant."""
    monkeypatch.setenv("LABRUNNER_SCENARIOS", str(sample.folder / "images"))
    # it comes before all scenarios, which are looked at elsewhere
    (finding,) = linting.judge([next(iter(linting.look_up(())))])
    assert "holds no scenario.py" in finding.message


def test_a_module_beside_that_is_not_python(sample: Sample) -> None:
    """A file that nothing imports yet is looked at as well."""
    (sample.folder / "later.py").write_text("def f(:\n")
    assert sample.open() == [("scenario", "def f(:")]


# --- measures and parts --------------------------------------------------------------------


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


# --- the command ---------------------------------------------------------------------------


def test_the_documented_table_is_the_code() -> None:
    """docs/lint.md has each rule, in this order, with these words."""
    text = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \| (.*) \|$", text, re.MULTILINE)
    assert rows == [(name, rule.finds, rule.why) for name, rule in RULES.items()]


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
