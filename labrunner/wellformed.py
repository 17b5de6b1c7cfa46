"""What must hold of a scenario before anybody starts it, each complaint with file and line.

Nothing here touches an engine: names refer to things that exist, steps and checks match, and
images have something to be built from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, get_args

from labrunner.errors import ScenarioError
from labrunner.lessons import reading
from labrunner.model.scenario import Scenario
from labrunner.model.topology import Container, HostKind, Image, Network

if TYPE_CHECKING:
    import ast
    from pathlib import Path

    from labrunner.model.lesson import Lesson

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# A word of a command; `--name=web` is two.
_WORD = re.compile(r"[\w.-]+")
_HOSTS = get_args(HostKind)
_TYPES = {"networks": Network, "containers": Container, "images": Image}
_TEXTS = ("networks", "after")


def mistakes(scenario: Scenario, file: Path, languages: Sequence[str]) -> Iterator[ScenarioError]:
    """Everything wrong with a scenario.

    Args:
        scenario: with its ``folder`` filled in.
        file: where it is written; its lines are named.
        languages: the lessons that are looked at besides the original.
    """
    checker = _Checker(scenario, file)
    shape = list(checker.shape())
    yield from shape
    if shape:
        return  # what follows relies on it
    yield from checker.names()
    yield from checker.containers()
    yield from checker.order()
    yield from checker.images()
    yield from checker.lesson(languages)


class _Checker:
    """Asks the questions of one scenario."""

    def __init__(self, scenario: Scenario, file: Path) -> None:
        self.scenario = scenario
        self.file = file

    def wrong(self, message: str, hint: str, **place: Any) -> ScenarioError:
        """A complaint at the line that `line_of` finds for this place."""
        line = line_of(self.file, **place)
        return ScenarioError(message, f"{self.file}:{line}", hint)

    def shape(self) -> Iterator[ScenarioError]:
        """Are the fields what they should be? Python itself does not look."""
        scenario = self.scenario
        if not isinstance(scenario.name, str) or not NAME.fullmatch(scenario.name):
            hint = "A name is lower-case words joined by hyphens, such as `my-lab`."
            yield self.wrong(f"{scenario.name!r} cannot be a name", hint, value=scenario.name)
        for field, kind in _TYPES.items():
            hint = f"Write `{field}=({kind.__name__}(…),)`; a single one needs its comma."
            place = {"call": "Scenario", "keyword": field}
            yield from self.each(getattr(scenario, field), kind, field, hint, place)
        for container in scenario.containers if _is_list(scenario.containers) else ():
            for field in _TEXTS if isinstance(container, Container) else ():
                hint = f'Write `{field}=("name",)`; a single one needs its comma.'
                what = f"{field} of {container.name}"
                place = {"call": "Container", "name": container.name, "keyword": field}
                yield from self.each(getattr(container, field), str, what, hint, place)
        if not _is_list(scenario.hosts) or not scenario.hosts:
            hint = f"Write `hosts=({', '.join(map(repr, _HOSTS))})`, the default first."
            message = "hosts is not a tuple of kinds"
            yield self.wrong(message, hint, call="Scenario", keyword="hosts")
        if not isinstance(scenario.riddle, bool):
            hint = "Write `riddle=True`, or leave it out."
            message = f"riddle is {scenario.riddle!r}, neither true nor false"
            yield self.wrong(message, hint, call="Scenario", keyword="riddle")

    def each(
        self, values: Any, kind: type, what: str, hint: str, place: dict[str, str]
    ) -> Iterator[ScenarioError]:
        """Is this a tuple or list of that kind?"""
        if not _is_list(values):
            message = f"{what} is {type(values).__name__}, not a tuple"
            yield self.wrong(message, hint, **place)
            return
        for value in values:
            if not isinstance(value, kind):
                message = f"{what} holds {value!r}, which is no {kind.__name__}"
                yield self.wrong(message, hint, value=value, **place)

    def names(self) -> Iterator[ScenarioError]:
        """Is every name there once, and every kind of host known?"""
        for field, kind in _TYPES.items():
            for name in _repeated([thing.name for thing in getattr(self.scenario, field)]):
                hint = f"Names of {field} are unique in a scenario."
                message = f"two {field} are called {name}"
                yield self.wrong(message, hint, call=kind.__name__, name=name)
        for host in self.scenario.hosts:
            if host not in _HOSTS:
                hint = f"There is {', '.join(_HOSTS)}."
                yield self.wrong(f"there is no kind of host {host!r}", hint, value=host)

    def containers(self) -> Iterator[ScenarioError]:
        """Do containers refer to networks, images and containers that exist?"""
        networks = {network.name for network in self.scenario.networks}
        containers = {container.name for container in self.scenario.containers}
        for container in self.scenario.containers:
            place = {"call": "Container", "name": container.name}
            for name in container.networks:
                if name not in networks:
                    message = f"container {container.name} is on network {name}, which is not made"
                    yield self.wrong(message, _have("networks", networks), value=name, **place)
            for name in container.after:
                if name not in containers:
                    message = f"container {container.name} comes after {name}, which is not made"
                    yield self.wrong(message, _have("containers", containers), value=name, **place)
            images = self.known_images(container.image)
            if container.image not in images:
                message = f"container {container.name} has image {container.image!r}, unknown"
                hint = _have("images", images)
                yield self.wrong(message, hint, value=container.image, **place)

    def known_images(self, wanted: str) -> set[str]:
        """The images a container may have; the runner's own are looked up only if needed."""
        own = {image.name for image in self.scenario.images}
        if wanted in own:
            return own
        from labrunner.engine.images import RUNNER_IMAGES

        return own | set(RUNNER_IMAGES)

    def order(self) -> Iterator[ScenarioError]:
        """Can the containers be started in some order?"""
        after = {container.name: container.after for container in self.scenario.containers}
        reported: set[str] = set()
        for name in after:
            circle = _circle(name, after)
            if circle and not reported & set(circle):
                reported |= set(circle)
                message = f"containers wait for one another: {' after '.join(circle)}"
                hint = "Take one `after` away."
                yield self.wrong(message, hint, value=circle[1], call="Container", name=name)

    def images(self) -> Iterator[ScenarioError]:
        """Can every image be built, and does its name say which version it is?"""
        folder = self.scenario.folder or self.file.parent
        for image in self.scenario.images:
            place = {"call": "Image", "name": image.name}
            tag = image.name.rpartition("/")[2].partition(":")[2]
            if not tag or tag == "latest":
                hint = f"Write `{image.name.removesuffix(':latest').rstrip(':')}:1`."
                message = f"image {image.name!r} has no tag of its own"
                yield self.wrong(message, hint, value=image.name, **place)
            if not (folder / image.folder / "Dockerfile").is_file():
                message = f"image {image.name} has no Dockerfile"
                hint = f"It belongs into {folder / image.folder}."
                yield self.wrong(message, hint, value=image.folder, **place)

    def owns(self, original: Lesson) -> Iterator[ScenarioError]:
        """Is what the learner creates left to the learner, or made anew by a command of theirs?"""
        typed = [c for step in original.steps for c in step.commands]
        typed += [c for step in original.steps for trap in step.traps for c in trap.commands]
        words = {word for command in typed for word in _WORD.findall(command.text)}
        for field in ("containers", "networks"):
            made = {thing.name for thing in getattr(self.scenario, field)}
            for name in getattr(self.scenario.owns, field):
                if name in made and name not in words:
                    message = f"{name} is listed in owns.{field}, but the start of a lab makes it"
                    hint = "owns is for what the learner creates, or replaces by a command."
                    yield self.wrong(message, hint, value=name, call="Owned")

    def alone(self, original: Lesson) -> Iterator[ScenarioError]:
        """Are the steps that have to run alone steps of the lesson?"""
        for step in set(self.scenario.alone) - {step.id for step in original.steps}:
            message = f"alone names a step {step!r} that the lesson does not have"
            yield self.wrong(message, "Name the id of a step.", value=step, call="Scenario")

    def lesson(self, languages: Sequence[str]) -> Iterator[ScenarioError]:
        """Is there a lesson, and do its steps and the checks match?"""
        if self.scenario.content is None:
            hint = f"Write content/{self.scenario.name}/lesson.md, or content/lesson.md here."
            yield self.wrong("there is no lesson", hint, value=self.scenario.name, call="Scenario")
            return
        try:
            original = reading.read(self.scenario.content)
        except ScenarioError as error:
            yield error
            return
        yield from self.owns(original)
        yield from self.alone(original)
        yield from self.checks(original)
        for language in languages:
            try:
                reading.read(self.scenario.content, language)
            except ScenarioError as error:
                yield error

    def checks(self, original: Lesson) -> Iterator[ScenarioError]:
        """Has every step its check, and every check its step?"""
        for step in original.steps:
            if step.id not in self.scenario.checks:
                message = f"step `{step.id}` has no check"
                hint = f'Write a function below `@scenario.check("{step.id}")`.'
                yield ScenarioError(message, f"{original.path}:{step.line}", hint)
        ids = [step.id for step in original.steps]
        for wanted, function in self.scenario.checks.items():
            if wanted not in ids:
                code = getattr(function, "__code__", None)
                where = f"{code.co_filename}:{code.co_firstlineno}" if code else ""
                line = line_of(self.file, value=wanted)
                message = f"a check for step `{wanted}`, which the lesson does not have"
                hint = f"{original.path} has {', '.join(ids)}."
                yield ScenarioError(message, where or f"{self.file}:{line}", hint)


def line_of(
    file: Path, *, value: object = None, call: str = "", name: object = "", keyword: str = ""
) -> int:
    """The line where this value stands in a Python file, best inside the call that is meant.

    Args:
        file: the file; whatever cannot be read or found gives line 1.
        value: a constant, such as the name of a network.
        call: name of the function that is called with it, such as ``Container``.
        name: first argument (or ``name=``) of that call; with several, the last one is meant.
        keyword: where the value is not there, the argument of the call with this name.
    """
    import ast

    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return 1
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    meant = [c for c in calls if _called(c) == call]
    named = [c for c in meant if name and name in _names(c)]
    for place in (*reversed(named), *meant, tree):
        for node in ast.walk(place):
            if isinstance(node, ast.Constant) and value is not None and node.value == value:
                return node.lineno
    best = [*named[-1:], *meant, *(c for c in calls if _called(c) == "Scenario")]
    words = [word.value for c in best[:1] for word in c.keywords if word.arg == keyword]
    return (words or best)[0].lineno if best else 1


def assigned(file: Path, name: str) -> int:
    """The line where a module assigns or defines this name; 1 where it cannot be found."""
    import ast

    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return 1
    lines = [
        node.lineno
        for node in tree.body
        if getattr(node, "name", "") == name
        or any(getattr(target, "id", "") == name for target in getattr(node, "targets", ()))
    ]
    return lines[-1] if lines else 1


def _called(node: ast.Call) -> str:
    """``Container`` for ``Container(…)`` and for ``labrunner.Container(…)``."""
    return str(getattr(node.func, "id", "") or getattr(node.func, "attr", ""))


def _names(node: ast.Call) -> list[object]:
    """What the call gives as its first argument or as ``name``."""
    values = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "name")]
    return [getattr(value, "value", None) for value in values]


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _repeated(names: Sequence[str]) -> list[str]:
    """The names that are there more than once, each once."""
    return sorted({name for name in names if names.count(name) > 1})


def _have(what: str, names: set[str]) -> str:
    return f"The {what} are {', '.join(sorted(names))}." if names else f"There are no {what}."


def _circle(start: str, after: dict[str, tuple[str, ...]]) -> list[str]:
    """A way from this container back to itself along ``after``, or nothing."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for name in after.get(way[-1], ()):
            if name == start:
                return [*way, start]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []
