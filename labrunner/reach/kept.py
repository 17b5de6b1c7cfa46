"""Measurements that are kept, so that a later one can be compared with them.

Each lab has at most three: the last map, the one at the beginning of the current step, and the
one at the beginning of the lab. They are files in the lab's private folder and go with it.
Losing one costs a comparison and nothing else: a file that is damaged, or was written by
another version, counts as absent, and a folder that is gone is not made again.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from labrunner.model.reach import Listener, Outside, Probe, Reach
from labrunner.reach.picture import Places

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labrunner.store import LabRecord

Point = Literal["last", "step", "lab"]
POINTS: tuple[Point, ...] = ("last", "step", "lab")


@dataclass(frozen=True)
class Kept:
    """A measurement that was kept.

    Attributes:
        at: when it was made, in seconds since the epoch.
        step: id of the step that the learner was on; "" when all were done.
        reach: what was measured.
    """

    at: float
    step: str
    reach: Reach


def keep(
    record: LabRecord,
    reach: Reach,
    *,
    at: float | None = None,
    points: Iterable[Point] = ("last",),
) -> None:
    """Keep a measurement of a lab, where it can be kept.

    Args:
        record: the lab, on the step that it was measured in.
        reach: the measurement.
        at: when it was made; default: now.
        points: what it is from now on. A beginning has been once and is never replaced; where
            none was measured, the first map in a step is as near to it as any will be.
    """
    wanted: set[Point] = {point for point in points if point == "last"}
    wanted |= {point for point in POINTS[1:] if recall(record, point) is None}
    kept = Kept(time.time() if at is None else at, record.step, reach)
    for point in wanted:
        _write(_file(record, point), asdict(kept))


def recall(record: LabRecord, point: Point) -> Kept | None:
    """What was kept; ``None`` where nothing was, or another step has begun since."""
    found = _read(_file(record, point))
    try:
        kept = Kept(found["at"], found["step"], _reach(found["reach"]))
    except (LookupError, TypeError):
        return None
    return None if point == "step" and kept.step != record.step else kept


def to_compare(record: LabRecord, wanted: Point) -> tuple[Point, Kept] | None:
    """What a new measurement is compared with: where there is no last map, the step's begin."""
    for point in (wanted, "step") if wanted == "last" else (wanted,):
        kept = recall(record, point)
        if kept is not None:
            return point, kept
    return None


# --- places in the picture ----------------------------------------------------------------


def places(record: LabRecord) -> Places:
    """Where everything was when the lab was drawn before."""
    found = _read(_file(record, "places"))
    try:
        return Places(tuple(map(str, found["lines"])), tuple(map(str, found["boxes"])))
    except (LookupError, TypeError):
        return Places()


def keep_places(record: LabRecord, now: Places) -> None:
    """From now on everything is drawn where it is now."""
    if now != places(record):
        _write(_file(record, "places"), asdict(now))


# --- files --------------------------------------------------------------------------------


def _file(record: LabRecord, what: str) -> Path:
    # after a reset the folder is the same, and the lab is another
    return record.folder / f"map-{record.id}-{what}.json"


def _write(file: Path, value: Any) -> None:
    """At once or not at all."""
    partial = file.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        partial.write_text(json.dumps(value), encoding="utf-8")
        partial.replace(file)


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _reach(found: dict[str, Any]) -> Reach:
    return Reach(
        containers=tuple(found["containers"]),
        listeners=tuple(Listener(**one) for one in found["listeners"]),
        probes=tuple(Probe(**one) for one in found["probes"]),
        seconds=float(found["seconds"]),
        outside=tuple(Outside(**one) for one in found["outside"]),
    )
