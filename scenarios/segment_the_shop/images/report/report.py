"""report-service: what was sold, for the bookkeeper; reads the payments, never the cards."""

from __future__ import annotations

import os
from typing import Any

import psycopg2  # type: ignore[import-untyped]
from shop import Request, Trouble, serve  # type: ignore[import-not-found]

PATIENCE = 2
"""Seconds to wait for the database."""


def totals(_request: Request) -> Any:
    """``GET /totals``: how often each item was sold."""
    try:
        connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=PATIENCE)
    except psycopg2.OperationalError as error:
        reason = "name not known" if "translate host name" in str(error) else "no answer"
        raise Trouble(502, f"payment-db: {reason}") from None
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT item, count(*) FROM payments GROUP BY item ORDER BY item")
            return {"sold": dict(cursor.fetchall())}
    finally:
        connection.close()


serve("report-service", {"GET totals": totals})
