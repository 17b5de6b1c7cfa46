"""Puts a site where it is wanted: all of it at once, over nothing that is not ours.

It is written beside its place and then changes places with what was there, so that whoever
reads the site meanwhile, or ends the build half-way, has the old one. A file in it says what
belongs to it: a folder with anything else in it is somebody's, and is refused.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from labrunner.errors import BusyError, LabError, UsageError

MARKER = ".labrunner-site"
_HEAD = "A site that `lab site build` made. It is replaced as a whole. Files:"


def check(target: Path) -> Path:
    """The folder that may be written, with its links followed.

    Raises:
        UsageError: it is a file, or something is in it that is not ours.
    """
    place = target.absolute().resolve()
    if not place.exists():
        _bring_back(place)
    if not place.exists():
        return place
    if not place.is_dir():
        raise UsageError(f"{target} is a file", "Name a folder.")
    if not (place / MARKER).is_file():
        if any(place.iterdir()):
            raise UsageError(
                f"{target} is not empty, and no site that was built here is in it",
                "Name an empty folder, or one that does not exist yet.",
            )
        return place
    there = {
        path.relative_to(place).as_posix()
        for path in place.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    foreign = sorted(there - _own(place))
    if foreign:
        raise UsageError(
            f"{target} holds {foreign[0]}, which `lab site build` did not make",
            "Move it elsewhere: a build replaces the whole folder.",
        )
    return place


def publish(place: Path, files: Mapping[str, bytes]) -> None:
    """Write these files, by their paths, and put them in the place of what was there.

    Raises:
        LabError: the file system refuses.
        BusyError: somebody else is at it.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _beside(place) as fresh:
            for name, content in files.items():
                path = fresh / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            rows = [_HEAD, *sorted(files)]
            (fresh / MARKER).write_text("\n".join(rows) + "\n", "utf-8")
            _swap(fresh, place)
    except OSError as error:
        where = error.filename or place
        raise LabError(
            f"{where}: {error.strerror}",
            "Name a folder inside of one that you may write to.",
        ) from error


def _own(place: Path) -> set[str]:
    """The files that a site says are its own."""
    rows = (place / MARKER).read_text("utf-8", "replace").splitlines()[1:]
    return {MARKER, *rows}


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """An empty folder beside a place, held by this process; gone at the end, unless moved."""
    folder = place.with_name(f".{place.name}.new")
    handle = _hold(folder)
    try:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield folder
    finally:
        with suppress(OSError):
            if _same(handle, folder):
                shutil.rmtree(folder)
        os.close(handle)


def _hold(folder: Path) -> int:
    """A lock on a folder, which is made where it is missing; the kernel drops it with us."""
    while True:
        folder.mkdir(exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise BusyError(
                f"another build is writing {folder}", "Wait for it to end, then try again."
            ) from error
        except OSError:
            os.close(handle)
            raise
        if _same(handle, folder):
            return handle
        # whoever held it before has just moved it to its place
        os.close(handle)


def _same(handle: int, folder: Path) -> bool:
    """Whether this handle is of the folder that has this name now."""
    try:
        return os.path.samestat(os.fstat(handle), folder.stat())
    except FileNotFoundError:
        return False


def _swap(fresh: Path, place: Path) -> None:
    """Let a new site take the place of the old one."""
    before = _before(place)
    if before.exists():
        shutil.rmtree(before)
    if place.exists():
        place.rename(before)
    fresh.rename(place)
    shutil.rmtree(before, ignore_errors=True)


def _bring_back(place: Path) -> None:
    """Where a build was ended between its two renamings, the old site is in its place again."""
    before = _before(place)
    if (before / MARKER).is_file():
        before.rename(place)


def _before(place: Path) -> Path:
    return place.with_name(f".{place.name}.before")
