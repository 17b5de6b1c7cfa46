"""The author's API: what a scenario is made of, and nothing else.

Everything here is imported lazily where it costs: ``import labrunner`` is cheap.
"""

from __future__ import annotations

# not typing's, which takes as long to load as all that a command needs before it can be interrupted
TYPE_CHECKING = False
if TYPE_CHECKING:
    from labrunner.hookspecs import hookimpl
    from labrunner.model import (
        Container,
        Image,
        Limits,
        Network,
        Owned,
        Port,
        Reach,
        Ready,
        Result,
        Scenario,
        Verdict,
        not_yet,
        passed,
        ruined,
    )
    from labrunner.view import Lab

__version__ = "0.1.0"

__all__ = [
    "Container",
    "Image",
    "Lab",
    "Limits",
    "Network",
    "Owned",
    "Port",
    "Reach",
    "Ready",
    "Result",
    "Scenario",
    "Verdict",
    "hookimpl",
    "not_yet",
    "passed",
    "ruined",
]

_ELSEWHERE = {"hookimpl": "labrunner.hookspecs", "Lab": "labrunner.view"}


def __getattr__(name: str) -> object:
    """Load a part of the API when it is asked for: `lab --help` needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_ELSEWHERE.get(name, "labrunner.model")), name)
