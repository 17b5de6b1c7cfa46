"""The lesson format: what a good lesson becomes, and what is said about a bad one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labrunner.errors import ScenarioError
from labrunner.lessons import frontmatter, lesson, markdown, reading
from labrunner.model.lesson import Lesson
from tests.lessons import GOOD, HEAD, PATH, STEP


def parse(text: str) -> Lesson:
    return lesson.parse(text, PATH)


def line_of(text: str, needle: str, nth: int = 1) -> int:
    """The 1-based line of the nth line that begins with this."""
    found = [n for n, line in enumerate(text.split("\n"), 1) if line.startswith(needle)]
    return found[nth - 1]


# --- what a good lesson becomes ------------------------------------------------------------


def test_front_matter_becomes_attributes() -> None:
    """What the head says is what the lesson says about itself."""
    found = parse(GOOD)
    assert (found.title, found.level, found.minutes) == ("Segment a shop", "beginner", 40)
    assert found.summary == "One network becomes three: no outage."
    assert found.objectives == ("see who can talk", "cut the shop in pairs")
    assert found.requires == ()
    assert found.language == "en"


def test_prose_keeps_its_source_without_what_is_hidden() -> None:
    """Any renderer can draw a body; no body holds a hint, a solution or a trap."""
    found = parse(GOOD)
    assert found.introduction == "Welcome.\n\n::: warning\nThis is real.\n:::"
    assert found.steps[0].body == "Who is there?\n\nMore to read."
    assert found.steps[1].body == ""


def test_steps_have_ids_titles_and_lines() -> None:
    """A step is known by its id; its title is words only."""
    found = parse(GOOD)
    assert [step.id for step in found.steps] == ["look-around", "cut-it"]
    assert [step.title for step in found.steps] == ["Look around", "Cut it now"]
    assert found.steps[1].line == line_of(GOOD, "## Cut")
    assert found.step("cut-it") is found.steps[1]


def test_hints_keep_their_order_and_their_admonitions() -> None:
    """A hint is Markdown, and may hold a note if it has one more colon."""
    assert parse(GOOD).steps[1].hints == ("Outer.\n\n::: note\nInner.\n:::", "Second.")


def test_solution_is_both_text_and_commands() -> None:
    """What the learner reads is what the validator types, from the same lines."""
    step = parse(GOOD).steps[1]
    assert step.solution.startswith("First this:\n\n```console\n$ docker network create")
    assert step.solution.endswith("```")
    texts = [command.text for command in step.commands]
    assert texts == [
        "docker network create \\\n    --internal back",
        "cat > file <<END\none\n\nEND",
        "docker network rm front",
    ]
    assert [command.output for command in step.commands] == ["abc\n\ndef", "", ""]


def test_commands_know_their_line() -> None:
    """A failing command can be found in the file."""
    lines = [command.line for command in parse(GOOD).steps[1].commands]
    assert lines == [
        line_of(GOOD, "$ docker network create"),
        line_of(GOOD, "$ cat"),
        line_of(GOOD, "$ docker network rm"),
    ]


def test_traps_have_message_commands_and_line() -> None:
    """A known wrong answer comes with what it must earn."""
    (trap,) = parse(GOOD).steps[0].traps
    assert trap.message == "nobody was named"
    assert [command.text for command in trap.commands] == ["true"]
    assert trap.line == line_of(GOOD, "::: trap")


def test_a_trap_message_may_hold_quotes() -> None:
    """Messages quote names."""
    text = GOOD.replace('"nobody was named"', '"there is no "bob" here"')
    assert parse(text).steps[0].traps[0].message == 'there is no "bob" here'


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_matter(newline: str) -> None:
    """A file saved on Windows reads the same."""
    found = parse(GOOD.replace("\n", newline))
    assert found.steps == parse(GOOD).steps


def test_console_blocks_in_lists_know_their_line() -> None:
    """Indented blocks count, too."""
    text = GOOD.replace("Who is there?", "1. Type\n\n   ```console\n   $\n   ```")
    with pytest.raises(ScenarioError) as caught:
        parse(text)
    assert caught.value.where == f"lesson.md:{line_of(text, '   $')}"


def test_fences_hide_what_looks_like_structure() -> None:
    """Code that shows a heading or a container is code."""
    text = GOOD.replace("Who is there?", "````text\n## No {#no}\n::: what\n```\n````")
    assert [step.id for step in parse(text).steps] == ["look-around", "cut-it"]


def test_html_is_text() -> None:
    """Nobody can slip markup into the page."""
    rendered = markdown.parser().render("<b>x</b>\n\n<script>y</script>")
    assert "<b>" not in rendered
    assert "<script>" not in rendered


def test_comments_are_for_authors() -> None:
    """A comment on lines of its own is shown to nobody, ends a paragraph, and keeps its line."""
    known: dict[str, list[tuple[int, str]]] = {}
    text = "One.\n<!-- to\nauthors -->\nTwo.\n\n```text\n<!-- code -->\n```\n\n<!-- no end"
    rendered = markdown.parser().render(text, known)
    assert "authors" not in rendered
    assert "<p>One.</p>\n<p>Two.</p>" in rendered
    assert "&lt;!-- code --&gt;" in rendered
    assert "&lt;!-- no end" in rendered
    assert known[markdown.COMMENTS] == [(2, "to\nauthors")]


# --- what is said about a bad one ----------------------------------------------------------

BROKEN = [
    # what is replaced, by what, at which line's beginning the mistake is found, what is said
    ("---\ntitle", "title", "title", "front matter is missing"),
    ("requires: []\n---", "requires: []", "---", "front matter is not closed"),
    ("title: Segment a shop\n", "", "---/2", "no `title`"),
    ("objectives:\n  - see who can talk\n  - cut the shop in pairs\n", "", "---/2", "`objectives`"),
    ("requires: []", "require: []", "require", "unknown key `require`"),
    ("requires: []", "title: Twice", "title: Twice", "`title` twice"),
    ("Segment a shop", "42", "title", "`title` is not one line of text"),
    ("Segment a shop", "", "title", "`title` is not one line of text"),
    ("Segment a shop", "A shop: cut", "title", "not YAML"),
    ("level: beginner", "level: easy", "level", "no level `easy`"),
    ("minutes: 40", "minutes: forty", "minutes", "`minutes` is not a whole number"),
    ("minutes: 40", "minutes: 0", "minutes", "`minutes` is not a whole number"),
    ("requires: []", "requires: docker", "requires", "`requires` is not a list"),
    ("  - see who can talk", "  - 7", "  - 7", "`objectives` holds something"),
    ("## Look around {#look-around}", "## Look around", "## Look", "has no id"),
    ("More to read.", "More to read.\n---", "More", "has no id"),
    ("{#look-around}", "{#Look_Around}", "## Look", "`Look_Around` cannot be an id"),
    ("{#look-around}", "{#2nd}", "## Look", "`2nd` cannot be an id"),
    ("{#cut-it}", "{#look-around}", "## Cut", "is taken by line"),
    ("## Look around {", "## {", "## {", "has no title"),
    ("Welcome.", "# Welcome", "# Welcome", "one `#`"),
    ("More to read.", "### More {#more}", "### More", "only a step has an id"),
    ("More to read.", "- ## More {#more}", "- ## More", "inside another block"),
    ("::: hint\nAsk the engine.\n:::\n", "", "## Look", "has no hint"),
    ("Ask the engine.\n", "", "::: hint", "an empty hint"),
    ("::: solution\n```console\n$ docker ps\nNAMES\n```\n:::\n", "", "## Look", "no solution"),
    ("```console\n$ docker ps\nNAMES\n```\n", "See above.\n", "::: solution", "without commands"),
    ("```console\n$ true\n```\n", "Nothing.\n", "::: trap", "without commands"),
    ("$ docker ps\nNAMES", "NAMES", "NAMES", "begins with a `$ command`"),
    ("$ docker ps\nNAMES\n", "", "```console", "without a `$ command`"),
    ("$ docker ps", "$ ", "$ ", "nothing after the `$`"),
    ("$ docker ps\nNAMES", "$ docker ps \\", "$ docker ps", "ends in a backslash"),
    ("Welcome.", "```console\nls\n```", "ls", "begins with a `$ command`"),
    (' "nobody was named"', "", "::: trap", "a trap without its message"),
    (' "nobody was named"', ' ""', "::: trap", "a trap without its message"),
    ("::: warning", "::: beware", "::: beware", "there is no `::: beware`"),
    ("::: hint\nAsk", "::: hint one\nAsk", "::: hint one", "nothing after its name"),
    ("This is real.\n:::", "This is real.", "::: warning", "is not closed"),
    ("Ask the engine.\n:::", "Ask the engine.", "::: hint", "is not closed before `::: solution`"),
    ("More to read.", ":::::", ":::::", "closes nothing"),
    ("More to read.", ":::  ", ":::  ", "closes nothing"),
    (":::: hint", "::: hint", "::: note", "should close the `hint`"),
    ("::: note", "::: trap", "::: trap/2", "inside the `::: hint`"),
    ("::: hint\nSecond.\n:::", "- ::: hint\n  Second.\n  :::", "- ::: hint", "inside a list"),
    ("Welcome.", "::: hint\nEarly.\n:::", "::: hint", "before the first step"),
    ("First this:", "First this.\n:::\n\n::: solution", "::: solution/2", ""),
    ("More to read.", "```text\nopen", "```text", "a code block is not closed"),
    ("Outer.", "```text\nopen", "```text", "a code block is not closed"),
    ("Welcome.", "See [it][a].\n\n[a]: https://x.y", "[a]: ", "a link definition"),
]


@pytest.mark.parametrize(("old", "new", "place", "says"), BROKEN)
def test_every_mistake_has_its_line_and_a_hint(old: str, new: str, place: str, says: str) -> None:
    """An author is told what is wrong, on which line, and how to mend it."""
    assert GOOD.count(old) >= 1
    text = GOOD.replace(old, new, 1)
    needle, _, nth = place.partition("/")
    with pytest.raises(ScenarioError) as caught:
        parse(text)
    assert caught.value.where == f"lesson.md:{line_of(text, needle, int(nth or 1))}"
    assert says in caught.value.message
    assert caught.value.hint


def test_two_solutions_are_one_too_many() -> None:
    """The validator must know which one to type."""
    again = "::: solution\n```console\n$ true\n```\n:::\n"
    text = GOOD.replace("More to read.", again)
    with pytest.raises(ScenarioError, match="has two solutions") as caught:
        parse(text)
    assert caught.value.where == f"lesson.md:{line_of(text, '::: solution', 2)}"


def test_a_lesson_has_a_step() -> None:
    """An introduction alone is no lesson."""
    with pytest.raises(ScenarioError, match="has no step"):
        parse(f"{HEAD}\nWelcome.\n")


def test_an_empty_file_is_an_error_not_a_crash() -> None:
    """Somebody will try."""
    with pytest.raises(ScenarioError, match=r"lesson\.md:1: front matter is missing"):
        parse("")


def test_all_mistakes_of_a_file_at_once() -> None:
    """An author mends a file in one go."""
    text = GOOD.replace("level: beginner", "level: easy").replace("{#cut-it}", "")
    text = text.replace(' "nobody was named"', "")
    found = [mistake.where for mistake in lesson.mistakes(text, PATH)]
    places = ["level", "::: trap", "## Cut"]
    assert found == [f"lesson.md:{line_of(text, place)}" for place in places]


# --- files ---------------------------------------------------------------------------------


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A content folder with a lesson and its French translation."""
    (tmp_path / "lesson.md").write_text(GOOD, encoding="utf-8")
    french = GOOD.replace("Welcome.", "Bienvenue à tous.")
    (tmp_path / "lesson.fr.md").write_text(french, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("en", "en"),
        ("fr", "fr"),
        ("fr_CA.UTF-8", "fr"),
        ("fr-CA", "fr"),
        ("de", "en"),
        ("", "en"),
        ("../../etc", "en"),
    ],
)
def test_a_language_or_the_original(content: Path, asked: str, given: str) -> None:
    """Nobody is left without a lesson for want of a translation."""
    found = reading.read(content, asked)
    assert found.language == given
    assert ("Bienvenue" in found.introduction) is (given == "fr")


def test_languages_begin_with_the_original(content: Path) -> None:
    """A list can show what there is without reading any of it."""
    (content / "lesson.de.md").touch()
    (content / "lesson.md~").touch()
    assert frontmatter.languages(content) == ("en", "de", "fr")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{#cut-it}", "{#coupe}", "step `coupe` is `cut-it` in the original"),
        (STEP, "", "step `cut-it` is `look-around` in the original"),
    ],
)
def test_a_translation_has_the_same_steps(content: Path, old: str, new: str, says: str) -> None:
    """Progress and checks know steps by id; the error names both lines."""
    trap = GOOD[GOOD.index("::: trap") : GOOD.index("## Cut")]
    text = GOOD.replace(trap, "").replace(old, new)
    path = content / "lesson.fr.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        reading.read(content, "fr")
    assert caught.value.where == f"{path}:{line_of(text, '## Cut')}"
    assert says in caught.value.message
    assert f"{content / 'lesson.md'}:" in caught.value.message


@pytest.mark.parametrize("more", [True, False])
def test_a_translation_has_as_many_steps(content: Path, more: bool) -> None:  # noqa: FBT001
    """One step more or less is named, with both lines."""
    extra = STEP.replace("{#look-around}", "{#third}")
    (content / ("lesson.fr.md" if more else "lesson.md")).write_text(GOOD + extra, "utf-8")
    with pytest.raises(ScenarioError, match="`third`") as caught:
        reading.read(content, "fr")
    assert caught.value.where.startswith(f"{content / 'lesson.fr.md'}:")
    assert f"{content / 'lesson.md'}:" in caught.value.message


def test_a_missing_lesson_says_where_it_belongs(tmp_path: Path) -> None:
    """The first thing a new author meets."""
    with pytest.raises(ScenarioError, match="No such file") as caught:
        reading.read(tmp_path)
    assert "content/<name>/lesson.md" in caught.value.hint


def test_a_file_that_is_not_utf8_names_the_line(content: Path) -> None:
    """Latin-1 is still about."""
    text = GOOD.replace("Who is there?", "Café?")
    (content / "lesson.md").write_text(text, encoding="latin-1")
    with pytest.raises(ScenarioError) as caught:
        reading.read(content)
    assert caught.value.where.endswith(f"lesson.md:{line_of(text, 'Caf')}")


def test_front_matter_reads_only_the_head(content: Path) -> None:
    """A list of labs costs no parsing; what is wrong below the head is not its business."""
    path = content / "lesson.md"
    path.write_bytes(HEAD.encode() + b"\n::: hint\n\n" + "x".encode("utf-16") * 100_000)
    head = frontmatter.read(path)
    assert (head.title, head.minutes) == ("Segment a shop", 40)


def test_front_matter_says_what_is_wrong(content: Path) -> None:
    """The same complaint as the whole parser's."""
    path = content / "lesson.md"
    path.write_text(GOOD.replace("minutes: 40", "minutes: long"), encoding="utf-8")
    with pytest.raises(ScenarioError) as quick:
        frontmatter.read(path)
    with pytest.raises(ScenarioError) as whole:
        reading.read(content)
    assert str(quick.value) == str(whole.value)


def test_authors_can_check_a_file(content: Path) -> None:
    """``python -m labrunner.lessons.lesson FILE`` lists mistakes, or counts steps."""
    command = [sys.executable, "-m", "labrunner.lessons.lesson", str(content / "lesson.md")]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stderr) == (0, "")
    assert "a good lesson of 2 steps" in good.stdout
    (content / "lesson.md").write_text(GOOD.replace("{#cut-it}", ""), encoding="utf-8")
    bad = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert f"lesson.md:{line_of(GOOD, '## Cut')}: " in bad.stdout
