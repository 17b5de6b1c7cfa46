"""Reads files of a folder that somebody else wrote, and nothing outside of it."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath

from labrunner.errors import LabError

TEXT_LIMIT = 256 * 1024
"""Bytes of a text or script; what is larger is not one."""
ASSET_LIMIT = 16 * 1024 * 1024
ASSETS_LIMIT = 64 * 1024 * 1024
"""Bytes of one asset, and of all together."""
ASSETS_NUMBER = 1000
_FILES_LIMIT = 20_000
"""Files and folders that are looked at for a pattern."""

_WILD = re.compile(r"[*?\[]")


class Source:
    """A folder that is imported.

    Args:
        root: the folder with the ``index.json``.

    Raises:
        LabError: there is no such folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            self._real = root.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise LabError(
                f"{root} cannot be read: {error}", "Name the scenario's folder."
            ) from error
        if not self._real.is_dir():
            raise LabError(f"{root} is not a folder", "Name the folder that holds index.json.")

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self._real.name

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return self._path(name).is_file()

    def text(self, name: str, wanted_by: str) -> str:
        """The text of a file, with plain line ends.

        Args:
            name: relative to the folder, as ``index.json`` has it.
            wanted_by: the place in ``index.json`` that names it.

        Raises:
            LabError: it is missing, outside, too large, or no text.
        """
        data = self.data(name, wanted_by, TEXT_LIMIT)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise LabError(f"{name}:{line} is not UTF-8 text", "Save it as UTF-8.") from error
        if "\0" in text:
            raise LabError(f"{name} is a binary file, not text", f"{wanted_by} should name a text.")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def data(self, name: str, wanted_by: str, limit: int) -> bytes:
        """The bytes of a file.

        Raises:
            LabError: it is missing, outside, no file, or larger than the limit.
        """
        path = self._path(name)
        if not path.exists():
            hint = f"{wanted_by} in index.json names it."
            raise LabError(f"there is no {name} in {self.root}", hint)
        if not path.is_file():
            raise LabError(f"{name} is not a file", f"{wanted_by} in index.json names it.")
        try:
            # one byte more than allowed: the size that was looked up may be old by now
            with path.open("rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise LabError(f"{name} cannot be read: {error.strerror}", str(path)) from error
        if len(data) > limit:
            raise LabError(f"{name} is larger than {limit // 1024} KiB", "Make it smaller.")
        return data

    def matching(self, folder: str, pattern: str) -> list[str]:
        """The files below a folder that a pattern with ``*`` and ``**`` means, sorted.

        Names are relative to the folder; without a wildcard it is at most the one file.

        Raises:
            LabError: one of them is outside, or there are too many.
        """
        base = self._path(folder)
        self._path(f"{folder}/{pattern}")
        if not _WILD.search(pattern):
            return [pattern] if self.has(f"{folder}/{pattern}") else []
        found: list[str] = []
        for name in self._below(base):
            if _matches(PurePosixPath(name).parts, PurePosixPath(pattern).parts):
                self._path(f"{folder}/{name}")
                found.append(name)
                if len(found) > ASSETS_NUMBER:
                    raise LabError(f"{pattern} means more than {ASSETS_NUMBER} files", "Fewer.")
        return sorted(found)

    def _below(self, base: Path) -> list[str]:
        names: list[str] = []
        for where, folders, files in os.walk(base, followlinks=False):
            for name in (*files, *folders):
                path = Path(where, name)
                if path.is_symlink() or name in files:
                    names.append(path.relative_to(base).as_posix())
            if len(names) > _FILES_LIMIT:
                raise LabError(f"{base} holds more than {_FILES_LIMIT} files", "Take some away.")
        return names

    def _path(self, name: str) -> Path:
        """Where a file is, which is inside of the folder, links followed."""
        pure = PurePosixPath(name)
        hint = "Only files of the scenario's own folder are imported."
        if not name or "\0" in name or "\\" in name:
            raise LabError(f"{name!r} cannot be the name of a file", hint)
        if pure.is_absolute() or ".." in pure.parts:
            raise LabError(f"{name} leads out of the scenario's folder", hint)
        path = self._real / pure
        try:
            inside = path.resolve().is_relative_to(self._real)
        except (OSError, RuntimeError) as error:
            raise LabError(f"{name} cannot be followed: {error}", hint) from error
        if not inside:
            raise LabError(f"{name} is a link that leads out of the scenario's folder", hint)
        return path


@lru_cache(maxsize=4096)
def _matches(name: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a path's parts are what a pattern means; ``**`` stands for any folders."""
    from fnmatch import fnmatchcase

    if not pattern:
        return not name
    first, rest = pattern[0], pattern[1:]
    if first == "**":
        if not rest:
            return bool(name)
        return any(_matches(name[skip:], rest) for skip in range(len(name) + 1))
    return bool(name) and fnmatchcase(name[0], first) and _matches(name[1:], rest)
