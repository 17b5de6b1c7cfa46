"""Everything that can go wrong in a way that a person can act on.

Only the command line's entry and the web handlers catch these. Each carries one
line of what happened and one line of what to do next.
"""

from __future__ import annotations

import traceback
from pathlib import Path


class LabError(Exception):
    """Something that the person at the keyboard can do something about.

    Args:
        message: what happened, one sentence, no trailing full stop needed.
        hint: what to do next; may be empty where the message already says it.
    """

    exit_code = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LabError):
    """The command was asked for something that does not exist or makes no sense."""

    exit_code = 2


class NoSuchLabError(UsageError):
    """There is no lab of this name, or it does not run."""


class ScenarioError(LabError):
    """A scenario or its lesson is at fault; says which file and line.

    Args:
        message: what is wrong.
        where: ``path:line`` or ``path``.
        hint: how the author mends it.
    """

    def __init__(self, message: str, where: str = "", hint: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message, hint)
        self.where = where


class EngineError(LabError):
    """The Docker engine is absent, refused, died or lacks something."""


class StateError(LabError):
    """The state directory or its database cannot be used."""


class BusyError(LabError):
    """Another command holds the lab."""

    exit_code = 4


def place(error: BaseException) -> str:
    """Where an exception was raised: ``file:line`` of its deepest frame."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
