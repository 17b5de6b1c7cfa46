"""Where scenarios come from, what is said of a broken one, and that it harms nobody else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labrunner import Scenario, catalogue, plugins
from labrunner.errors import ScenarioError, UsageError
from labrunner.model.verdict import Verdict
from tests.conftest import Lab

EXAMPLE = Path(__file__).parent / "example_plugin"

LESSON = """\
---
title: Hello
level: beginner
minutes: 5
summary: A test.
objectives: [pass]
---
Words.

## Do it {#do-it}

Do.

::: hint
Now.
:::

::: solution
```console
$ true
```
:::
"""

SCENARIO = """\
from labrunner import Container, Image, Network, Owned, Scenario, passed

scenario = Scenario(
    {name!r},
    networks=(Network("front"),),
    containers=(Container("web", "tools:1", ("front",)),),
)


@scenario.check("do-it")
def done(lab):
    return passed("It is done.")
"""


@dataclass(frozen=True)
class Shelf:
    """A folder of scenarios that a user made."""

    path: Path

    def add(self, folder: str, code: str | None = None, lesson: str = LESSON) -> Path:
        """Put a scenario there; its ``scenario.py``."""
        content = self.path / folder / "content"
        content.mkdir(parents=True)
        (content / "lesson.md").write_text(lesson, encoding="utf-8")
        file = self.path / folder / "scenario.py"
        name = folder.replace("_", "-")
        file.write_text(SCENARIO.format(name=name) if code is None else code, encoding="utf-8")
        return file

    def change(self, old: str, new: str) -> Path:
        """Put the usual scenario there, with one thing changed."""
        code = SCENARIO.format(name="hello-there")
        assert old in code
        return self.add("hello_there", code.replace(old, new))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    path = tmp_path / "shelf"
    path.mkdir()
    return Shelf(path)


def own(shelf: Shelf) -> plugins.Found:
    """What was found of the shelf; what came with labrunner is not the subject here."""
    return plugins.Registry([shelf.path]).everything(bundled=False)


def line_of(file: Path, needle: str) -> str:
    lines = file.read_text(encoding="utf-8").split("\n")
    return f"{file}:{next(n for n, line in enumerate(lines, 1) if needle in line)}"


# --- folders ------------------------------------------------------------------------------


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


# --- finding one --------------------------------------------------------------------------


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


# --- broken ones --------------------------------------------------------------------------

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


# --- hooks --------------------------------------------------------------------------------

LISTENER = """
from labrunner import hookimpl

heard = []

@hookimpl
def labrunner_lab_started(lab):
    heard.append(lab)

@hookimpl
def labrunner_step_checked(step, verdict):
    heard.append((step, verdict))

@hookimpl
def labrunner_lab_stopping(lab):
    raise RuntimeError("I do not want to go")
"""


def heard(scenario: Scenario) -> list[Any]:
    module = sys.modules[scenario.checks["do-it"].__module__]
    found: list[Any] = module.heard
    return found


def test_hooks_hear_what_happens_to_their_own_labs(shelf: Shelf) -> None:
    """A folder's hooks hear of its scenario, not of its neighbour's."""
    for name in ("hello-there", "good-day"):
        shelf.add(name, SCENARIO.format(name=name) + LISTENER)
    registry = plugins.Registry([shelf.path])
    scenario, other = registry.find("hello-there"), registry.find("good-day")
    lab, verdict = SimpleNamespace(scenario=scenario), Verdict
    assert registry.notify("labrunner_lab_started", {"lab": lab}) == []
    arguments = {"lab": lab, "step": "do-it", "verdict": verdict}
    assert registry.notify("labrunner_step_checked", arguments) == []
    assert heard(scenario) == [lab, ("do-it", verdict)]
    assert heard(other) == []


def test_a_hook_that_raises_harms_nobody(shelf: Shelf) -> None:
    """It is a problem with its line; the lab goes on."""
    file = shelf.add("hello_there", SCENARIO.format(name="hello-there") + LISTENER)
    registry = plugins.Registry([shelf.path])
    lab = SimpleNamespace(scenario=registry.find("hello-there"))
    (problem,) = registry.notify("labrunner_lab_stopping", {"lab": lab})
    assert problem.where == line_of(file, "I do not want to go")
    assert "RuntimeError: I do not want to go" in problem.message


def test_without_plugins_nobody_listens() -> None:
    """The runner may then skip making what they would be told."""
    assert plugins.has_listeners("labrunner_lab_started") is False
    assert plugins.notify("labrunner_lab_started", lab=None) == []


# --- an installed package -----------------------------------------------------------------


def install(package: Path, target: Path) -> None:
    """What ``pip install`` does, into a folder of its own."""
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--no-build-isolation", "--disable-pip-version-check", "--target", str(target)),
            str(package),
        ],
        check=True,
        capture_output=True,
        env={**os.environ, "PIP_NO_INDEX": "1"},
    )


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the example plugin is installed."""
    folder = tmp_path_factory.mktemp("example")
    source = shutil.copytree(EXAMPLE, folder / "source")
    install(source, folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a plugin is installed that breaks when it is asked."""
    folder = tmp_path_factory.mktemp("broken")
    source = shutil.copytree(EXAMPLE, folder / "source")
    (source / "hello_network").rename(source / "bye_network")
    project = (source / "pyproject.toml").read_text(encoding="utf-8")
    project = project.replace("hello", "bye")
    (source / "pyproject.toml").write_text(project, encoding="utf-8")
    scenario = source / "bye_network" / "scenario.py"
    code = scenario.read_text(encoding="utf-8").replace("PORT = 7000", "PORT = 7000 / 0")
    scenario.write_text(code, encoding="utf-8")
    install(source, folder / "site")
    return folder / "site"


def with_path(*folders: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join(map(str, folders))}


def test_an_installed_package_brings_its_lab(lab: Lab, example: Path) -> None:
    """``pip install`` is all it takes; the list says where the lab comes from."""
    shown = json.loads(lab.ok("list", "--json", env=with_path(example)))
    assert shown["problems"] == []
    (entry,) = [entry for entry in shown["labs"] if entry["name"] == "hello-network"]
    assert entry["title"] == "Hello, network"
    assert entry["source"] == "package labrunner-hello-network 0.1.0"
    assert "hello-network" not in lab.ok("list")


def test_a_packaged_lesson_can_be_read(lab: Lab, example: Path) -> None:
    """A lab from a package is used like any other."""
    shown = lab.ok("lesson", "--all", "--lab", "hello-network", env=with_path(example))
    assert "Part them" in shown
    assert "docker network disconnect" not in shown


def test_a_broken_package_is_reported_and_harmless(lab: Lab, example: Path, broken: Path) -> None:
    """It is named with file and line, and everything else is there."""
    shown = json.loads(lab.ok("list", "--json", env=with_path(broken, example)))
    assert {"hello-network", "unsegregated-shop"} <= {e["name"] for e in shown["labs"]}
    (problem,) = shown["problems"]
    assert problem["source"] == "package labrunner-bye-network 0.1.0"
    assert problem["where"] == line_of(broken / "bye_network" / "scenario.py", "7000 / 0")
    lab.ok("lesson", "--all", "--lab", "hello-network", env=with_path(broken, example))


def test_two_packages_of_one_lab(lab: Lab, example: Path, shelf: Shelf) -> None:
    """A folder that takes a package's name is an error that names both."""
    file = shelf.add("hello_network")
    env = {**with_path(example), "LABRUNNER_SCENARIOS": str(shelf.path)}
    done = lab("lesson", "--lab", "hello-network", env=env)
    assert done.returncode == UsageError.exit_code
    assert str(file) in done.stderr.replace("\n", "")
    assert "package labrunner-hello-network 0.1.0" in done.stderr


@pytest.mark.engine
@pytest.mark.slow
def test_a_packaged_lab_is_played(lab: Lab, example: Path) -> None:
    """From start to stop on a real engine, its checks failing before they pass."""
    env = with_path(example)
    lab.ok("start", "hello-network", env=env)
    for done in (1, 2):
        assert lab("check", env=env).returncode == 1
        lab.ok("solve", env=env)
        assert f"{done} of 2 steps passed" in lab.ok("status", env=env)
    lab.ok("stop", env=env)


# --- the catalogue ------------------------------------------------------------------------


@dataclass(frozen=True)
class Listing:
    """``catalogue.load`` in processes of its own, as ``lab list`` calls it."""

    env: dict[str, str]
    cache: Path

    def titles(self, **more: str) -> dict[str, str]:
        """What a list shows now."""
        script = (
            "import json; from labrunner import catalogue\n"
            "print(json.dumps({e.name: e.title for e in catalogue.load().entries}))"
        )
        command = [sys.executable, "-c", script]
        env = {**self.env, **more}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        found: dict[str, str] = json.loads(done.stdout)
        return found

    def kept(self) -> list[Path]:
        """The answers that are kept."""
        return sorted(self.cache.glob("catalogue-*"))


@pytest.fixture
def listing(shelf: Shelf, lab: Lab, tmp_path: Path) -> Listing:
    """A listing of one scenario of the user's, written long enough ago to be kept."""
    shelf.add("hello_there")
    cache = tmp_path / "kept"
    env = {**lab.env, "LABRUNNER_SCENARIOS": str(shelf.path), "LABRUNNER_CACHE": str(cache)}
    return Listing(env, cache)


def settle(listing: Listing) -> None:
    """List until an answer is kept: not before the files are two seconds old."""
    listing.titles()
    while not listing.kept():
        listing.titles()


@pytest.mark.slow
def test_a_kept_answer_is_never_stale(listing: Listing, shelf: Shelf, example: Path) -> None:
    """Whatever changes, the next list shows it."""
    settle(listing)
    before = listing.titles()
    assert before["hello-there"] == "Hello"
    # a lesson of the same size, with its old time put back
    lesson = shelf.path / "hello_there" / "content" / "lesson.md"
    times = lesson.stat()
    lesson.write_text(LESSON.replace("Hello", "Servus"[:5]), encoding="utf-8")
    os.utime(lesson, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert listing.titles()["hello-there"] == "Servu"
    # another scenario
    shelf.add("good_day")
    assert listing.titles().keys() == before.keys() | {"good-day"}
    # another package
    assert "hello-network" in listing.titles(**with_path(example))
    # a scenario renamed, then gone
    file = shelf.path / "good_day" / "scenario.py"
    file.write_text(SCENARIO.format(name="good-bye"), encoding="utf-8")
    assert "good-bye" in listing.titles()
    shutil.rmtree(file.parent)
    assert listing.titles().keys() == before.keys()


@pytest.mark.slow
def test_a_damaged_answer_is_ignored(listing: Listing) -> None:
    """And replaced by a good one."""
    settle(listing)
    (file,) = listing.kept()
    data = file.read_bytes()
    changed = data.replace(b"Hello", b"Jello")
    for spoilt in (b"", b"{}", b"00000000\n{}", b"\xff\xfe", data[:-9], changed):
        file.write_bytes(spoilt)
        assert listing.titles()["hello-there"] == "Hello"
        assert file.read_bytes() == data


def test_without_a_cache_folder_there_is_still_a_list(listing: Listing) -> None:
    """No home, or nowhere to write."""
    assert "hello-there" in listing.titles(LABRUNNER_CACHE="/dev/null/nowhere")
    assert "hello-there" in listing.titles(LABRUNNER_CACHE="", XDG_CACHE_HOME="", HOME="/dev/null")


def test_an_answer_with_problems_is_not_kept(listing: Listing, shelf: Shelf) -> None:
    """What mends a plugin may be anywhere, so it is tried again each time."""
    shelf.add("broken", "import nothing_of_this_name\n")
    listing.titles()
    assert listing.kept() == []
