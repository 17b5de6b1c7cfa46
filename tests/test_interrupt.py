"""Ctrl-C is a clean ending at whatever moment it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Lab

CODE = 130
LOADED = "import time:"
"""How Python's lines about a module that was loaded begin."""
FIRST = "labrunner.cli"
"""What is loaded before anything of ours can listen for signals."""
LAST = 1000
"""More modules than a command loads."""


def interrupted_after(lab: Lab, command: str, modules: int) -> tuple[int, list[str], bool]:
    """Press Ctrl-C after so many modules; exit code, what was said, whether so many were loaded."""
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", *lab.argv(command)[1:]],
        env=lab.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stderr is not None
        begun, told = False, []
        for line in run.stderr:
            if not line.startswith(LOADED):
                told.append(line.rstrip())
                continue
            begun = begun or line.rpartition("|")[2].strip() == FIRST
            modules -= begun
            if modules == -1:
                run.send_signal(signal.SIGINT)
    return run.returncode, told, modules < 0


@pytest.mark.parametrize(("command", "first"), [("--help", 1), ("list", 3), ("status", 5)])
def test_no_moment_shows_a_stack_trace(lab: Lab, command: str, first: int) -> None:
    """While modules are loaded, work is done or the end is near: two words, or it was over.

    Most moments are the same for all commands: each tries others, and none those after its end.
    """
    codes = set()
    for modules in range(first, LAST, 6):
        code, told, pressed = interrupted_after(lab, command, modules)
        assert not any("Traceback" in line or "ignored" in line for line in told), told
        assert code == 0 or (code, told[-1]) == (CODE, "lab: interrupted")
        codes.add(code)
        if not pressed:
            break
    else:
        pytest.fail("more modules are loaded than there were moments")
    assert CODE in codes


def python(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What becomes of a program that can be interrupted."""
    return subprocess.run(
        [sys.executable, "-c", f"from labrunner import interrupt\ninterrupt.once()\n{program}"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


PRESS = "os.kill(os.getpid(), signal.SIGINT)"
WAITS = "try:\n    threading.Event().wait(60)\nexcept interrupt.Interrupted:\n    print('here')"


def test_an_interrupt_is_not_lost_where_nothing_can_be_raised(tmp_path: Path) -> None:
    """It falls into a callback, whose errors Python drops: it comes again right after."""
    program = f"""
import os, signal, threading, weakref
class Thing: pass
thing = Thing()
kept = weakref.ref(thing, lambda _: {PRESS})
del thing
{WAITS}
"""
    done = python(program, tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("here\n", "", 0)


def test_a_module_is_loaded_to_its_end(tmp_path: Path) -> None:
    """What clears up may need it: the interrupt comes when it is there."""
    (tmp_path / "slow.py").write_text(
        f"import os, signal, threading\n{PRESS}\nthreading.Event().wait(0.1)\nwhole = 'whole'\n"
    )
    done = python(f"import threading\nimport slow\nprint(slow.whole)\n{WAITS}", tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("whole\nhere\n", "", 0)


def test_a_module_that_never_ends_can_be_interrupted(tmp_path: Path) -> None:
    """A plugin may wait for something when it is loaded."""
    (tmp_path / "stuck.py").write_text(
        f"import os, signal, threading\n{PRESS}\nthreading.Event().wait(100)\n"
    )
    program = "try:\n    import stuck\nexcept interrupt.Interrupted:\n    print('here')"
    done = python(program, tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("here\n", "", 0)


def test_what_an_engine_was_asked_for_is_waited_for(tmp_path: Path) -> None:
    """An interrupt at the worst moment, while a thread begins: nothing goes on behind our back."""
    program = f"""
import os, signal, sys, threading
from labrunner.engine.outer_box import to_its_end

def in_a_new_thread(*_):
    sys.setprofile(None)
    {PRESS}

def asked():
    done.append("asked")
    threading.Event().wait(0.1)
    done.append("answered")

done = []
threading.setprofile(in_a_new_thread)
try:
    to_its_end(asked)
except interrupt.Interrupted:
    known = list(done)
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join()
print(known == done)
"""
    done = python(program, tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)
