"""What the tests of the command share: exit codes, and what a command's store knows."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import Lab

NOT_YET, USAGE, AT_FAULT, BUSY, INTERRUPTED = 1, 2, 3, 4, 130
NOTHING = (frozenset[str](), frozenset[str](), frozenset[str]())


def lab_id(command: Lab) -> str:
    """The id of the one lab that runs."""
    rows: list[dict[str, Any]] = json.loads(command.ok("status", "--json"))
    assert len(rows) == 1
    return str(rows[0]["lab"])


def ids_ever(command: Lab) -> list[str]:
    """Ids of every lab that the store knows, gone ones too."""
    from labrunner.store import Store

    store = Store(command.state / "labs.db")
    ids = sorted(store.known_ids())
    store.close()
    return ids
