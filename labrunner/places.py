"""Where the runner keeps things on this machine, and which of those places can be used."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from labrunner.errors import StateError

STATE_VARIABLE = "LABRUNNER_STATE"
SOCKET_PATH_LIMIT = 100
"""Bytes; Linux allows 107 for the address of a unix socket, macOS 103."""


def state_folder() -> Path:
    """The folder of the database and the locks; made where it is missing.

    Raises:
        StateError: there is no home directory, or it cannot be written to.
    """
    chosen = os.environ.get(STATE_VARIABLE)
    if chosen:
        folder = Path(chosen).absolute()
    else:
        import platformdirs

        folder = Path(platformdirs.user_state_dir("labrunner", appauthor=False))
    if not folder.is_absolute():
        raise StateError(
            "you have no home directory to keep progress in",
            f"set {STATE_VARIABLE} to a folder that you may write to",
        )
    _make(folder)
    return folder


def runtime_folder() -> Path:
    """The private folder (mode 0700) of sockets; empty after a reboot, like the labs.

    Raises:
        StateError: it belongs to somebody else or its path is too long for a socket.
    """
    chosen = os.environ.get("LABRUNNER_RUNTIME")
    if chosen:
        folder = Path(chosen).absolute()
    else:
        base = os.environ.get("XDG_RUNTIME_DIR")
        usable = base and Path(base).is_dir() and os.access(base, os.W_OK)
        folder = Path(base or "") / "labrunner" if usable else Path(f"/tmp/labrunner-{os.getuid()}")  # noqa: S108  private: made 0700 and its owner is checked below
    if len(os.fsencode(folder)) > SOCKET_PATH_LIMIT - len(
        "/unsegregated-shop-abc123/sock/docker.sock"
    ):
        raise StateError(
            f"the path {folder} is too long for a socket", "set LABRUNNER_RUNTIME to a shorter one"
        )
    _make(folder)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StateError(
            f"{folder} belongs to somebody else", "set LABRUNNER_RUNTIME to a folder of your own"
        )
    if stat.S_IMODE(found.st_mode) != stat.S_IRWXU:
        folder.chmod(stat.S_IRWXU)
    return folder


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"cannot make the folder {folder}: {error.strerror}",
            f"set {STATE_VARIABLE} to a folder that you may write to",
        ) from error
