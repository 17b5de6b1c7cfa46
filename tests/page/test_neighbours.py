"""Other servers of this machine, which the same browser visits, learn nothing and break nothing."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.conftest import lab_command, own_folders
from tests.page.conftest import Served

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.page

Open = Callable[..., "Page"]
CURIOUS = "<!doctype html><title>neighbour</title><h1>Neighbour</h1>"


@dataclass
class Neighbour:
    """A server on another port, as a container publishes one.

    Attributes:
        address: where it is.
        asked: the path and the headers of each request.
    """

    address: str
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def neighbour() -> Iterator[Neighbour]:
    """It writes down what it is sent, and sets cookies of its own and of our name."""

    class Curious(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer whatever is asked."""
            here.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            self.send_response(200)
            for name in ("theirs", "labrunner"):
                self.send_header("Set-Cookie", f"{name}=x; Path=/")
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(CURIOUS)))
            self.end_headers()
            self.wfile.write(CURIOUS.encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Curious) as server:
        here = Neighbour(f"http://127.0.0.1:{server.server_address[1]}/")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()


def test_a_neighbour_is_sent_nothing_of_ours(served: Served, opened: Open) -> None:
    """Neither the cookie nor the path; and what it sets itself does not shut the page."""
    page = opened("?lab=page-work")
    expect(page.get_by_role("heading", level=1, name="Tiny")).to_be_visible()
    (ours,) = page.context.cookies(served.base)
    value, path = str(ours.get("value")), str(ours.get("path"))
    assert path == "/" + served.base.split("/", 3)[3]
    assert (ours.get("httpOnly"), ours.get("sameSite")) == (True, "Strict")
    assert page.evaluate("document.cookie") == ""
    with neighbour() as other:
        for place in ("", "again", "p/", "p/x/api/catalogue"):
            # as a link in the page does: a page that names where one comes from does so here
            page.evaluate("place => { location.href = place }", other.address + place)
            expect(page.get_by_role("heading", name="Neighbour")).to_be_visible()
            page.go_back()
            expect(page.get_by_role("heading", level=1, name="Tiny")).to_be_visible()
        sent = {path: headers for path, headers in other.asked if "favicon" not in path}
        assert list(sent) == ["/", "/again", "/p/", "/p/x/api/catalogue"]
        # a browser does keep the cookies of all ports of a machine together
        assert sent["/again"]["cookie"] == "theirs=x; labrunner=x"
        assert [headers for headers in sent.values() if "referer" in headers] == []
        for asked in other.asked:
            assert value not in str(asked)
            assert path not in str(asked)
    page.reload()
    expect(page.get_by_role("heading", level=1, name="Tiny")).to_be_visible()
    assert {one.get("path") for one in page.context.cookies()} == {"/", path}


def test_a_neighbours_page_gets_nothing_from_ours(served: Served, opened: Open) -> None:
    """Same site as it is for a browser: its scripts neither read nor do anything here."""
    page = opened()
    expect(page.get_by_role("heading", level=1, name="Labs")).to_be_visible()
    door = served.base.split("/p/", 1)[0]
    with neighbour() as other:
        # whose console may complain
        stranger = page.context.new_page()
        stranger.goto(other.address)
        for place in (door, served.base):  # even if it knew where
            tried = stranger.evaluate(
                """async (place) => {
                    const options = { credentials: "include", headers: { "X-Labrunner": "1" } };
                    const asked = (path, more) => fetch(new URL(path, place), more)
                        .then((answer) => answer.type === "opaque" ? "opaque" : "read")
                        .catch(() => "refused");
                    const heard = new Promise((done) => {
                        const news = new URL("ws/news", place.replace("http", "ws"));
                        const socket = new WebSocket(news);
                        socket.onopen = () => done("heard");
                        socket.onerror = () => done("refused");
                    });
                    const post = { ...options, method: "POST", body: "{}" };
                    return [
                        await asked("api/catalogue", options),
                        await asked("api/labs/page-work/start", post),
                        await heard,
                    ];
                }""",
                f"{place.rstrip('/')}/",
            )
            assert tried == ["refused"] * 3
    assert not served.running("page-work")


def test_two_servers_share_a_browser(nowhere: Served, opened: Open) -> None:
    """Each page keeps talking to its own, whichever was opened last; an address of one stays."""
    page = opened("?lab=page-dies")
    kept = page.url
    page.goto(nowhere.address)
    expect(page.get_by_role("heading", level=1, name="Labs")).to_be_visible()
    other = page.context.new_page()
    for here, place in ((other, kept), (page, f"{nowhere.base}?lab=page-dies"), (other, kept)):
        here.goto(place)
        expect(here.get_by_role("heading", level=1, name="Tiny")).to_be_visible()
        expect(here.locator(".banner")).to_be_hidden()


def test_an_old_tab_is_told_what_to_type(served: Served, opened: Open, tmp_path: Path) -> None:
    """A server that is started anew at the same port is another; what `lab open` opens works."""
    page = opened()
    with own_folders(tmp_path) as folders:
        env = {**folders, "LABRUNNER_SCENARIOS": served.lab.env["LABRUNNER_SCENARIOS"]}
        with lab_command(env) as lab:
            first = json.loads(lab.ok("open", "--no-browser", "--port", "0", "--json"))
            page.goto(first["address"])
            expect(page.get_by_role("heading", level=1, name="Labs")).to_be_visible()
            port = str(first["port"])
            lab.ok("serve", "--stop")
            expect(page.locator(".banner")).to_contain_text("The server does not answer.")
            again = lab.ok("open", "--no-browser", "--port", port).strip()
            expect(page.locator(".banner")).to_contain_text("Type lab open in a terminal")
            page.reload()
            expect(page.get_by_text(re.compile("Type lab open in a terminal"))).to_be_visible()
            page.goto(again)
            expect(page.get_by_role("heading", level=1, name="Labs")).to_be_visible()
            lab.ok("serve", "--stop")
