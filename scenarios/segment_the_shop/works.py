"""Does the shop work? An order and the report, asked without changing anything."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, ruined

from .facts import PORTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labrunner import Lab

NO_CONNECTION = 2
"""The exit code of psql where it cannot connect."""
PATIENCE = 4.0
"""Seconds for a service that was just made to come up, and for nginx to forget an address."""


def works(lab: Lab) -> Verdict | None:
    """A verdict where the shop does not do what it is there for."""
    return missing(lab) or _no_cards(lab) or _outage(lab)


def missing(lab: Lab) -> Verdict | None:
    """A verdict where one of the shop's containers is absent or does not run."""
    for name in PORTS:
        container = lab.container(name)
        if container is None or not container.running:
            last = lab.logs(name, lines=1).strip() if container else ""
            return not_yet(
                f"{name} does not run, so the shop does not work.",
                expected=f"a running container {name}",
                seen=f"{container.status}; {last}" if container else "no container of that name",
                look=f"docker logs {name}" if container else "docker ps -a",
            )
    return None


def _no_cards(lab: Lab) -> Verdict | None:
    """A verdict where the database does not have the rows that the lab put there."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = lab.exec("payment-db", ["psql", "-At", "-c", "SELECT count(*) FROM cards"])
        if found.code == 0 or time.monotonic() > deadline:
            break
    if found.code == 0 and int(found.out) > 0:
        return None
    said = (found.err or found.out).strip().splitlines()
    if found.code == NO_CONNECTION:
        return not_yet(
            "payment-db runs, but the database in it does not answer.",
            expected="a database that takes connections",
            seen=said[-1] if said else "nothing",
            look="docker logs --tail 5 payment-db",
        )
    if lab.run_on_host(["ls", "/var/lib/docker/volumes/cards"]).code != 0:
        return ruined(
            "The volume cards is gone, and the cards with it.",
            expected="the volume that the lab put the cards into",
            seen="no volume cards",
        )
    return not_yet(
        "payment-db has no cards: the lab put them into the volume cards.",
        expected="the volume cards at /var/lib/postgresql/data in payment-db",
        seen=said[-1] if said else "nothing",
        look="docker inspect -f '{{json .Mounts}}' payment-db",
    )


def _outage(lab: Lab) -> Verdict | None:
    """A verdict where an order or the report fails."""
    for what, argv, look in (
        ("An order", _curl("gateway", "/health"), "docker exec gateway curl -s localhost/health"),
        (
            "The report",
            _curl("report-service:8000", "/totals"),
            "docker exec report-service curl -s localhost:8000/totals",
        ),
    ):
        trouble = _ask(lab, argv)
        if trouble:
            return not_yet(
                f"{what} fails: {trouble}.",
                expected=f"{what[0].lower()}{what[1:]} that works all the time",
                seen=trouble,
                look=look,
            )
    return None


def _curl(where: str, path: str) -> tuple[str, Sequence[str]]:
    name, _, port = where.partition(":")
    return name, ["curl", "-s", "-m", "8", f"http://localhost:{port or 80}{path}"]


def _ask(lab: Lab, call: tuple[str, Sequence[str]]) -> str:
    """What a service complains of; asked again for a while, as it may have just begun."""
    deadline = time.monotonic() + PATIENCE
    while True:
        trouble = error_in(lab.exec(*call).out)
        if not trouble or "not known" in trouble or time.monotonic() > deadline:
            return trouble


def error_in(text: str) -> str:
    """The error that a service answered; "" where it is well."""
    try:
        return str(json.loads(text).get("error", ""))
    except ValueError:
        return text.strip() or "no answer"
