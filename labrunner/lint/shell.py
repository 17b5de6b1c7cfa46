"""Shell commands taken apart, as far as lint must understand them. Nothing is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_SEPARATORS = ";|&()\n"
_LEADING = {"do", "then", "else", "elif", "if", "while", "until", "!", "{", "time", "exec"}
_LEADING |= {"command", "nohup", "sudo"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SHELLS = ("sh", "bash", "ash", "dash")
# Options of `docker run`, `create` and `exec` that take no value; all others do.
_FLAGS = {
    "--detach", "--disable-content-trust", "--help", "--init", "--interactive",
    "--no-healthcheck", "--oom-kill-disable", "--privileged", "--publish-all", "--pull-always",
    "--quiet", "--read-only", "--rm", "--sig-proxy", "--tty",
}  # fmt: skip
_SHORT_FLAGS = {"run": "ditPq", "create": "itPq", "exec": "dit", "build": "q", "commit": "p"}
_OF_DOCKER = {"--debug", "-D", "--tls", "--tlsverify"}
_GROUPS = ("container", "image", "network", "volume", "builder")


@dataclass(frozen=True)
class Call:
    """A simple command.

    Attributes:
        words: the program and its arguments, unquoted.
        detached: it is what a container does in the background; nobody waits for it.
    """

    words: tuple[str, ...]
    detached: bool = False


@dataclass(frozen=True)
class Docker:
    """A ``docker`` command.

    Attributes:
        name: such as ``run`` or ``network create`` (``container run`` is ``run``).
        options: names and values; a flag's value is "".
        arguments: what follows the options.
    """

    name: str
    options: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = field(default=())

    def has(self, *names: str) -> bool:
        """Whether one of these flags is set (and not to false)."""
        return any(name in names and value != "false" for name, value in self.options)

    def values(self, *names: str) -> list[str]:
        """The values of these options."""
        return [value for name, value in self.options if name in names]


def calls(text: str, *, detached: bool = False) -> Iterator[Call]:
    """Every simple command in a text, those inside of containers and of ``sh -c`` too."""
    for words in _simple(text):
        call = Call(tuple(words), detached)
        yield call
        yield from _inner(call)


def _inner(call: Call) -> Iterator[Call]:
    """What a command has another one run."""
    words, detached = call.words, call.detached
    if words[0].rpartition("/")[2] in _SHELLS:
        options = [n for n, w in enumerate(words) if re.fullmatch(r"-\w*c", w)]
        if options and options[0] + 1 < len(words):
            yield from calls(words[options[0] + 1], detached=detached)
        return
    docker = parse_docker(words)
    if docker and docker.name in ("run", "exec", "create") and docker.arguments[1:]:
        away = docker.name == "create" or docker.has("-d", "--detach")
        inside = Call(docker.arguments[1:], detached or away)
        yield inside
        yield from _inner(inside)


def _simple(text: str) -> Iterator[list[str]]:
    """Words of each simple command, without keywords and assignments before them."""
    words: list[str] = []
    for token in (*_tokens(text.replace("\\\n", " ")), ";"):
        if token and not token.strip(_SEPARATORS):
            command = _bare(words)
            if command:
                yield command
            words = []
        else:
            words.append(token)


def _tokens(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=_SEPARATORS)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        return text.split()  # a quote without an end, or a here-document


def _bare(words: Sequence[str]) -> list[str]:
    rest = list(words)
    while rest and (rest[0] in _LEADING or _ASSIGNMENT.match(rest[0])):
        rest.pop(0)
    return [] if rest[:1] in (["for"], ["case"]) else rest


def parse_docker(words: Sequence[str]) -> Docker | None:
    """The ``docker`` command in these words; ``None`` where it is none."""
    if not words or words[0] != "docker":
        return None
    rest = list(words[1:])
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if rest and option not in _OF_DOCKER and "=" not in option:
            rest.pop(0)
    if not rest:
        return None
    name = rest.pop(0)
    if name in _GROUPS and rest:
        inner = rest.pop(0)
        name = inner if name in ("container", "image", "builder") else f"{name} {inner}"
    options: list[tuple[str, str]] = []
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        options += _option(word, rest, _SHORT_FLAGS.get(name, ""))
    return Docker(name, tuple(options), tuple(rest))


def _option(word: str, rest: list[str], flags: str) -> list[tuple[str, str]]:
    """What an option sets; takes its value out of the rest where it stands there.

    Args:
        word: the option, or several short ones in one.
        rest: the words after it.
        flags: letters of the short options that take no value.
    """
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        if equals or name in _FLAGS or not rest:
            return [(name, value)]
        return [(name, rest.pop(0))]
    found = []
    letters = word[1:]
    while letters and letters[0] in flags:
        found.append((f"-{letters[0]}", ""))
        letters = letters[1:]
    if letters:
        value = letters[1:].removeprefix("=")
        if not value and rest:
            value = rest.pop(0)
        found.append((f"-{letters[0]}", value))
    return found
