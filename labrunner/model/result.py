"""A command that ran."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What a command gave: exit code, and both outputs as text."""

    code: int
    out: str
    err: str = ""
