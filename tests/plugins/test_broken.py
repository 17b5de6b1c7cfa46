"""What is said of a broken scenario: its own line, and what to do."""

from __future__ import annotations

import json
import shutil

import pytest

from labrunner import plugins
from labrunner.errors import ScenarioError
from tests.conftest import Lab
from tests.plugins.shelf import LESSON, SCENARIO, Shelf, line_of, own

CRASHES = [
    ("import nothing_of_this_name\n", 1, "ModuleNotFoundError"),
    ("\n\nscenario = (\n", 3, "SyntaxError"),
    ("def f():\n    return 1 / 0\n\nf()\n", 2, "ZeroDivisionError"),
    ("import json\n\njson.loads('{')\n", 3, "JSONDecodeError"),
    ("raise SystemExit(3)\n", 1, "SystemExit"),
    ("x = 1\n", 1, "defines no scenario"),
    ("\nscenario = 'mine'\n", 2, "its scenario is str, not a Scenario"),
    ("\n\ndef labrunner_scenarios():\n    return []\n", 3, "is not marked"),
    (
        "from labrunner import hookimpl\n@hookimpl\ndef labrunner_scenarios():\n    return [7]\n",
        3,
        "gave int, not a Scenario",
    ),
    (
        "from labrunner import hookimpl\n@hookimpl\ndef labrunner_scenarios():\n    1 / 0\n",
        4,
        "ZeroDivisionError",
    ),
    (
        "from labrunner import hookimpl\n@hookimpl\ndef labrunner_scenarios(lab):\n    return []\n",
        3,
        "labrunner_scenarios",
    ),
    (
        "from labrunner import hookimpl\n\n@hookimpl\ndef labrunner_lab_stared(lab):\n    pass\n",
        4,
        "labrunner_lab_stared",
    ),
    (
        "from labrunner import Scenario\nscenario = Scenario('x')\n"
        + "scenario.check('a')(print)\n" * 2,
        4,
        "has two checks",
    ),
]


@pytest.mark.parametrize(("code", "line", "says"), CRASHES)
def test_a_plugin_that_breaks_is_reported_at_its_own_line(
    shelf: Shelf, code: str, line: int, says: str
) -> None:
    """The deepest line of the plugin's own file, and the rest is there as ever."""
    file = shelf.add("broken", code)
    shelf.add("hello_there")
    found = own(shelf)
    assert [s.name for s in found.scenarios] == ["hello-there"]
    (problem,) = found.problems
    assert problem.where == f"{file}:{line}"
    assert problem.source == str(file.parent)
    assert says in problem.message


def test_a_crash_in_a_neighbour_is_the_neighbours_line(shelf: Shelf) -> None:
    """``scenario.py`` is only the messenger."""
    file = shelf.add("broken", "from . import parts\n")
    file.with_name("parts.py").write_text("\n\nraise ValueError('oh')\n", encoding="utf-8")
    assert own(shelf).problems[0].where == f"{file.with_name('parts.py')}:3"


MISTAKES = [
    ("'hello-there'", "'Hello There'", "'Hello There'", "'Hello There' cannot be a name"),
    ("'hello-there'", "7", "7,", "7 cannot be a name"),
    ('("front",)', '("back",)', '("back",)', "container web is on network back"),
    ('"tools:1"', '"shop:1"', '"shop:1"', "container web has image 'shop:1', unknown"),
    ('("front",)),', '("front",), after=("db",)),', "after=", "web comes after db"),
    ('(Network("front"),)', '(Network("front"), Network("front"))', "networks", "two networks"),
    (
        'containers=(Container("web", "tools:1", ("front",)),)',
        'containers=(Container("web", "tools:1", ("front",)),\n    Container("web", "tools:1"))',
        '    Container("web", "tools:1"))',
        "two containers are called web",
    ),
    (
        'containers=(Container("web", "tools:1", ("front",)),)',
        'containers=(Container("a", "tools:1", after=("b",)), Container("b", "x", after=("a",)))',
        'Container("a"',
        "a after b after a",
    ),
    ('("front",)),)', '("front",)))', 'Container("web"', "containers is Container, not a tuple"),
    ('(Network("front"),)', '("front",)', "networks=", "networks holds 'front'"),
    ('("front",)),', '("front")),', 'Container("web"', "networks of web is str, not a tuple"),
    (
        'networks=(Network("front"),),',
        'networks=(Network("front"),),\n    owns=Owned(containers=("web",)),',
        "Owned(",
        "web is listed in owns.containers",
    ),
    (
        'networks=(Network("front"),),',
        'networks=(Network("front"),),\n    images=(Image("shop:1", "images/shop"),),',
        "Image(",
        "image shop:1 has no Dockerfile",
    ),
    (
        'networks=(Network("front"),),',
        'networks=(Network("front"),),\n    images=(Image("host:5000/shop", "image"),),',
        "Image(",
        "'host:5000/shop' has no tag",
    ),
    (
        'networks=(Network("front"),),',
        'networks=(Network("front"),),\n    images=(Image("shop:latest", "image"),),',
        "Image(",
        "'shop:latest' has no tag",
    ),
    (
        'networks=(Network("front"),),',
        'networks=(Network("front"),),\n    hosts=("cloud",),',
        '"cloud"',
        "no kind of host 'cloud'",
    ),
    (
        'networks=(Network("front"),),',
        'networks=(Network("front"),),\n    hosts=(),',
        "hosts=()",
        "hosts is not a tuple of kinds",
    ),
    (
        'networks=(Network("front"),),',
        'networks=(Network("front"),),\n    riddle="no",',
        'riddle="no"',
        "riddle is 'no', neither true nor false",
    ),
    ('check("do-it")', 'check("do-that")', "do-that", "a check for step `do-that`"),
]


@pytest.mark.parametrize(("old", "new", "place", "says"), MISTAKES)
def test_every_mistake_in_a_scenario_has_its_line_and_a_hint(
    shelf: Shelf, old: str, new: str, place: str, says: str
) -> None:
    """An author is told what is wrong, in which file and line, and how to mend it."""
    file = shelf.change(old, new)
    (file.parent / "image").mkdir()
    (file.parent / "image" / "Dockerfile").touch()
    problems = [p for p in own(shelf).problems if says in p.message]
    assert len(problems) == 1
    assert problems[0].where == line_of(file, place)
    assert problems[0].hint


def test_finding_a_scenario_with_a_mistake_raises_it(shelf: Shelf) -> None:
    """The same words, the same line."""
    file = shelf.change('("front",)', '("back",)')
    with pytest.raises(ScenarioError, match="network back") as caught:
        plugins.find("hello-there", [shelf.path])
    assert caught.value.where == line_of(file, '("back",)')


def test_a_step_without_a_check_is_the_headings_line(shelf: Shelf) -> None:
    """Both directions: every step has a check."""
    lesson = LESSON + LESSON[LESSON.index("## Do") :].replace("do-it", "do-more")
    file = shelf.add("hello_there", lesson=lesson)
    (problem,) = own(shelf).problems
    assert problem.where == line_of(file.parent / "content" / "lesson.md", "do-more")
    assert "step `do-more` has no check" in problem.message


def test_what_the_learner_replaces_may_be_owned(shelf: Shelf) -> None:
    """A container that the lesson runs anew is the learner's from then on."""
    file = shelf.change(
        'networks=(Network("front"),),',
        'networks=(Network("front"),),\n    owns=Owned(containers=("web",)),',
    )
    lesson = LESSON.replace("$ true", "$ docker rm -f web\n$ docker run -d --name=web tools:1")
    (file.parent / "content" / "lesson.md").write_text(lesson, encoding="utf-8")
    assert own(shelf).problems == ()


def test_a_bad_lesson_is_the_lessons_line(shelf: Shelf) -> None:
    """Of the original, and of a translation."""
    file = shelf.add("hello_there")
    french = file.parent / "content" / "lesson.fr.md"
    french.write_text(LESSON.replace("{#do-it}", "{#fais-le}"), encoding="utf-8")
    assert [p.where for p in own(shelf).problems] == [line_of(french, "fais-le")]
    bad = file.parent / "content" / "lesson.md"
    bad.write_text(LESSON.replace("beginner", "easy"), encoding="utf-8")
    assert [p.where for p in own(shelf).problems] == [line_of(bad, "easy")]


def test_no_lesson_says_where_it_belongs(shelf: Shelf) -> None:
    """A scenario alone is not enough."""
    file = shelf.add("hello_there")
    shutil.rmtree(file.parent / "content")
    (problem,) = own(shelf).problems
    assert problem.where == line_of(file, "hello-there")
    assert "content/hello-there/lesson.md" in problem.hint


def test_what_a_plugin_prints_is_not_a_result(shelf: Shelf, lab: Lab) -> None:
    """``--json`` stays JSON."""
    shelf.add("hello_there", SCENARIO.format(name="hello-there") + "\nprint('I am here')\n")
    done = lab("list", "--json", env={"LABRUNNER_SCENARIOS": str(shelf.path)})
    assert json.loads(done.stdout)["problems"] == []
    assert "I am here" in done.stderr
