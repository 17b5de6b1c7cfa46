"""user-service: knows the customers' first names and towns, and nothing about cards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shop import Request, Trouble, serve  # type: ignore[import-not-found]

CUSTOMERS = {
    str(customer["id"]): customer
    for customer in json.loads(Path("/app/customers.json").read_text(encoding="utf-8"))
}


def user(request: Request) -> Any:
    """``GET /users/3``."""
    number = request.parts[-1]
    if number not in CUSTOMERS:
        raise Trouble(404, f"user-service: no customer {number}")
    return CUSTOMERS[number]


serve("user-service", {"GET users": user, "GET health": lambda _: {"ok": ["user-service"]}})
