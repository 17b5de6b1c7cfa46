"""A lab for the length of a request: found in this thread's store, its connections closed again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from labrunner.session import OpenLab, open_lab
from labrunner.standing import engine_knows
from labrunner.web.threads import store


@contextmanager
def opened(name: str) -> Iterator[OpenLab]:
    """The running lab of a scenario; where the engine has lost it, that is what is said."""
    lab = open_lab(store(), name)
    try:
        with engine_knows(lab):
            yield lab
    finally:
        if "host" in lab.__dict__:
            lab.host.close()
