"""What ``lab list`` shows, fast.

Importing scenarios and checking their lessons takes some hundred milliseconds, so a good
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

import os
import sys
import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner import __version__, cache, shelves
from labrunner.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from labrunner.sources import Problem

_STARTED = time.time_ns()
_TICK = 2_000_000_000  # ns; the coarsest clock of a file system in use (FAT)
_KEPT = 8  # answers, for as many environments

Stamp = list[int] | None


# Not frozen and without equality: each would cost every list half a millisecond.
@dataclass(eq=False)
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


@dataclass(eq=False)
class Catalogue:
    """The labs there are, by name, and what is wrong with the others."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()


def load(folders: Sequence[str | Path] | None = None) -> Catalogue:
    """Every lab there is, the user's folders by default from ``LABRUNNER_SCENARIOS``."""
    roots = shelves.user_roots(folders)
    key = _key(roots)
    store = _store(key)
    kept = _recall(store, key) if store else None
    return kept or _read(roots, key, store)


def _read(roots: tuple[Path, ...], key: list[Any], store: Path | None) -> Catalogue:
    """The catalogue as it is, kept for the next time if that is safe."""
    made = _Made(roots)
    if store and made.settled():
        answer = {"key": key, "metadata": made.metadata, "files": made.files, "folders": made.names}
        answer["entries"] = [asdict(entry) for entry in made.entries]
        cache.keep(store, answer, most=_KEPT)
    entries = sorted(made.entries, key=lambda entry: entry.name)
    return Catalogue(tuple(entries), tuple(made.problems))


class _Made:
    """A catalogue that is being read, and what it is read from.

    Of the bundled scenarios only the head of the lesson is read: they are proven before they
    are shipped, and most people have no others. Those of other people are checked as a whole.
    """

    def __init__(self, roots: tuple[Path, ...]) -> None:
        from labrunner import sources

        # First: a package that is installed meanwhile must not look as if it had been read.
        self.metadata = _metadata()
        self.entries: list[Entry] = []
        self.problems: list[Problem] = []
        self.files: dict[str, Stamp] = {}
        self.names: dict[str, list[str] | None] = {}
        self.sure = True
        claimed = self.others(roots) if roots or sources.packages() else frozenset()
        for folder in sources.bundled():
            if folder.guess not in claimed:
                places = shelves.lesson_places(folder.path, folder.guess)
                self.entry(folder.guess, folder.label, folder.where, places)
        bundled = shelves.bundled_root()
        for root in [bundled, *roots] if bundled else roots:
            self.look(root)
        self.modules({name for name in sys.modules if name.partition(".")[0] == "labrunner"})

    def others(self, roots: tuple[Path, ...]) -> frozenset[str]:
        """Add what is not bundled; the names that cannot be used because two have them."""
        before = set(sys.modules)
        from labrunner import plugins

        registry = plugins.Registry(roots)
        # Of what was imported earlier nobody can say which files were read then.
        mine = {p.entry_point.module.partition(".")[0] for p in registry.packages}
        self.sure = not any(
            name in mine or name.startswith(shelves.MODULE_PREFIX) for name in before
        )
        found = registry.everything(bundled=False)
        self.problems += found.problems
        for scenario in found.scenarios:
            folder = scenario.folder or Path()
            places = shelves.lesson_places(folder, scenario.name, scenario.content)
            self.entry(scenario.name, scenario.source, str(folder), places)
            for image in scenario.images:
                self.stamp(folder / image.folder / "Dockerfile")
        self.modules(set(sys.modules) - before)
        return found.claimed

    def entry(self, name: str, source: str, where: str, places: Iterable[Path]) -> None:
        """Add the scenario that has its lesson in the first of these places that has one."""
        from labrunner.lessons import frontmatter
        from labrunner.sources import Problem

        places = list(places)
        for place in places:
            self.stamp(place / "lesson.md")
        content = shelves.lesson_folder(places)
        if content is None:
            self.problems.append(Problem(source, where, "there is no lesson", name=name))
            return
        self.names[str(content)] = _names(content)
        for translation in content.glob("lesson.*.md"):
            self.stamp(translation)
        try:
            head = frontmatter.read(content / "lesson.md")
        except ScenarioError as error:
            message = error.message.removeprefix(f"{error.where}: ")
            self.problems.append(Problem(source, error.where, message, error.hint, name))
            return
        languages = frontmatter.languages(content)
        about = (head.title, head.level, head.minutes, head.summary)
        self.entries.append(Entry(name, *about, languages, source))

    def look(self, root: Path) -> None:
        """Remember which scenarios a folder of them has."""
        self.names[str(root)] = _names(root)
        self.stamp(root / shelves.SCENARIO_FILE)
        for name in self.names[str(root)] or ():
            self.stamp(root / name / shelves.SCENARIO_FILE)

    def modules(self, names: set[str]) -> None:
        """Remember the files of these modules."""
        for name in sorted(names):
            file = getattr(sys.modules[name], "__file__", None)
            if file:
                self.stamp(Path(file))

    def stamp(self, path: Path) -> None:
        """Remember a file, be it there or not."""
        self.files[str(path)] = _stamp(path)

    def settled(self) -> bool:
        """Whether this may be kept: nothing is wrong, and nothing can have changed meanwhile."""
        stamps = [*self.files.values(), *(stamp for _, stamp in self.metadata)]
        quiet = all(max(s[:2]) < _STARTED - _TICK for s in stamps if s is not None)
        return quiet and self.sure and not self.problems


# --- what an answer is made from ----------------------------------------------------------


def _key(roots: tuple[Path, ...]) -> list[Any]:
    """What one answer holds for: this Python, these places."""
    return [__version__, sys.executable, sys.version, sys.path, [str(root) for root in roots]]


def _metadata() -> list[tuple[str, Stamp]]:
    """The entry points of everything that is installed, as files and their stamps."""
    return [(str(path), _stamp(path)) for path in shelves.metadata_files()]


def _stamp(path: Path | str) -> Stamp:
    """What changes when a file does; ``None`` where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  many of them: Path doubles the time
    except OSError:
        return None
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]


def _names(folder: Path | str) -> list[str] | None:
    """What is in a folder, without what Python itself writes there."""
    try:
        return sorted(name for name in os.listdir(folder) if name != "__pycache__")  # noqa: PTH208
    except OSError:
        return None


# --- the answer that is kept --------------------------------------------------------------


def _store(key: list[Any]) -> Path | None:
    """The file of this key's answer; ``None`` where the user has no cache folder."""
    return cache.place(f"catalogue-{zlib.crc32(repr(key).encode('utf-8', 'replace')):08x}")


def _recall(store: Path, key: list[Any]) -> Catalogue | None:
    """The answer that was kept, if it is whole and everything is as it was then."""
    answer = cache.recall(store)
    try:
        if (
            answer["key"] != key
            or any(_names(path) != names for path, names in answer["folders"].items())
            or any(_stamp(path) != stamp for path, stamp in answer["files"].items())
            or [[path, stamp] for path, stamp in _metadata()] != answer["metadata"]
        ):
            return None
        entries = [Entry(**e | {"languages": tuple(e["languages"])}) for e in answer["entries"]]
    except (LookupError, TypeError, AttributeError):
        return None
    return Catalogue(tuple(entries))
