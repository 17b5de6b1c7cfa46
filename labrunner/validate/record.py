"""Cases, groups and results as plain data, and the file in which a run's results are kept."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labrunner.validate.cases import Group, Work
from labrunner.validate.proof import Case, Kind, Result, Status

Data = dict[str, Any]


def to_data(value: Result | Group) -> Data:
    """A result or a group as JSON can hold it."""
    data: Data = json.loads(json.dumps(asdict(value)))
    return data


def case_from(data: Mapping[str, Any]) -> Case:
    """A case that was written down."""
    return Case(**{**data, "kind": Kind(data["kind"])})


def result_from(data: Mapping[str, Any]) -> Result:
    """A result that was written down."""
    return Result(
        **{
            **data,
            "case": case_from(data["case"]),
            "status": Status(data["status"]),
            "typed": tuple(data["typed"]),
        }
    )


def group_from(data: Mapping[str, Any]) -> Group:
    """A group that was written down."""
    return Group(
        **{
            **data,
            "work": Work(data["work"]),
            "cases": tuple(case_from(case) for case in data["cases"]),
            "outcomes": tuple((step, outcome) for step, outcome in data["outcomes"]),
        }
    )


class Journal:
    """The results of a run, one JSON line each, written as they come.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, head: Data) -> None:
        """Start a new one."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.write_text(json.dumps({"head": head}) + "\n", encoding="utf-8")

    def add(self, line: Data) -> None:
        """Keep a line, so that it is there after whatever happens next."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def lines(self) -> Iterator[Data]:
        """What was kept; a last line that was cut off does not count."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except OSError:
            return
        for line in text.splitlines():
            try:
                data: Data = json.loads(line)
            except ValueError:
                continue
            yield data
