"""What a page may ask: requests in, JSON out."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from labrunner import words
from labrunner.errors import (
    BusyError,
    EngineError,
    LabError,
    NoSuchLabError,
    StateError,
    UsageError,
)
from labrunner.web import doing, labs, maps, wire

if TYPE_CHECKING:
    from starlette.requests import Request

    from labrunner.web.server import Server

BODY = 64 * 1024
"""Bytes that a request may have."""
SLOW = 20.0
"""Seconds that they may take to come."""
STATUS = (
    (BusyError, 409),
    (NoSuchLabError, 404),
    (UsageError, 422),
    (EngineError, 503),
    (StateError, 503),
)
"""What each kind of failure is in HTTP; the first that fits."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")

Handler = Callable[["Request"], Awaitable[Response]]


def answer(found: Any, status: int = 200) -> Response:
    """Plain data as JSON."""
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, media_type="application/json")


def failed(error: Exception) -> Response:
    """What went wrong, as a sentence and what to do."""
    if isinstance(error, HTTPException):
        return answer({"message": str(error.detail), "hint": ""}, error.status_code)
    if isinstance(error, LabError):
        status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
        return answer({"message": error.message, "hint": error.hint}, status)
    return answer({"message": f"the server failed: {error!r}", "hint": "see its log"}, 500)


def guarded(handler: Handler) -> Handler:
    """A handler whose errors become answers."""

    async def asked(request: Request) -> Response:
        try:
            return await handler(request)
        except (LabError, HTTPException) as error:
            return failed(error)

    return asked


async def body(request: Request) -> dict[str, Any]:
    """A request's JSON object, where it is one and is not too large.

    Raises:
        HTTPException: it is none, or too large, or does not come.
    """
    received = bytearray()
    try:
        async with asyncio.timeout(SLOW):
            async for part in request.stream():
                received += part
                if len(received) > BODY:
                    raise HTTPException(413, "this is more than 64 kB")
    except TimeoutError:
        raise HTTPException(408, "the request did not come to its end") from None
    if not received:
        return {}
    try:
        found = json.loads(received)
    except (ValueError, RecursionError):
        raise HTTPException(422, "this is not JSON") from None
    if not isinstance(found, dict):
        raise HTTPException(422, "this is not a JSON object")
    return found


def text(found: dict[str, Any], name: str) -> str | None:
    """A text that may be given.

    Raises:
        HTTPException: something else was given.
    """
    value = found.get(name)
    if value is not None and not isinstance(value, str):
        raise HTTPException(422, f"{name} is a text")
    return value or None


def server_of(request: Request) -> Server:
    """The server."""
    found: Server = request.app.state.server
    return found


def name_of(request: Request) -> str:
    """The lab that a path names.

    Raises:
        HTTPException: none can be called that.
    """
    name = str(request.path_params["name"])
    if not _NAME.fullmatch(name):
        raise HTTPException(404, "there is no lab of this name")
    return name


def language_in(request: Request) -> str | None:
    """The language that a request asks for."""
    return labs.language_of(request.query_params.get("lang"))


# --- looking ------------------------------------------------------------------------------


async def sentences(request: Request) -> Response:
    """The page's own sentences."""
    language = language_in(request) or words.ENGLISH
    return answer(await server_of(request).threads.reading(labs.sentences, language))


async def catalogue(request: Request) -> Response:
    """Every lab there is."""
    server = server_of(request)
    return answer(await server.threads.reading(labs.catalogue, server))


async def lab(request: Request) -> Response:
    """One lab, with its lesson."""
    server, name, language = server_of(request), name_of(request), language_in(request)
    return answer(await server.threads.reading(labs.one, server, name, language))


async def solution(request: Request) -> Response:
    """A step's solution."""
    step = request.query_params.get("step")
    found = server_of(request).threads.reading(
        doing.solution, name_of(request), step, language_in(request)
    )
    return answer(await found)


async def reach(request: Request) -> Response:
    """Who can reach whom."""
    server, name = server_of(request), name_of(request)
    record = await server.threads.reading(labs.record_of, name)
    language = language_in(request) or (record.language if record else words.ENGLISH)
    if record is None or record.state != "running":
        return answer(await server.threads.reading(maps.plan, name, language))
    fresh = request.query_params.get("fresh") == "1"
    return answer(await server.maps.get(server.threads, name, language, fresh=fresh))


async def terminals(request: Request) -> Response:
    """A lab's terminals."""
    found = server_of(request).terminals.of(name_of(request))
    rows = [{"session": one.id, "place": one.place, "title": one.title} for one in found]
    return answer({"terminals": rows})


# --- doing --------------------------------------------------------------------------------


async def start(request: Request) -> Response:
    """Start a lab."""
    server, name, asked = server_of(request), name_of(request), await body(request)
    begun = await server.threads.reading(
        doing.start,
        server,
        name,
        host=text(asked, "host"),
        language=labs.language_of(text(asked, "language")) or words.ENGLISH,
        at=text(asked, "at"),
    )
    return answer(begun, 202)


async def cancel(request: Request) -> Response:
    """Call off what is being done to a lab."""
    await body(request)
    return answer({"task": server_of(request).tasks.call_off(name_of(request)).id}, 202)


async def check(request: Request) -> Response:
    """Check a step."""
    server, name, asked = server_of(request), name_of(request), await body(request)
    return answer(await server.threads.asking(doing.check, server, name, text(asked, "step")))


async def hint(request: Request) -> Response:
    """Give the next hint."""
    server, name, asked = server_of(request), name_of(request), await body(request)
    return answer(await server.threads.reading(doing.hint, name, text(asked, "step")))


async def solve(request: Request) -> Response:
    """Have a solution typed."""
    server, name, asked = server_of(request), name_of(request), await body(request)
    step = text(asked, "step")
    return answer(await server.threads.reading(doing.solve, server, name, step), 202)


async def reset(request: Request) -> Response:
    """Make a lab anew."""
    server, name, asked = server_of(request), name_of(request), await body(request)
    keep = asked.get("step", False)
    if not isinstance(keep, bool):
        raise HTTPException(422, "step is true or false")
    return answer(await server.threads.reading(doing.reset, server, name, keep_step=keep), 202)


async def stop(request: Request) -> Response:
    """End a lab."""
    server, name = server_of(request), name_of(request)
    await body(request)
    return answer(await server.threads.reading(doing.stop, server, name), 202)


async def language(request: Request) -> Response:
    """Read in another language from now on."""
    server, name, asked = server_of(request), name_of(request), await body(request)
    wanted = labs.language_of(text(asked, "language")) or words.ENGLISH
    return answer(await server.threads.reading(doing.set_language, name, wanted))


def routes() -> list[Route | WebSocketRoute]:
    """Where all of it is."""
    looking = {
        "/api/words": sentences,
        "/api/catalogue": catalogue,
        "/api/labs/{name}": lab,
        "/api/labs/{name}/solution": solution,
        "/api/labs/{name}/map": reach,
        "/api/labs/{name}/terminals": terminals,
    }
    doing = (start, cancel, check, hint, solve, reset, stop, language)
    return [
        *(Route(path, guarded(handler), methods=["GET"]) for path, handler in looking.items()),
        *(
            Route(f"/api/labs/{{name}}/{one.__name__}", guarded(one), methods=["POST"])
            for one in doing
        ),
        WebSocketRoute("/ws/news", wire.news),
        WebSocketRoute("/ws/terminal", wire.terminal),
    ]
