"""Who may ask: this machine's owner, from this page, and nobody else.

A page that somebody else serves can make a browser send requests here. It is kept out four
times: the Host must be ours (no name of theirs can lead here), the Origin must be ours wherever
something could be done or heard, the cookie goes along with our own pages' requests only, and
what it holds is known to nobody who has not had the address with the token.

A browser keeps cookies by host and path, and all ports of a host have the same. So everything
is below a path that nobody can guess, and the cookie is for that path: another server of this
machine, which a browser visits too, is not sent it.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
"""On every answer."""

SAFE = frozenset({"GET", "HEAD"})
DOOR = "/"
"""Where a token or a ticket is traded for the cookie; nothing else is here."""
TICKETS = "/ticket"
COOKIE = "labrunner"
"""Its name, the same for every server: each has a path of its own."""
TOKEN = "x-labrunner-token"  # noqa: S105  a header's name
VALID = 60.0
"""Seconds in which a browser must have used its ticket."""
CLOSED = 4401
"""What a WebSocket is closed with where the gate is shut."""


@dataclass(frozen=True)
class Keys:
    """What opens the gate.

    Attributes:
        port: the server listens there.
        bind: the address that it listens at.
        token: stands in the address, once.
        cookie: what the browser gets for it.
        prefix: what every path of the page begins with.
    """

    port: int
    bind: str = "127.0.0.1"
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    prefix: str = field(default_factory=lambda: f"/p/{secrets.token_urlsafe(24)}")

    @property
    def address(self) -> str:
        """What opens the page."""
        return f"http://{self.host}:{self.port}{DOOR}?token={self.token}"

    @property
    def host(self) -> str:
        """What stands in the address for this machine."""
        if is_everywhere(self.bind):
            return "localhost"
        return f"[{self.bind}]" if ":" in self.bind else self.bind

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this server, and not a name that was led here."""
        name, colon, port = host.rpartition(":")
        if not colon or port != str(self.port):
            return False
        if name in {self.host, "localhost", "127.0.0.1", "[::1]"}:
            return True
        if not is_everywhere(self.bind):
            return False
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name.lower() == socket.gethostname().lower()
        return True


def is_everywhere(bind: str) -> bool:
    """Whether this address stands for all that the machine has."""
    return bind in {"0.0.0.0", "::"}  # noqa: S104  compared, not bound


def is_loopback(bind: str) -> bool:
    """Whether nobody but this machine can reach this address."""
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return bind == "localhost"


class Gate:
    """The outermost part of the application.

    Args:
        app: what is asked where the gate is open.
        keys: what opens it.
    """

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys
        self._tickets: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or refuse."""
        if scope["type"] == "http":
            await self._http(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        if not self._knows(headers):
            await _refuse(send, "this is not an address of this server")
        elif scope["path"] == DOOR and (asked := _asked(scope)) is not None:
            await self._enter(send, asked)
        elif scope["path"] == TICKETS and scope["method"] == "POST":
            await self._give_ticket(send, headers)
        elif not self._opens(scope, headers):
            await _refuse(send, "")
        elif scope["method"] not in SAFE and not self._is_own(headers):
            await _refuse(send, "this did not come from the page")
        else:
            await self._app(self._inside(scope), receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        if not self._knows(headers) or headers.get("origin") != f"http://{headers['host']}":
            # somebody else's page: it does not even learn that there is something
            await receive()
            await send({"type": "websocket.close", "code": CLOSED})
        elif not self._opens(scope, headers):
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": CLOSED, "reason": "type lab open"})
        else:
            await self._app(self._inside(scope), receive, send)

    def _inside(self, scope: Scope) -> Scope:
        """The same, for an application that does not know where it is."""
        return {**scope, "root_path": self._keys.prefix}

    def _knows(self, headers: Mapping[str, str]) -> bool:
        return self._keys.knows_host(headers.get("host", ""))

    def _is_own(self, headers: Mapping[str, str]) -> bool:
        """Whether something that acts comes from our page, or from no page at all."""
        if "x-labrunner" not in headers:
            return False  # which no form and no foreign page can send unasked
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return False
        return headers.get("origin") in {None, f"http://{headers['host']}"}

    def _opens(self, scope: Scope, headers: Mapping[str, str]) -> bool:
        """Whether a request has both halves of the key; nobody learns which one was wrong."""
        within = f"{self._keys.prefix}/"
        return _same(scope["path"][: len(within)], within) & self._has_cookie(headers)

    def _has_cookie(self, headers: Mapping[str, str]) -> bool:
        """Whether one of the cookies is ours: other ports can set some of the same name."""
        pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        given = [value for name, _, value in pairs if name == COOKIE]
        return any(_same(value, self._keys.cookie) for value in given)

    async def _enter(self, send: Send, asked: Mapping[str, str]) -> None:
        if not (_same(asked.get("token", ""), self._keys.token) or self._takes(asked)):
            await _refuse(send, "this address is an old one")
            return
        path = f"{self._keys.prefix}/"
        cookie = f"{COOKIE}={self._keys.cookie}; HttpOnly; SameSite=Strict; Path={path}"
        headers = {"location": path, "set-cookie": cookie, "content-length": "0"}
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 303, "headers": sent})
        await send({"type": "http.response.body", "body": b""})

    def _takes(self, asked: Mapping[str, str]) -> bool:
        """Whether this is a ticket, which is so once and not for long."""
        return self._tickets.pop(asked.get("ticket", ""), 0) > time.monotonic()

    async def _give_ticket(self, send: Send, headers: Mapping[str, str]) -> None:
        """For the token, what others may see: a browser's arguments are no secret."""
        if not _same(headers.get(TOKEN, ""), self._keys.token) or "origin" in headers:
            await _refuse(send, "")
            return
        now = time.monotonic()
        self._tickets = {one: until for one, until in self._tickets.items() if until > now}
        ticket = secrets.token_urlsafe(32)
        self._tickets[ticket] = now + VALID
        body = ticket.encode()
        length = str(len(body)).encode()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"text/plain"), (b"content-length", length)],
            }
        )
        await send({"type": "http.response.body", "body": body})


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by their names; of one that comes twice nothing is believed."""
    found: dict[str, str] = {}
    for key, value in scope["headers"]:
        name = key.decode("latin-1").lower()
        found[name] = "" if name in found else value.decode("latin-1")
    return found


def _asked(scope: Scope) -> dict[str, str] | None:
    """The token or the ticket in an address; ``None`` where there is neither."""
    try:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=20)
    except ValueError:
        return None  # more than anybody needs to open the page
    found = {name: values[0] for name, values in query.items()}
    return found if "token" in found or "ticket" in found else None


async def _refuse(send: Send, why: str) -> None:
    body = page("This is not open to you", f"{why}." if why else "").encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def page(title: str, why: str) -> str:
    """A page that needs nothing else, for where there is no other."""
    from html import escape

    way = "Type <code>lab open</code> in a terminal: it prints the address, and opens it."
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>labrunner</title>'
        f"<h1>{escape(title)}</h1><p>{escape(why[:1].upper() + why[1:])}</p><p>{way}</p></html>\n"
    )


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            theirs = {name for name, _ in message.get("headers", ())}
            more = [pair for pair in HEADERS if pair[0] not in theirs]
            if b"cache-control" not in theirs:
                more.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return sending
