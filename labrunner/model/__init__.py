"""What a scenario, a lesson, a verdict and a measurement are. Data only: no I/O, no engine.

Each kind has a module of its own, so that a command makes only the classes that it needs. What
an author meets can be had from here, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labrunner.model.lesson import Lesson, Step
    from labrunner.model.reach import Listener, Probe, Reach
    from labrunner.model.result import Result
    from labrunner.model.scenario import Check, Hook, Scenario
    from labrunner.model.topology import (
        Container,
        HostKind,
        Image,
        Limits,
        Network,
        Owned,
        Port,
        Ready,
    )
    from labrunner.model.verdict import Outcome, Verdict, not_yet, passed, ruined

__all__ = [
    "Check",
    "Container",
    "Hook",
    "HostKind",
    "Image",
    "Lesson",
    "Limits",
    "Listener",
    "Network",
    "Outcome",
    "Owned",
    "Port",
    "Probe",
    "Reach",
    "Ready",
    "Result",
    "Scenario",
    "Step",
    "Verdict",
    "not_yet",
    "passed",
    "ruined",
]

_HOMES = ("verdict", "topology", "scenario", "lesson", "result", "reach")


def __getattr__(name: str) -> object:
    """Load the modules in the order in which a scenario needs them, until one has the name."""
    if name in __all__:
        from importlib import import_module

        for home in _HOMES:
            module = import_module(f"{__name__}.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
