"""``lab open`` and ``lab serve``: one server, found again, ended in order."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import Lab, lab_command, own_folders, own_lab
from tests.waiting import ends
from tests.web import pages
from tests.web.pages import INDEX, PATIENCE


@pytest.fixture
def lab(package: Path, tmp_path: Path) -> Iterator[Lab]:
    """The ``lab`` command of a labrunner that has a page; its server has ended afterwards."""
    with own_folders(tmp_path) as folders:
        env: Mapping[str, str] = {**folders, "PYTHONPATH": str(package), "PYTHONSAFEPATH": "1"}
        # it starts no labs, so there are none to stop
        command = own_lab(env)
        yield command
        if any(Path(folders["LABRUNNER_RUNTIME"]).glob("page-*.json")):
            command("serve", "--stop")


def served(address: str) -> bool:
    """Whether the page is there, at this address."""
    try:
        with httpx.Client(follow_redirects=True, timeout=PATIENCE) as browser:
            return browser.get(address.strip()).text == INDEX
    except httpx.TransportError:
        return False


def test_open_starts_a_server_and_finds_it_again(lab: Lab) -> None:
    """The first prints the address of a server that it started, the second the same."""
    address = lab.ok("open", "--no-browser")
    assert served(address)
    assert lab.ok("open", "--no-browser") == address
    found = json.loads(lab.ok("open", "--json"))
    assert found["address"] == address.strip()
    assert address.strip() in lab.ok("serve", "--status")
    assert json.loads(lab.ok("serve", "--status", "--json"))["pid"] == found["pid"]


def test_who_opens_at_once_opens_the_same(lab: Lab) -> None:
    """Of many commands at the same time one starts a server, and all have its address."""
    for _ in range(3):
        with ThreadPoolExecutor(4) as several:
            found = set(several.map(lambda _: lab.ok("open", "--no-browser"), range(4)))
        assert len(found) == 1
        assert served(found.pop())
        lab.ok("serve", "--stop")


def test_a_browser_is_opened_where_there_is_a_screen(lab: Lab, tmp_path: Path) -> None:
    """In a terminal with a display; and what it is started with does not have the token in it."""
    seen, browser = tmp_path / "seen", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >{seen}\n', encoding="utf-8")
    browser.chmod(0o700)
    env = {"DISPLAY": ":0", "BROWSER": f"{browser} %s"}
    address = lab.ok("open", env=env)
    assert not seen.exists()
    for options, opens in ((["--no-browser"], False), ([], True)):
        terminal, screen = os.openpty()
        subprocess.run(
            lab.argv("open", *options), env={**lab.env, **env}, stdout=screen, check=True
        )
        os.close(screen)
        os.close(terminal)
        assert seen.exists() is opens
    opened = seen.read_text("utf-8")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?ticket=[\w-]+\n", opened)
    assert address.strip().partition("token=")[2] not in opened
    assert served(opened)
    assert not served(opened)


def test_the_path_of_the_page_is_written_down_nowhere(lab: Lab) -> None:
    """Only the browser that came in has it: no log, no file and no program's arguments do."""
    found = json.loads(lab.ok("open", "--json"))
    with httpx.Client(follow_redirects=True, timeout=PATIENCE) as browser:
        base = browser.get(found["address"]).url
        for path in ("", "nothing", "%zz", "static/", "static/%00", "api/labs/x", "ws/news"):
            browser.get(base.join(path))
        browser.put(base.join("api/catalogue"), headers={"X-Labrunner": "1"})
        cookie = "; ".join(f"{key}={value}" for key, value in browser.cookies.items())
    lines = (f"Host: {base.netloc.decode()}", f"Cookie: {cookie}", "Upgrade: websocket", "", "")
    for first in (f"GET {base.path}", f"GET {base.path}ws/news HTTP/1.1", f"x {base.path}\0"):
        with socket.create_connection((found["bind"], found["port"]), PATIENCE) as raw:
            raw.sendall("\r\n".join([first, *lines]).encode())
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(4096):
                pass
    process = Path("/proc") / str(found["pid"])
    texts = {name: (process / name).read_bytes() for name in ("cmdline", "environ")}
    lab.ok("serve", "--stop")
    for variable in ("LABRUNNER_STATE", "LABRUNNER_RUNTIME"):
        for file in Path(lab.env[variable]).rglob("*"):
            if file.is_file():
                texts[file.name] = file.read_bytes()
    assert texts["page.log"]  # it did say something
    secret = base.path.split("/")[2].encode()
    assert [name for name, text in texts.items() if secret in text] == []


def test_stop_ends_it(lab: Lab) -> None:
    """After ``--stop`` nothing answers there, and a new server has a new address."""
    address = lab.ok("open", "--no-browser")
    assert "labs stay" in lab.ok("serve", "--stop")
    assert not served(address)
    assert lab("serve", "--status").returncode == 1
    assert "No page" in lab.ok("serve", "--stop")
    again = lab.ok("open", "--no-browser")
    assert again != address
    assert served(again)


def test_a_server_that_was_killed_is_not_found(lab: Lab) -> None:
    """What a server left that had no time to clear up misleads nobody."""
    address = lab.ok("open", "--no-browser")
    pid = json.loads(lab.ok("serve", "--status", "--json"))["pid"]
    os.kill(pid, signal.SIGKILL)
    assert ends(lambda: not served(address), PATIENCE)
    assert served(lab.ok("open", "--no-browser"))


@contextmanager
def in_the_foreground(lab: Lab, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A server as it is typed, at any port."""
    server = subprocess.Popen(
        lab.argv("serve", "--port", "0", *options),
        env=lab.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with server:
        try:
            yield server
        finally:
            server.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_in_the_foreground_a_signal_ends_it_in_order(lab: Lab, number: signal.Signals) -> None:
    """It prints where it is, and on Ctrl-C it ends with success."""
    with in_the_foreground(lab) as server:
        assert server.stdout is not None
        address = server.stdout.readline()
        assert served(address)
        server.send_signal(number)
        assert server.wait(PATIENCE) == 0
    assert not served(address)
    assert lab("serve", "--status").returncode == 1


def test_there_is_one_server(lab: Lab) -> None:
    """A second one says where the first is, and what ends it."""
    address = lab.ok("open", "--no-browser").strip()
    second = lab("serve", "--port", "0")
    assert second.returncode == 4
    assert address in second.stderr
    assert "lab serve --stop" in second.stderr
    assert served(address)


def test_a_server_of_another_version_is_named(lab: Lab) -> None:
    """After an upgrade, the page that still runs says of what version it is."""
    lab.ok("open", "--no-browser")
    file = next(Path(lab.env["LABRUNNER_RUNTIME"]).glob("page-*.json"))
    found = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**found, "version": "0.0.0"}), encoding="utf-8")
    opened = lab("open", "--no-browser")
    assert opened.returncode == 0
    assert "labrunner 0.0.0" in opened.stderr


def test_a_port_that_is_taken(lab: Lab) -> None:
    """A port that was asked for is that one or none; without, another is found."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for command in (("open", "--no-browser"), ("serve",)):
            refused = lab(*command, "--port", port)
            assert refused.returncode == 3
            assert "in use" in refused.stderr
            assert "--port" in refused.stderr
    assert served(lab.ok("open", "--no-browser"))


def test_beyond_this_machine_only_with_a_warning(lab: Lab) -> None:
    """Who binds to more than loopback is told what that means; by default nobody does."""
    assert "127.0.0.1" in lab.ok("open", "--no-browser")
    lab.ok("serve", "--stop")
    with in_the_foreground(lab, "--bind", "0.0.0.0") as server:  # noqa: S104  that is the point
        assert server.stdout is not None
        address = server.stdout.readline()
        assert served(address)
        foreign = httpx.get(address.strip(), headers={"Host": "evil.example"})
        assert foreign.status_code == 403
        server.send_signal(signal.SIGINT)
        _, warned = server.communicate(timeout=PATIENCE)
    assert "not encrypted" in " ".join(warned.split())


def test_a_page_that_was_not_built(package: Path, tmp_path: Path) -> None:
    """In a checkout without the built page both commands say how to build it."""
    shutil.copytree(package, tmp_path / "bare", ignore=shutil.ignore_patterns("static"))
    with own_folders(tmp_path) as folders:
        env = {**folders, "PYTHONPATH": str(tmp_path / "bare"), "PYTHONSAFEPATH": "1"}
        with lab_command(env) as bare:
            for command in (("open",), ("serve",), ("serve", "--port", "0")):
                refused = bare(*command)
                assert refused.returncode == 3
                assert "make page" in refused.stderr
            assert bare("serve", "--status").returncode == 1
    with pages.serving(tmp_path / "bare", bare.env) as page:
        found = page.http.get("/")
        assert found.status_code == 503
        assert "make page" in found.text


def test_what_is_never_answered_keeps_no_server() -> None:
    """A thread in which somebody waits for ever does not keep the program from ending."""
    code = """
import asyncio, threading
from labrunner.web.threads import Threads

async def ask() -> None:
    threads = Threads()
    works = (threads.reading, threads.asking, threads.ending)
    begun, never = threading.Semaphore(0), threading.Event()
    job = lambda: (begun.release(), never.wait())
    waiting = [asyncio.ensure_future(work(job)) for work in works]
    for _ in works:
        await threads.asking(begun.acquire)
    assert not any(one.done() for one in waiting)

asyncio.run(ask())
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)


def test_no_other_command_pays_for_the_server() -> None:
    """What the server is made of is loaded by the server alone."""
    heavy = "{'starlette', 'uvicorn', 'websockets', 'asyncio', 'nh3'}"
    code = f"import sys; import labrunner.cli.app; sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
