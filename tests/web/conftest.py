"""A server for each file of tests, with a lab that is there for them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from tests import tiny
from tests.conftest import Lab, lab_command, own_folders
from tests.web import pages
from tests.web.pages import News, Page

Serving = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labrunner with a page that was not built by anything."""
    return pages.copy(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def name(request: pytest.FixtureRequest) -> str:
    """A scenario of this file's own: what it makes on the engine has its name."""
    return str(request.module.__name__).rpartition("_")[2] + "-web"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    """A folder with that scenario, in two languages."""
    folder = tmp_path_factory.mktemp("shelf")
    written = tiny.write(folder, name)
    english = (written / "content" / "lesson.md").read_text("utf-8")
    french = english.replace("Start one.", "Démarre-en un.")
    (written / "content" / "lesson.fr.md").write_text(french, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def env(
    tmp_path_factory: pytest.TempPathFactory, package: Path, shelf: Path
) -> Iterator[Mapping[str, str]]:
    """The environment of everything in this file."""
    home = tmp_path_factory.mktemp("home")
    with own_folders(home) as folders:
        # nobody's .bashrc: what it does when it is killed half-way would be ours
        own = {"HOME": str(home), "SHELL": "/bin/bash", "LABRUNNER_SCENARIOS": str(shelf)}
        # the command is of the same labrunner as the server
        yield {**folders, **own, "PYTHONPATH": str(package), "PYTHONSAFEPATH": "1"}


@pytest.fixture(scope="module")
def command(env: Mapping[str, str]) -> Iterator[Lab]:
    """The ``lab`` command on the same state."""
    with lab_command(env) as found:
        yield found


@pytest.fixture(scope="module")
def serving(package: Path, command: Lab) -> Serving:
    """Makes a server with the limits that a test wants."""
    return partial(pages.serving, package, command.env)


@pytest.fixture(scope="module")
def page(serving: Serving) -> Iterator[Page]:
    """The file's server."""
    with serving(another=False) as found:
        yield found


@pytest.fixture
def news(page: Page) -> Iterator[News]:
    """A page that listens from now on."""
    with page.socket("/ws/news") as socket:
        yield News(socket)
