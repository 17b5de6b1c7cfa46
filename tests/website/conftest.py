"""One site for all tests, built as people build it, and one with a stranger's lessons in it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.conftest import Lab, own_folders
from tests.plugins.shelf import LESSON, SCENARIO
from tests.website.reading import Document, read

DAY = {"SOURCE_DATE_EPOCH": "1767225600"}  # 2026-01-01
BASE = "https://example.org/labs/"

HOSTILE = """\
---
title: A <script>alert("title")</script> & more
level: advanced
minutes: 5
summary: <img src=x onerror=alert("summary")> is shown as typed.
objectives: ["<script>alert('goal')</script>", pass]
requires: ["[a link](javascript:alert('need'))"]
---
Words. <script>alert("introduction")</script>

[click me](javascript:alert("link")), ![a picture](https://example.com/spy.png)

## Do <b>it</b> {#do-it}

<iframe src="https://example.com/"></iframe> <p style="position:fixed">Do.</p>

::: hint
<a href="x" onclick="alert(1)">Now.</a>
:::

::: solution
```console
$ echo '</code></pre><script>alert("command")</script>'
</details><script src="https://example.com/evil.js"></script>
```
:::

::: trap "<script>alert('trap')</script>"
```console
$ echo "<script>alert('typed')</script>"
```
:::
"""
"""A lesson that tries everything that comes to mind."""


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The ``lab`` command, without an engine to talk to and without scenarios of anybody's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LABRUNNER_")}
    with own_folders(tmp_path_factory.mktemp("state")) as folders:
        env = {**kept, **folders, **DAY, "DOCKER_HOST": "unix:///nowhere", "COLUMNS": "80"}
        yield Lab(Path(folders["LABRUNNER_STATE"]), env)


@dataclass(frozen=True)
class Bundled:
    """The site of the bundled labs, and what people were told.

    Attributes:
        folder: where it is.
        broken: the file of a plugin that could not be in it.
        printed, told: standard output and standard error.
    """

    folder: Path
    broken: Path
    printed: str
    told: str


@pytest.fixture(scope="session")
def bundled(build: Lab, tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    """The site of the bundled labs, built beside a plugin that is broken."""
    home = tmp_path_factory.mktemp("site")
    broken = home / "shelf" / "broken" / "scenario.py"
    broken.parent.mkdir(parents=True)
    broken.write_text("1/0\n", "utf-8")
    folder = home / "public"
    done = build("site", "build", str(folder), env={"LABRUNNER_SCENARIOS": str(home / "shelf")})
    assert done.returncode == 0, done.stderr
    return Bundled(folder, broken, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def site(bundled: Bundled) -> Path:
    """The site of the bundled labs, without an address."""
    return bundled.folder


@dataclass(frozen=True)
class Built:
    """A site, and what the command said about it."""

    folder: Path
    said: Mapping[str, Any]


@pytest.fixture(scope="session")
def theirs(build: Lab, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A site with an address, a hostile lesson, a harmless one in French, and a broken plugin."""
    shelf = tmp_path_factory.mktemp("shelf")
    for name, code, lesson in (
        ("hostile", SCENARIO.format(name="hostile"), HOSTILE),
        ("hello_there", SCENARIO.format(name="hello-there"), LESSON),
        ("broken", "1/0\n", LESSON),
    ):
        content = shelf / name / "content"
        content.mkdir(parents=True)
        (shelf / name / "scenario.py").write_text(code, "utf-8")
        (content / "lesson.md").write_text(lesson, "utf-8")
    french = LESSON.replace("title: Hello", "title: Bonjour à tous").replace("Words.", "Des mots.")
    (shelf / "hello_there" / "content" / "lesson.fr.md").write_text(french, "utf-8")
    folder = tmp_path_factory.mktemp("theirs") / "public"
    said = build(
        *("site", "build", str(folder), "--base-url", BASE.rstrip("/"), "--json"),
        env={"LABRUNNER_SCENARIOS": str(shelf)},
    )
    assert said.returncode == 0, said.stderr
    return Built(folder, json.loads(said.stdout))


@pytest.fixture(scope="session")
def documents(site: Path) -> Mapping[str, Document]:
    """Every page of the site, by its path."""
    return MappingProxyType(read(site))


@pytest.fixture(scope="session")
def their_documents(theirs: Built) -> Mapping[str, Document]:
    """The same of the other one."""
    return MappingProxyType(read(theirs.folder))
