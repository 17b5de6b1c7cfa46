"""The scripts behind ``make``: what they say while they work, and when they cannot."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the scripts are for POSIX systems")


def bash(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run lines that use the shared functions, without a terminal."""
    return subprocess.run(
        ["bash", "-c", f". {TOOLS}/lib.sh\n{script}"],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_phase_says_how_long_it_took() -> None:
    """A quick phase is one line."""
    done = bash('phase "Test phase quick" true')
    assert done.returncode == 0
    assert re.fullmatch(r"ok  Test phase quick \([01] s\)\n", done.stderr)


def test_a_long_phase_says_each_second_what_it_does() -> None:
    """Without a terminal there is a line a second, with the last line of the log."""
    done = bash('work() { echo unpacking; sleep 2.5; }; phase "Test phase long" work')
    beats = [line for line in done.stderr.splitlines() if line.startswith("...")]
    assert beats[0] == "... Test phase long, 1 s: unpacking"
    assert len(beats) in (2, 3)


def test_a_failed_phase_shows_its_last_lines_and_its_log() -> None:
    """The reason is on the screen, the whole in a file that is named."""
    done = bash('work() { echo the cause >&2; return 7; }; phase "Test phase bad" work; echo on')
    assert done.returncode == 3
    assert "exit code 7" in done.stderr
    assert "    the cause" in done.stderr
    assert ".cache/logs/test-phase-bad.log" in done.stderr
    assert done.stdout == ""


def test_an_interrupt_ends_a_phase_and_what_it_started(tmp_path: Path) -> None:
    """Nothing goes on in the background after Ctrl-C; exit code 130."""
    script = f"""
        work() {{ sleep 31 & echo $! > {tmp_path}/child; wait; }}
        phase "Test phase interrupted" work"""
    process = subprocess.Popen(
        ["bash", "-c", f". {TOOLS}/lib.sh\n{script}"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    child = tmp_path / "child"
    deadline = time.monotonic() + 10
    while not (child.exists() and child.read_text(encoding="utf-8").strip()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "interrupted; run the same command again" in said
    number = int(child.read_text(encoding="utf-8"))
    while _lives(number):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _lives(number: int) -> bool:
    """Whether a process runs; an ended one that nobody has waited for does not."""
    try:
        command = Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return False
    return command.startswith(b"sleep\x0031")


def test_an_engine_that_does_not_answer_where_it_was_said_to_be() -> None:
    """DOCKER_HOST is the person's choice: nothing else is tried, nothing is installed."""
    done = subprocess.run(
        [TOOLS / "start"],
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.splitlines()[-2:] == [
        "start: no Docker engine answers at DOCKER_HOST=unix:///nowhere/docker.sock",
        "    start it, or unset DOCKER_HOST",
    ]


@pytest.mark.engine
def test_an_engine_is_found_without_the_docker_command() -> None:
    """The socket is asked directly where there is no client."""
    done = bash(
        """find_python
        has() { [ "$1" != docker ] && command -v "$1" >/dev/null; }
        answers && echo "$ANSWER" """,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout[0].isdigit()
