"""What a site is made from: labs with their lessons, claims, documents, the changelog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labrunner import claims, plugins, shelves, words
from labrunner.errors import LabError
from labrunner.lessons import frontmatter, reading
from labrunner.model.lesson import Lesson
from labrunner.model.scenario import Scenario
from labrunner.sources import Problem


@dataclass(frozen=True)
class Lab:
    """A scenario with its lesson in each language, the original first."""

    scenario: Scenario
    lessons: dict[str, Lesson]

    @property
    def name(self) -> str:
        """What the learner types."""
        return self.scenario.name

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that it can be read in, the original first."""
        return tuple(self.lessons)

    def lesson(self, language: str) -> Lesson:
        """Its lesson in this language, else in the original one."""
        return self.lessons.get(language) or next(iter(self.lessons.values()))

    @property
    def package(self) -> str:
        """The package that it came with, such as ``first-lab 0.1.0``; empty for other sources."""
        kind, _, rest = self.scenario.source.partition(" ")
        return rest if kind == "package" else ""


@dataclass(frozen=True)
class Material:
    """All of it.

    Attributes:
        labs: easiest first; of one level, the shortest first.
        claims: in the order of the article.
        problems: why other labs are missing.
    """

    labs: tuple[Lab, ...]
    claims: tuple[claims.Claim, ...]
    problems: tuple[Problem, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """Every language that some lab can be read in, the original first."""
        found = {language for lab in self.labs for language in lab.languages}
        return (frontmatter.ORIGINAL, *sorted(found - {frontmatter.ORIGINAL}))


def gather() -> Material:
    """Read every lab there is, the user's among them; a broken one becomes a problem."""
    found = plugins.discover()
    labs: list[Lab] = []
    problems = list(found.problems)
    for scenario in found.scenarios:
        try:
            labs.append(Lab(scenario, _lessons(scenario.content or Path())))
        except LabError as error:
            where = str(scenario.folder)
            problem = Problem(scenario.source, where, error.message, error.hint, scenario.name)
            problems.append(problem)
    labs.sort(key=_place)
    root = shelves.bundled_root()
    said = claims.read(root.parent / "content") if root else ()
    steps = {(lab.name, step.id) for lab in labs for step in lab.lesson("").steps}
    measured = tuple(claim for claim in said if (claim.lab, claim.step) in steps)
    return Material(tuple(labs), measured, tuple(problems))


def _lessons(content: Path) -> dict[str, Lesson]:
    return {
        language: reading.read(content, language) for language in frontmatter.languages(content)
    }


def _place(lab: Lab) -> tuple[int, int, str]:
    lesson = lab.lesson("")
    return frontmatter.LEVELS.index(lesson.level), lesson.minutes, lab.name


@contextmanager
def speaking(language: str, content: Path | None = None) -> Iterator[None]:
    """What the runner says is in this language for a while, then English again."""
    words.speak(language, content)
    try:
        yield
    finally:
        words.speak(words.ENGLISH)
