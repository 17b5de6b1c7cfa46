"""Courses to import, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from labrunner import plugins
from labrunner.killercoda.report import Report
from labrunner.lessons import reading
from labrunner.model.lesson import Lesson
from labrunner.model.scenario import Scenario

TEA_HOUSE = Path(__file__).parent.parent / "data" / "killercoda" / "tea-house"
VERIFY = "#!/bin/bash\ntest -e /root/done\n"

Make = Callable[..., Path]


def loaded(report: Report) -> tuple[Scenario, Lesson]:
    """The scenario of a package as the runner finds it, and its lesson."""
    found = plugins.Registry([report.folder]).everything(bundled=False)
    assert found.problems == ()
    scenario = next(s for s in found.scenarios if s.name == report.name)
    assert scenario.content is not None
    return scenario, reading.read(scenario.content)


def said(report: Report, kind: str) -> str:
    """Everything that a report says of one kind."""
    return "\n".join(f"{f.where}: {f.message}" for f in report.findings if f.kind == kind)


def typed(step: Any) -> list[str]:
    return [command.text for command in step.commands]


def details(*given: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"details": {"steps": list(given), **more}}
