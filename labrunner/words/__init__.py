"""What the runner and its checks say, in the learner's language.

English is written where it is said: ``tr("Step {1} of {2}: ", 3, 9)``, or the message of a
verdict, with whatever was measured already in it. A language has files of the same sentences,
with ``{1}``, ``{2}`` … where something is put in::

    [words]
    "Step {1} of {2}: " = "Étape {1} sur {2} : "
    "{1} does not run" = "{1} ne tourne pas"

``labrunner/words/fr.toml`` has the runner's own, ``content/<name>/words.fr.toml`` those of a
scenario's checks. What only `tr` says stands below ``[runner]``: nobody looks for it in what was
said, where a program's output may look like it.

A sentence that a language does not have stays English: half a translation is better than none.
`lab lint` names those that are missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property, lru_cache
from pathlib import Path

ENGLISH = "en"
_GAP = re.compile(r"\{(\d+)\}")
_NAMES = re.compile(r"\S+(?:, \S+)*(?: and \S+)+")
"""A list of names, as checks join them: ``front and pay``."""
_NONE_IS_ONE = frozenset({"fr"})
"""Languages that count nothing as one thing: 0 minute, 1 minute, 2 minutes."""
_OUR_OWN = Path(__file__).parent


class Words:
    """The sentences of one language.

    Args:
        table: English to this language; both with the same gaps ``{1}``, ``{2}`` ….
        language: which one it is.
        runner: more of it, which `of` does not look for.
    """

    def __init__(
        self,
        table: Mapping[str, str],
        language: str = ENGLISH,
        runner: Mapping[str, str] | None = None,
    ) -> None:
        self.table = table
        self._put = {**(runner or {}), **table}
        self.language = language.split("-", maxsplit=1)[0]

    def put(self, english: str, *values: object) -> str:
        """A sentence of this language, filled in; English where it has none."""
        return fill(self._put.get(english, english), [str(value) for value in values])

    def of(self, said: str) -> str:
        """What was said in English with its gaps filled, in this language.

        What fills a gap is looked up by itself: it may be a sentence, too, or a list.
        """
        if not self.table or said in self.table:
            return self.table.get(said, said)
        for pattern, target in self._patterns:
            match = pattern.fullmatch(said)
            if match:
                return fill(target, [self._filling(part) for part in match.groups()])
        return said

    def _filling(self, said: str) -> str:
        """What fills a gap; of a list, each part is looked up."""
        heard = self.of(said)
        if heard != said:
            return heard
        if _NAMES.fullmatch(said):
            return said.replace(" and ", self.put(" and "))
        for joint in ("; ", ", "):
            if joint in said:
                return self.put(joint).join(self._filling(part) for part in said.split(joint))
        return said

    def count(self, number: int, one: str, many: str) -> str:
        """A number and its noun: ``1 container``, ``2 containers``."""
        single = number == 1 or (number == 0 and self.language in _NONE_IS_ONE)
        return f"{number} {self.put(one if single else many)}"

    def knows(self, english: str) -> bool:
        """Whether this language has the sentence, as it is written in the files."""
        return english in self._put

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """Sentences with gaps, the most certain first: those with the most text of their own.

        Without a letter of its own, such as ``{1}: {2}``, a key would answer to everything.
        """
        bare = {key: without_gaps(key) for key in self.table if _GAP.search(key)}
        with_gaps = [key for key in bare if re.search(r"\w", bare[key])]
        with_gaps.sort(key=lambda key: len(bare[key]), reverse=True)
        return [(_pattern(key), self.table[key]) for key in with_gaps]


def fill(sentence: str, values: list[str]) -> str:
    """A sentence with ``{1}``, ``{2}`` … replaced; a number that has no value stays."""

    def one(match: re.Match[str]) -> str:
        number = int(match[1])
        return values[number - 1] if 0 < number <= len(values) else match[0]

    return _GAP.sub(one, sentence)


def without_gaps(key: str) -> str:
    """What a key has of its own."""
    return _GAP.sub("", key)


def _pattern(key: str) -> re.Pattern[str]:
    """A key as a pattern; gaps are numbered in the order in which they stand."""
    parts = _GAP.split(key)[::2]
    return re.compile("(.+?)".join(re.escape(part) for part in parts), re.DOTALL)


def load(language: str, content: Path | None = None) -> Words:
    """What a language has: the runner's own sentences, and those of a scenario's content."""
    table: dict[str, str] = {}
    runner: dict[str, str] = {}
    if language != ENGLISH:
        for file in files(language, content):
            table |= read(file)
            if file.parent == _OUR_OWN:
                runner |= read(file, "runner")
    return Words(table, language, runner)


def files(language: str, content: Path | None = None) -> list[Path]:
    """The files of a language that exist; ``fr-CA`` falls back to ``fr``."""
    names = dict.fromkeys([language.split("-", maxsplit=1)[0], language])
    own = [_OUR_OWN / f"{name}.toml" for name in names]
    theirs = [content / f"words.{name}.toml" for name in names] if content else []
    return [file for file in (*own, *theirs) if file.is_file()]


def read(file: Path, part: str = "words") -> dict[str, str]:
    """The sentences of one part of a file.

    Raises:
        ScenarioError: it is not what such a file should be.
    """
    import tomllib

    from labrunner.errors import ScenarioError

    hint = 'Below a line [words], write "English" = "translation", both with the same {1}.'
    try:
        table = tomllib.loads(file.read_text("utf-8"))[part]
        for english, other in table.items():
            if not set(_GAP.findall(other)) <= set(_GAP.findall(english)):
                raise ScenarioError(
                    f"{other!r} has a gap that {english!r} has not", str(file), hint
                )
    except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise ScenarioError(f"no such file of words: {error}", str(file), hint) from error
    return dict(table)


# --- what is spoken -----------------------------------------------------------------------

_spoken = Words({})
_here: ContextVar[Words | None] = ContextVar("spoken", default=None)


def speak(language: str, content: Path | None = None) -> None:
    """From now on, `tr` and `of` give this language, where nothing else is spoken."""
    global _spoken  # noqa: PLW0603  a command has one reader
    _spoken = load(language, content)


@contextmanager
def speaking(language: str, content: Path | None = None) -> Iterator[Words]:
    """In this block, in this thread or task alone, `tr` and `of` give this language.

    For a program with many readers. Threads that the block starts speak what the process does.
    """
    before = _here.set(_kept(language, _stamps(files(language, content)), content))
    try:
        yield _now()
    finally:
        _here.reset(before)


@lru_cache(maxsize=32)
def _kept(language: str, _stamps: tuple[tuple[str, int, int], ...], content: Path | None) -> Words:
    """What a language has, read again where a file of it has changed."""
    return load(language, content)


def _stamps(found: list[Path]) -> tuple[tuple[str, int, int], ...]:
    stats = [(str(file), file.stat()) for file in found]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _now() -> Words:
    return _here.get() or _spoken


def tr(english: str, *values: object) -> str:
    """A sentence of the runner's, in the language that is spoken."""
    return _now().put(english, *values)


def count(number: int, one: str, many: str) -> str:
    """A number and its noun, in the language that is spoken."""
    return _now().count(number, one, many)


def of(said: str) -> str:
    """What a check or a plugin said in English, in the language that is spoken."""
    return _now().of(said)
