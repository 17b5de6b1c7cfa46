"""A block that is pasted into a terminal → the commands in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

HOST = "host"
"""The container that the learner works in."""

_LONGEST = 8_000
"""Characters of a command beyond which nobody looks for its end: it is the rest of the block."""

_HEREDOC = re.compile(r"<<-?\s*(?P<quote>['\"\\]?)(?P<word>\w+)")
_CONTINUED = re.compile(r"(\\|\||&&)\s*$")
_OPENING = re.compile(r"(?:^|[;&|({]|\bdo|\bthen|\belse)\s*(if|case|for|while|until|select)\b")
_CLOSING = re.compile(r"(?:^|[;&|)}\n])\s*(fi|esac|done)\b")


@dataclass(frozen=True)
class Click:
    """A command that a click on Killercoda types.

    Attributes:
        text: may have several lines.
        interrupt: Ctrl-C is pressed before it.
        stays: it runs until it is interrupted by the next one.
    """

    text: str
    interrupt: bool = False
    stays: bool = False


def split(block: str) -> list[str]:
    """The commands of a block; where one cannot be told from the next they stay together."""
    found: list[str] = []
    lines: list[str] = []
    size = 0
    for line in block.strip("\n").split("\n"):
        if not lines and (not line.strip() or line.lstrip().startswith("#")):
            continue
        lines.append(line.rstrip() if not lines else line)
        size += len(line)
        if size < _LONGEST and _is_whole("\n".join(lines)):
            found.append("\n".join(lines).strip())
            lines, size = [], 0
    if lines:
        # what never ends may only seem so: one command then, to the last line
        found.append("\n".join(lines).rstrip().rstrip("\\").rstrip())
    return [command for command in found if command]


def _is_whole(text: str) -> bool:
    """Whether a shell would run this now, and not ask for more."""
    for match in _HEREDOC.finditer(text):
        ends = [line.strip() for line in text[match.end() :].split("\n")[1:]]
        if match["word"] not in ends:
            return False
    if _HEREDOC.search(text):
        return True
    if _CONTINUED.search(text) or not _quotes_end(text):
        return False
    bare = _without_quotes(text)
    if len(_OPENING.findall(bare)) > len(_CLOSING.findall(bare)):
        return False
    return bare.count("{") <= bare.count("}") and bare.count("(") <= bare.count(")") + bare.count(
        "esac"
    )


def _quotes_end(text: str) -> bool:
    return _without_quotes(text, check=True) != "\0"


def _without_quotes(text: str, *, check: bool = False) -> str:
    """A command without what is quoted in it; with ``check``, NUL where a quote is open."""
    kept: list[str] = []
    quote = ""
    escaped = False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        else:
            kept.append(char)
    return "\0" if check and quote else "".join(kept)


def mark_stays(clicks: Iterable[Click]) -> list[Click]:
    """The same, each one marked that the one after it interrupts."""
    found = list(clicks)
    for index, click in enumerate(found[1:]):
        if click.interrupt:
            before = found[index]
            found[index] = Click(before.text, before.interrupt, stays=True)
    return found


def typed(click: Click) -> str:
    """The command that types this one on the machine, from outside of it."""
    words = ["docker", "exec", HOST, "typed"]
    if click.interrupt:
        words.append("--interrupt")
    if click.stays:
        words.append("--stays")
    return f"{' '.join(words)} {shlex.quote(click.text)}"


def console(texts: Iterable[str], indent: str = "") -> str:
    """Commands as a block of a lesson."""
    lines = ["```console", *(line for text in texts for line in _prompted(text)), "```"]
    return "\n".join(f"{indent}{line}" for line in lines)


def _prompted(text: str) -> Iterator[str]:
    first, *rest = text.split("\n")
    yield f"$ {first}"
    yield from (f"> {line}" if line else ">" for line in rest)
