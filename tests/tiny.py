"""A scenario of one container, and a second one that its learner starts; anything can be changed.

Its name is in the names of all that it makes, so that files of tests that use a local engine at
the same time do not meet there: each has a name of its own.
"""

from __future__ import annotations

from pathlib import Path

SCENARIO = """
from pathlib import Path
from threading import Event

from labrunner import Container, Network, Owned, Port, Scenario, not_yet, passed, ruined

scenario = Scenario(
    name="%(name)s",
    networks=(Network("%(name)s-net"),),
    containers=(
        Container("%(name)s-one", "tools:1", ("%(name)s-net",), command=%(program)s, %(options)s),
    ),
    owns=Owned(containers=("%(name)s-two",)),
)


@scenario.check("two")
def two(lab):
    %(before)s
    two = lab.container("%(name)s-two")
    if two is None:
        wanted = "a container %(name)s-two"
        return not_yet("There is no %(name)s-two.", expected=wanted, seen="none")
    if "%(name)s-net" not in two.networks:
        return not_yet("It is elsewhere.", expected="on %(name)s-net", seen=str([*two.networks]))
    return passed("%(name)s-two is there")

%(more)s
"""
LESSON = """---
title: Tiny
level: beginner
minutes: 5
summary: One container, and a second.
objectives: [start a container]
requires: []
---
A lab for tests.

## A second container %(id)s

Start one.

```console
$ docker network ls --filter name=%(name)s-net --format '{{.Name}}'
%(shown)s
```

::: hint
`docker run`
:::

::: hint
`-d`
:::

%(comment)s

::: solution
```console
%(solution)s
```
:::

::: trap "%(message)s"
```console
%(trap)s
```
:::
%(later)s
"""
GOOD = {
    "program": '("sleep", "infinity")',
    "options": "",
    "before": "",
    "more": "",
    "id": "{#two}",
    "shown": "%(name)s-net",
    "comment": "",
    "solution": "$ docker run -d --name %(name)s-two --network %(name)s-net tools:1 sleep infinity",
    "message": "It is elsewhere",
    "trap": "$ docker run -d --name %(name)s-two tools:1 sleep infinity",
    "later": "",
}
"""What can be changed in it; ``program`` is the first container's, ``before`` is what the check
does first, ``more`` comes after it, and ``later`` after the lesson's step."""
WAITING = """
from dataclasses import replace


def slowly(lab):
    while not Path("%(flag)s").exists():
        Event().wait(0.05)


scenario = replace(scenario, setup=slowly)
"""
"""More of a scenario: its start waits for a file."""


def write(shelf: Path, name: str = "tiny", **changed: str) -> Path:
    """The scenario's files in a folder of scenarios; its own folder."""
    assert changed.keys() <= GOOD.keys()
    words = {key: text % {"name": name} for key, text in GOOD.items()} | {"name": name} | changed
    folder = shelf / name
    (folder / "content").mkdir(parents=True, exist_ok=True)
    (folder / "scenario.py").write_text(SCENARIO % words, encoding="utf-8")
    (folder / "content" / "lesson.md").write_text(LESSON % words, encoding="utf-8")
    return folder
