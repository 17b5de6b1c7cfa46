"""Rules about what a step has the learner type: hints, traps, solutions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address

from labrunner.lint.finding import Finding, found
from labrunner.lint.page import Page
from labrunner.lint.shell import Call, Docker, calls, parse_docker
from labrunner.model.lesson import Command, Step
from labrunner.model.scenario import Scenario

HINTS = 2
FEW_WORDS = 3
"""Commands with fewer words, such as ``docker ps``, are no secret."""

_IPV4 = r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)"
_IPV6 = r"(?<![\w:.])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])"
_ADDRESS = re.compile(f"{_IPV4}|{_IPV6}")
_FULL_SCREEN = {"vi", "vim", "nano", "emacs", "less", "more", "man", "htop", "tmux", "screen"}
_MAKING = ("build", "commit", "tag", "pull", "load", "import")
_ID = re.compile(r"(sha256:)?[0-9a-f]{12,64}")


def look(page: Page) -> Iterator[Finding]:
    """Everything of this room that a translation has to keep to as well."""
    for step in page.lesson.steps:
        yield from hints(page, step)
        yield from telling_hints(page, step)


def look_at_commands(page: Page) -> Iterator[Finding]:
    """Everything of this room about commands, which a translation takes over."""
    for step in page.lesson.steps:
        if not step.traps:
            message = f"step `{step.id}` has no trap"
            fix = 'Add `::: trap "its message"` with a wrong answer that learners really give.'
            yield found("no-trap", page.path, step.line, message, fix)
        typed = (*step.commands, *(c for trap in step.traps for c in trap.commands))
        for command in typed:
            yield from addresses(page, command)
            yield from sleeps(page, command)
        for command in step.commands:
            yield from terminals(page, command)
        for command in (*page.shown(step), *typed):
            yield from tags(page, command)


# --- hints --------------------------------------------------------------------------------


def hints(page: Page, step: Step) -> Iterator[Finding]:
    """Are there enough hints?"""
    if len(step.hints) < HINTS:
        message = f"step `{step.id}` has {len(step.hints)} hint"
        fix = "Write two: the first shows the direction, the second the way."
        yield found("few-hints", page.path, step.line, message, fix)


def telling_hints(page: Page, step: Step) -> Iterator[Finding]:
    """Does a hint give a command of the solution away that was not met before?"""
    before = [s for s in page.lesson.steps if s.line < step.line]
    met = [_flat(c.text) for s in before for c in (*page.shown(s), *s.commands)]
    met += [_flat(c.text) for c in page.shown(step)]
    blocks = page.of_step(step, "hint")
    for block, text in zip(blocks, step.hints, strict=True):
        for command in step.commands:
            flat = _flat(command.text)
            known = flat in met or len(flat.split()) < FEW_WORDS
            if not known and re.search(
                rf"(?<!\S)[`(]*{re.escape(flat)}(?![^\s`.,;:)])", _flat(text)
            ):
                message = f"a hint of step `{step.id}` gives `{flat}` away"
                fix = "Name the option or the idea, or put NAMES where the answer stands."
                yield found("hint-tells-all", page.path, block.first, message, fix)


def _flat(text: str) -> str:
    """A command, or prose, in one line with single spaces."""
    return " ".join(text.replace("\\\n", " ").split())


# --- commands -----------------------------------------------------------------------------


def literal_addresses(text: str) -> list[str]:
    """Addresses in a text that will be others in the next lab."""
    found_ones = []
    for match in _ADDRESS.finditer(text):
        try:
            address = ip_address(match[0])
        except ValueError:
            continue
        mask = isinstance(address, IPv4Address) and match[0].startswith("255.")
        if not (address.is_loopback or address.is_unspecified or mask):
            found_ones.append(match[0])
    return found_ones


def addresses(page: Page, command: Command) -> Iterator[Finding]:
    """Does a command hold an address that will be another one in the next lab?"""
    for offset, row in enumerate(command.text.split("\n")):
        for address in literal_addresses(row):
            fix = "Use a name, or ask for it: `ADDRESS=$(docker inspect -f '…' NAME)`."
            message = f"the address {address} in a command"
            yield found("literal-address", page.path, command.line + offset, message, fix)


def sleeps(page: Page, command: Command) -> Iterator[Finding]:
    """Does a command wait for some time instead of for something?"""
    for call in calls(command.text):
        waits = call.words[0].rpartition("/")[2] in ("sleep", "usleep")
        if waits and not call.detached and call.words[1:] != ("infinity",):
            message = f"`{' '.join(call.words)}` waits for time to pass"
            fix = "Wait for the thing: `docker wait`, `curl --retry 5`, a check that tries again."
            yield found("sleep", page.path, command.line, message, fix)


def terminals(page: Page, command: Command) -> Iterator[Finding]:
    """Does a command of the solution need a terminal?"""
    for call in calls(command.text):
        why = _needs_terminal(call)
        if why:
            fix = "Take it away, or use `-d`, `-i` alone, `--no-pager` or an option for batches."
            message = f"{why} needs a terminal"
            yield found("needs-tty", page.path, command.line, message, fix)


def _needs_terminal(call: Call) -> str:
    docker = parse_docker(call.words)
    if docker is None:
        program = call.words[0].rpartition("/")[2]
        top = program == "top" and not any(w.startswith("-") and "b" in w for w in call.words)
        return f"`{program}`" if (program in _FULL_SCREEN or top) and not call.detached else ""
    if docker.name == "attach":
        return "`docker attach`"
    asks = docker.name in ("run", "exec") and docker.has("-t", "--tty")
    return f"`docker {docker.name} -t`" if asks and not docker.has("-d", "--detach") else ""


def tags(page: Page, command: Command) -> Iterator[Finding]:
    """Does a command name an image that is another one next month?"""
    for call in calls(command.text):
        docker = parse_docker(call.words)
        for image in _images(docker) if docker else ():
            if mutable(image):
                message = f"the image {image} has no tag of its own"
                fix = f"Write {pinned(image)}."
                yield found("mutable-tag", page.path, command.line, message, fix)


def unknown_images(page: Page, scenario: Scenario) -> Iterator[Finding]:
    """Does a command run an image that the lab's engine will not have?"""
    if scenario.internet:
        return
    commands = [
        command
        for step in page.lesson.steps
        for group in (page.shown(step), step.commands, *(trap.commands for trap in step.traps))
        for command in group
    ]
    dockers = [
        (command, docker)
        for command in commands
        for call in calls(command.text)
        if (docker := parse_docker(call.words))
    ]
    known = {image.name for image in scenario.images} | {c.image for c in scenario.containers}
    known |= {i for _, docker in dockers if docker.name in _MAKING for i in _images(docker)}
    for command, docker in dockers:
        image = "".join(_images(docker)) if docker.name in ("run", "create") else ""
        sure = image and "$" not in image and not mutable(image) and not _ID.fullmatch(image)
        if sure and image not in known:
            message = f"the lab's engine will not have the image {image}"
            fix = f"Images of this lab: {', '.join(sorted(known))}; a container brings its image."
            yield found("unknown-image", page.path, command.line, message, fix)


def _images(docker: Docker) -> list[str]:
    """The images that a command names."""
    if docker.name in ("run", "create", "pull", "push"):
        return list(docker.arguments[:1])
    if docker.name == "build":
        return docker.values("-t", "--tag")
    if docker.name == "commit":
        return list(docker.arguments[1:2])
    return list(docker.arguments[:2]) if docker.name == "tag" else []


def mutable(image: str) -> bool:
    """Whether this name of an image may mean another one tomorrow."""
    unknown = not image or "$" in image or "@" in image or image != image.lower()
    if unknown or _ID.fullmatch(image):
        return False
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag in ("", "latest")


def pinned(image: str) -> str:
    """The name as it should be."""
    return f"{image.removesuffix(':latest').rstrip(':')}:1, or the version that you mean"
