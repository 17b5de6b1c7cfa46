"""Nobody waits without a word, and a terminal forgets the word again."""

from __future__ import annotations

import os
import subprocess
import sys

import pexpect
import pytest

from labrunner.cli import ui

WORK = (
    "import sys; from labrunner.cli import ui\n"
    "with ui.waiting('Checking: walls'): sys.stdin.readline()\n"
    "print('done')"
)
PATIENCE = 60


def test_a_terminal_shows_a_clock_and_forgets_it() -> None:
    """What is said while somebody waits is gone when the answer comes."""
    child = pexpect.spawn(sys.executable, ["-c", WORK], encoding="utf-8", timeout=PATIENCE)
    child.setecho(False)
    child.expect(r"Checking: walls \(\d+ s\)")
    child.sendline("")
    child.expect_exact("\r\x1b[Kdone")
    child.expect(pexpect.EOF)
    child.close()


def test_a_narrow_terminal_gets_one_line() -> None:
    """A line that was wrapped could not be taken back."""
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    child = pexpect.spawn(
        sys.executable,
        ["-c", WORK],
        encoding="utf-8",
        timeout=PATIENCE,
        dimensions=(24, 15),
        env=env,
    )
    child.expect(r"\r\x1b\[KChecking \(\d s\)")
    child.close()


def test_a_pipe_gets_lines() -> None:
    """Where nothing can be taken back, a line says it."""
    with subprocess.Popen(
        [sys.executable, "-c", WORK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "still at work: Checking: walls (1 s)" in process.stderr.readline()
        out, _err = process.communicate("\n", PATIENCE)
    assert out == "done\n"


def test_a_moment_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    """What is quick says nothing but its answer."""
    with ui.waiting("Checking: walls"):
        pass
    assert capsys.readouterr() == ("", "")
