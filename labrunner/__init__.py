"""The author's API: what a scenario is made of, and nothing else.

Everything here is imported lazily where it costs: ``import labrunner`` is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from labrunner.hookspecs import hookimpl
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


def __getattr__(name: str) -> object:
    """Load what needs pluggy or the engine only when an author asks for it."""
    if name == "hookimpl":
        from labrunner.hookspecs import hookimpl

        return hookimpl
    if name == "Lab":
        from labrunner.view import Lab

        return Lab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
