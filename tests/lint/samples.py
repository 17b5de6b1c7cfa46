"""A scenario without a fault, to put one in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labrunner.lint import Finding, lint

SOLUTION = "$ docker exec two curl -s http://127.0.0.1:8000/"
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


TRAP = LESSON[LESSON.index('::: trap "two') :]
RETURN = 'return first(running(lab, "two")) or passed("two runs")'


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
