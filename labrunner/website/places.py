"""Where the site's own files and the documents are: in the installed package, or in the source."""

from __future__ import annotations

from pathlib import Path

from labrunner.errors import StateError

_PACKAGE = Path(__file__).parent.parent


def assets() -> Path:
    """The folder of templates, styles and scripts.

    Raises:
        StateError: labrunner was not installed as a whole.
    """
    return _first(_PACKAGE / "website" / "assets", _PACKAGE.parent / "site" / "website")


def documents() -> Path:
    """The folder in which ``docs``, ``ARCHITECTURE.md`` and ``CHANGELOG.md`` are.

    Raises:
        StateError: labrunner was not installed as a whole.
    """
    return _first(_PACKAGE / "docs", _PACKAGE.parent / "docs").parent


def _first(*folders: Path) -> Path:
    for folder in folders:
        if folder.is_dir():
            return folder
    raise StateError(f"there is no folder {folders[0]}", "Install labrunner again.")
