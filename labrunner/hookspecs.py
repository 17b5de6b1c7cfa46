"""The hooks that a plugin may implement. Few on purpose; each one is documented and tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from labrunner.model.scenario import Scenario
    from labrunner.model.verdict import Verdict
    from labrunner.view import Lab

PROJECT = "labrunner"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def labrunner_scenarios() -> Sequence[Scenario]:  # type: ignore[empty-body]
    """The scenarios that this plugin brings. Called once; must not touch the engine."""


@hookspec
def labrunner_lab_started(lab: Lab) -> None:
    """A lab is up and every container of its topology is ready."""


@hookspec
def labrunner_step_checked(lab: Lab, step: str, verdict: Verdict) -> None:
    """A step was checked; called after the verdict is stored."""


@hookspec
def labrunner_lab_stopping(lab: Lab) -> None:
    """A lab is about to be removed."""
