"""The only place that writes to the terminal: results, progress and colour."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from labrunner.words import of, tr

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    from labrunner.model.event import Event
    from labrunner.model.verdict import Verdict
    from labrunner.telling import Line

PATIENCE = 0.5
"""Seconds that nobody calls waiting."""
HEARTBEAT = 1.0
"""Seconds after which a progress that says nothing new says that it is still at work."""

STYLES = {"passed": "32", "not_yet": "33", "ruined": "31", "error": "31"}
"""By a verdict's outcome: an escape code that only underlines its word."""

STATES = {
    "planned": "waiting",
    "started": "begins",
    "done": "done",
    "failed": "FAILED",
    "note": "note",
}
"""By an event's state: the word that is shown."""
RUNNERS_OWN = ("image", "remove")
"""Kinds of events of which some have a name that the runner gave: ``shared images``, ``host``."""


def say(text: str = "") -> None:
    """A result, on standard output."""
    print(text)  # noqa: T201  the terminal is this module's job


def note(text: str) -> None:
    """A remark that a script must not read as a result, on standard error."""
    # one write for the whole line: threads speak at the same time
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def say_json(value: Any) -> None:
    """A result as JSON: dataclasses become objects, paths and enums become strings."""
    say(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    from dataclasses import asdict, is_dataclass
    from enum import Enum

    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def coloured(stream: TextIO) -> bool:
    """Whether colour may be used: a terminal, and nobody said NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, code: str, stream: TextIO | None = None) -> str:
    """Text in a colour where colour may be used; the words must do without it."""
    return f"\x1b[{code}m{text}\x1b[0m" if coloured(stream or sys.stdout) else text


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    import shutil

    return shutil.get_terminal_size((80, 24)).columns


def wrap(text: str, indent: str = "") -> str:
    """Text wrapped to the terminal, each line after the first indented."""
    import textwrap

    return "\n".join(
        textwrap.fill(
            line,
            max(width(), 20),
            initial_indent=indent if number else "",
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for number, line in enumerate(text.splitlines() or [""])
    )


def console() -> Console:
    """A rich console for lessons and tables."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False, no_color=not coloured(sys.stdout))


def tell(lines: Iterable[Line]) -> None:
    """What the learner is told, each line wrapped to the terminal."""
    for line in lines:
        say(wrap(line.text, line.indent))


def verdict(found: Verdict, *, title: str) -> None:
    """What a check said: the word first, then expected against seen."""
    from labrunner import telling

    tell(telling.verdict(found, title=title, paint=lambda word, it: paint(word, STYLES[it])))


class Silence:
    """Since when nothing was said: nobody is to wait without a word for longer than a while.

    Args:
        longest: seconds.
        at_once: whether it is too long from the beginning on.
    """

    def __init__(self, longest: float, *, at_once: bool = False) -> None:
        self._longest = longest
        self._since = -longest if at_once else time.monotonic()

    def end(self) -> None:
        """Something is said."""
        self._since = time.monotonic()

    def too_long(self) -> bool:
        """Whether something must be said now; who asks says it."""
        if time.monotonic() - self._since < self._longest:
            return False
        self.end()
        return True


@contextmanager
def waiting(title: str, *, quiet: bool = False) -> Iterator[None]:
    """Say what is at work where that takes longer than a moment; a terminal forgets it again.

    For what has no events to show; what has them gets a `Progress`.
    """
    over = threading.Event()
    show = _run_clock if _is_drawn_on(sys.stderr) else _beat
    clock = threading.Thread(target=show, args=(title, over), daemon=True)
    if not quiet:
        clock.start()
    try:
        yield
    finally:
        over.set()
        if not quiet:
            clock.join()


def _run_clock(title: str, over: threading.Event) -> None:
    begun = time.monotonic()
    if over.wait(PATIENCE):
        return
    with suppress(OSError):
        while True:
            clock = f" ({time.monotonic() - begun:.0f} s)"
            # in one line of any terminal: what is wrapped cannot be taken back
            sys.stderr.write(f"\r\x1b[K{title[: max(width() - len(clock) - 1, 0)]}{clock}")
            sys.stderr.flush()
            if over.wait(HEARTBEAT):
                break
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _beat(title: str, over: threading.Event) -> None:
    begun = time.monotonic()
    with suppress(OSError):
        while not over.wait(HEARTBEAT):
            note(f"  {tr('still at work: {1}', title)} ({time.monotonic() - begun:.0f} s)")


def _is_drawn_on(stream: TextIO) -> bool:
    """Whether a line can be taken back there."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class Progress:
    """Shows events while the runner works: a live table in a terminal, lines elsewhere.

    Nobody waits in silence: a terminal sees the clock run, and a pipe gets a line when
    nothing else was said for a second. Where the reader has gone, the work goes on all the same:
    it must not end half-way because of what would have been said of it.
    """

    def __init__(self, title: str, *, quiet: bool = False) -> None:
        self._title = title
        self._quiet = quiet
        self._terminal = _is_drawn_on(sys.stderr)
        self._ways: list[str] = []
        self._rows: dict[tuple[str, str], Event] = {}
        self._begun: dict[tuple[str, str], float] = {}
        self._silence = Silence(HEARTBEAT)
        self._over = threading.Event()
        self._live: Live | None = None
        self._beat: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._quiet:
            return self
        if self._terminal:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                console=Console(stderr=True, highlight=False, no_color=not coloured(sys.stderr)),
                get_renderable=self._table,
                refresh_per_second=8,
                transient=False,
            )
            with suppress(OSError):
                self._live.console.print(self._title)
                self._live.start()
        else:
            self._note(self._title)
            self._beat = threading.Thread(target=self._heartbeat, daemon=True)
            self._beat.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Show the last state and stop; what can be typed next stands whole, below the table."""
        self._over.set()
        if self._live is not None:
            with suppress(OSError):
                self._live.stop()
        for way in self._ways:
            self._note(f"  {way}")

    def __call__(self, event: Event) -> None:
        """Show one event."""
        if self._quiet:
            return
        if event.what == "command" and event.state == "note" and self._live is not None:
            self._ways.append(f"{event.name}   {of(event.detail)}")
            return
        key = (event.what, event.name)
        now = time.monotonic()
        if event.state == "started":
            self._begun[key] = now
        begun = self._begun.setdefault(key, now)
        if event.state in ("done", "failed") and event.seconds is None:
            event = replace(event, seconds=now - begun)
        self._rows[key] = event
        if self._live is None and event.state != "planned":
            self._silence.end()
            self._note(f"  {_line(event)}")

    def _note(self, text: str) -> None:
        with suppress(OSError):
            note(text)

    def _heartbeat(self) -> None:
        while not self._over.wait(HEARTBEAT / 4):
            if self._silence.too_long():
                busy = [e for e in self._rows.values() if e.state == "started"]
                what = _what(busy[-1]) if busy else self._title
                begun = self._begun.get((busy[-1].what, busy[-1].name)) if busy else None
                lasted = f" ({time.monotonic() - begun:.0f} s)" if begun else ""
                self._note(f"  {tr('still at work: {1}', what)}{lasted}")

    def _table(self) -> Table:
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        table.add_column(overflow="fold")
        now = time.monotonic()
        for key, event in list(self._rows.items()):
            lasted = event.seconds if event.seconds is not None else now - self._begun[key]
            clock = "" if event.state in ("planned", "note") else f"{lasted:.1f} s"
            table.add_row(
                f"  {_state_word(event)}",
                _what(event),
                f"{clock} {of(event.detail)}".strip(),
            )
        return table


def _state_word(event: Event) -> str:
    return tr(STATES[event.state])


def _what(event: Event) -> str:
    """The kind of thing and which one; some are named by the runner, most by others."""
    name = tr(event.name) if event.what in RUNNERS_OWN else event.name
    return f"{tr(event.what)} {_first_line(name)}"


def _line(event: Event) -> str:
    seconds = f" ({event.seconds:.1f} s)" if event.seconds is not None else ""
    what = tr("{1}: {2}", _what(event), of(event.detail)) if event.detail else _what(event)
    return f"{_state_word(event):<7} {what}{seconds}"


def _first_line(text: str) -> str:
    first, *more = text.splitlines() or [""]
    return f"{first} ..." if more else first


def table(rows: list[Mapping[str, str]]) -> None:
    """Rows as aligned columns, without lines; the last column may wrap."""
    if not rows:
        return
    names = list(rows[0])
    widths = {n: max(len(n), *(len(r[n]) for r in rows)) for n in names}
    say("  ".join(n.upper().ljust(widths[n]) for n in names).rstrip())
    for row in rows:
        say("  ".join(row[n].ljust(widths[n]) for n in names).rstrip())
