"""What a lesson's commands are made of: the docker calls in them, and whether they only look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<space>(?:\s|\\\n)+)|(?P<join>\|\|?|&&?|;;?|\n)|(?P<word>(?:'[^']*'|"(?:\\.|[^"])*"|\$\([^)]*\)|\\.|[^\s'"\\|;&])+)""",
    re.VERBOSE,
)

_CALL = re.compile(
    r"\bdocker\s+(?P<verb>run|create|exec|update|network\s+create|network\s+connect)(?=\s)"
)

VALUELESS = frozenset(
    """
    -d --detach -i --interactive -t --tty -it -ti -dit -itd --rm --init --read-only --privileged
    -P --publish-all --internal --ipv6 --attachable --no-healthcheck --oom-kill-disable
    """.split()  # noqa: SIM905  a list of words reads better without quotes
)
"""Options of docker that take no word after them; every other one does."""


@dataclass(frozen=True)
class Word:
    """A word of a command, and where it stands in it."""

    text: str
    start: int
    end: int

    @property
    def bare(self) -> str:
        """Without quotes around it."""
        return self.text.strip("'\"")


@dataclass(frozen=True)
class Option:
    """An option of a docker call: its name, its value ("" where it takes none), its place."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Call:
    """One call of docker within a command.

    Attributes:
        verb: ``run``, ``exec``, ``network connect`` …
        options: those before the first word that is none.
        rest: the words after the options: image and program, container, network …
    """

    verb: str
    options: tuple[Option, ...]
    rest: tuple[Word, ...]

    def option(self, *names: str) -> Option | None:
        """The first option with one of these names."""
        return next((o for o in self.options if o.name in names), None)


def words(text: str, start: int = 0) -> Iterator[Word]:
    """The words from here to the end of the simple command."""
    at = start
    while match := _TOKEN.match(text, at):
        at = match.end()
        if match["join"]:
            return
        if match["word"]:
            yield Word(match["word"], match.start(), match.end())


def calls(text: str) -> list[Call]:
    """Every docker call in a command that the validator knows how to spoil."""
    return [_call(text, match) for match in _CALL.finditer(text)]


def _call(text: str, match: re.Match[str]) -> Call:
    options: list[Option] = []
    following = list(words(text, match.end()))
    at = 0
    while at < len(following) and following[at].text.startswith("-"):
        word = following[at]
        name, equals, value = word.text.partition("=")
        end = word.end
        if not equals and name not in VALUELESS and at + 1 < len(following):
            at += 1
            value, end = following[at].text, following[at].end
        options.append(Option(name, value, word.start, end))
        at += 1
    return Call(" ".join(match["verb"].split()), tuple(options), tuple(following[at:]))


# --- commands that only look --------------------------------------------------------------

_PIECE = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"])*"|\\.|\\\n|[^|;&\n'"\\])+""")
_DOCKER_LOOKS = re.compile(
    r"docker\s+(?:ps|logs|inspect|port|top|stats|images|version|info|diff|history|search"
    r"|(?:network|volume|image|container)\s+(?:ls|list|inspect|logs|port|top|stats|diff))\b"
)
_LOOKS = re.compile(
    r"(?:cd|cat|head|tail|grep|ls|env|printenv|getent|ping|ss|sort|wc|echo|printf|id|hostname|stat"
    r"|diff|cmp|nslookup|dig|ps|awk|jq|column|command\s+-v|true"
    r"|lab\s+(?:map|check|status|hint|lesson)"
    r"|ip\s+(?:-\S+\s+)*(?:a|addr|address|r|route|l|link|neigh)(?:\s+show\b.*)?$)\b"
)
_ON_HOST = re.compile(r"lab\s+host\s+(?:--\s+)?(?=[\w/])")
"""What follows runs on the lab's host."""
_CURL_ACTS = re.compile(r"\s(?:-d|--data\S*|-X|--request|-T|-F|--form|--json|-O|--stderr|-c)\b")
_CURL_WRITES = re.compile(r"\s(?:-o|--output)\s+(?!/dev/null)")
_SQL_LOOKS = re.compile(r"-c\s+(['\"])\s*(?:SELECT|TABLE|SHOW|\\d\S*)\b[^;]*\1\s*$", re.IGNORECASE)
_READS_CAPTURE = re.compile(r"\s-r\s")
_WRITES = re.compile(r"(?<![0-9&])>(?!&)|\btee\b|\d>(?!&|\s*/dev/null)")


def only_looks(text: str) -> bool:
    """Whether a command changes nothing, so that leaving it out spoils nothing.

    Only what is known to look counts; what is not known counts as acting.
    """
    unquoted = re.sub(r"'[^']*'|\"(?:\\.|[^\"])*\"", "''", text)
    if _WRITES.search(unquoted):
        return False
    pieces = [piece.strip() for piece in _PIECE.findall(text)]
    return all(_looks(piece) for piece in pieces if piece)


def _looks(piece: str) -> bool:
    on_host = _ON_HOST.match(piece)
    if on_host:
        return _program_looks(piece, list(words(piece, on_host.end())))
    if _DOCKER_LOOKS.match(piece):
        return True
    found = calls(piece)
    if found and piece.startswith("docker") and found[0].verb in ("exec", "run"):
        call = found[0]
        if call.verb == "run" and not call.option("--rm"):
            return False
        return len(call.rest) > 1 and _program_looks(piece, call.rest[1:])
    return _program_looks(piece, list(words(piece)))


def _program_looks(piece: str, program: Sequence[Word]) -> bool:
    """Whether a program with its arguments only looks."""
    if not program:
        return True
    if program[0].text in ("sh", "bash") and len(program) > 2 and program[1].text == "-c":  # noqa: PLR2004  sh -c TEXT
        return only_looks(program[2].bare)
    text = piece[program[0].start : program[-1].end]
    if text.startswith("curl "):
        return not _CURL_ACTS.search(text) and not _CURL_WRITES.search(text)
    if text.startswith("psql "):
        return bool(_SQL_LOOKS.search(text))
    if text.startswith("tcpdump "):
        return bool(_READS_CAPTURE.search(text)) and " -w" not in text
    return bool(_LOOKS.match(text))
