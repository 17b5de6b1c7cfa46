"""What ``lab list`` shows, fast.

Reading every lesson and importing every scenario takes some hundred milliseconds, so a good
answer is kept in the user's cache folder, together with a stamp of everything that it was made
from. It is used only while every stamp is still true. These rules keep it from ever being
wrong:

- Only an answer without problems is kept. What mends a broken plugin may be anywhere.
- A stamp has modification and change time, size and inode; a folder's has its names.
- Nothing is kept while something stamped is younger than this process: it may have been
  written after it was read, or within the same tick of the file system's clock.
- A file that is damaged, belongs to another Python or cannot be written counts as absent.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner import __version__, sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from labrunner.model import Scenario
    from labrunner.plugins import Problem

_STARTED = time.time_ns()
_TICK = 2_000_000_000  # ns; the coarsest clock of a file system in use (FAT)
_KEPT = 8  # answers, for as many environments
_VARIABLE = "LABRUNNER_CACHE"

Stamp = list[int] | None


@dataclass(frozen=True)
class Entry:
    """One lab as a list shows it.

    Attributes:
        name: what the learner types.
        title, level, minutes, summary: from the head of its lesson.
        languages: that it can be read in, the original first.
        source: ``bundled``, a folder, or a package and its version.
    """

    name: str
    title: str
    level: str
    minutes: int
    summary: str
    languages: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Catalogue:
    """The labs there are, by name, and what is wrong with the others."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()


def load(folders: Sequence[str | Path] | None = None) -> Catalogue:
    """Every lab there is, the user's folders by default from ``LABRUNNER_SCENARIOS``."""
    roots = sources.user_roots(folders)
    key = _key(roots)
    store = _store(key)
    kept = _recall(store, key) if store else None
    return kept or _read(roots, key, store)


def _read(roots: tuple[Path, ...], key: list[Any], store: Path | None) -> Catalogue:
    """The catalogue as it is, kept for the next time if that is safe."""
    before = set(sys.modules)
    from labrunner import frontmatter, lesson, plugins

    # Metadata first: a package that is installed meanwhile must not look as if it was read.
    metadata = _metadata()
    registry = plugins.Registry(roots)
    found = registry.everything()
    entries = []
    for scenario in found.scenarios:
        content = scenario.content or Path()
        head = frontmatter.read(content / "lesson.md")
        entries.append(
            Entry(
                name=scenario.name,
                title=head.title,
                level=head.level,
                minutes=head.minutes,
                summary=head.summary,
                languages=lesson.languages(content),
                source=scenario.source,
            )
        )
    catalogue = Catalogue(tuple(entries), found.problems)
    # Of a package that was imported earlier nobody can say which files its answer came from.
    known = any(p.entry_point.module.partition(".")[0] in before for p in registry.packages)
    if store and not found.problems and not known:
        files = {str(p): _stamp(p) for p in _files(roots, found.scenarios, before)}
        names = {str(p): _names(p) for p in _folders(roots, found.scenarios)}
        answer = {"key": key, "metadata": metadata, "files": files, "folders": names}
        stamps = [*files.values(), *(stamp for _, stamp in metadata)]
        if all(stamp is None or _settled(stamp) for stamp in stamps):
            _keep(store, answer | {"entries": [asdict(entry) for entry in entries]})
    return catalogue


# --- what an answer is made from ----------------------------------------------------------


def _key(roots: tuple[Path, ...]) -> list[Any]:
    """What one answer holds for: this Python, these places."""
    return [__version__, sys.executable, sys.version, sys.path, [str(root) for root in roots]]


def _metadata() -> list[tuple[str, Stamp]]:
    """The entry points of everything that is installed, as files and their stamps."""
    return [(str(path), _stamp(path)) for path in sources.metadata_files()]


def _files(
    roots: tuple[Path, ...], scenarios: Iterable[Scenario], before: set[str]
) -> Iterable[Path]:
    """Every file that the answer depends on, whether it is there or not."""
    from labrunner import lesson, plugins

    for root in _roots(roots):
        yield root / sources.SCENARIO_FILE
        yield from (root / name / sources.SCENARIO_FILE for name in _names(root) or ())
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and (name not in before or name.partition(".")[0] == "labrunner"):
            yield Path(file)
    for scenario in scenarios:
        folder, content = scenario.folder or Path(), scenario.content or Path()
        yield from (folder / image.folder / "Dockerfile" for image in scenario.images)
        yield from (place / "lesson.md" for place in plugins.lesson_places(scenario))
        translations = lesson.languages(content)[1:]
        yield from (content / f"lesson.{language}.md" for language in translations)


def _folders(roots: tuple[Path, ...], scenarios: Iterable[Scenario]) -> Iterable[Path]:
    """Every folder of which the names matter."""
    yield from _roots(roots)
    yield from (scenario.content for scenario in scenarios if scenario.content)


def _roots(roots: tuple[Path, ...]) -> list[Path]:
    bundled = sources.bundled_root()
    return [bundled, *roots] if bundled else list(roots)


def _stamp(path: Path | str) -> Stamp:
    """What changes when a file does; ``None`` where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  many of them: Path doubles the time
    except OSError:
        return None
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]


def _settled(stamp: list[int]) -> bool:
    """Whether a file was last written safely before this process began to read."""
    return max(stamp[0], stamp[1]) < _STARTED - _TICK


def _names(folder: Path | str) -> list[str] | None:
    """What is in a folder, without what Python itself writes there."""
    try:
        return sorted(name for name in os.listdir(folder) if name != "__pycache__")  # noqa: PTH208
    except OSError:
        return None


# --- the answer that is kept --------------------------------------------------------------


def _store(key: list[Any]) -> Path | None:
    """The file of this key's answer; ``None`` where the user has no cache folder."""
    chosen = os.environ.get(_VARIABLE)
    if chosen:
        folder = Path(chosen).absolute()
    else:
        import platformdirs

        folder = Path(platformdirs.user_cache_dir("labrunner", appauthor=False))
    digest = zlib.crc32(repr(key).encode("utf-8", "replace"))
    return folder / f"catalogue-{digest:08x}.json" if folder.is_absolute() else None


def _recall(store: Path, key: list[Any]) -> Catalogue | None:
    """The answer that was kept, if it is whole and everything is as it was then."""
    try:
        checksum, _, text = store.read_bytes().partition(b"\n")
        if int(checksum, 16) != zlib.crc32(text):
            return None
        answer = json.loads(text)
        if (
            answer["key"] != key
            or any(_names(path) != names for path, names in answer["folders"].items())
            or any(_stamp(path) != stamp for path, stamp in answer["files"].items())
            or [[path, stamp] for path, stamp in _metadata()] != answer["metadata"]
        ):
            return None
        entries = [Entry(**e | {"languages": tuple(e["languages"])}) for e in answer["entries"]]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return Catalogue(tuple(entries))


def _keep(store: Path, answer: dict[str, Any]) -> None:
    """Write the answer at once or not at all; a folder that cannot be written is no problem."""
    text = json.dumps(answer).encode()
    partial = store.with_suffix(f".{os.getpid()}")
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(b"%08x\n%s" % (zlib.crc32(text), text))
        partial.replace(store)
        kept = sorted(store.parent.glob("catalogue-*"), key=lambda p: -p.stat().st_mtime_ns)
        for old in kept[_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        return
