"""A build context as data: what it holds, which images it starts from, its digest, its tar.

The digest must be the same for a checkout, a wheel and a zip of the same files, whatever
the umask was: owners and times are left out, modes come down to "may be executed or not".
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from labrunner.errors import ScenarioError

DOCKERFILE = "Dockerfile"
_IGNORED_NAMES = {"__pycache__", ".git", ".DS_Store", ".mypy_cache", ".ruff_cache"}
_IGNORED_ENDINGS = (".pyc", "~", ".swp")
_FROM = re.compile(
    r"^(?P<from>\s*FROM\s+(?:--\S+\s+)*)(?P<image>\S+)", re.IGNORECASE | re.MULTILINE
)
_FORMAT = b"labrunner build context 1"


@dataclass(frozen=True)
class Entry:
    """One file or symbolic link of a context: where, how, and its bytes (or link target)."""

    path: str
    mode: int
    content: bytes
    link: bool = False


@dataclass(frozen=True)
class Context:
    """A build context, read once.

    Attributes:
        name: the image's name as the learner types it.
        folder: where it was read.
        dockerfile: the text of its Dockerfile.
        entries: everything else, sorted by path.
    """

    name: str
    folder: Path
    dockerfile: str
    entries: tuple[Entry, ...]

    @property
    def parents(self) -> tuple[str, ...]:
        """What its ``FROM`` lines name, in order, build arguments unresolved."""
        return tuple(match["image"] for match in _FROM.finditer(self.dockerfile))

    def digest(self, resolved: Mapping[str, str]) -> str:
        """Hex SHA-256 over everything that the image is made from.

        Args:
            resolved: what the parents (and build arguments) stand for.
        """
        sums = hashlib.sha256()
        for part in (_FORMAT, self.name.encode(), self.dockerfile.encode()):
            _add(sums, part)
        for key in sorted(resolved):
            _add(sums, f"{key}={resolved[key]}".encode())
        for entry in self.entries:
            kind = "link" if entry.link else f"file {entry.mode:o}"
            _add(sums, f"{kind} {entry.path}".encode())
            _add(sums, entry.content)
        return sums.hexdigest()

    def archive(self, refs: Mapping[str, str]) -> io.BytesIO:
        """The context as the tar that the engine's builder reads.

        Args:
            refs: image names in ``FROM`` lines that are to be replaced, and by what.
        """

        def replaced(match: re.Match[str]) -> str:
            return match["from"] + refs.get(match["image"], match["image"])

        text = _FROM.sub(replaced, self.dockerfile).encode()
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for entry in (Entry(DOCKERFILE, 0o644, text), *self.entries):
                info = tarfile.TarInfo(entry.path)
                info.mode = entry.mode
                if entry.link:
                    info.type, info.linkname = tarfile.SYMTYPE, os.fsdecode(entry.content)
                    tar.addfile(info)
                else:
                    info.size = len(entry.content)
                    tar.addfile(info, io.BytesIO(entry.content))
        buffer.seek(0)
        return buffer


def read(name: str, folder: Path) -> Context:
    """Read a build context from disk.

    Raises:
        ScenarioError: there is no such folder, it has no Dockerfile, or cannot be read.
    """
    try:
        dockerfile = (folder / DOCKERFILE).read_text(encoding="utf-8")
        entries = tuple(_entries(folder))
    except FileNotFoundError as error:
        raise ScenarioError(
            f"the image {name} has no Dockerfile",
            str(folder / DOCKERFILE),
            "an image's folder holds a Dockerfile and what it copies",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(
            f"the files of image {name} cannot be read: {error}", str(folder)
        ) from error
    return Context(name, folder, dockerfile, entries)


def _entries(folder: Path) -> Iterator[Entry]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in _IGNORED_NAMES)
        links = [f for f in folders if (Path(parent) / f).is_symlink()]
        for file in sorted(files + links):
            path = Path(parent) / file
            place = path.relative_to(folder).as_posix()
            if file in _IGNORED_NAMES or file.endswith(_IGNORED_ENDINGS) or place == DOCKERFILE:
                continue
            if path.is_symlink():
                yield Entry(place, 0o777, os.fsencode(path.readlink()), link=True)
            elif path.is_file():
                content = path.read_bytes()
                yield Entry(place, _mode(path, content), content)


def _mode(path: Path, content: bytes) -> int:
    """0755 for what may be executed (a script says so itself, on any file system), else 0644."""
    executable = content.startswith(b"#!") or bool(path.stat().st_mode & stat.S_IXUSR)
    return 0o755 if executable else 0o644


def _add(sums: hashlib._Hash, part: bytes) -> None:
    # the length keeps "ab"+"c" and "a"+"bc" apart
    sums.update(len(part).to_bytes(8, "big"))
    sums.update(part)
