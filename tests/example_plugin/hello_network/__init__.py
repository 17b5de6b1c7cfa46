"""A plugin of one lab. The entry point in ``pyproject.toml`` names this module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labrunner import hookimpl

if TYPE_CHECKING:
    from labrunner import Scenario


@hookimpl
def labrunner_scenarios() -> Sequence[Scenario]:
    """The scenarios that this package brings; their lessons are in ``content``."""
    from .scenario import scenario

    return [scenario]
