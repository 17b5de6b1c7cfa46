"""What the shop's services have in common: an HTTP server, a client, and one kind of error."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from email.message import Message
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any
from urllib.parse import parse_qs

PORT = 8000
PATIENCE = 2.0
"""Seconds that a service waits for another one."""

JSON = dict[str, Any]
Route = Callable[["Request"], Any]


class Trouble(Exception):  # noqa: N818  it is what the caller reads
    """An answer other than 200: a status, and what the caller should know."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Request:
    """What was asked: the path's parts, the form, the headers."""

    def __init__(self, path: str, body: str, headers: Message) -> None:
        self.parts = path.partition("?")[0].strip("/").split("/")
        self.form = {key: values[-1] for key, values in parse_qs(body).items()}
        self.body = body
        self.headers = headers

    def number(self, name: str) -> int:
        """A whole number from the form."""
        try:
            return int(self.form[name])
        except (KeyError, ValueError):
            raise Trouble(400, f"{name}=NUMBER is missing") from None


def ask(service: str, path: str, body: JSON | None = None) -> Any:
    """Call another service; trouble with it is told by its name."""
    connection = HTTPConnection(service, PORT, timeout=PATIENCE)
    try:
        if body is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, json.dumps(body))
        response = connection.getresponse()
        answer = json.loads(response.read())
    except socket.gaierror:
        raise Trouble(502, f"{service}: name not known") from None
    except TimeoutError:
        raise Trouble(502, f"{service}: no answer within {PATIENCE:g} s") from None
    except ConnectionRefusedError:
        raise Trouble(502, f"{service}: connection refused") from None
    except (OSError, HTTPException, ValueError) as error:
        raise Trouble(502, f"{service}: {error}") from None
    finally:
        connection.close()
    if response.status != HTTPStatus.OK:
        raise Trouble(response.status, answer["error"])
    return answer


def serve(name: str, routes: Mapping[str, Route]) -> None:
    """Answer on every address of this container until told to stop.

    Args:
        name: the service's name, for its log.
        routes: ``"GET users"`` (method and first part of the path) to what answers it.
    """

    def nothing(request: Request) -> Any:
        raise Trouble(404, f"{name} has nothing to say at /{request.parts[0]} (GET or POST?)")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            request = Request(self.path, body, self.headers)
            route = routes.get(f"{method} {request.parts[0]}", nothing)
            try:
                status, answer = 200, route(request)
            except Trouble as trouble:
                status, answer = trouble.status, {"error": str(trouble)}
            text = (json.dumps(answer) + "\n").encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def address_string(self) -> str:
            return str(self.client_address[0])

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # process 1 of a container gets no default handling of signals
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server = ThreadingHTTPServer(("", PORT), Handler)
    sys.stderr.write(f"{name} listens on port {PORT}\n")
    server.serve_forever()
