"""Where to look for scenarios. Paths only: nothing here is costly to import or runs a plugin."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

VARIABLE = "LABRUNNER_SCENARIOS"
GROUP = "labrunner"
SCENARIO_FILE = "scenario.py"
MODULE_PREFIX = "labrunner_scenario_"
_GROUP_HEADER = rf"(?m)^\s*\[\s*{GROUP}\s*\]"


def bundled_root() -> Path | None:
    """The folder of the scenarios that came with labrunner; ``None`` where there is none."""
    package = Path(__file__).parent
    if (package / "scenarios").is_dir():
        return package / "scenarios"
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "scenarios").is_dir():
        return checkout / "scenarios"
    return None


def user_roots(given: Sequence[str | Path] | None = None) -> tuple[Path, ...]:
    """The folders that the user named, or those in ``LABRUNNER_SCENARIOS``; absolute."""
    names = os.environ.get(VARIABLE, "").split(os.pathsep) if given is None else given
    # os.path's leaves a `~` alone where nobody has a home; Path's raises.
    return tuple(Path(os.path.expanduser(name)).absolute() for name in names if str(name))  # noqa: PTH111


def folders(root: Path) -> list[Path]:
    """The scenario folders at this path: itself, or those in it. Empty where there are none."""
    if (root / SCENARIO_FILE).is_file():
        return [root]
    try:
        with os.scandir(root) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except OSError:
        return []
    return [root / name for name in names if (root / name / SCENARIO_FILE).is_file()]


def lesson_places(folder: Path, name: str, chosen: Path | None = None) -> list[Path]:
    """The folders in which the lesson of a scenario may be, best first.

    Args:
        folder: of the scenario.
        name: of the scenario.
        chosen: what the scenario itself says, if it does; relative to its folder.
    """
    return [
        *([folder / chosen] if chosen else []),
        folder / "content" / name,
        folder / "content",
        folder.parent / "content" / name,
        folder.parent.parent / "content" / name,
    ]


def lesson_folder(places: Iterable[Path]) -> Path | None:
    """The first of these folders that has a lesson."""
    return next((place for place in places if (place / "lesson.md").is_file()), None)


def metadata_files() -> Iterator[Path]:
    """Every file on ``sys.path`` that may announce entry points (a zip file may, too)."""
    for place in dict.fromkeys(sys.path):
        try:
            with os.scandir(place or ".") as entries:
                names = sorted(
                    e.name for e in entries if e.name.endswith((".dist-info", ".egg-info"))
                )
        except NotADirectoryError:
            yield Path(place)
            continue
        except OSError:
            continue
        for name in (*names, "EGG-INFO"):
            path = Path(place, name, "entry_points.txt")
            if path.is_file():
                yield path


def announces_plugins(path: Path) -> bool:
    """Whether this file, or the zip file that it is, may have our entry point group."""
    if path.suffix != ".txt":
        return True  # a zip file: let importlib.metadata look
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(_GROUP_HEADER, text) is not None
