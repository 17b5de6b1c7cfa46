"""What the documents for authors say is so: commands run, names exist, nothing is missing."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import shlex
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
import yaml

import labrunner
from labrunner import checks, hookspecs
from labrunner import words as translations
from labrunner.cli.app import app
from labrunner.lessons import frontmatter, markdown
from labrunner.model import verdict
from labrunner.model.lesson import Command
from labrunner.model.reach import Reach
from labrunner.model.result import Result
from labrunner.model.scenario import Scenario
from labrunner.model.topology import Container, Image, Limits, Network, Owned, Port, Ready
from labrunner.testing import RunningLab
from labrunner.validate import outputs
from labrunner.validate.proof import Kind
from labrunner.validate.terminal import Ending, Terminal
from labrunner.view import ContainerView, Lab, NetworkView, Published

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
RED = {"lab check": 1, "lab validate first-lab --only meet-again": 1}
"""Commands of the guide that end with another exit code than 0, as its text says."""

PATIENCE = 600.0
"""Seconds for one command of the guide; proving takes a lab for each slip."""


# --- the guide ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """A code block of a document: its words, where they go, and its line."""

    language: str
    target: str
    text: str
    line: int


def blocks(path: Path) -> Iterator[Block]:
    """The code blocks of a document, in order."""
    for token in markdown.parser().parse(path.read_text(encoding="utf-8")):
        if token.type == "fence":
            language, _, target = token.info.strip().partition(" ")
            yield Block(language, target, token.content, markdown.span(token)[0] + 1)


@pytest.fixture
def newcomer(folders: Mapping[str, str], tmp_path: Path) -> Iterator[Terminal]:
    """A terminal in an empty folder, with labrunner in an environment that may be changed.

    The environment is a new one, which finds everything else in the one that the tests run in.
    """
    place = tmp_path / "env"
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    paths = {"base": str(place), "platbase": str(place)}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    others = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), str(ROOT)]
    (site / "others.pth").write_text("\n".join(dict.fromkeys(others)) + "\n")
    for name, module in (("lab", "labrunner"), ("pip", "pip"), ("pytest", "pytest")):
        script = place / "bin" / name
        script.unlink(missing_ok=True)
        script.write_text(f'#!/bin/sh\nexec {python} -m {module} "$@"\n')
        script.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LABRUNNER_", "PYTEST_"))}
    work = tmp_path / "work"
    work.mkdir()
    terminal = Terminal(
        ["bash", "--norc", "--noprofile", "-i"],
        {
            **kept,
            **folders,
            "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        },
    )
    terminal.type(f"cd {work}; stty columns 80", seconds=10)
    yield terminal
    terminal.type("lab stop --all", seconds=120)
    terminal.close()


def written(block: Block, work: Path) -> None:
    """Do to a file what a reader is told to do."""
    way, _, name = block.target.partition("=")
    path = work / name
    text = path.read_text(encoding="utf-8")
    if way == "append":
        path.write_text(text + block.text, encoding="utf-8")
        return
    if way == "in":
        assert block.text in text, f"guide.md:{block.line}: {name} has no such lines"
        return
    rows = block.text.splitlines(keepends=True)
    before = "".join(row[1:] for row in rows if row[0] in " -")
    after = "".join(row[1:] for row in rows if row[0] in " +")
    assert text.count(before) == 1, f"guide.md:{block.line}: {name} has no such lines"
    path.write_text(text.replace(before, after), encoding="utf-8")


def typed(terminal: Terminal, command: Command) -> str:
    """Type a command of the guide; what it printed, which must be what the guide shows."""
    entry = terminal.type(command.text, seconds=PATIENCE)
    where = f"guide.md:{command.line}: {command.text}"
    assert entry.ending is Ending.DONE, f"{where}: {entry.ending}\n{entry.output}"
    assert entry.code == RED.get(command.text, 0), f"{where}: {entry.code}\n{entry.output}"
    absent = outputs.missing(command.output, entry.output)
    assert absent is None, f"{where}: {absent!r} did not come, but\n{entry.output}"
    return entry.output


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_guide_leads_to_a_proven_scenario(newcomer: Terminal, tmp_path: Path) -> None:
    """Every command of it runs, in order, every output is real, and the end is proven."""
    seen: dict[str, str] = {}
    for block in blocks(DOCS / "guide.md"):
        if block.target:
            written(block, tmp_path / "work")
        elif block.language == "console":
            for command in markdown.commands(block.text, block.line + 1):
                seen[command.text] = typed(newcomer, command)
    if os.environ.get("SHOW_GUIDE"):
        print(newcomer.transcript, file=sys.__stderr__)
    assert "proven" in seen["lab validate first-lab --jobs 2 --html proof.html"]


def test_the_guide_names_every_kind_of_case() -> None:
    """An author finds each word that a report may show."""
    text = (DOCS / "guide.md").read_text(encoding="utf-8")
    assert [kind for kind in Kind if f"`{kind}`" not in text and kind is not Kind.START] == []


# --- the reference ------------------------------------------------------------------------

REFERENCE = (DOCS / "reference.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text below a heading of the reference, up to the next one."""
    found = re.search(rf"(?ms)^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", REFERENCE)
    assert found, f"reference.md has no heading {title}"
    return found[1]


def table(title: str) -> dict[str, str]:
    """The table below a heading: first cell without backticks, and the second cell."""
    rows = re.findall(r"(?m)^\| (`.+?`) \| (.*?) \|(?: |$)", section(title))
    names = [name.strip("`") for name, _ in rows]
    assert len(names) == len(set(names)), f"{title} names something twice"
    return dict(zip(names, (second.strip("`") for _, second in rows), strict=True))


def called(name: str, function: Callable[..., object]) -> str:
    """A call as the reference writes it: no types, no ``self``."""
    given = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    words, only_named = [], False
    for parameter in given:
        if parameter.kind is parameter.KEYWORD_ONLY and not only_named:
            only_named = True
            words.append("*")
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        default = "" if parameter.default is parameter.empty else f"={_shown(parameter.default)}"
        words.append(f"{star}{parameter.name}{default}")
    return f"{name}({', '.join(words)})"


def _shown(value: object) -> str:
    """A value as an author would write it."""
    if isinstance(value, tuple):
        return f"({', '.join(_shown(item) for item in value)})"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return f'"{value}"'


def members(thing: type) -> set[str]:
    """What a class offers: fields, properties, methods with their arguments."""
    found = (
        {f.name for f in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else set()
    )
    for name, value in vars(thing).items():
        if name.startswith("_") or name in found:
            continue
        found.add(called(name, value) if inspect.isfunction(value) else name)
    return found


@pytest.mark.parametrize(
    "thing",
    [Scenario, Network, Container, Image, Port, Ready, Owned, Limits],
    ids=lambda t: t.__name__,
)
def test_every_field_is_told_with_its_default(thing: type) -> None:
    """An author can rely on the table, and need not read the code."""
    expected = {}
    for field in dataclasses.fields(thing):
        default = "-"
        if field.default is not dataclasses.MISSING:
            default = _shown(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            factory: Any = field.default_factory
            default = "{}" if factory is dict else f"{factory.__name__}()"
        expected[field.name] = default
    assert table(f"`{thing.__name__}`") == expected


@pytest.mark.parametrize(
    "thing",
    [ContainerView, NetworkView, Published, Result, Reach, RunningLab],
    ids=lambda t: t.__name__,
)
def test_everything_that_a_view_has_is_told(thing: type) -> None:
    """What a check can ask for is all there, and nothing that is not."""
    assert set(table(f"`{thing.__name__}`")) == members(thing)


def test_everything_that_a_lab_has_is_told() -> None:
    """Attributes that are set when it is made included."""
    assert set(table("`Lab`")) == members(Lab) | {"scenario", "host", "seed"}


def test_the_api_is_what_is_told() -> None:
    """What can be imported from labrunner is named, and nothing else is."""
    named = set(
        re.findall(r"`(\w+)`", section("What to import").split("From `labrunner.checks`")[0])
    )
    assert named - {"labrunner"} == set(labrunner.__all__)


@pytest.mark.parametrize(
    ("title", "module", "names"),
    [
        ("Verdicts", verdict, ("passed", "not_yet", "ruined")),
        ("Ready-made checks", checks, None),
        ("Hooks", hookspecs, None),
    ],
)
def test_every_function_is_told_with_its_arguments(
    title: str, module: ModuleType, names: Sequence[str] | None
) -> None:
    """Helpers, ready-made checks and hooks: the calls as they are."""
    expected = {
        called(name, value)
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and (name in names if names else not name.startswith("_"))
    }
    assert set(table(title)) == expected


def test_the_language_of_lessons_is_told() -> None:
    """Keys, levels, containers, and the comments that mean something."""
    assert list(table("Front matter")) == list(frontmatter._EXAMPLES)
    levels = re.findall(r"`(\w+)`", table("Front matter")["level"] + "`")
    assert [w for w in frontmatter.LEVELS if w not in section("Front matter")] == [], levels
    assert set(table("Containers")) == {*markdown.HIDDEN, *markdown.ADMONITIONS}
    comments = set(re.findall(r"<!-- (\w+)", " ".join(table("Comments"))))
    assert comments == {"lint", "survives", "varies", "source"}


def commands(group: object, before: str = "lab") -> Iterator[tuple[str, set[str]]]:
    """Every command with its arguments and options."""
    for name, command in getattr(group, "commands", {}).items():
        if getattr(command, "commands", None):
            yield from commands(command, f"{before} {name}")
            continue
        yield (
            f"{before} {name}",
            {
                p.opts[0] if p.param_type_name == "option" else p.name.upper()
                for p in command.params
            },
        )


def test_what_is_told_of_translations_holds(tmp_path: Path) -> None:
    """The words are a file that can be read, and do what the text says; the languages are ours."""
    text = section("Translations")
    (example,) = re.findall(r"(?s)```toml\n(.*?)```", text)
    (tmp_path / "words.fr.toml").write_text(example, encoding="utf-8")
    french = translations.load("fr", tmp_path)
    assert french.of("web is on no network that db is on.") == "Aucun réseau de db n'a web."
    heard = french.of("db is on front, back and pay, where web is not.")
    assert heard == "web n'est pas là où est db : front, back et pay."
    assert [file.name for file in translations.files("fr", tmp_path)] == [
        "fr.toml",
        "words.fr.toml",
    ]
    languages = {file.stem for file in Path(translations.__file__).parent.glob("*.toml")}
    assert languages == {"fr"}, "the text says that there are French ones"
    assert "--lang" in dict(commands(typer.main.get_command(app)))["lab start"]


def test_every_command_for_authors_is_told() -> None:
    """With each argument and option, and none that is gone."""
    known = dict(commands(typer.main.get_command(app)))
    told = re.findall(r"(?m)^### `(lab [a-z ]+)`$", REFERENCE)
    assert told == ["lab new", "lab lint", "lab watch", "lab validate", "lab import killercoda"]
    for name in told:
        assert set(table(f"`{name}`")) == known[name], name


def test_the_plugin_of_pytest_is_told() -> None:
    """The call, the marker and the fixtures."""
    from labrunner import testing

    rows = set(table("Tests"))
    fixtures = {
        name
        for name, value in vars(testing).items()
        if type(value).__name__ == "FixtureFunctionDefinition"
        or hasattr(value, "_pytestfixturefunction")
    }
    assert rows == {called("steps_of", testing.steps_of), *fixtures}
    assert f"@pytest.mark.{testing._ABOUT.split(':')[0]}" in section("Tests")


# --- the workflow -------------------------------------------------------------------------


def runs(workflow: Path) -> Iterator[str]:
    """Every line that a workflow has a machine run."""
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    for job in jobs.values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            yield from step.get("run", "").splitlines()


def test_the_workflow_uses_commands_that_exist() -> None:
    """Each ``lab`` in it takes the options that it is given."""
    known = dict(commands(typer.main.get_command(app)))
    used = [shlex.split(row) for row in runs(DOCS / "example-workflow.yml")]
    labs = [words for words in used if words[0] == "lab"]
    assert {words[1] for words in labs} >= {"doctor", "lint", "validate"}
    for words in labs:
        options = {word for word in words if word.startswith("--")}
        assert options <= known[f"lab {words[1]}"], words
    assert ["pytest"] in [words[:1] for words in used]


def test_the_workflow_keeps_the_report_of_a_failure() -> None:
    """It may only read the repository, it ends, and a failed proof is what one wants to see."""
    text = (DOCS / "example-workflow.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    upload = next(s for s in job["steps"] if "upload-artifact" in s.get("uses", ""))
    assert "cancelled()" in upload["if"]
    for name in ("proof.html", "proof.xml"):
        assert name in upload["with"]["path"]
        assert any(name in row for row in runs(DOCS / "example-workflow.yml"))
