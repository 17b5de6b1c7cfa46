"""A real terminal that runs the shell of ``lab shell``, and types into it as a learner would.

The shell itself says when a command begins and ends: its prompt carries an escape sequence
that no terminal shows, with a word that nobody can know. So nothing here waits for a time to
pass, and no output can be taken for a prompt.
"""

from __future__ import annotations

import os
import re
import secrets
import select
import signal
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.errors import EngineError

if TYPE_CHECKING:
    import pexpect

ROWS, COLUMNS = 50, 200
KEPT = 64 * 1024
"""Bytes kept of the beginning and of the end of what a command prints."""

FLOOD = 8 * 1024 * 1024
"""Bytes after which a command is told to stop: nobody reads that."""

IDLE = 0.25
"""Seconds without output after which the terminal is asked whether a secret is waited for."""

QUIET = 3.0
"""Seconds without output after which a command that showed all it should is interrupted."""

LETTING_GO = 3.0
"""Seconds that a command gets to end after Ctrl-C, before it is killed."""


class Ending(StrEnum):
    """How a command ended."""

    DONE = "done"
    LATE = "late"
    PASSWORD = "password"  # noqa: S105  the name of an outcome
    FLOOD = "flood"
    SHOWN = "shown"
    DEAD = "dead"


@dataclass(frozen=True)
class Entry:
    """A command that was typed, and what came of it.

    Attributes:
        text: what was typed.
        output: what the terminal showed, without escape codes; shortened where it was long.
        code: the exit code; -1 where there is none.
        ending: how it ended. ``SHOWN``: it showed what it should, did not end by itself, and
            was interrupted, as the lesson has a learner do.
        seconds: how long it took.
    """

    text: str
    output: str
    code: int
    ending: Ending
    seconds: float

    def complaint(self, limit: float) -> str:
        """What is to say about a command that did not end as it should; "" for one that did."""
        return {
            Ending.DONE: "",
            Ending.SHOWN: "",
            Ending.LATE: f"did not end within {limit:g} s",
            Ending.PASSWORD: "waits for a password, which a lesson cannot type",
            Ending.FLOOD: f"printed more than {FLOOD // 2**20} MB and was stopped",
            Ending.DEAD: "ended the shell",
        }[self.ending]


class _Output:
    """What was read since the last marker, bounded in the middle."""

    def __init__(self) -> None:
        self.head = bytearray()
        self.tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        self.total += len(data)
        room = KEPT - len(self.head)
        self.head += data[:room]
        self.tail += data[room:] if room > 0 else data
        if len(self.tail) > 2 * KEPT:
            del self.tail[:-KEPT]

    def text(self) -> str:
        dropped = self.total - len(self.head) - len(self.tail)
        middle = f"\n[{dropped} bytes left out]\n".encode() if dropped else b""
        return plain(bytes(self.head + middle + self.tail).decode("utf-8", "replace"))


class Terminal:
    """A pseudo-terminal with an interactive bash in it.

    Args:
        argv: the shell, as ``lab shell`` starts it.
        environment: its whole environment.
        folder: where it begins; ``None``: here.

    Raises:
        EngineError: the shell did not come up.
    """

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
    ) -> None:
        import pexpect

        self.entries: list[Entry] = []
        self._word = secrets.token_hex(8)
        self._marker = re.compile(rb"\x1b\]7791;" + self._word.encode() + rb";([^\x07]*)\x07")
        self._rest = b""
        self._dead = False
        self._child: pexpect.spawn[bytes] = pexpect.spawn(
            argv[0],
            list(argv[1:]),
            env=dict(environment) | {"TERM": "xterm", "LC_ALL": "C.UTF-8"},
            cwd=folder,
            dimensions=(ROWS, COLUMNS),
            timeout=None,
        )
        # it would wait a tenth of a second for each signal; its stubs do not know this part
        process: Any = vars(self._child)["ptyproc"]
        process.delayafterclose = process.delayafterterminate = 0.01
        self._fd: int = self._child.child_fd
        if self._send_line(self._setting(), 30.0, _Output(), None) is not Ending.DONE:
            self.close()
            raise EngineError("the lab's shell did not come up within 30 s")

    def _setting(self) -> str:
        """The one line that is typed before the learner's.

        Markers in the prompts, no history, and a tab that is a tab: what is typed may arrive
        before or after the shell takes the keyboard, and must mean the same.
        """
        mark = rf"\e]7791;{self._word};"
        return (
            " bind 'set disable-completion on'; unset HISTFILE;"
            rf" PS0=$'{mark}begin\a'; PS2=$'{mark}more\a> ';"
            rf""" PROMPT_COMMAND='printf "{mark}%s\a" "$?"'"""
        )

    # --- typing ---------------------------------------------------------------------------

    def type(
        self, text: str, *, seconds: float, enough: Callable[[str], bool] | None = None
    ) -> Entry:
        """Type a command and wait for its end.

        Args:
            text: the command, as it stands in the lesson; may have several lines.
            seconds: how long it may take.
            enough: for a command that goes on until somebody presses Ctrl-C: whether what it
                printed is all that it had to; asked when nothing came for `QUIET` seconds.
        """
        begun = time.monotonic()
        output = _Output()
        code, ending = -1, Ending.DONE
        if not self.alive:
            ending = Ending.DEAD
        for line in text.split("\n") if self.alive else ():
            left = begun + seconds - time.monotonic()
            ending = self._send_line(line, left, output, enough)
            if ending is not Ending.DONE:
                break
        if ending not in (Ending.DONE, Ending.DEAD):
            self._interrupt(output)
        elif ending is Ending.DONE:
            code = self._code
        else:
            self._dead = True
        entry = Entry(text, output.text(), code, ending, time.monotonic() - begun)
        self.entries.append(entry)
        return entry

    @property
    def alive(self) -> bool:
        """Whether the shell is there to type into."""
        return not self._dead and not self._child.closed and bool(self._child.isalive())

    @property
    def transcript(self) -> str:
        """All that was typed and shown so far, as text."""
        return transcript(self.entries)

    def close(self) -> None:
        """End the shell and everything that was started in this terminal."""
        if self._child.closed:
            return
        for pid in _session(self._child.pid) if self._child.pid else ():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with suppress(Exception):
            self._child.close(force=True)

    # --- reading --------------------------------------------------------------------------

    def _send_line(
        self,
        line: str,
        seconds: float,
        output: _Output,
        enough: Callable[[str], bool] | None,
    ) -> Ending:
        """Type one line, and read until the shell asks for the next one."""
        data = line.encode() + b"\n"
        try:
            os.write(self._fd, data)
            return self._read(seconds, output, enough)
        except OSError:
            return Ending.DEAD

    def _read(
        self, seconds: float, output: _Output, enough: Callable[[str], bool] | None
    ) -> Ending:
        """Read until a prompt comes; what a command prints goes to ``output``."""
        deadline = time.monotonic() + seconds
        running, secret, spoke = False, 0, time.monotonic()
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return Ending.LATE
            if not select.select([self._fd], [], [], min(IDLE, left))[0]:
                secret = secret + 1 if self._hides_input() else 0
                if secret > 1:
                    return Ending.PASSWORD
                quiet = running and time.monotonic() - spoke >= QUIET
                if quiet and enough is not None and enough(output.text()):
                    return Ending.SHOWN
                continue
            spoke = time.monotonic()
            data = os.read(self._fd, 65536)
            if not data:
                return Ending.DEAD
            self._rest += data
            running, ended = self._sort(output, running=running)
            if ended:
                return Ending.DONE
            if output.total > FLOOD:
                return Ending.FLOOD

    def _sort(self, output: _Output, *, running: bool) -> tuple[bool, bool]:
        """Divide what was read at the shell's markers; whether one runs, and whether one ended."""
        while match := self._marker.search(self._rest):
            if running:
                output.add(self._rest[: match.start()])
            self._rest = self._rest[match.end() :]
            word = match[1].decode()
            if word == "begin":
                running = True
            elif word == "more":
                return False, True
            else:
                self._code = int(word)
                return False, True
        # a marker may have come in half
        cut = self._rest.rfind(b"\x1b]")
        ready = self._rest if cut < 0 or len(self._rest) - cut > 64 else self._rest[:cut]  # noqa: PLR2004
        self._rest = self._rest[len(ready) :]
        if running:
            output.add(ready)
        return running, False

    def _hides_input(self) -> bool:
        """Whether a program waits for a line that is not to be seen: a password."""
        with suppress(termios.error, OSError):
            flags = termios.tcgetattr(self._fd)[3]
            return bool(flags & termios.ICANON) and not flags & termios.ECHO
        return False

    # --- ending what does not end ---------------------------------------------------------

    def _interrupt(self, output: _Output) -> None:
        """Ctrl-C, as a learner would; then the hard way; a shell that is stuck is closed."""
        for key in (b"\x03", b"\x03\x03", b"\x1c"):
            with suppress(OSError):
                os.write(self._fd, key)
            if self._settled(output):
                return
        self._kill_foreground()
        if not self._settled(output):
            self.close()

    def _settled(self, output: _Output) -> bool:
        """Whether the shell shows its prompt within a moment."""
        deadline = time.monotonic() + LETTING_GO
        running = True
        with suppress(OSError):
            while (left := deadline - time.monotonic()) > 0:
                if not select.select([self._fd], [], [], left)[0]:
                    return False
                data = os.read(self._fd, 65536)
                if not data:
                    return False
                self._rest += data
                running, ended = self._sort(output, running=running)
                if ended:
                    return True
        return False

    def _kill_foreground(self) -> None:
        """Kill what runs in the foreground, unless it is the shell itself."""
        with suppress(OSError):
            group = os.tcgetpgrp(self._fd)
            # 0 where the shell is gone: that would be ourselves
            if group > 1 and group != self._child.pid and os.getsid(group) == self._child.pid:
                os.killpg(group, signal.SIGKILL)


def _session(leader: int) -> list[int]:
    """Every process that was started in a terminal, its shell first."""
    found = [leader]
    with suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208  names are all that is wanted
            with suppress(OSError, ValueError):
                if os.getsid(int(name)) == leader and int(name) != leader:
                    found.append(int(name))
    return found


_ESCAPES = re.compile(r"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)|\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def plain(text: str) -> str:
    """What a terminal would show of this, line by line: no escape codes, no overwritten text."""
    lines = _ESCAPES.sub("", text).replace("\r\n", "\n").split("\n")
    # a carriage return goes back to the line's beginning: the last text is what is seen
    shown = [line.rstrip("\r").rpartition("\r")[2] for line in lines]
    return _UNSEEN.sub("", "\n".join(shown)).rstrip("\n")


def transcript(entries: Sequence[Entry]) -> str:
    """Commands and what they showed, as a terminal has them."""
    parts = []
    for entry in entries:
        parts.append("$ " + entry.text.replace("\n", "\n> "))
        if entry.output:
            parts.append(entry.output)
        if entry.ending is Ending.SHOWN:
            parts.append("^C")
        elif entry.ending is not Ending.DONE:
            parts.append(f"[{entry.ending}]")
    return "\n".join(parts)
