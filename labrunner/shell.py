"""The shell of a lab: an environment in which ``docker`` means the lab's engine."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labrunner.errors import EngineError, UsageError
from labrunner.model import Command, Event, OnEvent
from labrunner.session import LAB_VARIABLE, OpenLab

SHELLS = ("sh", "fish", "powershell")
SOLUTION_SECONDS = 180.0
"""How long the commands of one solution may take together."""


@dataclass(frozen=True)
class Typed:
    """A command that the runner typed, and its exit code."""

    command: Command
    code: int


def environment(lab: OpenLab) -> dict[str, str]:
    """What the lab's shell has beyond the learner's own environment."""
    added = {"DOCKER_HOST": lab.host.docker_host, LAB_VARIABLE: lab.scenario.name}
    shims = lab.record.folder / "bin"
    needed = {"lab": _lab_command()}
    if shutil.which("docker") is None:
        needed["docker"] = f"{_lab_command()} host --lab {lab.scenario.name} -- docker"
    missing = {n: c for n, c in needed.items() if shutil.which(n) is None}
    if missing:
        _write_shims(shims, missing)
        added["PATH"] = os.pathsep.join([str(shims), os.environ.get("PATH", os.defpath)])
    return added


def _lab_command() -> str:
    """How to call this very program from a shell, whether or not it is on the PATH."""
    return shlex.join([sys.executable, "-m", "labrunner"])


def _write_shims(folder: Path, commands: Mapping[str, str]) -> None:
    """Small scripts for commands that the learner's machine has not."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, command in commands.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        script.chmod(0o700)


REMOVED = ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
"""Variables that would point ``docker`` elsewhere, or make it speak TLS to a unix socket."""


def full_environment(lab: OpenLab) -> dict[str, str]:
    """The whole environment of the lab's shell."""
    kept = {k: v for k, v in os.environ.items() if k not in REMOVED or lab.record.host == "local"}
    return kept | environment(lab)


def exports(lab: OpenLab, shell: str) -> str:
    """Lines that set the lab's environment when a shell evaluates them.

    Args:
        lab: the lab.
        shell: sh, fish or powershell.

    Raises:
        UsageError: no such shell.
    """
    if shell not in SHELLS:
        raise UsageError(f"there is no shell called {shell!r}", f"choose {', '.join(SHELLS)}")
    values = environment(lab)
    hints = {
        "sh": '# run this: eval "$(lab env)"',
        "fish": "# run this: lab env --shell fish | source",
        "powershell": "# run this: lab env --shell powershell | Out-String | Invoke-Expression",
    }
    return "\n".join([*(_export(shell, k, v) for k, v in values.items()), hints[shell]])


def _export(shell: str, name: str, value: str) -> str:
    if shell == "fish":
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -gx {name} '{escaped}';"
    if shell == "powershell":
        return "$Env:{} = '{}'".format(name, value.replace("'", "''"))
    return f"export {name}={shlex.quote(value)}"


# --- interactive --------------------------------------------------------------------------


def interactive(lab: OpenLab) -> int:
    """Open the lab's shell in this terminal; its exit code."""
    argv, extra = interactive_command(lab)
    # Ctrl-C belongs to what runs in the shell. A handler, unlike SIG_IGN, is not inherited.
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        return subprocess.run(argv, env=full_environment(lab) | extra, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def interactive_command(lab: OpenLab) -> tuple[list[str], dict[str, str]]:
    """The learner's own shell, with the lab and the step in its prompt."""
    prompt = lab.record.folder / "prompt"
    shell = os.environ.get("SHELL") or shutil.which("bash") or "/bin/sh"
    kind = Path(shell).name
    if kind == "bash":
        rc = lab.record.folder / "bashrc"
        rc.write_text(
            "[ -f ~/.bashrc ] && . ~/.bashrc\n"
            f"PS1='[$(cat {shlex.quote(str(prompt))} 2>/dev/null)] \\$ '\n",
            encoding="utf-8",
        )
        return [shell, "--rcfile", str(rc), "-i"], {}
    if kind == "zsh":
        (lab.record.folder / ".zshrc").write_text(
            "[ -f ~/.zshrc ] && . ~/.zshrc\nsetopt prompt_subst\n"
            f"PROMPT='[$(cat {shlex.quote(str(prompt))} 2>/dev/null)] %# '\n",
            encoding="utf-8",
        )
        return [shell, "-i"], {"ZDOTDIR": str(lab.record.folder)}
    if kind == "fish":
        setting = (
            "function fish_prompt; "
            f"printf '[%s] > ' (cat {shlex.quote(str(prompt))} 2>/dev/null); end"
        )
        return [shell, "-i", "-C", setting], {}
    return [shell, "-i"], {"PS1": f"[{lab.scenario.name}] $ "}


# --- typing -------------------------------------------------------------------------------


def type_commands(
    lab: OpenLab,
    commands: Sequence[Command],
    *,
    on_event: OnEvent,
    on_output: Callable[[str], None],
) -> tuple[Typed, ...]:
    """Run commands of a lesson one after another in one shell, as a learner would.

    A command that fails does not end the others: some are there to be seen failing, and the
    step's check decides in the end.

    Raises:
        EngineError: they did not end within `SOLUTION_SECONDS`.
    """
    bash = shutil.which("bash")
    if bash is None:
        raise EngineError("no bash on this machine", "install bash; solutions are written for it")
    # The exit codes come back through a pipe of their own, so that no output can be mistaken
    # for one. The script is the author's text as it stands in the lesson.
    codes_read, codes_write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="labrunner-") as folder:
        script = Path(folder) / "solution.sh"
        script.write_text(_script(commands, codes_write), encoding="utf-8")
        process = subprocess.Popen(
            [bash, "--noprofile", "--norc", str(script)],
            env=full_environment(lab) | {"LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[codes_write],
            text=True,
            errors="replace",
            start_new_session=True,
        )
        os.close(codes_write)
        return _follow(process, commands, codes_read, on_event, on_output)


def _script(commands: Sequence[Command], descriptor: int) -> str:
    parts = []
    for index, command in enumerate(commands):
        parts += [f"echo start {index} >&{descriptor}", command.text]
        parts += [f"echo done {index} $? >&{descriptor}"]
    return "\n".join(parts) + "\n"


def _follow(
    process: subprocess.Popen[str],
    commands: Sequence[Command],
    codes_read: int,
    on_event: OnEvent,
    on_output: Callable[[str], None],
) -> tuple[Typed, ...]:
    """Hand on output lines and events while the commands run; kill them when time is over."""
    typed: list[Typed] = []

    def read_codes() -> None:
        with os.fdopen(codes_read, encoding="utf-8") as lines:
            for line in lines:
                what, index, *code = line.split()
                command = commands[int(index)]
                if what == "start":
                    on_event(Event("command", command.text, "started"))
                else:
                    typed.append(Typed(command, int(code[0])))
                    on_event(Event("command", command.text, "done", f"exit code {code[0]}"))

    def read_output() -> None:
        for line in process.stdout or ():
            on_output(line.rstrip("\n"))

    readers = [threading.Thread(target=t, daemon=True) for t in (read_codes, read_output)]
    for reader in readers:
        reader.start()
    try:
        process.wait(SOLUTION_SECONDS)
    except BaseException as error:
        _kill(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise EngineError(f"the solution did not end within {SOLUTION_SECONDS:g} s") from error
        raise
    for reader in readers:
        # a process that the commands left in the background may hold the pipes open
        reader.join(1.0)
    return tuple(typed)


def _kill(process: subprocess.Popen[str]) -> None:
    from contextlib import suppress

    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
