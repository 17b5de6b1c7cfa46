"""``lab new``: a scenario of one's own, small but whole, as a package that can be installed."""

from __future__ import annotations

import keyword
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from labrunner.errors import UsageError

TEMPLATE = Path(__file__).parent / "template"
_PACKAGE = "package"
_ENDING = ".in"
LONGEST = 40
"""Letters; the name becomes part of images' and containers' names."""
_TAKEN = {"labrunner", "tests", "docker", "pytest"}
"""Modules that a lab needs, which a package of the same name would hide."""


def create(name: str, into: Path) -> Path:
    """Write a package with a scenario of this name.

    Args:
        name: lower-case words joined by hyphens.
        into: an existing folder, in which one of that name is made.

    Returns:
        The new folder.

    Raises:
        UsageError: the name cannot be one, or is taken; the folder is there already, or cannot
            be written. Nothing that was there before is touched.
    """
    _check(name)
    folder = into / name
    try:
        folder.mkdir()
    except FileExistsError as error:
        hint = "Choose another name, or another place: --into FOLDER."
        raise UsageError(f"{folder} is there already", hint) from error
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}") from error
    try:
        for path, text in files(name):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
        raise
    return folder


def files(name: str) -> Iterator[tuple[Path, str]]:
    """The files of a package for a scenario of this name: path and text."""
    package = name.replace("-", "_")
    for source in sorted(TEMPLATE.rglob(f"*{_ENDING}")):
        inner = source.relative_to(TEMPLATE)
        parts = [package if part == _PACKAGE else part for part in inner.parts]
        last = parts.pop().removesuffix(_ENDING)
        if last == "gitignore":
            last = f".{last}"
        text = source.read_text(encoding="utf-8")
        yield Path(*parts, last), text.replace("@NAME@", name).replace("@PACKAGE@", package)


def _check(name: str) -> None:
    """Raise where a name cannot be that of a new scenario."""
    from labrunner import catalogue
    from labrunner.wellformed import NAME

    hint = "A name is lower-case words joined by hyphens, such as `my-lab`."
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        longest = f", of at most {LONGEST} letters" if len(name) > LONGEST else ""
        raise UsageError(f"{name!r} cannot be a name", f"{hint[:-1]}{longest}.")
    package = name.replace("-", "_")
    if keyword.iskeyword(package) or package in sys.stdlib_module_names or package in _TAKEN:
        raise UsageError(f"{name!r} is the name of a Python module", "Add a word to it.")
    if name in {entry.name for entry in catalogue.load().entries}:
        raise UsageError(f"there is a scenario {name} already", "Choose another name.")
