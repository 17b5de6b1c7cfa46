"""stock-service: knows what the shop has, and nothing about customers."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from shop import Request, Trouble, serve  # type: ignore[import-not-found]

ITEMS = {"lamp": 12, "tea": 80, "chair": 3}


def item(request: Request) -> Any:
    """``GET /items/lamp``."""
    name = unquote(request.parts[-1])
    if name not in ITEMS:
        raise Trouble(404, f"stock-service: no {name}, only {', '.join(ITEMS)}")
    return {"item": name, "left": ITEMS[name]}


serve("stock-service", {"GET items": item, "GET health": lambda _: {"ok": ["stock-service"]}})
