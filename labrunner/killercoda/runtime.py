"""What a package made by ``lab import killercoda`` does while its lab runs.

The machine of the course is a container called ``host``. Its scripts lie in `SCRIPTS` there and
are run as files; what they print last is what a learner is told.
"""

from __future__ import annotations

import io
import re
import tarfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from labrunner.errors import EngineError, ScenarioError
from labrunner.killercoda.commands import HOST
from labrunner.killercoda.scripts import interpreter
from labrunner.model.result import Result
from labrunner.model.verdict import Verdict, not_yet, passed

if TYPE_CHECKING:
    from labrunner.view import Lab

SCRIPTS = "/var/lib/lab"
"""Where the course's scripts lie on the machine; a learner who looks can read them."""
VERIFY_SECONDS = 15
"""How long a verify script may take; a check as a whole has 20 s."""
SETUP_SECONDS = 120
"""How long foreground and background scripts may take together before the lab goes on."""

_TROUBLE = f"{SCRIPTS}/trouble"
_LAST_LINES = 5
_LAST_CHARS = 400
_READ_CHARS = 4000
_TIMED_OUT = (124, 137)
_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[()].)")


@dataclass(frozen=True)
class File:
    """A file for the machine.

    Attributes:
        source: below the package's ``files``.
        target: its absolute path there.
        mode: its permissions.
    """

    source: str
    target: str
    mode: int = 0o644


@dataclass(frozen=True)
class Scripts:
    """What runs when the lab or a step begins: names below the package's ``files``."""

    background: str = ""
    foreground: str = ""


@dataclass(frozen=True)
class Course:
    """A course that was imported: its files, and what runs when.

    Attributes:
        folder: the package's ``files``.
        scripts: names of every script in it.
        assets: what is put onto the machine at the start.
        start: what runs then.
        steps: what runs when a step begins, by its id, in the order of the lesson.
        finish: what runs when all is done.
        docker: image of a machine that has the sandbox's docker; "" where the machine is a
            container of the topology.
        power: such a machine may change its own network.
    """

    folder: Path
    scripts: tuple[str, ...] = ()
    assets: tuple[File, ...] = ()
    start: tuple[Scripts, ...] = ()
    steps: Mapping[str, tuple[Scripts, ...]] | None = None
    finish: tuple[Scripts, ...] = ()
    docker: str = ""
    power: bool = False

    def set_up(self, lab: Lab) -> None:
        """Put everything onto the machine, then run what the introduction and step one run.

        Raises:
            ScenarioError: a script failed, or did not end in time.
        """
        if self.docker:
            _machine_with_docker(lab, self.docker, power=self.power)
        typed = Path(__file__).with_name("typed.sh")
        ours = [File(name, f"{SCRIPTS}/{name}", 0o755) for name in self.scripts]
        files = [(self.folder / f.source, f.target, f.mode) for f in (*self.assets, *ours)]
        _put(lab, [*files, (typed, "/usr/local/bin/typed", 0o755)])
        for scripts in self.start:
            self.run(lab, scripts)
        first = next(iter(self.steps or {}), "")
        if first:
            self.begin(lab, first)

    def checked(self, lab: Lab, step: str, verdict: Verdict) -> None:
        """A step was checked: where it is done, the next one begins."""
        ids = list(self.steps or {})
        if not verdict.passed or step not in ids:
            return
        following = ids[ids.index(step) + 1 :]
        self.begin(lab, following[0] if following else "")

    def begin(self, lab: Lab, step: str) -> None:
        """Run what a step runs when it begins (or, without one, the end), once in a lab."""
        wanted = (self.steps or {}).get(step, ()) if step else self.finish
        if not wanted or lab.exec(HOST, ["mkdir", f"{SCRIPTS}/begun-{step or '+'}"]).code:
            return
        try:
            for scripts in wanted:
                self.run(lab, scripts)
        except ScenarioError as error:
            # nobody may be listening here: the step's check says it, too
            _put_bytes(lab, [(error.message.encode(), _TROUBLE, 0o644)])
            raise

    def run(self, lab: Lab, scripts: Scripts) -> None:
        """Run a background and a foreground script at the same time, as Killercoda does.

        What still runs in the background when time is over goes on running.
        """
        failures: list[ScenarioError] = []

        def background() -> None:
            try:
                self._script(lab, scripts.background, limited=False)
            except ScenarioError as error:
                failures.append(error)

        aside = threading.Thread(target=background, daemon=True)
        if scripts.background:
            aside.start()
        if scripts.foreground:
            self._script(lab, scripts.foreground, limited=True)
        if scripts.background:
            aside.join(SETUP_SECONDS + 5)
        if failures:
            raise failures[0]

    def _script(self, lab: Lab, name: str, *, limited: bool) -> None:
        argv = self._argv(name, SETUP_SECONDS if limited else None)
        try:
            result = lab.exec(HOST, argv, timeout=SETUP_SECONDS + (5 if limited else 0))
        except EngineError as error:
            if not limited and "did not end" in error.message:
                return
            raise ScenarioError(f"{name} could not be run: {error.message}", name) from error
        if limited and result.code in _TIMED_OUT:
            message = f"{name} did not end within {SETUP_SECONDS} s; {_last_words(result)}"
            raise ScenarioError(message, str(self.folder / name), "A lab cannot begin before it.")
        if result.code:
            hint = "Killercoda would go on; let it end with `exit 0` where this does not matter."
            message = f"{name} ended with exit code {result.code}; {_last_words(result)}"
            raise ScenarioError(message, str(self.folder / name), hint)

    def _argv(self, name: str, seconds: int | None) -> list[str]:
        """How a script is run: as root at home, by what its first line names."""
        program = interpreter((self.folder / name).read_text(encoding="utf-8"))
        limit = ["timeout", "-k", "1", str(seconds)] if seconds else []
        at_home = ["env", "-C", "/root", "HOME=/root", "TERM=xterm"]
        return [*at_home, *limit, program, f"{SCRIPTS}/{name}"]

    def verify(self, lab: Lab, name: str) -> Verdict:
        """What a verify script says: exit code 0 is passed."""
        from labrunner.checks import running

        complaint = running(lab, HOST)
        if complaint is not None:
            return complaint
        result = lab.exec(HOST, self._argv(name, VERIFY_SECONDS), timeout=VERIFY_SECONDS + 3)
        words = _last_words(result)
        if result.code == 0:
            return passed("The course's own script says that it is done.", seen=words)
        late = result.code in _TIMED_OUT
        ended = f"it did not end within {VERIFY_SECONDS} s" if late else f"exit code {result.code}"
        trouble = lab.file(HOST, _TROUBLE)
        return not_yet(
            "The course's own script says that it is not done.",
            expected=f"{name} ends with exit code 0",
            seen="; ".join(filter(None, (ended, words, trouble))),
            look=f"docker exec {HOST} {interpreter('')} {SCRIPTS}/{name}",
        )


def unproven(text: str) -> Verdict:
    """What is said of a step that nothing judges: never that it is done.

    Args:
        text: the file of the course that the step comes from.
    """
    return not_yet(
        "Whether this is done cannot be proven: nobody has written a check for it yet.",
        expected="a check that looks at what the step should change",
        seen=f"{text} came without a verify script",
    )


def _machine_with_docker(lab: Lab, image: str, *, power: bool) -> None:
    """The machine, on the lab's own network and with its engine's socket."""
    from labrunner.engine.client import engine_errors
    from labrunner.engine.host import LABEL, ROLE

    shared = {path: {"bind": path, "mode": "rw"} for path in ("/root", "/tmp")}  # noqa: S108  the course's own
    with engine_errors(f"starting the machine {HOST}"):
        lab.client.containers.run(
            image,
            ["sleep", "infinity"],
            name=HOST,
            hostname=HOST,
            detach=True,
            network_mode="host",
            cap_add=["NET_ADMIN"] if power else None,
            labels={LABEL: lab.id, ROLE: "part"},
            volumes={"/run/docker.sock": {"bind": "/var/run/docker.sock", "mode": "rw"}, **shared},
        )


def _put(lab: Lab, files: Iterable[tuple[Path, str, int]]) -> None:
    _put_bytes(lab, [(source.read_bytes(), target, mode) for source, target, mode in files])


def _put_bytes(lab: Lab, files: list[tuple[bytes, str, int]]) -> None:
    """Files onto the machine, as root's."""
    from labrunner.engine.client import engine_errors

    made = lab.exec(HOST, ["mkdir", "-p", *_folders(target for _, target, _ in files)])
    if made.code:
        raise ScenarioError(f"no folder could be made on the machine: {made.err.strip()}")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for data, target, mode in files:
            member = tarfile.TarInfo(target.lstrip("/"))
            member.size, member.mode, member.mtime = len(data), mode, time.time()
            tar.addfile(member, io.BytesIO(data))
    with engine_errors(f"putting files onto {HOST}"):
        lab.client.api.put_archive(HOST, "/", archive.getvalue())


def _folders(targets: Iterable[str]) -> Iterator[str]:
    yield from sorted({str(PurePosixPath(target).parent) for target in targets})


def _last_words(result: Result) -> str:
    """The end of what a script printed, on one line."""
    ends = (output[-_READ_CHARS:] for output in (result.out, result.err))
    text = _ESCAPES.sub("", "\n".join(ends))
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    if not lines:
        return "it printed nothing"
    return "it printed: " + " | ".join(lines[-_LAST_LINES:])[-_LAST_CHARS:]
