"""payment-service: charges a customer's card and writes that down in payment-db."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2  # type: ignore[import-untyped]
from shop import Request, Trouble, serve  # type: ignore[import-not-found]

PATIENCE = 2
"""Seconds to wait for the database."""

REASONS = {
    "could not translate host name": "name not known",
    "timeout expired": f"no answer within {PATIENCE} s",
    "Connection refused": "connection refused",
}


@contextmanager
def database() -> Iterator[Any]:
    """A cursor on a new connection, so that each payment finds the database where it is now."""
    try:
        connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=PATIENCE)
    except psycopg2.OperationalError as error:
        text = str(error)
        reason = next((r for part, r in REASONS.items() if part in text), text.splitlines()[0])
        raise Trouble(502, f"payment-db: {reason}") from None
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def pay(request: Request) -> Any:
    """``POST /payments`` with customer, item and via as JSON."""
    order = json.loads(request.body)
    with database() as cursor:
        cursor.execute("SELECT number FROM cards WHERE customer = %(customer)s", order)
        card = cursor.fetchone()
        if card is None:
            raise Trouble(404, f"payment-db: no card of customer {order['customer']}")
        cursor.execute(
            "INSERT INTO payments (customer, item, via)"
            " VALUES (%(customer)s, %(item)s, %(via)s) RETURNING id",
            order,
        )
        return {"payment": cursor.fetchone()[0], "card": "**** " + card[0][-4:]}


def health(_request: Request) -> Any:
    """``GET /health``: this service and its database."""
    with database() as cursor:
        cursor.execute("SELECT 1")
    return {"ok": ["payment-service", "payment-db"]}


serve("payment-service", {"POST payments": pay, "GET health": health})
