"""How soon a key that is typed in the page is seen, against the same through ``docker exec -it``.

    python -m bench.echo [--keys N]

All in one run, in the same container, echoed by the same program (the kernel's line discipline,
while ``cat`` reads). Three ways, each key timed by itself:

page
    A terminal of the page in the container: from the key press to the drawn letter.
docker exec in the same terminal
    The page's shell with ``docker exec -it`` in it, drawn by the same terminal.
docker exec on a bare pty
    A program writes a byte and reads it back; nothing is drawn.

Exit code 1 where the page takes more than `BOUND` times either.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pexpect

from tests.browser import ARGUMENTS, PATIENCE, chromium

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Page

SHOP = "unsegregated-shop"
CONTAINER = "gateway"
BOUND = 1.5
LINE = 40
"""Keys before a new line is begun."""

READ = "echo rea''dy; cat"
"""From its answer on, only what is typed is printed."""

LISTEN = """() => {
    const rows = document.querySelector('[role=tabpanel]:not([hidden]) .xterm-rows');
    const count = () => rows.textContent.split('x').length;
    let pressed = 0, before = 0;
    window.echoes = [];
    document.addEventListener('keydown', (event) => {
        if (event.key !== 'x') return;
        before = count();
        pressed = performance.now();
    }, true);
    new MutationObserver(() => {
        if (!pressed || count() <= before) return;
        window.echoes.push(performance.now() - pressed);
        pressed = 0;
    }).observe(rows, {childList: true, subtree: true, characterData: true});
}"""
SHOWS = """(text) => document.querySelector('[role=tabpanel]:not([hidden]) .xterm-rows')
    .textContent.includes(text)"""


class Typist:
    """Types in a terminal of the page, and reads the stop watch in it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def line(self, text: str, until: str) -> None:
        """Type a line, and wait for what it prints."""
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        self.page.wait_for_function(SHOWS, arg=until, timeout=PATIENCE)

    def measure(self, keys: int) -> float:
        """Median milliseconds from a key to its letter; ``cat`` reads what is typed."""
        self.line(READ, "ready")
        self.page.evaluate(LISTEN)
        for number in range(1, keys + 1):
            self.page.keyboard.press("x")
            self.page.wait_for_function("n => window.echoes.length >= n", arg=number)
            if number % LINE == 0:
                self.page.keyboard.press("Enter")
        self.page.keyboard.press("Control+c")
        return float(median(self.page.evaluate("() => window.echoes")))


def on_a_pty(env: Mapping[str, str], keys: int) -> float:
    """Median milliseconds of the same with nothing drawn."""
    argv = ["exec", "-it", CONTAINER, "sh"]
    child = pexpect.spawn("docker", argv, env={**os.environ, **env}, timeout=60, echo=False)
    child.delaybeforesend = None
    child.sendline(READ)
    child.expect_exact("ready\r\n")
    found = []
    for number in range(1, keys + 1):
        begun = time.perf_counter()
        child.send("x")
        child.expect_exact("x")
        found.append((time.perf_counter() - begun) * 1000)
        if number % LINE == 0:
            child.sendline()
            child.expect(r"\r\n.*\r\n")
    child.close(force=True)
    return median(found)


def in_the_page(address: str, keys: int) -> tuple[float, float]:
    """Milliseconds in a terminal of the page, and through ``docker exec`` in one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = running.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.goto(f"{page.url}?lab={SHOP}")
        typist = Typist(page)
        shell = page.get_by_role("tab").first
        shell.click()
        page.wait_for_function(SHOWS, arg=f"[{SHOP}", timeout=PATIENCE)
        page.locator("[role=tabpanel]:not([hidden]) textarea").focus()
        typist.line(f"docker exec -it {CONTAINER} sh", "#")
        theirs = typist.measure(keys)
        page.locator("summary", has_text="New").click()
        page.get_by_role("button", name=CONTAINER, exact=True).click()
        page.wait_for_function(SHOWS, arg="#", timeout=PATIENCE)
        page.locator("[role=tabpanel]:not([hidden]) textarea").focus()
        ours = typist.measure(keys)
        running.close()
    return ours, theirs


def main() -> int:
    """Measure, print, and say whether the bound holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100)
    keys = parser.parse_args().keys
    lab = [sys.executable, "-m", "labrunner"]
    with tempfile.TemporaryDirectory(prefix="labbench-") as folder:
        place = Path(folder)
        env = {"LABRUNNER_STATE": str(place / "state"), "LABRUNNER_RUNTIME": str(place / "run")}
        whole = {**os.environ, **env}

        def run(*arguments: str) -> str:
            done = subprocess.run(
                [*lab, *arguments], env=whole, check=True, capture_output=True, text=True
            )
            return done.stdout

        run("start", SHOP)
        try:
            shown = json.loads(run("open", "--no-browser", "--port", "0", "--json"))
            ours, same = in_the_page(shown["address"], keys)
            bare = on_a_pty(json.loads(run("env", "--json")), keys)
        finally:
            run("serve", "--stop")
            run("stop")
    print(f"a key in the page: {ours:.2f} ms")
    worst = 0
    for name, theirs in (("in the same terminal", same), ("on a bare pty", bare)):
        ratio = ours / theirs
        word = "holds" if ratio <= BOUND else "OVER"
        print(f"docker exec {name}: {theirs:.2f} ms, ratio {ratio:.2f} of {BOUND}  {word}")
        worst |= ratio > BOUND
    return worst


if __name__ == "__main__":
    sys.exit(main())
