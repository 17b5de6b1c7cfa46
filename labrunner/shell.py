"""The shell of a lab: an environment in which ``docker`` means the lab's engine."""

from __future__ import annotations

import os
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labrunner.engine.client import ENGINE_VARIABLE
from labrunner.errors import EngineError, UsageError
from labrunner.model.event import Event, OnEvent
from labrunner.model.lesson import Command
from labrunner.session import LAB_VARIABLE, OpenLab
from labrunner.words import tr

SHELLS = ("sh", "fish", "powershell")
CHUNK = 65536
SOLUTION_SECONDS = 180.0
"""How long the commands of one solution may take together."""


@dataclass(frozen=True)
class Typed:
    """A command that the runner typed, and its exit code."""

    command: Command
    code: int


@dataclass(frozen=True)
class Wake:
    """How somebody else ends what is being typed, at any moment of it.

    Attributes:
        file: becomes readable then.
        heed: is called then, and raises.
    """

    file: int
    heed: Callable[[], None]


def environment(lab: OpenLab) -> dict[str, str]:
    """What the lab's shell has beyond the learner's own environment."""
    added = {
        "DOCKER_HOST": lab.host.docker_host,
        LAB_VARIABLE: lab.scenario.name,
        ENGINE_VARIABLE: lab.record.engine,
    }
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
        return f"set -gx {name} {_in_fish(value)};"
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
    """The learner's own shell, with the lab and the step in its prompt; or that it is over.

    A lab's folder goes with it: where the line for the prompt is missing, there is no lab.
    """
    folder = lab.record.folder
    prompt, over = str(folder / "prompt"), tr("this lab is over; exit")
    shell = os.environ.get("SHELL") or shutil.which("bash") or "/bin/sh"
    kind = Path(shell).name
    says = f"{shlex.join(['cat', prompt])} 2>/dev/null || {shlex.join(['echo', over])}"
    if kind == "bash":
        rc = folder / "bashrc"
        rc.write_text(_rc(kind, says, "PS1", "\\$"), encoding="utf-8")
        return [shell, "--rcfile", str(rc), "-i"], {}
    if kind == "zsh":
        (folder / ".zshrc").write_text(_rc(kind, says, "PROMPT", "%#"), encoding="utf-8")
        return [shell, "-i"], {"ZDOTDIR": str(folder)}
    if kind == "fish":
        says = f"cat {_in_fish(prompt)} 2>/dev/null; or echo {_in_fish(over)}"
        setting = f"function fish_prompt; printf '[%s] > ' ({says}); end"
        return [shell, "-i", "-C", setting], {}
    return [shell, "-i"], {"PS1": f"[{lab.scenario.name}] $ "}


def _rc(kind: str, says: str, variable: str, mark: str) -> str:
    """What bash and zsh read when they begin: the learner's own file, then the lab's prompt."""
    return (
        f"[ -f ~/.{kind}rc ] && . ~/.{kind}rc\n"
        f"{'setopt prompt_subst' if kind == 'zsh' else ''}\n"
        f"_labrunner_says() {{ {says}; }}\n"
        f"{variable}='[$(_labrunner_says)] {mark} '\n"
    )


def _in_fish(word: str) -> str:
    """A word, quoted for fish."""
    return "'{}'".format(word.replace("\\", "\\\\").replace("'", "\\'"))


# --- typing -------------------------------------------------------------------------------


def type_commands(
    lab: OpenLab,
    commands: Sequence[Command],
    *,
    on_event: OnEvent,
    on_output: Callable[[str], None],
    wake: Wake | None = None,
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
    # What happens comes back through a pipe of its own, so that no output can be mistaken for
    # it, and bash waits for an answer after each command: output and events stay in order.
    news, tell = os.pipe()
    heard, answer = os.pipe()
    with tempfile.TemporaryDirectory(prefix="labrunner-") as folder:
        script = Path(folder) / "solution.sh"
        script.write_text(_script(commands, tell, heard), encoding="utf-8")
        process = subprocess.Popen(
            [bash, "--noprofile", "--norc", str(script)],
            env=full_environment(lab) | {"LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[tell, heard],
            start_new_session=True,
        )
        os.close(tell)
        os.close(heard)
        following = _Following(
            process, commands, news, answer, on_event=on_event, on_output=on_output
        )
        try:
            return following.run(wake)
        finally:
            _kill(process)
            following.close()


def _script(commands: Sequence[Command], tell: int, heard: int) -> str:
    """The author's commands as they stand in the lesson, with news before and after each."""
    parts = []
    for index, command in enumerate(commands):
        parts += [f"echo start {index} >&{tell}; read -r _ <&{heard}", command.text]
        parts += [f"echo done {index} $? >&{tell}; read -r _ <&{heard}"]
    return "\n".join(parts) + "\n"


class _Following:
    """Hands on what commands print and how they end, in the order in which it happens."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        commands: Sequence[Command],
        news: int,
        answer: int,
        *,
        on_event: OnEvent,
        on_output: Callable[[str], None],
    ) -> None:
        assert process.stdout is not None  # noqa: S101  it was opened as a pipe just above
        self._output = process.stdout
        self._commands = commands
        self._news = os.fdopen(news, "rb", buffering=0)
        self._answer = os.fdopen(answer, "wb", buffering=0)
        self._on_event = on_event
        self._on_output = on_output
        self._line = b""
        self._typed: list[Typed] = []
        os.set_blocking(self._output.fileno(), False)

    def run(self, wake: Wake | None) -> tuple[Typed, ...]:
        """Follow until the script has ended.

        Raises:
            EngineError: it took longer than `SOLUTION_SECONDS`.
        """
        deadline = time.monotonic() + SOLUTION_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self._news, selectors.EVENT_READ)
            selector.register(self._output, selectors.EVENT_READ)
            if wake is not None:
                selector.register(wake.file, selectors.EVENT_READ)
            while True:
                ready = selector.select(deadline - time.monotonic())
                if not ready:
                    raise EngineError(f"the commands did not end within {SOLUTION_SECONDS:g} s")
                for key, _ in ready:
                    if wake is not None and key.fileobj == wake.file:
                        wake.heed()
                    elif key.fileobj is not self._news:
                        if not self._drain():
                            selector.unregister(self._output)
                    elif not self._hear(self._news.read(CHUNK) or b""):
                        # the script has ended; what it left in the background may print on
                        self._drain()
                        self._end_line()
                        return tuple(self._typed)

    def close(self) -> None:
        """Let go of the pipes."""
        for pipe in (self._output, self._news, self._answer):
            pipe.close()

    def _hear(self, news: bytes) -> bool:
        """Tell of a command's start or end, after all that was printed before it."""
        self._drain()
        for line in news.decode().splitlines():
            what, index, *code = line.split()
            command = self._commands[int(index)]
            if what == "start":
                self._on_event(Event("command", command.text, "started"))
            else:
                self._end_line()
                self._typed.append(Typed(command, int(code[0])))
                self._on_event(Event("command", command.text, "done", f"exit code {code[0]}"))
            self._answer.write(b"\n")
        return bool(news)

    def _drain(self) -> bool:
        """Hand on what was printed so far, line by line; false at its end."""
        while data := self._output.read(CHUNK):
            *lines, self._line = (self._line + data).split(b"\n")
            for line in lines:
                self._on_output(line.decode("utf-8", "replace"))
        return data is None

    def _end_line(self) -> None:
        if self._line:
            self._on_output(self._line.decode("utf-8", "replace"))
            self._line = b""


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the script, where it has not ended, and all that it left running in its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
