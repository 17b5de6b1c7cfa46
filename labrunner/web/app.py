"""The application: the gate, and what is behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from labrunner.web import api
from labrunner.web.gate import Gate, Keys, page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from labrunner.web.server import Server

STATIC = Path(__file__).parent / "static"
INDEX = STATIC / "index.html"


def is_built() -> bool:
    """Whether the page itself is there; in a checkout it has to be built."""
    return INDEX.is_file()


async def index(_request: Request) -> Response:
    """The page."""
    if not is_built():
        why = "in a checkout, make page builds it"
        return HTMLResponse(page("The page was not built", why), 503)
    return FileResponse(INDEX, media_type="text/html")


async def failed(request: Request, error: Exception) -> Response:
    """Every error as JSON where a program asked, else as a page."""
    if request.url.path.startswith(f"{request.scope['root_path']}/api/"):
        return api.failed(error)
    status = error.status_code if isinstance(error, HTTPException) else 500
    return HTMLResponse(page("There is nothing here", ""), status)


class Built(StaticFiles):
    """Built files: asked for again each time, and sent only where they have changed."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """One of them."""
        found = super().file_response(*args, **kwargs)
        found.headers["cache-control"] = "no-cache"
        return found


def make(server: Server, keys: Keys) -> ASGIApp:
    """Put it together."""

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        await server.begin()
        yield
        await server.end()

    app = Starlette(
        routes=[
            *api.routes(),
            Route("/", index),
            Mount("/static", Built(directory=STATIC, check_dir=False)),
        ],
        exception_handlers={HTTPException: failed, 500: failed},
        lifespan=life,
    )
    app.state.server = server
    return Gate(app, keys)
