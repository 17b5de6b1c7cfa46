"""Answers that took long to find, kept in the user's cache folder for the next command.

Losing one costs time and nothing else: a file that is damaged, or cannot be read or written,
counts as absent. Whether an answer still holds is its owner's business.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any

_VARIABLE = "LABRUNNER_CACHE"


def place(name: str) -> Path | None:
    """The file of an answer; ``None`` where the user has no cache folder."""
    folder = _folder()
    return folder / f"{name}.json" if folder.is_absolute() else None


def recall(store: Path) -> Any:
    """The answer that was kept, or ``None`` where there is none or it is damaged."""
    try:
        checksum, _, text = store.read_bytes().partition(b"\n")
        if int(checksum, 16) != zlib.crc32(text):
            return None
        return json.loads(text)
    except (OSError, ValueError):
        return None


def keep(store: Path, answer: Any, *, most: int) -> None:
    """Write an answer at once or not at all; a folder that cannot be written is no problem.

    Args:
        store: its file, from `place`.
        answer: what JSON can hold.
        most: so many files of this kind stay, the newest; the kind is the name up to a ``-``.
    """
    text = json.dumps(answer).encode()
    partial = store.with_suffix(f".{os.getpid()}")
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(b"%08x\n%s" % (zlib.crc32(text), text))
        partial.replace(store)
        kind = store.name.partition("-")[0]
        kept = sorted(store.parent.glob(f"{kind}-*"), key=lambda p: -p.stat().st_mtime_ns)
        for old in kept[most:]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def _folder() -> Path:
    """Where answers are kept; a relative path where the user has no home."""
    chosen = os.environ.get(_VARIABLE)
    if chosen:
        return Path(chosen).absolute()
    if sys.platform in {"darwin", "win32"}:
        import platformdirs

        return Path(platformdirs.user_cache_dir("labrunner", appauthor=False))
    # What platformdirs does here, without the 8 ms of importing it.
    base = os.environ.get("XDG_CACHE_HOME", "").strip()
    return Path(base or os.path.expanduser("~/.cache"), "labrunner")  # noqa: PTH111  may have none
