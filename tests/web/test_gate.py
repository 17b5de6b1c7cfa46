"""What the server keeps out: each attack is tried, and the server is well afterwards."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import signal
import socket
import stat
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.web.conftest import Serving
from tests.web.pages import INDEX, PATIENCE, Page, end_of

FOREIGN = "http://evil.example"
PATHS = ("/", "/?lab=x", "/static/page.js", "/api/catalogue", "/api/words?lang=fr", "/nothing")
SOCKETS = ("/ws/news", "/ws/terminal?lab=gate-web&place=shell")


@pytest.fixture(autouse=True)
def well(page: Page) -> Iterator[None]:
    """Whatever was tried, the server answers afterwards."""
    yield
    assert page.answers()


def closed_with(page: Page, path: str, **more: Any) -> tuple[int, str]:
    """What a WebSocket is closed with."""
    with page.socket(path, **more) as connection:
        return end_of(connection)[1:]


def refused(page: Page, path: str, **more: Any) -> int:
    """The status with which a WebSocket is not opened at all."""
    with pytest.raises(InvalidStatus) as error, page.socket(path, **more):
        pass
    return error.value.response.status_code


# --- the token and the cookie -------------------------------------------------------------


def test_the_address_opens_the_page_once_for_all(page: Page) -> None:
    """The token becomes a cookie for the page alone, which no script reads and no site sends."""
    found = httpx.get(page.address)
    assert (found.status_code, found.headers["location"]) == (303, f"{page.prefix}/")
    key, *about = found.headers["set-cookie"].split("; ")
    assert set(about) == {"HttpOnly", "SameSite=Strict", f"Path={page.prefix}/"}
    assert page.token not in key + page.prefix
    assert page.cookie.partition("=")[2] not in page.prefix
    assert page.http.get("/").text == INDEX


def test_each_server_has_a_path_that_nobody_guesses(page: Page, serving: Serving) -> None:
    """It is long, and another server's is another; the cookie of one opens no other."""
    with serving() as other:
        assert other.prefix != page.prefix
        for one, two in ((page, other), (other, page)):
            assert re.fullmatch(r"/p/[A-Za-z0-9_-]{22,}", one.prefix)
            for prefix in (one.prefix, two.prefix):
                place = f"{one.origin}{prefix}/api/catalogue"
                assert httpx.get(place, headers={"Cookie": two.cookie}).status_code == 403


def wrong(page: Page) -> list[str]:
    """What a path of the page may not begin with."""
    right = page.prefix
    close = (right[:-1], f"{right[:-1]}~", f"{right}x", right.swapcase(), f"/{right}", f"/p{right}")
    return ["", "/p", "/p/", *close]


@pytest.mark.parametrize("path", PATHS)
def test_half_a_key_opens_nothing(page: Page, path: str) -> None:
    """The path without the cookie, the cookie without the path: one answer, and how to get in."""
    # one client for all: each loads the certificates of the world
    with httpx.Client() as browser:
        answers = [browser.get(page.base + path)]
        for prefix in wrong(page):
            answers += [
                browser.get(page.origin + prefix + path, headers=headers)
                for headers in ({"Cookie": page.cookie}, {"Cookie": "labrunner=x"}, {})
            ]
    for found in answers:
        assert found.status_code == 403
        assert "lab open" in found.text
        assert "set-cookie" not in found.headers
        # which half was wrong is not to be learnt
        assert (found.text, found.headers) == (answers[0].text, answers[0].headers)


def test_half_a_key_does_nothing(page: Page) -> None:
    """Whoever knows one half, and says that it is the page, still does nothing."""
    sent = {"X-Labrunner": "1", "Origin": page.origin}
    path = "/api/labs/gate-web/start"
    halves = [(page.prefix, "labrunner=x"), *((one, page.cookie) for one in wrong(page))]
    with httpx.Client() as browser:
        for prefix, cookie in halves:
            headers = {**sent, "Cookie": cookie}
            found = browser.post(page.origin + prefix + path, json={}, headers=headers)
            assert found.status_code == 403
    assert page.get("/api/labs/gate-web")["standing"] is None


def test_a_cookie_that_another_port_has_set_shuts_nobody_out(page: Page) -> None:
    """A browser sends all cookies of a name; what others have put beside ours does not matter."""
    for form in ("labrunner=x; {0}", "{0}; labrunner=x", 'a;;={0};b="{0};{0}', "é=ü; {0}"):
        headers = {b"Cookie": form.format(page.cookie).encode()}
        found = httpx.get(f"{page.base}/api/catalogue", headers=headers)
        assert found.status_code == 200


def test_an_address_with_too_much_in_it_is_refused(page: Page) -> None:
    """However much somebody asks for, the answer is the same."""
    found = httpx.get(f"{page.origin}/?token={page.token}{'&x=1' * 50}")
    assert found.status_code == 403
    assert "lab open" in found.text


@pytest.mark.parametrize("token", ["", "x", "é", "x" * 5000, "a&token=b"])
def test_a_wrong_token_opens_nothing(page: Page, token: str) -> None:
    """A token is right or it is not; a wrong one is answered with what helps."""
    found = httpx.get(f"{page.origin}/", params={"token": token})
    assert found.status_code == 403
    assert "lab open" in found.text


def test_neither_half_of_the_key_opens_the_other_lock(page: Page) -> None:
    """The cookie is no token, the token is no cookie, and the path is neither."""
    key, _, value = page.cookie.partition("=")
    path = page.prefix.removeprefix("/p/")
    for token in (value, path):
        assert httpx.get(f"{page.origin}/?token={token}").status_code == 403
    cookies = (f"{key}={page.token}", f"{key}={path}", f"{key}-1={value}", f"{key}={value}x")
    for pair in (*cookies, "a=b;;=;" + key):
        assert httpx.get(f"{page.base}/", headers={"Cookie": pair}).status_code == 403


def test_a_ticket_opens_the_page_once(page: Page) -> None:
    """What a browser is started with, which all users can see, is worth nothing afterwards."""
    right = {"X-Labrunner-Token": page.token}
    for headers in ({}, {"X-Labrunner-Token": "x"}, {**right, "Origin": FOREIGN}):
        assert httpx.post(f"{page.origin}/ticket", headers=headers).status_code == 403
    assert httpx.get(f"{page.origin}/ticket", headers=right).status_code == 403
    one, two = (httpx.post(f"{page.origin}/ticket", headers=right).text for _ in range(2))
    assert not {page.token, page.prefix.removeprefix("/p/")} & {one, two}
    for ticket in (one, two):
        assert httpx.get(f"{page.origin}/?ticket={ticket}").status_code == 303
        assert httpx.get(f"{page.origin}/?ticket={ticket}").status_code == 403
    assert httpx.get(f"{page.origin}/?ticket=").status_code == 403


def test_what_the_server_leaves_is_its_owners_alone(page: Page) -> None:
    """Nobody else on the machine can read the token."""
    folder = page.runtime
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    found = [file for file in folder.iterdir() if page.address in file.read_text("utf-8")]
    assert found
    assert {stat.S_IMODE(file.stat().st_mode) for file in found} == {0o600}


# --- other sites --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "localhost", "localhost:1", "127.0.0.1.x:{port}"],
)
def test_a_name_that_was_led_here_is_refused(page: Page, host: str) -> None:
    """A foreign name in the Host header is refused, though cookie and token are right."""
    headers = {"Host": host.format(port=page.port)}
    for place in (f"{page.base}/", f"{page.base}/api/catalogue", page.address):
        assert page.http.get(place, headers=headers).status_code == 403
    lines = [f"Host: {page.host}", "Host: evil.example", f"Cookie: {page.cookie}"]
    lines = [f"GET {page.prefix}/ HTTP/1.1", *lines, "Connection: close", "", ""]
    with page.raw() as raw:
        raw.sendall("\r\n".join(lines).encode())
        assert b"200 OK" not in raw.recv(100)


def test_our_own_names_are_ours(page: Page) -> None:
    """By name or by address, from this machine the page is there."""
    for name in ("localhost", "127.0.0.1", "[::1]"):
        found = page.http.get("/api/catalogue", headers={"Host": f"{name}:{page.port}"})
        assert found.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Labrunner": "1", "Origin": FOREIGN},
        {"X-Labrunner": "1", "Origin": "null"},
        {"X-Labrunner": "1", "Origin": "https://{host}"},
        {"X-Labrunner": "1", "Origin": "http://{host}.evil.example"},
        {"X-Labrunner": "1", "Sec-Fetch-Site": "cross-site"},
        {"X-Labrunner": "1", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://{host}"},
    ],
)
def test_nothing_is_done_for_another_site(page: Page, headers: dict[str, str]) -> None:
    """A POST without our header, or from elsewhere, does nothing, even with the cookie."""
    sent = {key: value.format(host=page.host) for key, value in headers.items()}
    found = page.http.post("/api/labs/gate-web/start", json={}, headers=sent)
    assert found.status_code == 403
    assert page.get("/api/labs/gate-web")["standing"] is None


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_no_other_method_does_anything(page: Page, method: str) -> None:
    """There are requests that look, and POSTs."""
    found = page.http.request(method, "/api/labs/gate-web/start", headers={"X-Labrunner": "1"})
    assert found.status_code == 405
    assert page.http.get("/api/labs/gate-web/start").status_code == 405


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("origin", [None, FOREIGN, "null", "https://{host}", "http://localhost"])
def test_no_socket_opens_for_another_site(page: Page, path: str, origin: str | None) -> None:
    """A WebSocket from elsewhere, or from nowhere, is refused before it begins."""
    assert refused(page, path, origin=origin and origin.format(host=page.host)) == 403


def test_no_socket_opens_for_a_foreign_name(page: Page) -> None:
    """Also where Host and Origin agree with each other, but not with us."""
    headers = {"Cookie": page.cookie, "Host": f"evil.example:{page.port}"}
    origin = f"http://evil.example:{page.port}"
    with page.raw() as raw:
        lines = [f"{key}: {value}" for key, value in headers.items()]
        lines += [f"Origin: {origin}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {'A' * 22}==", "Sec-WebSocket-Version: 13"]
        first = f"GET {page.prefix}/ws/news HTTP/1.1"
        raw.sendall("\r\n".join([first, *lines, "", ""]).encode())
        assert b"403" in raw.recv(100)


@pytest.mark.parametrize("path", SOCKETS)
def test_a_socket_with_half_a_key_hears_why(page: Page, path: str) -> None:
    """Our own page, after the server was started anew, learns that its key is an old one."""
    for cookie in ("", "labrunner=x"):
        found = closed_with(page, path, additional_headers={"Cookie": cookie})
        assert found == (4401, "type lab open")
    for prefix in wrong(page):
        assert closed_with(page, path, prefix=prefix) == (4401, "type lab open")


# --- what is sent -------------------------------------------------------------------------


def test_every_answer_says_what_a_browser_may_do(page: Page) -> None:
    """No answer allows scripts or styles from elsewhere, frames, or guesses of its type."""
    answers = [page.http.get(path) for path in PATHS]
    answers += [httpx.get(page.base), httpx.get(page.address), httpx.get(page.origin)]
    answers.append(httpx.post(f"{page.origin}/ticket", headers={"X-Labrunner-Token": page.token}))
    answers.append(page.http.post("/api/labs/gate-web/start"))
    for found in answers:
        policy = found.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["referrer-policy"] == "no-referrer"
        assert found.headers["cross-origin-opener-policy"] == "same-origin"
        assert "access-control-allow-origin" not in found.headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/..%5capp.py",
        "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/static//etc/passwd",
        "/static/page.js/../../app.py",
        "/static/%00",
        "/static/",
        "/lab/../../etc/passwd",
        "/api/labs/..%2f..%2fetc%2fpasswd",
        "/api/labs/%00",
    ],
)
def test_no_path_leads_out_of_the_page(page: Page, path: str) -> None:
    """Only built files are given away, however the path is written."""
    with page.raw() as raw:
        head = f"GET {page.prefix}{path} HTTP/1.1\r\nHost: {page.host}\r\n"
        head += f"Cookie: {page.cookie}\r\nConnection: close\r\n\r\n"
        raw.sendall(head.encode())
        answer = b""
        while part := raw.recv(65536):
            answer += part
    assert answer.split(b" ", 2)[1] in {b"404", b"405"}
    assert b"root:" not in answer
    assert b"Starlette" not in answer


def test_what_is_built_is_given(page: Page) -> None:
    """The page and its files are there; a lab's path is the page, too."""
    assert page.http.get("/static/page.js").text == "1;\n"
    assert page.http.get("/?lab=gate-web").text == INDEX
    for path, cache in (
        ("/static/page.js", "no-cache"),
        ("/", "no-store"),
        ("/static/x", "no-store"),
    ):
        assert page.http.get(path).headers["cache-control"] == cache


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * 70_000, 413),
        (b'{"host": "' + b"x" * 70_000 + b'"}', 413),
        (b"[" * 30_000, 422),
        (b"{", 422),
        (b"[]", 422),
        (b"\xff\xfe", 422),
        (b'{"host": 1}', 422),
        (b'{"at": ["x"]}', 422),
        (b'{"language": "../../x"}', 422),
        (b'{"host": "moon"}', 422),
        (b'{"at": "nowhere"}', 422),
    ],
)
def test_a_body_that_is_none_is_refused(page: Page, body: bytes, status: int) -> None:
    """What is too large or makes no sense is answered with a sentence."""
    headers = {"X-Labrunner": "1", "Origin": page.origin}
    found = page.http.post("/api/labs/gate-web/start", content=body, headers=headers)
    assert found.status_code == status
    assert found.json()["message"]
    assert page.get("/api/labs/gate-web")["standing"] is None


def test_a_body_without_end_is_cut(page: Page) -> None:
    """Whoever announces little and sends much is cut off, in pieces too."""
    with page.raw() as raw:
        head = f"POST {page.prefix}/api/labs/gate-web/start HTTP/1.1\r\nHost: {page.host}\r\n"
        head += f"X-Labrunner: 1\r\nCookie: {page.cookie}\r\nTransfer-Encoding: chunked\r\n\r\n"
        raw.sendall(head.encode())
        with contextlib.suppress(OSError):
            for _ in range(3000):
                raw.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
        with contextlib.suppress(ConnectionError):
            assert b" 413 " in raw.recv(100)


def test_what_is_unknown_is_said_to_be(page: Page) -> None:
    """A lab that there is not, and one that does not run, are told apart from mistakes."""
    for name in ("nothing", "Gate", "x" * 200):
        assert page.get(f"/api/labs/{name}", 404)["message"]
    for act in ("check", "hint", "solve", "reset", "stop", "language"):
        assert page.post(f"/api/labs/gate-web/{act}", 404)["message"]
    assert page.post("/api/labs/gate-web/cancel", 422)["message"]


# --- garbage, silence, crowds -------------------------------------------------------------


def test_garbage_does_no_harm(page: Page) -> None:
    """Noise is answered or not, and nothing else happens."""
    for noise in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"\0" * 70_000,
        secrets.token_bytes(9999),
    ):
        with page.raw() as raw, contextlib.suppress(OSError):
            raw.sendall(noise)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65536):
                pass


def test_two_hundred_silent_connections_keep_nobody_out(page: Page) -> None:
    """Connections that ask nothing, or never finish asking, leave the server to others."""
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(page.raw()) for _ in range(200)]
        for raw in crowd[:100]:
            raw.sendall(f"GET / HTTP/1.1\r\nHost: {page.host}\r\n".encode())
        assert page.answers()
        with page.socket("/ws/news"):
            assert page.answers()


def test_a_page_that_reads_nothing_and_is_closed_keeps_no_server(serving: Serving) -> None:
    """The server ends in order though the last words for a page that is gone wait for ever."""
    with serving() as page, socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(PATIENCE)
        raw.connect(("127.0.0.1", page.port))
        raw.sendall(opening(page))
        assert b"101" in raw.recv(4096)
        unmasked = b"\0" * 4
        ping, close = b"\x89\xfd" + unmasked + b"x" * 125, b"\x88\x82" + unmasked + b"\x03\xe8"
        raw.sendall(ping * 60_000 + close)
        # each of them has an answer; the server hears others when it has read that far
        assert all(page.answers() for _ in range(20))
        page.process.send_signal(signal.SIGTERM)
        assert page.process.wait(PATIENCE) == 0


def opening(page: Page) -> bytes:
    """What opens a WebSocket for news."""
    head = [f"GET {page.prefix}/ws/news HTTP/1.1", f"Host: {page.host}", f"Origin: {page.origin}"]
    head += [f"Cookie: {page.cookie}", "Upgrade: websocket", "Connection: Upgrade"]
    head += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {'A' * 22}==", "", ""]
    return "\r\n".join(head).encode()


def test_who_asks_nothing_is_sent_away(serving: Serving) -> None:
    """A connection that never finishes asking is closed after a while."""
    with serving(patience=3, beat=1) as page, page.raw() as silent, page.raw() as slow:
        slow.sendall(b"GET / HTTP/1.1\r\n")
        assert silent.recv(1) == b""
        assert slow.recv(1) == b""
        with page.socket("/ws/news") as socket:
            assert json.loads(socket.recv(PATIENCE))["kind"] == "ping"


def test_one_socket_too_many_is_told_so(page: Page) -> None:
    """Of two hundred WebSockets 64 are served; the others hear why, and none stays behind."""
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(page.socket("/ws/news")) for _ in range(64)]
        for _ in range(136):
            code, reason = closed_with(page, "/ws/news")
            assert code == 1013
            assert "64" in reason
        crowd[0].send('{"kind": "pong"}')
        assert page.answers()
    with page.socket("/ws/news") as again:
        again.ping().wait(PATIENCE)


def test_a_page_that_gives_no_sign_of_life_is_let_go(serving: Serving) -> None:
    """A socket for news that never answers is closed; one that answers is not."""
    with (
        serving(beat=0.2, silent=4) as page,
        page.socket("/ws/news") as silent,
        page.socket("/ws/news") as heard,
    ):
        for _ in range(22):
            assert json.loads(heard.recv(PATIENCE))["kind"] == "ping"
            heard.send('{"kind": "pong"}')
        assert end_of(silent)[1] == 4408


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("garbage", 1003),
        ('{"kind": "something"}', 1003),
        ("[]", 1003),
        ("[" * 4000, 1003),
        ('{"kind": "pong", "x": "' + "x" * 5000 + '"}', 1003),
        (b"\x00\xff", 1003),
    ],
)
def test_a_socket_that_sends_garbage_is_closed(page: Page, message: str | bytes, code: int) -> None:
    """What is none of the page's messages ends the socket that it came by."""
    with page.socket("/ws/news") as connection:
        with contextlib.suppress(ConnectionClosed):
            connection.send(message)
        assert end_of(connection)[1] == code


def test_a_socket_that_sends_too_much_is_closed(page: Page) -> None:
    """A message of megabytes is not waited for."""
    with page.socket("/ws/news") as connection:
        with contextlib.suppress(ConnectionClosed):
            connection.send("x" * 2_000_000)
        # what was still on its way resets the connection, and may take the reason with it
        assert end_of(connection)[1] in {1006, 1009}
    assert page.answers()


def test_a_flood_of_messages_is_cut(page: Page) -> None:
    """Nobody keeps the server busy with nothing."""
    with page.socket("/ws/news") as connection:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(200_000):
                connection.send('{"kind": "pong"}')
        assert end_of(connection)[1] in {1006, 1008}


def test_broken_frames_end_their_connection(page: Page) -> None:
    """After a proper beginning, what is no frame at all."""
    for noise in (b"\xff" * 100, b"\x81\x05hello", b"\x81\xfe\x00\x05" + b"\xff" * 9, b"\x81"):
        with page.raw() as raw:
            raw.sendall(opening(page))
            assert b"101" in raw.recv(4096)
            raw.sendall(noise)
            raw.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                while raw.recv(4096):
                    pass


@pytest.mark.parametrize(
    "query",
    [
        "",
        "lab=gate-web",
        "lab=gate-web&place=nowhere",
        "lab=gate-web&place=container:",
        "lab=gate-web&place=container:a;b",
        "lab=gate-web&place=container:../x",
        "lab=gate-web&place=shell&columns=0",
        "lab=gate-web&place=shell&rows=99999999",
        "lab=gate-web&place=shell&columns=x",
        "lab=gate-web&place=shell&session=guess",
        "lab=../x&place=shell",
        "lab=gate-web&place=shell",
    ],
)
def test_no_terminal_opens_where_there_is_none(page: Page, query: str) -> None:
    """Without a running lab, or a place in it, there is no terminal, and a sentence says so."""
    code, reason = closed_with(page, f"/ws/terminal?{query}")
    assert code == 4404
    assert reason
