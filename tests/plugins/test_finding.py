"""Where scenarios come from, and how one is found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labrunner import catalogue, plugins
from labrunner.errors import ScenarioError, UsageError
from tests.conftest import Lab
from tests.plugins.shelf import SCENARIO, Shelf, own

# --- folders -------------------------------------------------------------------------------


def test_a_folder_of_scenarios(shelf: Shelf) -> None:
    """Each is found, with its folder, its lesson and where it came from filled in."""
    file = shelf.add("hello_there")
    shelf.add("another")
    (shelf.path / "not_one").mkdir()
    found = own(shelf)
    assert found.problems == ()
    assert [s.name for s in found.scenarios] == ["another", "hello-there"]
    scenario = found.scenarios[1]
    assert scenario.folder == file.parent
    assert scenario.content == file.parent / "content"
    assert scenario.source == str(file.parent)


def test_a_single_scenario_folder(shelf: Shelf) -> None:
    """The folder that is named may be the scenario itself."""
    folder = shelf.add("hello_there").parent
    assert plugins.find("hello-there", [folder]).name == "hello-there"


def test_folders_from_the_environment(shelf: Shelf, tmp_path: Path, lab: Lab) -> None:
    """``LABRUNNER_SCENARIOS`` names several, as PATH does."""
    shelf.add("hello_there")
    second = Shelf(tmp_path / "second")
    second.add("good_day")
    both = os.pathsep.join([str(shelf.path), str(second.path)])
    shown = json.loads(lab.ok("list", "--json", env={"LABRUNNER_SCENARIOS": both}))
    assert {entry["name"] for entry in shown["labs"]} >= {"hello-there", "good-day"}


@pytest.mark.parametrize("place", ["content/hello-there", "shelf/content/hello-there"])
def test_a_lesson_beside_the_scenarios(shelf: Shelf, place: str) -> None:
    """Content may be kept apart from code, as the bundled lessons are."""
    inside = shelf.add("hello_there").parent / "content"
    content = shelf.path.parent / place
    content.parent.mkdir(parents=True)
    inside.rename(content)
    assert plugins.find("hello-there", [shelf.path]).content == content


def test_a_scenario_of_several_files(shelf: Shelf) -> None:
    """``scenario.py`` may import its neighbours, and two scenarios may have a ``parts.py``."""
    for folder in ("hello_there", "good_day"):
        code = SCENARIO.format(name=folder.replace("_", "-")) + "\nfrom .parts import WORD\n"
        file = shelf.add(folder, code.replace('passed("It is done.")', "passed(WORD)"))
        file.with_name("parts.py").write_text(f"WORD = {folder!r}\n", encoding="utf-8")
    found = {s.name: s.checks["do-it"](None) for s in own(shelf).scenarios}  # type: ignore[arg-type]
    assert found["hello-there"].message == "hello_there"
    assert found["good-day"].message == "good_day"


def test_a_scenario_with_a_hook_of_its_own(shelf: Shelf) -> None:
    """One file may bring several scenarios; a lesson of each is looked for by its name."""
    code = (
        "from labrunner import Scenario, hookimpl, passed\n"
        "@hookimpl\n"
        "def labrunner_scenarios():\n"
        "    made = [Scenario('one'), Scenario('two')]\n"
        "    for scenario in made:\n"
        "        scenario.check('do-it')(lambda lab: passed('yes'))\n"
        "    return made\n"
    )
    content = shelf.add("several", code).parent / "content"
    for name in ("one", "two"):
        (content / name).mkdir()
        shutil.copy(content / "lesson.md", content / name)
    found = own(shelf)
    assert found.problems == ()
    assert [s.content for s in found.scenarios] == [content / "one", content / "two"]


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """A typing mistake in the variable is said, and costs nothing else."""
    found = plugins.Registry([tmp_path / "nowhere", tmp_path]).everything(bundled=False)
    assert [p.message for p in found.problems] == [
        f"{tmp_path / 'nowhere'} is not a folder",
        f"{tmp_path} holds no scenario.py",
    ]


def test_one_folder_named_twice_is_one_source(shelf: Shelf, tmp_path: Path) -> None:
    """Neither repetition nor a symbolic link makes a second scenario."""
    folder = shelf.add("hello_there").parent
    (tmp_path / "link").symlink_to(shelf.path)
    roots = [shelf.path, folder, tmp_path / "link"]
    found = plugins.Registry(roots).everything(bundled=False)
    assert (len(found.scenarios), found.problems) == (1, ())


# --- finding one ---------------------------------------------------------------------------


def test_every_bundled_scenario_is_well_formed() -> None:
    """What is shipped can be started."""
    found = plugins.discover([])
    assert found.problems == ()
    assert {"unsegregated-shop", "segregated-vs-unsegregated"} <= {s.name for s in found.scenarios}


def test_finding_one_runs_no_other_bundled_one() -> None:
    """Starting a lab does not wait for the whole catalogue."""
    script = (
        "import sys; from labrunner import plugins; plugins.find('unsegregated-shop')\n"
        "print([m for m in sys.modules if m.startswith('labrunner_scenario_segregated')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_an_unknown_name_suggests_the_nearest(shelf: Shelf) -> None:
    """Whether it is bundled or not."""
    shelf.add("hello_there")
    for typed, meant in [("helo-there", "hello-there"), ("unsegregated-shp", "unsegregated-shop")]:
        with pytest.raises(UsageError, match=f"no scenario '{typed}'") as caught:
            plugins.find(typed, [shelf.path])
        assert f"Did you mean {meant}?" in caught.value.hint


def test_a_name_like_nothing_points_to_the_list(shelf: Shelf) -> None:
    """No wild guesses."""
    with pytest.raises(UsageError) as caught:
        plugins.find("zzz", [shelf.path])
    assert "lab list" in caught.value.hint


def test_two_sources_for_one_name(shelf: Shelf, tmp_path: Path) -> None:
    """Neither silently wins: finding it names both, listing shows the problem, once."""
    second = Shelf(tmp_path / "second")
    files = [shelf.add("hello_there"), second.add("hello-there")]
    shelf.add("good_day")
    roots = [shelf.path, second.path]
    with pytest.raises(UsageError, match="two sources for hello-there") as caught:
        plugins.find("hello-there", roots)
    found = plugins.Registry(roots).everything(bundled=False)
    (problem,) = found.problems
    for file in files:
        assert str(file) in caught.value.message
        assert str(file) in problem.message
    assert [s.name for s in found.scenarios] == ["good-day"]


def test_a_bundled_name_cannot_be_taken(shelf: Shelf) -> None:
    """Not even quietly: the list says that neither can be started."""
    file = shelf.add("unsegregated_shop")
    with pytest.raises(UsageError, match=r"bundled .* and "):
        plugins.find("unsegregated-shop", [shelf.path])
    found = catalogue.load([shelf.path])
    assert "unsegregated-shop" not in {entry.name for entry in found.entries}
    assert str(file) in found.problems[0].message


def test_a_broken_one_that_is_asked_for_says_what_is_wrong(shelf: Shelf) -> None:
    """Not "unknown"."""
    file = shelf.add("hello_there", "import nothing_of_this_name\n")
    with pytest.raises(ScenarioError, match="nothing_of_this_name") as caught:
        plugins.find("hello-there", [shelf.path])
    assert caught.value.where == f"{file}:1"


def test_a_broken_one_does_not_disturb_the_others(shelf: Shelf) -> None:
    """Finding another one works, and an unknown one mentions it."""
    shelf.add("broken", "1 / 0\n")
    shelf.add("hello_there")
    assert plugins.find("hello-there", [shelf.path]).name == "hello-there"
    with pytest.raises(UsageError) as caught:
        plugins.find("xyz", [shelf.path])
    assert "Some plugins could not be loaded" in caught.value.hint
