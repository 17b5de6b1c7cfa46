"""Terminals in a page: all bytes, at once, kept while pages come and go, and never out of hand."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from labrunner.errors import BusyError
from labrunner.lock import holding
from tests.conftest import Lab
from tests.waiting import ends
from tests.web.conftest import Serving
from tests.web.pages import PATIENCE, Page, Terminal, end_of

pytestmark = pytest.mark.engine

MEGA = 1_000_000


@pytest.fixture(scope="module")
def running(command: Lab, name: str) -> str:
    """A lab in a sandbox, for the whole file."""
    command.ok("start", name)
    return name


@pytest.fixture
def shell(page: Page, running: str) -> Iterator[Terminal]:
    """A shell of the lab, ready to be typed into; it has ended when the test has."""
    terminal = page.terminal(running, columns=100, rows=30)
    terminal.until("] #" if os.getuid() == 0 else "] $")
    yield terminal
    end(page, running, terminal.first["session"])


def end(page: Page, running: str, session: str) -> None:
    """End a shell, whatever a test has left it in."""
    if session in sessions(page, running):
        terminal = page.terminal(running, session=session)
        terminal.type("\x03\x03\rexit\r")
        terminal.last()


def sessions(page: Page, running: str) -> list[str]:
    """The terminals of a lab."""
    rows = page.get(f"/api/labs/{running}/terminals")["terminals"]
    return [row["session"] for row in rows]


def number(printed: bytes, mark: str) -> int:
    """A number that was printed after a mark."""
    found = re.search(mark.encode() + rb"(\d+)", printed)
    assert found is not None, printed
    return int(found[1])


def pid(terminal: Terminal) -> int:
    """The process id of a shell."""
    terminal.type("echo my-'pid='$$.\r")
    return number(terminal.until(lambda printed: re.search(rb"my-pid=\d+\.", printed)), "my-pid=")


# --- what a terminal does -----------------------------------------------------------------


def test_the_shell_is_the_labs(shell: Terminal, running: str) -> None:
    """In it ``docker`` means the lab, the prompt says where one is, and it is a terminal."""
    shell.type("docker ps --format 'seen-{{.Names}}'; tty; echo $TERM; lab status | head -1\r")
    prompt, status = f"[{running} 1/1]".encode(), f"{running}  on a sandbox host".encode()
    found = shell.until(lambda printed: status in printed and printed.rfind(prompt) > 100)
    printed = found.decode()
    assert f"seen-{running}-one" in printed
    assert "/dev/" in printed
    assert "xterm-256color" in printed


def test_its_window_has_a_size(shell: Terminal) -> None:
    """Programs see the size that the page has, from the beginning and when it changes."""
    shell.type("stty size\r")
    shell.until("30 100")
    shell.tell(resize=[123, 45])
    shell.type("stty size\r")
    shell.until("45 123")


@pytest.mark.parametrize("place", ["host", "container"])
def test_host_and_containers_have_terminals(page: Page, running: str, place: str) -> None:
    """A terminal in the sandbox and one in a container: echo, size, resize, the end."""
    where = "host" if place == "host" else f"container:{running}-one"
    terminal = page.terminal(running, where, columns=101, rows=31)
    terminal.type("echo so-'it'-echoes; stty size\r")
    terminal.until(lambda printed: b"so-it-echoes" in printed and b"31 101" in printed)
    terminal.tell(resize=[77, 33])
    # the engine is asked for that: programs see it a moment later
    terminal.type("until stty size | grep '33 77'; do sleep 0.1; done; tty; id -u; hostname\r")
    printed = terminal.until(lambda printed: printed.count(b"\n") > 4)
    assert b"33 77" in printed
    terminal.type("exit 7\r")
    said, code, _ = terminal.last()
    assert (said, code) == ({"ended": 7, "why": ""}, 1000)
    terminal.close()


def test_it_says_how_it_ended(page: Page, running: str) -> None:
    """The exit code of a shell is the last that the page hears, after all that it printed."""
    terminal = page.terminal(running)
    terminal.type("seq 20000; echo the-'last'; exit 5\r")
    said, code, _ = terminal.last()
    assert (said, code) == ({"ended": 5, "why": ""}, 1000)
    assert b"20000\r\n" in terminal.printed
    assert b"the-last" in terminal.printed
    assert terminal.first["session"] not in sessions(page, running)


# --- pages come and go --------------------------------------------------------------------


def test_a_page_that_comes_back_sees_it_again(page: Page, running: str, shell: Terminal) -> None:
    """A reload keeps the shell, what it printed, and what it does meanwhile."""
    mine = pid(shell)
    session = shell.first["session"]
    shell.type("echo before-'the'-reload; read x; echo mean'while'\r")
    shell.until("before-the-reload")
    shell.type("go\r")
    shell.close()
    rows = page.get(f"/api/labs/{running}/terminals")["terminals"]
    assert {"session": session, "place": "shell", "title": "shell"} in rows
    again = page.terminal(running, session=session, columns=80, rows=24)
    assert again.first["session"] == session
    assert again.first["again"] is True
    assert again.first["replay"] > 0
    again.until(lambda printed: b"before-the-reload" in printed and b"meanwhile" in printed)
    assert pid(again) == mine
    again.type("stty size\r")
    again.until("24 80")
    again.close()


def test_what_is_seen_again_is_bounded(page: Page, running: str, shell: Terminal) -> None:
    """Of a long output the end is kept, whole lines of it."""
    shell.type("seq -f 'number-%08.0f-' 100000; echo all-'there'\r")
    shell.until("all-there")
    session = shell.first["session"]
    shell.close()
    again = page.terminal(running, session=session)
    printed = again.until("all-there")
    assert 100_000 < again.first["replay"] <= 256 * 1024
    assert printed.startswith(b"number-")
    again.close()


def test_one_page_at_a_time(page: Page, running: str, shell: Terminal) -> None:
    """Whoever opens a terminal has it; the page that had it is told, and does not end it."""
    mine = pid(shell)
    other = page.terminal(running, session=shell.first["session"])
    assert shell.last()[1] == 4409
    other.until("my-pid=")
    assert pid(other) == mine
    other.close()


def test_a_terminal_of_another_lab_is_not_found(page: Page, shell: Terminal) -> None:
    """A session belongs to its lab."""
    query = f"lab=other&session={shell.first['session']}"
    with page.socket(f"/ws/terminal?{query}") as socket:
        assert end_of(socket)[1] == 4404


# --- floods, pastes, garbage --------------------------------------------------------------


def test_a_flood_leaves_memory_flat_and_can_be_ended(page: Page, shell: Terminal) -> None:
    """``yes`` is slowed down to what the page reads; Ctrl-C ends it, at once in the stream."""
    before = page.memory()
    shell.type("yes a-flood-of-words\r")
    most, read, begun = 0, 0, time.monotonic()
    while read < 200 * MEGA and time.monotonic() - begun < 10:
        read += len(shell.until(lambda printed: len(printed) > MEGA))
        most = max(most, page.memory())
    assert page.answers()
    shell.type("\x03echo it-'has'-ended\r")
    shell.until("it-has-ended")
    assert read > MEGA
    assert most - before < 100 * MEGA


def test_a_page_that_does_not_read_stops_the_program(page: Page, shell: Terminal) -> None:
    """What is not said to be seen is not sent for ever, and what is typed arrives all the same."""
    shell.type("yes a-flood-of-words\r")
    shell.until(lambda printed: len(printed) >= 512 * 1024, see=False)
    before = page.memory()
    heard = 0
    with contextlib.suppress(TimeoutError):
        while True:
            heard += len(shell.socket.recv(1))
    assert heard < MEGA
    assert page.answers()
    assert page.memory() - before < 50 * MEGA
    shell.type("\x03echo it-'has'-ended\r")
    shell.tell(seen=512 * 1024 + heard)
    shell.until("it-has-ended")


def test_a_flood_that_nobody_sees_can_be_ended(page: Page, running: str, shell: Terminal) -> None:
    """Without a page it goes on, slowly, and the next page can end it."""
    shell.type("yes a-flood-of-words\r")
    shell.until("a-flood-of-words\r\n")
    session = shell.first["session"]
    shell.close()
    before = page.memory()
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        assert page.answers()
    assert page.memory() - before < 50 * MEGA
    again = page.terminal(running, session=session)
    again.type("\x03echo it-'has'-ended\r")
    again.until("it-has-ended")
    again.close()


def test_a_huge_paste_arrives_whole(
    page: Page, shell: Terminal, running: str, tmp_path: Path
) -> None:
    """Four megabytes are typed as fast as the program reads; the server serves others meanwhile."""
    target = tmp_path / "pasted"
    shell.type(
        f"stty raw -echo; echo rea'dy'; head -c {4 * MEGA} >{target}; stty sane; echo do'ne'\r"
    )
    shell.until("ready")
    for start in range(0, 4 * MEGA, 500_000):
        shell.type(b"%07d," % start * (500_000 // 8))
        assert page.get(f"/api/labs/{running}")["name"] == running
    shell.until("done")
    assert target.stat().st_size == 4 * MEGA
    wanted = b"".join(b"%07d," % start * (500_000 // 8) for start in range(0, 4 * MEGA, 500_000))
    assert target.read_bytes() == wanted


def test_what_nobody_reads_is_not_kept_for_ever(page: Page, running: str) -> None:
    """A program that reads nothing ends the paste, not the server's memory."""
    terminal = page.terminal(running)
    terminal.type("stty raw -echo; echo rea'dy'; sleep 1000\r")
    terminal.until("ready")
    before = page.memory()
    with contextlib.suppress(ConnectionClosed):
        for _ in range(40):
            terminal.type(b"x" * MEGA)
    assert terminal.last()[1] == 1009
    assert page.memory() - before < 100 * MEGA
    assert page.answers()


def test_a_message_that_is_too_large_is_refused(page: Page, shell: Terminal) -> None:
    """A message of more than a megabyte ends the socket, and the server lives on."""
    with contextlib.suppress(ConnectionClosed):
        shell.type(b"x" * (2 * 1024 * 1024))
    # what was still on its way resets the connection, and may take the reason with it
    assert shell.last()[1] in {1006, 1009}
    assert page.answers()


@pytest.mark.parametrize(
    "garbage",
    ["x", "{}", '{"resize": 1}', '{"resize": [0, 0]}', '{"resize": ["a", 1]}', '{"seen": "many"}'],
)
def test_garbage_ends_the_socket_and_not_the_shell(
    page: Page, running: str, shell: Terminal, garbage: str
) -> None:
    """What is no message of a page's ends its socket; the shell is there for the next page."""
    mine = pid(shell)
    shell.type(garbage.encode())
    shell.socket.send(garbage)
    assert shell.last()[1] == 1003
    again = page.terminal(running, session=shell.first["session"])
    again.type("\x03")
    assert pid(again) == mine
    again.close()


# --- where no terminal is -----------------------------------------------------------------


def test_a_container_of_another_engine_is_out_of_reach(
    page: Page, running: str, engine: docker.DockerClient
) -> None:
    """In a terminal one comes to the lab's containers, and to no other on the machine."""
    outer = next(c for c in engine.containers.list() if running in str(c.name))
    for name in (outer.name, outer.id, f"{running}-on", f"{running}-two"):
        with page.socket(f"/ws/terminal?lab={running}&place=container:{name}") as socket:
            assert end_of(socket)[1] == 4404


def test_there_is_an_end_to_terminals(serving: Serving, running: str) -> None:
    """One too many is refused with its reason; where one has ended there is room again."""
    with serving(terminals=2) as page:
        first, _ = page.terminal(running), page.terminal(running)
        with page.socket(f"/ws/terminal?lab={running}&place=shell") as socket:
            heard, code, reason = end_of(socket)
        assert code == 1013
        assert "2 terminals" in reason
        assert "2 terminals" in str(heard)
        first.type("exit\r")
        first.last()
        page.terminal(running).until("] ")


def test_what_nobody_uses_is_ended(serving: Serving, running: str) -> None:
    """A terminal in which nothing happens is closed, and so is one that no page looks at."""
    with serving(idle=3) as page:
        terminal = page.terminal(running)
        said, code, reason = terminal.last()
        assert code == 4408
        assert said == {"ended": None, "why": reason}
        assert sessions(page, running) == []
    with serving(alone=1) as page:
        page.terminal(running).close()
        assert ends(lambda: sessions(page, running) == [], PATIENCE)
        assert page.terminal(running).first["again"] is False


def test_the_servers_end_ends_shells_and_no_lab(
    serving: Serving, running: str, command: Lab
) -> None:
    """When the server ends, its shells and what runs in them are gone; the lab is as it was."""
    with serving() as page:
        shell = page.terminal(running)
        mine = pid(shell)
        shell.type("trap '' HUP; sleep 1234 & echo other-'pid='$!.\r")
        printed = shell.until(lambda printed: re.search(rb"other-pid=\d+\.", printed))
        other = number(printed, "other-pid=")
        inside = page.terminal(running, f"container:{running}-one")
        inside.type("exec sleep 4321\r")
        inside.until("4321\r\n")
    for one in (mine, other):
        assert ends(lambda one=one: not Path(f"/proc/{one}").exists(), PATIENCE)  # type: ignore[misc]
    assert "4321" not in command.ok("host", "--lab", running, "--", "ps", "-eo", "args")
    assert f"{running}  on a sandbox host" in command.ok("status")


def is_held(command: Lab, lab: str) -> bool:
    """Whether somebody is at work on a lab."""
    try:
        with holding(command.state / "locks", lab, patience=0):
            return False
    except BusyError:
        return True


def test_an_engine_that_does_not_answer_keeps_no_server(
    serving: Serving, running: str, command: Lab, engine: docker.DockerClient
) -> None:
    """The server ends though terminals, a check and a map wait for an engine that is frozen."""
    lab = json.loads(command.ok("status", "--json"))[0]["lab"]
    (box,) = engine.containers.list(filters={"label": f"labrunner.lab={lab}"})
    with contextlib.ExitStack() as thaw:
        with serving() as page:
            shell = page.terminal(running)
            mine = pid(shell)
            shell.type("trap '' HUP TERM; echo deaf-'now'\r")
            shell.until("deaf-now")
            for place in ("host", f"container:{running}-one"):
                page.terminal(running, place).until(lambda printed: b"#" in printed)
            box.pause()
            thaw.callback(box.unpause)
            headers = {"X-Labrunner": "1", "Origin": page.origin}
            for method, path in (("POST", "check"), ("GET", "map?fresh=1")):
                url = f"{page.base}/api/labs/{running}/{path}"
                sent = {"headers": headers, "cookies": dict(page.http.cookies)}
                asked = threading.Thread(target=ask, args=(method, url), kwargs=sent)
                thaw.callback(asked.join)
                asked.start()
            assert ends(lambda: is_held(command, running), PATIENCE)
        assert ends(lambda: not Path(f"/proc/{mine}").exists(), PATIENCE)
    assert f"{running}  on a sandbox host" in command.ok("status")


def ask(method: str, url: str, **sent: Any) -> None:
    """Ask a server that may end before it answers."""
    with contextlib.suppress(httpx.TransportError):
        httpx.request(method, url, timeout=PATIENCE, **sent)


def test_a_reset_typed_in_the_page_keeps_its_shell(running: str, shell: Terminal) -> None:
    """The shell outlives the lab that is made anew, and means the new one."""
    mine = pid(shell)
    shell.type(f"lab reset --lab {running}; echo reset-'ended'-$?.\r")
    shell.until("reset-ended-0.")
    shell.type("docker ps --format 'seen-{{.Names}}'\r")
    shell.until(f"seen-{running}-one")
    assert pid(shell) == mine
