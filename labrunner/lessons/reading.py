"""Lesson files: which one a language means, and its lesson, from the cache where it was parsed.

Parsing a lesson takes longer than a check: the Markdown parser alone is a tenth of a command.
What was parsed is kept with the whole text that it came from and with the stamps of the code
that did it, so that it is used for nothing else. Lessons with mistakes are never kept.
"""

from __future__ import annotations

import functools
import importlib.util
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labrunner import __version__, cache
from labrunner.errors import ScenarioError
from labrunner.lessons.frontmatter import ORIGINAL, languages
from labrunner.model.lesson import Command, Lesson, Step, Trap

_PARSERS = ("lesson.py", "markdown.py", "frontmatter.py", "reading.py", "../model/lesson.py")
_LIBRARIES = ("markdown_it", "mdit_py_plugins", "yaml")
_KEPT = 64  # lessons, translations among them


def read(folder: Path, language: str = ORIGINAL) -> Lesson:
    """The lesson of a content folder in this language, or the original where it has none.

    ``fr_CA`` and ``fr-CA`` find ``lesson.fr-CA.md``, else ``lesson.fr.md``. The lesson's own
    ``language`` says which it became.

    Raises:
        ScenarioError: no lesson, a mistake in it, or a translation with other steps.
    """
    original_path = folder / "lesson.md"
    original = _parsed(text(original_path), original_path, ORIGINAL)
    wanted = language.split(".", maxsplit=1)[0].replace("_", "-")
    for choice in (wanted, wanted.split("-")[0]):
        if choice in languages(folder) and choice != ORIGINAL:
            path = folder / f"lesson.{choice}.md"
            translation = _parsed(text(path), path, choice)
            _same_steps(original, translation)
            return translation
    return original


def text(path: Path) -> str:
    """What a lesson file holds.

    Raises:
        ScenarioError: it cannot be read, or is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        hint = "A scenario's lesson is content/<name>/lesson.md."
        raise ScenarioError(f"cannot be read: {error.strerror}", str(path), hint) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScenarioError("not UTF-8", f"{path}:{line}", "Save the file as UTF-8.") from error


def _same_steps(original: Lesson, translation: Lesson) -> None:
    """Raise where a translation has other steps, or in another order, than its original."""
    pairs = zip(original.steps, translation.steps, strict=False)
    hint = "A translation has the same step ids in the same order."
    for ours, theirs in pairs:
        if ours.id != theirs.id:
            raise ScenarioError(
                f"step `{theirs.id}` is `{ours.id}` in the original ({original.path}:{ours.line})",
                f"{translation.path}:{theirs.line}",
                hint,
            )
    missing = original.steps[len(translation.steps) :]
    if missing:
        raise ScenarioError(
            f"step `{missing[0].id}` is missing: {original.path}:{missing[0].line} has it",
            f"{translation.path}:{translation.steps[-1].line}",
            hint,
        )
    extra = translation.steps[len(original.steps) :]
    if extra:
        raise ScenarioError(
            f"step `{extra[0].id}` is not in the original, "
            f"which ends at {original.path}:{original.steps[-1].line}",
            f"{translation.path}:{extra[0].line}",
            hint,
        )


# --- what was parsed before ---------------------------------------------------------------


# One command looks at a lesson as a whole and then uses it.
@functools.lru_cache(maxsize=16)
def _parsed(words: str, path: Path, language: str) -> Lesson:
    """The lesson in this text, parsed only where that was never done before."""
    key = [_parser(), language, words]
    digest = zlib.crc32(f"{language} {path} {words}".encode("utf-8", "replace"))
    store = cache.place(f"lesson-{digest:08x}")
    kept = cache.recall(store) if store else None
    if kept and kept.get("key") == key:
        return _lesson(kept["lesson"], path)
    from labrunner.lessons import lesson

    found = lesson.parse(words, path, language)
    if store:
        cache.keep(store, {"key": key, "lesson": asdict(found) | {"path": ""}}, most=_KEPT)
    return found


@functools.cache
def _parser() -> list[object]:
    """What tells one parser from another: its version, and the stamps of its files."""
    folder = Path(__file__).parent
    files = [folder / name for name in _PARSERS]
    for name in _LIBRARIES:
        spec = importlib.util.find_spec(name)
        files += [Path(spec.origin).parent] if spec and spec.origin else []
    return [__version__, *([str(f), f.stat().st_mtime_ns] for f in files)]


def _lesson(kept: dict[str, Any], path: Path) -> Lesson:
    """A lesson as `dataclasses.asdict` took it apart."""
    rest = {
        "path": path,
        "steps": tuple(_step(step) for step in kept["steps"]),
        "objectives": tuple(kept["objectives"]),
        "requires": tuple(kept["requires"]),
    }
    return Lesson(**kept | rest)


def _step(kept: dict[str, Any]) -> Step:
    traps = (Trap(**trap | {"commands": _commands(trap)}) for trap in kept["traps"])
    rest = {"hints": tuple(kept["hints"]), "commands": _commands(kept), "traps": tuple(traps)}
    return Step(**kept | rest)


def _commands(kept: dict[str, Any]) -> tuple[Command, ...]:
    return tuple(Command(**command) for command in kept["commands"])
