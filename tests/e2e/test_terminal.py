"""What a learner sees in a real terminal."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests import tiny
from tests.conftest import Lab

pytestmark = pytest.mark.engine

NAME = "typed"
PROMPT = r"\[typed \d/1\] [#$] "
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def terminal(stopped: Lab, tmp_path: Path) -> Iterator[pexpect.spawn[str]]:
    """A shell in a terminal of 80 columns in which ``lab`` can be typed.

    Its home is empty: the lab's shell reads what is in ``~/.bashrc``, and what that does (pyenv
    waits a minute for a lock that a shell left which was killed) must not be ours.
    """
    home = tmp_path / "home"
    home.mkdir()
    env = {**stopped.env, "HOME": str(home), "PS1": "ready> ", "TERM": "xterm", "PAGER": "cat"}
    child = pexpect.spawn(
        "bash", ["--norc", "--noprofile", "-i"], env=env, dimensions=(40, 80), encoding="utf-8"
    )
    child.timeout = 120
    child.expect("ready> ")
    child.sendline(f'lab() {{ {sys.executable} -m labrunner "$@"; }}')
    child.expect("ready> ")
    yield child
    child.close(force=True)


def plain(text: str) -> str:
    """Terminal output without its escape codes."""
    return ESCAPES.sub("", text)


def interrupt(terminal: pexpect.spawn[str]) -> None:
    """Press Ctrl-C as a person does: again, where nothing came of it.

    Bash gives the terminal to a program a moment after it has started it; what is pressed
    between the two is for nobody.
    """
    for _ in range(5):
        terminal.sendintr()
        if terminal.expect([PROMPT, pexpect.TIMEOUT], timeout=5) == 0:
            return
    pytest.fail("the shell does not come back")


def test_a_learner_works_in_the_labs_shell(terminal: pexpect.spawn[str]) -> None:
    """Start, enter, see the prompt count, make a mistake, interrupt, solve, leave, stop."""
    terminal.sendline("lab start typed")
    terminal.expect("lab check")
    terminal.expect("ready> ")
    terminal.sendline("SHELL=/bin/bash lab shell")
    terminal.expect(PROMPT)
    terminal.sendline("docker ps --format '{{.Names}}'")
    terminal.expect(r"typed-one")
    terminal.expect(PROMPT)
    terminal.sendline(f"{sys.executable} -m labrunner check")
    terminal.expect("not yet")
    terminal.expect(PROMPT)
    terminal.sendline("echo be''gun; sleep 1000")
    terminal.expect("begun")
    interrupt(terminal)
    terminal.sendline("docker run -d --name typed-two --network typed-net tools:1 sleep infinity")
    terminal.expect(PROMPT)
    terminal.sendline(f"{sys.executable} -m labrunner check")
    terminal.expect("passed")
    terminal.expect(r"\[typed done\]")
    terminal.sendline("exit")
    terminal.expect("ready> ")
    terminal.sendline("lab stop")
    terminal.expect("Nothing of it is left")


@pytest.mark.parametrize("shell", [name for name in ("bash", "zsh", "fish") if shutil.which(name)])
def test_a_shell_whose_lab_is_over_says_so(
    terminal: pexpect.spawn[str], stopped: Lab, shell: str
) -> None:
    """Its prompt counts the steps, also after a reset in it; once the lab was stopped, it tells."""
    stopped.ok("start", "typed")
    terminal.sendline(f"SHELL={shutil.which(shell)} lab shell")
    terminal.expect_exact("[typed 1/1]")
    terminal.sendline(f"{sys.executable} -m labrunner reset")
    terminal.expect("A second container")
    terminal.expect_exact("[typed 1/1]")
    stopped.ok("stop")
    terminal.sendline("")
    terminal.expect_exact("[this lab is over; exit]")
    terminal.sendline("exit")
    terminal.expect("ready> ")


def test_an_interrupted_start_in_a_terminal_says_what_it_does(
    terminal: pexpect.spawn[str], tmp_path: Path
) -> None:
    """Ctrl-C while the table is live: the screen ends tidily and nothing runs."""
    # it cannot be over before the interrupt comes, however late that is
    hangs = "scenario.setup = lambda lab: Event().wait()"
    tiny.write(tmp_path / "mine", NAME, more=hangs)
    terminal.sendline("lab start typed; echo code $?")
    terminal.expect("host")
    terminal.sendintr()
    terminal.expect("interrupted")
    terminal.expect("code 130")
    terminal.sendline("lab status")
    terminal.expect("No lab is running")


def test_forty_columns_lose_nothing(terminal: pexpect.spawn[str]) -> None:
    """On a narrow terminal the lesson is still all there."""
    terminal.setwinsize(40, 40)
    terminal.sendline("lab lesson --lab typed --all; echo the''end")
    terminal.expect("theend")
    shown = " ".join(plain(terminal.before or "").split())
    for words in ("A lab for tests.", "A second container", "Start one."):
        assert words in shown


def test_the_hosts_shell_is_a_terminal(terminal: pexpect.spawn[str]) -> None:
    """``lab host`` gives a real terminal on the host, and its exit code."""
    terminal.sendline("lab start typed")
    terminal.expect("lab check")
    terminal.expect("ready> ")
    terminal.sendline("lab host -- sh -c 'test -t 0 && echo is-a-terminal; exit 5'; echo code $?")
    terminal.expect("is-a-terminal")
    terminal.expect("code 5")
