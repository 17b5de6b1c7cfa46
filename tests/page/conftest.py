"""One server with small labs for all of these tests, and pages that must not complain."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests import tiny
from tests.browser import PATIENCE
from tests.conftest import Lab, lab_command, own_folders

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STATIC = Path(__file__).parents[2] / "labrunner" / "web" / "static"
LABS = ("page-work", "page-read", "page-dies")
"""One to be started and ended by a test, one that runs all the time, one that dies."""
SLOW = "page-slow"
"""A lab whose start waits for a file."""

GONE = """
@scenario.check("gone")
def gone(lab):
    if lab.container("%(name)s-two") is not None:
        return not_yet("There is still a %(name)s-two.", expected="none", seen="one")
    return passed("%(name)s-two is gone")
"""
GONE_STEP = """
## It goes again {#gone}

Remove it.

::: hint
`docker rm`
:::

::: solution
```console
$ docker rm -f %(name)s-two
```
:::

::: trap "There is still"
```console
$ docker stop -t 0 %(name)s-two
```
:::
"""


@dataclass(frozen=True)
class Served:
    """A server, and the command with the same state.

    Attributes:
        lab: the command.
        address: what opens the page, with the token.
        base: where the page is then.
        flag: the file that the slow lab's start waits for.
    """

    lab: Lab
    address: str
    base: str
    flag: Path

    def running(self, name: str) -> bool:
        """Whether a lab runs."""
        return any(row["scenario"] == name for row in json.loads(self.lab.ok("status", "--json")))

    def fresh(self, name: str) -> None:
        """The lab runs, and nothing was done in it."""
        if self.running(name):
            self.lab.ok("reset", "--lab", name)
        else:
            self.lab.ok("start", name)


def page_at(address: str) -> str:
    """Where a browser is led that opens an address."""
    found = httpx.get(address, timeout=PATIENCE / 1000)
    return str(found.url.join(found.headers["location"]))


def write(shelf: Path, name: str, more: str = "") -> None:
    """A lab of two steps, in English and in French."""
    words = {"name": name}
    folder = tiny.write(shelf, name, more=GONE % words + more, later=GONE_STEP % words)
    english = folder / "content" / "lesson.md"
    french = english.read_text("utf-8")
    for said, told in (
        ("title: Tiny", "title: Minuscule"),
        ("One container, and a second.", "Un conteneur, puis un autre."),
        ("A lab for tests.", "Un labo pour les essais."),
        ("A second container", "Un autre conteneur"),
        ("Start one.", "Démarres-en un."),
        ("It goes again", "Il s'en va"),
    ):
        assert said in french
        french = french.replace(said, told)
    (folder / "content" / "lesson.fr.md").write_text(french, "utf-8")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server, until the last test has ended."""
    if not (STATIC / "index.html").is_file():
        pytest.fail("the page was not built: tools/page builds it")
    place = tmp_path_factory.mktemp("page")
    shelf = place / "shelf"
    for name in LABS:
        write(shelf, name)
    flag = place / "flag"
    write(shelf, SLOW, tiny.WAITING % {"flag": flag})
    with own_folders(place) as folders:
        env = {**folders, "LABRUNNER_SCENARIOS": str(shelf)}
        with lab_command(env) as lab:
            running = json.loads(lab.ok("open", "--no-browser", "--port", "0", "--json"))
            yield Served(lab, running["address"], page_at(running["address"]), flag)
            lab.ok("serve", "--stop")


@pytest.fixture(scope="session")
def nowhere(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of the same labs, where no engine answers."""
    place = tmp_path_factory.mktemp("nowhere")
    with own_folders(place) as folders:
        shelf = served.lab.env["LABRUNNER_SCENARIOS"]
        env = {
            **folders,
            "LABRUNNER_SCENARIOS": shelf,
            "DOCKER_HOST": "unix:///nowhere/docker.sock",
        }
        with lab_command(env) as lab:
            running = json.loads(lab.ok("open", "--no-browser", "--port", "0", "--json"))
            yield Served(lab, running["address"], page_at(running["address"]), served.flag)
            lab.ok("serve", "--stop")


@pytest.fixture
def opened(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Opens pages; at the end none of them may have complained on its console."""
    from playwright.sync_api import ConsoleMessage

    complaints: list[str] = []
    contexts = []

    def hear(message: ConsoleMessage) -> None:
        # what was not to be had is the page's to show; tests that pull a cable expect it
        if message.type in {"error", "warning"} and "Failed to load" not in message.text:
            complaints.append(message.text)

    def make(path: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(served.address)
        if path:
            page.goto(served.base + path)
        return page

    yield make
    for context in contexts:
        context.close()
    # a socket that a pulled cable or an ended server breaks is reported by the browser itself
    assert [said for said in complaints if "WebSocket connection" not in said] == []
