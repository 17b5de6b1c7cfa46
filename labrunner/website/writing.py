"""Puts a site where it is wanted: all of it at once, over nothing that is not ours.

It is written beside its place and then changes places with what was there, so that whoever
reads the site meanwhile, or ends the build half-way, has the old one. A file in it says what
belongs to it: a folder with anything else in it is somebody's, and is refused. So are those
beside it, in which a build that was killed may have left something. That file is written before
all others and removed after them.
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
_IN_PLACE = "Move it elsewhere: a build replaces the whole folder."
_IN_PASSING = "Move it elsewhere: a build passes through that folder, and clears it."


def check(target: Path) -> Path:
    """The folder that may be written, with its links followed.

    Raises:
        UsageError: it is a file, or something is in it, or in our folders beside it, that is
            not ours.
    """
    place = target.absolute().resolve()
    _insist_beside(place)
    if not place.exists():
        _bring_back(place)
    if place.is_dir() and not (place / MARKER).is_file() and any(place.iterdir()):
        raise UsageError(
            f"{target} is not empty, and no site that was built here is in it",
            "Name an empty folder, or one that does not exist yet.",
        )
    if place.exists() and not place.is_dir():
        raise UsageError(f"{target} is a file", "Name a folder.")
    _insist(place, target, _IN_PLACE)
    return place


def publish(place: Path, files: Mapping[str, bytes]) -> None:
    """Write these files, by their paths, and put them in the place of what was there.

    Raises:
        LabError: the file system refuses.
        UsageError: something is there, or came meanwhile, that is not ours.
        BusyError: somebody else is at it.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _beside(place) as fresh:
            rows = [_HEAD, *sorted(files)]
            (fresh / MARKER).write_text("\n".join(rows) + "\n", "utf-8")
            for name, content in files.items():
                path = fresh / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            _swap(fresh, place)
    except OSError as error:
        where = error.filename or place
        raise LabError(
            f"{where}: {error.strerror}",
            "Name a folder inside of one that you may write to.",
        ) from error


def _insist(folder: Path, called: Path, hint: str) -> None:
    """Nothing is there, or a folder in which everything is ours.

    Raises:
        UsageError: it is something else, or something else is in it.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{called} is no folder that `lab site build` made", hint)
    there = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    foreign = sorted(there - _own(folder))
    if foreign:
        raise UsageError(f"{called} holds {foreign[0]}, which `lab site build` did not make", hint)


def _insist_beside(place: Path) -> None:
    """The same of the folders that a build passes through; the root of all has none."""
    for folder in (_new(place), _before(place)) if place.name else ():
        _insist(folder, folder, _IN_PASSING)


def _own(place: Path) -> set[str]:
    """The files that a site says are its own; none where it says nothing."""
    try:
        rows = (place / MARKER).read_text("utf-8", "replace").splitlines()[1:]
    except FileNotFoundError:
        return set()
    return {MARKER, *rows}


def _clear(folder: Path) -> None:
    """Empty a folder that is ours; what says so goes last, since we may be killed here."""
    for path in folder.iterdir():
        if path.name != MARKER:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / MARKER).unlink(missing_ok=True)


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """An empty folder beside a place, held by this process; gone at the end, unless moved."""
    folder = _new(place)
    handle = _hold(folder)
    try:
        _insist(folder, folder, _IN_PASSING)
        _clear(folder)
        try:
            yield folder
        finally:
            with suppress(OSError):
                if _same(handle, folder):
                    _clear(folder)
                    folder.rmdir()
    finally:
        os.close(handle)


def _hold(folder: Path) -> int:
    """A lock on a folder, which is made where it is missing; the kernel drops it with us."""
    while True:
        folder.mkdir(exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
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
    _insist(before, before, _IN_PASSING)
    _insist(place, place, _IN_PLACE)
    if before.exists():
        _clear(before)
        before.rmdir()
    if place.exists():
        place.rename(before)
    fresh.rename(place)
    with suppress(OSError):
        _clear(before)
        before.rmdir()


def _bring_back(place: Path) -> None:
    """Where a build was ended between its two renamings, the old site is in its place again."""
    before = _before(place)
    if (before / MARKER).is_file():
        before.rename(place)


def _new(place: Path) -> Path:
    """Where a site is written."""
    return place.with_name(f".{place.name}.new")


def _before(place: Path) -> Path:
    """Where the old one waits until the new one is in its place."""
    return place.with_name(f".{place.name}.before")
