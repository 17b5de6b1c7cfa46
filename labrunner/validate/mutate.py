"""Solutions with a slip in them: a command left out, or one of the mistakes that people make.

A command that only looks (`words.only_looks`) is not left out: nothing would be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from labrunner.model.lesson import Command, Lesson, Step
from labrunner.model.scenario import Scenario
from labrunner.validate.words import Call, Option, calls, only_looks, words

_LOOP = re.compile(r"for\s+\w+\s+in(?=\s)")
_ASSIGNMENT = re.compile(r"(\w+)=\$\(")
LOOPBACK = "127.0.0.1:"

MATTERS = frozenset(
    """
    --restart --network --net --network-alias --alias --ip --subnet --internal -p --publish
    -m --memory --cpus --cpuset-cpus --cpu-shares --pids-limit --cap-drop --cap-add --read-only
    -u --user --userns --pid --ipc --privileged --security-opt -v --volume --mount --tmpfs
    -e --env -o --opt --add-host --dns --hostname --entrypoint --init
    """.split()  # noqa: SIM905  a list of words reads better without quotes
)
"""Options whose absence changes what comes out. ``-d`` is not among them: without it the
terminal is taken, and the container is the same."""


@dataclass(frozen=True)
class Mutant:
    """A solution with one slip in it.

    Attributes:
        name: what was done to it, e.g. ``without "docker network create front"``.
        commands: what is typed instead of the solution.
        line: 1-based line of the lesson at which the slip is.
    """

    name: str
    commands: tuple[Command, ...]
    line: int


def mutants(scenario: Scenario, lesson: Lesson, step: Step) -> list[Mutant]:
    """Every slip that is tried on a step's solution, in an order that stays the same."""
    networks = _networks(scenario, lesson, step)
    found = [*_left_out(step.commands), *_slips(step.commands, networks)]
    found += _restarts(step.commands)
    different: dict[tuple[str, ...], Mutant] = {}
    solution = tuple(c.text for c in step.commands)
    for mutant in found:
        texts = tuple(c.text for c in mutant.commands)
        if texts != solution:
            different.setdefault(texts, mutant)
    return list(different.values())


def _networks(scenario: Scenario, lesson: Lesson, step: Step) -> list[str]:
    """Names of the networks that a learner knows of at the end of a step."""
    known = [network.name for network in scenario.networks]
    for each in lesson.steps:
        for command in each.commands:
            made = [c.rest[0].bare for c in calls(command.text) if c.verb == "network create"]
            known += [name for name in made if name not in known]
        if each.id == step.id:
            break
    return [*known, "bridge"]


def _matters(commands: Sequence[Command], index: int) -> bool:
    """Whether a slip in a command can make a difference at all.

    Not in one that only looks; nor in a variable that only such commands use; nor in making a
    container that the solution itself removes again, since what follows makes it anew.
    """
    text = commands[index].text
    following = [command.text for command in commands[index + 1 :]]
    variable = _ASSIGNMENT.match(text)
    if variable:
        users = [t for t in following if re.search(rf"\$\{{?{variable[1]}\b", t)]
        return not all(only_looks(user) for user in users)
    made = {o.value for c in calls(text) if c.verb == "run" and (o := c.option("--name"))}
    removed = {t.split()[-1] for t in following if t.startswith("docker rm ")}
    return not only_looks(text) and not made & removed


def _left_out(commands: Sequence[Command]) -> Iterator[Mutant]:
    for index, command in enumerate(commands):
        if _matters(commands, index):
            rest = (*commands[:index], *commands[index + 1 :])
            yield Mutant(f'without "{_short(command.text)}"', rest, command.line)


def _slips(commands: Sequence[Command], networks: Sequence[str]) -> Iterator[Mutant]:
    for index, command in enumerate(commands):
        if not _matters(commands, index):
            continue
        for name, text in _spoiled(command.text, networks):
            changed = replace(command, text=text)
            yield Mutant(name, (*commands[:index], changed, *commands[index + 1 :]), command.line)


def _spoiled(text: str, networks: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names and texts of a command with one slip each."""
    yield from _shorter_loop(text)
    for call in calls(text):
        if call.verb in ("run", "create"):
            yield from _wrong_network(text, call, networks)
        if call.verb == "network connect" and call.rest:
            word = call.rest[0]
            other = _other(word.bare, networks)
            spoiled = text[: word.start] + other + text[word.end :]
            yield f'{other} for {word.bare} in "{_short(text)}"', spoiled
        for option in call.options:
            yield from _option(text, call, option)
    place = text.find(f"-p {LOOPBACK}")
    if place >= 0 and not _published(text):
        at = place + len("-p ")
        yield f'without 127.0.0.1 in "{_short(text)}"', text[:at] + text[at + len(LOOPBACK) :]


def _shorter_loop(text: str) -> Iterator[tuple[str, str]]:
    """A loop is several commands: one of them left out. Of mere numbers the last is enough."""
    loop = _LOOP.match(text)
    if loop is None:
        return
    items = list(words(text, loop.end()))
    chosen = items[-1:] if all(item.text.isdigit() for item in items) else items
    for item in chosen if len(items) > 1 else ():
        yield f'without {item.text} in "{_short(text)}"', text[: item.start] + text[item.end :]


def _published(text: str) -> bool:
    """Whether a docker option says where a port is published; then that one is spoiled."""
    return any(
        o.value.startswith(LOOPBACK)
        for c in calls(text)
        for o in c.options
        if o.name in ("-p", "--publish")
    )


def _wrong_network(text: str, call: Call, networks: Sequence[str]) -> Iterator[tuple[str, str]]:
    option = call.option("--network", "--net")
    if option is not None and option.value:
        other = _other(option.value, networks)
        spoiled = f"{text[: option.start]}{option.name} {other}{text[option.end :]}"
        yield f'on {other} instead of {option.value}: "{_short(text)}"', spoiled


def _option(text: str, call: Call, option: Option) -> Iterator[tuple[str, str]]:
    """A command without an option, or with less of it."""
    keyboard = call.verb == "exec" and option.name == "-i" and "|" in text
    if option.name in ("-p", "--publish") and option.value.startswith(LOOPBACK):
        everywhere = option.value.removeprefix(LOOPBACK)
        spoiled = f"{text[: option.start]}{option.name} {everywhere}{text[option.end :]}"
        yield f'-p without 127.0.0.1 in "{_short(text)}"', spoiled
    # an update with nothing to update is no slip of its own: it is the command left out
    bare = call.verb == "update" and len(call.options) == 1
    if keyboard or (option.name in MATTERS and not bare):
        without = text[: option.start] + text[option.end :].lstrip(" ")
        shown = f"{option.name} {option.value}".strip()
        yield f'{shown} missing in "{_short(text)}"', without


def _restarts(commands: Sequence[Command]) -> Iterator[Mutant]:
    """``docker restart`` where a container has to be made anew."""
    for first, command in enumerate(commands):
        removed = command.text.split()
        if removed[:2] != ["docker", "rm"] or "|" in command.text:
            continue
        name = removed[-1]
        for second in range(first + 1, len(commands)):
            if any(_makes(call, name) for call in calls(commands[second].text)):
                restart = replace(command, text=f"docker restart {name}", output="")
                typed = (*commands[:first], restart, *commands[first + 1 : second])
                after = commands[second + 1 :]
                yield Mutant(
                    f"docker restart {name}, not made anew", (*typed, *after), command.line
                )
                break


def _makes(call: Call, name: str) -> bool:
    option = call.option("--name")
    return call.verb in ("run", "create") and option is not None and option.value == name


def _other(network: str, networks: Sequence[str]) -> str:
    """A network that it should not be."""
    return next(name for name in [*networks, "bridge", "none"] if name != network)


def _short(text: str) -> str:
    """A command in one line."""
    line = " ".join(text.replace("\\\n", " ").split())
    return line if len(line) <= 70 else f"{line[:67]}..."  # noqa: PLR2004  fits a terminal line
