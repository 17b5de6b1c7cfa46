"""A lab from the page: started, worked in, watched and ended; also by others at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import pytest

from labrunner.lock import holding
from tests import tiny
from tests.conftest import Lab, Snapshot
from tests.waiting import ends
from tests.web import pages
from tests.web.pages import PATIENCE, News, Page, end_of

pytestmark = pytest.mark.engine

MANY = 8
"""Pages that ask at the same time."""
OLD = 5.0
"""Seconds: longer than a measurement takes, whose age counts from its beginning."""


@pytest.fixture
def stopped(command: Lab, name: str) -> Iterator[str]:
    """The scenario, with no lab of it before and after."""
    yield name
    command("stop", name)


@pytest.fixture
def running(stopped: str, command: Lab) -> str:
    """The scenario, with a lab that was started by command."""
    command.ok("start", stopped)
    return stopped


def standing(page: Page, name: str) -> dict[str, Any] | None:
    """How a lab stands, as the catalogue has it."""
    labs = page.get("/api/catalogue")["labs"]
    found: dict[str, Any] | None = next(one["running"] for one in labs if one["name"] == name)
    return found


def is_about(kind: str, name: str) -> Callable[[dict[str, Any]], bool]:
    """Whether news are of a kind, and of a lab."""
    return lambda news: (news["kind"], news["lab"]) == (kind, name)


# --- from the beginning to the end --------------------------------------------------------


def test_a_lab_from_start_to_stop(page: Page, news: News, stopped: str, command: Lab) -> None:
    """Everything that a learner does can be done in the page, and each thing is told as it is."""
    assert standing(page, stopped) is None
    lab = page.get(f"/api/labs/{stopped}")
    assert lab["containers"] == [f"{stopped}-one"]
    assert f"{stopped}-one" in lab["plan"]["svg"]
    assert page.get(f"/api/labs/{stopped}/map")["state"] == "none"

    task = page.post(f"/api/labs/{stopped}/start", 202)["task"]
    heard = news.until(lambda m: m["kind"] == "done" and m["task"] == task)
    assert heard[-1]["error"] is None
    events = [(m["what"], m["name"], m["state"]) for m in heard if m["kind"] == "event"]
    assert ("container", f"{stopped}-one", "done") in events
    found = standing(page, stopped)
    assert found is not None
    assert (found["state"], found["step"], found["number"]) == ("running", "two", 1)
    assert f"{stopped}  on a sandbox host" in command.ok("status")

    checked = page.post(f"/api/labs/{stopped}/check", 200)
    assert checked["outcome"] == "not_yet"
    assert (checked["moved"], checked["following"]) == (False, "two")
    printed = command("check").stdout.splitlines()
    assert checked["said"] == printed

    hint = page.post(f"/api/labs/{stopped}/hint", 200)
    assert (hint["number"], hint["total"]) == (1, 2)
    assert "docker run" in hint["html"]
    assert page.get(f"/api/labs/{stopped}")["steps"][0]["hints"] == {
        "total": 2,
        "shown": [hint["html"]],
    }
    solution = page.get(f"/api/labs/{stopped}/solution")
    assert solution["commands"][0].startswith("docker run -d --name")
    assert "data-command=" in solution["html"]

    task = page.post(f"/api/labs/{stopped}/solve", 202)["task"]
    heard = news.until(lambda m: m["kind"] == "done" and m["task"] == task)
    assert heard[-1]["result"]["outcome"] == "passed"
    assert heard[-1]["result"]["typed"][0]["exit_code"] == 0
    assert [m for m in heard if m["kind"] == "output"]
    found = standing(page, stopped)
    assert found is not None
    assert (found["step"], found["passed"]) == (None, ["two"])

    task = page.post(f"/api/labs/{stopped}/reset", 202, step=False)["task"]
    assert news.done(task)["error"] is None
    again = standing(page, stopped)
    assert again is not None
    assert again["id"] != found["id"]
    assert again["step"] == "two"

    task = page.post(f"/api/labs/{stopped}/stop", 202)["task"]
    assert news.done(task)["error"] is None
    assert standing(page, stopped) is None
    assert "No lab is running" in command.ok("status")


def test_a_lab_that_runs_is_not_started_twice(page: Page, news: News, running: str) -> None:
    """A second start fails as it does for the command, and leaves the first alone."""
    task = page.post(f"/api/labs/{running}/start", 202)["task"]
    error = news.done(task)["error"]
    assert "already running" in error["message"]
    assert standing(page, running) is not None


def test_the_learners_language(page: Page, news: News, running: str, command: Lab) -> None:
    """The lesson, verdicts and errors are in the language that was chosen, here or by command."""
    assert "Start one." in page.get(f"/api/labs/{running}")["steps"][0]["html"]
    assert "Démarre" in page.get(f"/api/labs/{running}?lang=fr")["steps"][0]["html"]
    assert page.post(f"/api/labs/{running}/language", 200, language="fr") == {"language": "fr"}
    news.until(is_about("changed", running))
    assert "Démarre" in page.get(f"/api/labs/{running}")["steps"][0]["html"]
    checked = page.post(f"/api/labs/{running}/check", 200)
    printed = command("check")
    assert checked["said"] == printed.stdout.splitlines(), printed.stderr
    assert "pas encore" in checked["said"][0]
    assert page.get("/api/words?lang=fr")["words"]["passed"] == "réussi"


# --- called off, busy ---------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cancel", "stop"])
def test_a_start_that_is_called_off_undoes_itself(
    page: Page,
    news: News,
    name: str,
    shelf: Path,
    *,
    tmp_path: Path,
    engine: docker.DockerClient,
    how: str,
) -> None:
    """In the middle of it, everything that it made is removed, and the lab can be started."""
    slow, flag = f"{name}-{how}", tmp_path / "flag"
    tiny.write(shelf, slow, more=tiny.WAITING % {"flag": flag})
    task = page.post(f"/api/labs/{slow}/start", 202)["task"]
    news.until(lambda m: m["kind"] == "event" and m["what"] == "setup")
    assert page.get(f"/api/labs/{slow}")["tasks"][0]["act"] == "start"
    assert page.post(f"/api/labs/{slow}/{how}", 202)["task"] == task
    flag.touch()
    assert "called off" in news.done(task)["error"]["message"]
    assert standing(page, slow) is None
    assert not [c for c in engine.api.containers(all=True) if slow in str(c["Names"])]


def test_a_start_can_be_called_off_before_it_began(page: Page, news: News, stopped: str) -> None:
    """However early that is."""
    task = page.post(f"/api/labs/{stopped}/start", 202)["task"]
    page.post(f"/api/labs/{stopped}/cancel", 202)
    assert news.done(task)["error"] is not None
    assert standing(page, stopped) is None


def test_a_solution_that_is_called_off_is_killed(
    page: Page, news: News, command: Lab, name: str, shelf: Path
) -> None:
    """What was typed ends, with all that it started; the lab stays, and its step is not done."""
    slow = f"{name}-slow"
    tiny.write(shelf, slow, solution="$ echo be'gun'; sleep 98765")
    command.ok("start", slow)
    try:
        task = page.post(f"/api/labs/{slow}/solve", 202)["task"]
        news.until(lambda m: m["kind"] == "output" and m["line"] == "begun")
        page.post(f"/api/labs/{slow}/cancel", 202)
        assert "called off" in news.done(task)["error"]["message"]
        assert ends(lambda: b"sleep\x0098765\x00" not in commands(), PATIENCE)
        assert page.get(f"/api/labs/{slow}")["steps"][0]["attempts"] == 0
    finally:
        command.ok("stop", slow)


def commands() -> list[bytes]:
    """Everything that runs on this machine."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            found.append(line.read_bytes())
    return found


def test_whoever_is_at_work_on_a_lab_is_named(page: Page, command: Lab, running: str) -> None:
    """While a command holds a lab, the page is told by whom, as a second command would be."""
    with holding(command.state / "locks", running):
        for act in ("check", "solve", "stop", "reset"):
            said = page.post(f"/api/labs/{running}/{act}", 409)
            assert said["message"].startswith(f"{running} is busy")
        assert page.get(f"/api/labs/{running}")["standing"]["state"] == "running"


def test_one_thing_at_a_time(page: Page, news: News, running: str) -> None:
    """While the page does something to a lab, nothing else is begun on it."""
    task = page.post(f"/api/labs/{running}/reset", 202, step=True)["task"]
    said = page.post(f"/api/labs/{running}/check", 409)
    assert running in said["message"]
    assert page.post(f"/api/labs/{running}/solve", 409)["hint"]
    assert standing(page, running)
    assert news.done(task)["error"] is None


# --- others -------------------------------------------------------------------------------


def test_what_a_command_does_is_news(page: Page, news: News, stopped: str, command: Lab) -> None:
    """Starting, checking, hinting and stopping by command shows in the page by itself."""
    command.ok("start", stopped)
    news.until(is_about("map", stopped))
    command("check")
    assert ends(lambda: (standing(page, stopped) or {}).get("attempts") == 1, PATIENCE)
    news.until(is_about("changed", stopped))
    command.ok("hint")
    news.until(is_about("changed", stopped))
    assert len(page.get(f"/api/labs/{stopped}")["steps"][0]["hints"]["shown"]) == 1
    command.ok("stop", stopped)
    news.until(is_about("changed", stopped))
    assert ends(lambda: standing(page, stopped) is None, PATIENCE)


def test_a_lab_that_is_over_ends_its_terminals(page: Page, running: str, command: Lab) -> None:
    """When a lab was stopped, its terminals say so."""
    with page.socket(f"/ws/terminal?lab={running}&place=shell") as shell:
        with page.socket(f"/ws/terminal?lab={running}&place=host") as host:
            command.ok("stop", running)
            # its shell was killed with the sandbox: the last that is heard may be either
            assert end_of(host)[1] in {1000, 4410}
        assert end_of(shell)[1] == 4410
    assert page.get(f"/api/labs/{running}/terminals") == {"terminals": []}


def test_an_engine_that_dies_is_said_to_be_gone(
    page: Page, news: News, running: str, engine: docker.DockerClient
) -> None:
    """A lab whose engine was removed is gone, in so many words; the server and stop still work."""
    assert ends(lambda: (standing(page, running) or {}).get("engine") == "running", PATIENCE)
    outer = next(c for c in engine.containers.list() if running in str(c.name))
    outer.remove(force=True, v=True)
    news.until(is_about("changed", running))
    assert ends(lambda: (standing(page, running) or {}).get("state") == "gone", PATIENCE)
    said = page.post(f"/api/labs/{running}/check", 503)
    assert "lost" in said["message"]
    assert "lab reset --step" in said["hint"]
    assert page.get(f"/api/labs/{running}/map", 503)["message"]
    assert page.answers()
    task = page.post(f"/api/labs/{running}/stop", 202)["task"]
    assert news.done(task)["error"] is None


def test_the_first_look_waits_for_no_engine(package: Path, command: Lab, running: str) -> None:
    """Where no engine answers, the list, the lesson and where one is are there all the same."""
    env = {**command.env, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    with pages.serving(package, env) as page:
        found = standing(page, running)
        assert found is not None
        assert found["step"] == "two"
        assert page.get(f"/api/labs/{running}")["steps"][0]["id"] == "two"


# --- the map ------------------------------------------------------------------------------


def test_the_map_is_never_older_than_the_lab(page: Page, news: News, running: str) -> None:
    """It is measured once for many pages, and again when something has happened since."""
    news.until(is_about("map", running))
    first = page.get(f"/api/labs/{running}/map")
    assert first["state"] == "measured"
    assert f"{running}-one" in first["svg"]
    assert [row["source"] for row in first["table"]["rows"]] in ([f"{running}-one"], [])
    shell = page.terminal(running)
    shell.type(f"docker run -d --name {running}-two tools:1 sleep infinity; echo do'ne'\r")
    shell.until("done\r\n")
    assert ends(lambda: f"{running}-two" in page.get(f"/api/labs/{running}/map")["svg"], PATIENCE)
    settles(page, running)
    before = page.get(f"/api/labs/{running}/map")
    again = page.get(f"/api/labs/{running}/map?fresh=1")
    assert again["age"] < before["age"]
    assert any(f"{running}-two" in line for line in again["changes"])


def settles(page: Page, name: str) -> None:
    """Wait until nothing more happens in a lab: its map is older than any that is just made."""
    assert ends(lambda: page.get(f"/api/labs/{name}/map")["age"] > OLD, PATIENCE)


def test_what_happens_to_a_labs_own_container_is_measured(page: Page, running: str) -> None:
    """One that the lab was made with, too, and also where no network says anything of it."""
    assert ends(lambda: (standing(page, running) or {}).get("engine") == "running", PATIENCE)
    shell = page.terminal(running)
    shell.until("] ")
    settles(page, running)
    before = page.get(f"/api/labs/{running}/map")["age"]
    shell.type(f"docker pause {running}-one; echo do'ne'\r")
    shell.until("done\r\n")
    assert ends(lambda: page.get(f"/api/labs/{running}/map")["age"] < before, PATIENCE)


def test_what_has_changed_is_of_the_step(page: Page, running: str) -> None:
    """A step that is passed takes its changes along, though nothing happens on the engine then."""

    def changes() -> list[str]:
        found: list[str] = page.get(f"/api/labs/{running}/map")["changes"]
        return found

    shell = page.terminal(running)
    add = f"docker run -d --name {running}-two --network {running}-net tools:1 sleep infinity"
    shell.type(f"{add}; echo do'ne'\r")
    shell.until("done\r\n")
    assert ends(lambda: any(f"{running}-two" in line for line in changes()), PATIENCE)
    settles(page, running)
    assert changes() != []
    assert page.post(f"/api/labs/{running}/check", 200)["moved"]
    assert ends(lambda: changes() == [], PATIENCE)


def echoes(command: Lab, running: str) -> int:
    """How many echo requests have come to the first container; a measurement sends it one or two.

    Its kernel counts them, and to look makes no event on the lab's engine.
    """
    look = f"cat /proc/$(docker inspect -f '{{{{.State.Pid}}}}' {running}-one)/net/snmp"
    counted = command.ok("host", "--", "sh", "-c", look)
    names, values = (line.split() for line in counted.splitlines() if line.startswith("Icmp:"))
    return int(values[names.index("InEchos")])


def test_many_pages_measure_once(page: Page, running: str, command: Lab) -> None:
    """Pages that ask at the same time get one measurement, where the last is not true any more."""
    shell = page.terminal(running)
    add = f"docker run -d --name {running}-two --network {running}-net tools:1 sleep infinity"
    shell.type(f"{add}; echo do'ne'\r")
    shell.until("done\r\n")
    assert ends(lambda: f"{running}-two" in page.get(f"/api/labs/{running}/map")["svg"], PATIENCE)
    settles(page, running)
    before = echoes(command, running)
    assert before > 0
    with page.socket("/ws/news") as socket:
        shell.type("docker network create another\r")
        News(socket).until(is_about("map", running))
    with ThreadPoolExecutor(MANY) as threads:
        asked = [threads.submit(page.get, f"/api/labs/{running}/map") for _ in range(MANY)]
        assert {one.result(PATIENCE)["state"] for one in asked} == {"measured"}
    # once, and once more where an event came late
    assert 0 < echoes(command, running) - before < MANY


def test_a_lesson_with_scripts_is_harmless(page: Page, shelf: Path) -> None:
    """A lesson that somebody else wrote comes to the page without anything that acts."""
    attack = '<script>alert(1)</script> <img src=x onerror="alert(1)"> [x](javascript:alert(1))'
    tiny.write(shelf, "labs-evil", comment=attack)
    lab = page.get("/api/labs/labs-evil")
    assert "&lt;script&gt;" in lab["steps"][0]["html"]
    assert "<script" not in str(lab)
    assert "<img" not in str(lab)
    assert 'href="javascript' not in str(lab)


def test_nothing_is_left(
    command: Lab, stopped: str, snapshot: Callable[[str], Snapshot], page: Page, news: News
) -> None:
    """A lab that was started and stopped from the page leaves nothing on the engine."""
    task = page.post(f"/api/labs/{stopped}/start", 202, host="local")["task"]
    lab = news.done(task)["result"]["id"]
    assert any(snapshot(lab))
    with page.socket(f"/ws/terminal?lab={stopped}&place=host") as socket:
        assert isinstance(socket.recv(PATIENCE), str)
        socket.send(b"echo $((40 + 2))\r")
        heard = b""
        while b"42" not in heard:
            part = socket.recv(PATIENCE)
            assert isinstance(part, bytes)
            heard += part
    foreign = page.socket(f"/ws/terminal?lab={stopped}&place=container:none-of-ours")
    with foreign as socket:
        assert end_of(socket)[1] == 4404
    task = page.post(f"/api/labs/{stopped}/stop", 202)["task"]
    assert news.done(task)["error"] is None
    assert not any(snapshot(lab))
    assert "No lab is running" in command.ok("status")
