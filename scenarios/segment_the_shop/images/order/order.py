"""order-service: asks who an order is for and what is in stock, then has it charged."""

from __future__ import annotations

from collections import deque
from typing import Any
from urllib.parse import quote

from shop import Request, Trouble, ask, serve  # type: ignore[import-not-found]

last_orders: deque[dict[str, Any]] = deque(maxlen=20)
"""What came of the last orders, newest last; forgotten when the service restarts."""


def order(request: Request) -> Any:
    """``POST /orders`` with ``customer=3&item=lamp``."""
    via = request.headers.get("X-Shop-Via", "nobody")
    try:
        customer = request.number("customer")
        item = request.form.get("item", "a surprise")
        user = ask("user-service", f"/users/{customer}")
        ask("stock-service", f"/items/{quote(item)}")
        paid = ask("payment-service", "/payments", {"customer": customer, "item": item, "via": via})
    except Trouble as trouble:
        last_orders.append({"via": via, "error": str(trouble)})
        raise
    done = {"order": paid["payment"], "for": user["name"], "item": item, "card": paid["card"]}
    last_orders.append({"via": via, **done})
    return done


def orders(_request: Request) -> Any:
    """``GET /orders``: the last ones."""
    return list(last_orders)


def health(_request: Request) -> Any:
    """``GET /health``: every service that an order needs; changes nothing."""
    called = [ask(f"{name}-service", "/health") for name in ("user", "stock", "payment")]
    return {"ok": ["order-service", *(name for answer in called for name in answer["ok"])]}


serve("order-service", {"POST orders": order, "GET orders": orders, "GET health": health})
