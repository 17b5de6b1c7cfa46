"""A typed terminal: what is typed, what comes, and what does not end."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from labrunner.validate import terminal
from labrunner.validate.terminal import Ending, Terminal, plain


@pytest.fixture
def typed() -> Iterator[Terminal]:
    shell = Terminal(["/bin/bash", "--noprofile", "--norc", "-i"], os.environ)
    yield shell
    shell.close()


def test_output_and_exit_code_of_each_command(typed: Terminal) -> None:
    """Several lines, variables that stay, a tab, and no prompt or echo in the output."""
    assert typed.type("x=5; false", seconds=60).code == 1
    entry = typed.type("for i in 1 2; do\n  echo $i-$x\ndone", seconds=60)
    assert (entry.output, entry.code, entry.ending) == ("1-5\n2-5", 0, Ending.DONE)
    assert typed.type("echo a \\\n  b", seconds=60).output == "a b"
    assert typed.type("echo 'a\tb'", seconds=60).output == "a\tb"
    assert typed.transcript.startswith("$ x=5; false\n$ for i in 1 2; do\n>   echo $i-$x")


def test_it_is_a_terminal(typed: Terminal) -> None:
    """Programs see one, and the shell keeps no history of ours."""
    assert (
        typed.type("test -t 0 && test -t 1 && echo ${HISTFILE-none}", seconds=60).output == "none"
    )


def test_a_command_that_does_not_end_is_interrupted(typed: Terminal) -> None:
    """Ctrl-C, also to one that reads; and the shell goes on."""
    for text in ("sleep 600", "cat"):
        entry = typed.type(text, seconds=0.6)
        assert (entry.ending, entry.code) == (Ending.LATE, -1)
        assert "did not end within 0.6 s" in entry.complaint(0.6)
    assert typed.type("echo on", seconds=60).output == "on"


def test_a_password_is_noticed_at_once(typed: Terminal) -> None:
    """Whatever the prompt says: a program that hides what is typed waits for a secret."""
    entry = typed.type("read -r -s -p 'Kennwort? ' word", seconds=120)
    assert entry.ending is Ending.PASSWORD
    assert entry.seconds < 60
    assert typed.type("echo on", seconds=60).output == "on"


def test_megabytes_are_stopped_and_bounded(
    typed: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept is small, and says how much was left out."""
    monkeypatch.setattr(terminal, "FLOOD", 2**20)
    entry = typed.type("yes", seconds=120)
    assert entry.ending is Ending.FLOOD
    assert "bytes left out" in entry.output
    assert len(entry.output) < 4 * terminal.KEPT


def test_what_shows_all_and_goes_on_is_ended_as_the_lesson_says(
    typed: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once everything came and then nothing more, Ctrl-C."""
    monkeypatch.setattr(terminal, "QUIET", 0.5)
    entry = typed.type("echo ready; sleep 600", seconds=120, enough=lambda text: "ready" in text)
    assert entry.ending is Ending.SHOWN
    assert entry.seconds < 60
    assert typed.type("true", seconds=60).code == 0


def test_a_shell_that_was_ended_says_so(typed: Terminal) -> None:
    """And closing it twice hurts nobody, ourselves least."""
    assert typed.type("exit 3", seconds=60).ending is Ending.DEAD
    assert not typed.alive
    assert typed.type("echo x", seconds=60).ending is Ending.DEAD
    typed.close()
    typed.close()


def test_closing_ends_what_runs_in_it(typed: Terminal) -> None:
    """Nothing that was typed lives on."""
    pid = int(typed.type("sleep 300 & echo $!", seconds=60).output.splitlines()[-1])
    typed.close()
    descriptor = os.pidfd_open(pid) if os.path.exists(f"/proc/{pid}") else None  # noqa: PTH110
    if descriptor is not None:
        import select

        assert select.select([descriptor], [], [], 60)[0]
        os.close(descriptor)


def test_text_as_a_terminal_shows_it() -> None:
    """No escape codes, no overwritten text."""
    assert plain("\x1b[31mred\x1b[0m\r\n10 %\r20 %\rdone\r\n\x1b]0;title\x07end\r\n") == (
        "red\ndone\nend"
    )
