"""Scenarios of a user's own: in a folder, or in a package."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from labrunner import plugins

EXAMPLE = Path(__file__).parent.parent / "example_plugin"

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


def own(shelf: Shelf) -> plugins.Found:
    """What was found of the shelf; what came with labrunner is not the subject here."""
    return plugins.Registry([shelf.path]).everything(bundled=False)


def line_of(file: Path, needle: str) -> str:
    lines = file.read_text(encoding="utf-8").split("\n")
    return f"{file}:{next(n for n, line in enumerate(lines, 1) if needle in line)}"


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


def with_path(*folders: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join(map(str, folders))}
