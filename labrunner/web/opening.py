"""A lab for the length of a request: found in this thread's store, its connections closed again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from labrunner.errors import UsageError
from labrunner.model.scenario import Scenario
from labrunner.session import OpenLab, open_lab
from labrunner.standing import engine_knows
from labrunner.web.threads import store


def scenario_of(name: str) -> Scenario:
    """A scenario, also one that was written while the server ran."""
    from labrunner import plugins

    try:
        return plugins.find(name)
    except UsageError:
        plugins.look_again()
        return plugins.find(name)


def lab_of(name: str) -> OpenLab:
    """The running lab of a scenario."""
    if store().labs(scenario=name):
        scenario_of(name)
    return open_lab(store(), name)


@contextmanager
def opened(name: str) -> Iterator[OpenLab]:
    """The running lab of a scenario; where the engine has lost it, that is what is said."""
    lab = lab_of(name)
    try:
        with engine_knows(lab):
            yield lab
    finally:
        if "host" in lab.__dict__:
            lab.host.close()
