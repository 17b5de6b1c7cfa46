"""What every test may ask for: a state of its own, the ``lab`` command, a real engine."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import browser

if TYPE_CHECKING:
    import docker

__all__ = ["browser"]  # one for all that drive one: two at once are refused

TIMEOUT = 300

collect_ignore = ["example_plugin"]
"""Its tests are those of an author, and need its package to be found; test_testing.py runs them."""


@dataclass(frozen=True)
class Lab:
    """The ``lab`` command with a state of its own, as a learner would type it.

    Attributes:
        state: the state directory.
        env: the environment of every call.
    """

    state: Path
    env: Mapping[str, str]

    def argv(self, *arguments: str) -> list[str]:
        """The command as an argument vector."""
        return [sys.executable, "-m", "labrunner", *arguments]

    def __call__(
        self, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = TIMEOUT
    ) -> subprocess.CompletedProcess[str]:
        """Run it without a terminal and give what it printed."""
        return subprocess.run(
            self.argv(*arguments),
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def ok(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run it, insist on exit code 0, and give its standard output."""
        done = self(*arguments, env=env)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


@contextmanager
def own_folders(place: Path) -> Iterator[Mapping[str, str]]:
    """Environment variables for a state and a runtime folder that nobody else uses."""
    runtime = Path("/tmp") / f"labtest-{secrets.token_hex(4)}"
    yield {
        "LABRUNNER_STATE": str(place / "state"),
        "LABRUNNER_RUNTIME": str(runtime),
        "XDG_CACHE_HOME": str(place / "cache"),
    }
    shutil.rmtree(runtime, ignore_errors=True)


def own_lab(folders: Mapping[str, str]) -> Lab:
    """The ``lab`` command with these folders, and nothing of the person who runs the tests."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LABRUNNER_")}
    return Lab(Path(folders["LABRUNNER_STATE"]), {**kept, **folders, "COLUMNS": "80"})


@contextmanager
def lab_command(folders: Mapping[str, str]) -> Iterator[Lab]:
    """The ``lab`` command; whatever it left running is stopped at the end."""
    command = own_lab(folders)
    yield command
    if _has_labs(command.state / "labs.db"):
        command("stop", "--all")


def _has_labs(path: Path) -> bool:
    """Whether a store knows of labs; to ask it costs less than a command that finds none."""
    from labrunner.errors import LabError
    from labrunner.store import Store

    if not path.exists():
        return False
    try:
        store = Store(path)
        found = bool(store.labs())
        store.close()
    except LabError:
        return True
    return found


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """Environment variables for a state and a runtime folder of the test's own."""
    with own_folders(tmp_path) as found:
        yield found


@pytest.fixture
def lab(folders: Mapping[str, str]) -> Iterator[Lab]:
    """The ``lab`` command with a state of the test's own."""
    with lab_command(folders) as command:
        yield command


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The real engine that the tests run on."""
    from labrunner.engine.client import connect

    client = connect()
    yield client
    client.close()


Snapshot = tuple[frozenset[str], frozenset[str], frozenset[str]]


@pytest.fixture
def snapshot(engine: docker.DockerClient) -> Callable[[str], Snapshot]:
    """What the engine has of a lab: names of containers, networks and volumes by label."""

    def look(lab_id: str) -> Snapshot:
        label = {"label": f"labrunner.lab={lab_id}"}
        api = engine.api
        return (
            frozenset(c["Names"][0] for c in api.containers(all=True, filters=label)),
            frozenset(n["Name"] for n in api.networks(filters=label)),
            frozenset(v["Name"] for v in api.volumes(filters=label)["Volumes"] or ()),
        )

    return look
