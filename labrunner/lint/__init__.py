"""Everything that can be seen to be wrong with a scenario without running it.

`lint` reads scenarios, `RULES` says what it looks for; ``docs/lint.md`` is that table for
people. Nothing here touches an engine. A scenario's Python is imported, as for every command;
what it cannot say itself is read from its syntax.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.errors import ScenarioError, UsageError
from labrunner.lint.finding import FINAL, RULES, Finding, Rule, found

if TYPE_CHECKING:
    from labrunner.lint.page import Page
    from labrunner.lint.suppress import Suppression
    from labrunner.model.scenario import Scenario
    from labrunner.plugins import Found, Registry
    from labrunner.sources import Problem

    # The scenarios of one source, and what is wrong with them.
    Looked = tuple[tuple[Scenario, ...], tuple[Problem, ...]]

__all__ = ["FINAL", "RULES", "Finding", "Rule", "judge", "lint", "lint_scenario", "look_up"]

_NAMED_RULES = {"has no tag of its own": "mutable-tag", "has no hint": "few-hints"}
"""What loading complains about and a rule has a name for."""

_STOPPED = "Python stopped there; mend that line, and the rest can be looked at."


def lint(names: Sequence[str] = ()) -> list[Finding]:
    """What is wrong with these scenarios, sorted by file and line.

    Args:
        names: names of scenarios, or folders (with a scenario or several); none: every one.

    Raises:
        UsageError: there is no such scenario or folder.
    """
    return judge(look_up(names))


def judge(looked: Iterable[Looked]) -> list[Finding]:
    """What is wrong with what `look_up` gave, sorted by file and line, each thing once."""
    everything: dict[tuple[str, str, str], Finding] = {}
    for scenarios, problems in looked:
        for finding in _all(scenarios, problems):
            everything.setdefault((finding.where, finding.rule, finding.message), finding)
    return sorted(everything.values(), key=lambda f: (f.file, f.line, f.rule))


def look_up(names: Sequence[str]) -> Iterator[Looked]:
    """The scenarios that these names and folders mean, read anew, and what is wrong with them."""
    from labrunner import shelves, sources
    from labrunner.plugins import Registry

    registry = Registry(shelves.user_roots())
    for name in names:
        path = Path(name).absolute()
        is_path = "/" in name or name in (".", "..")
        looked = [] if is_path else _named(registry, name)
        folders = [] if looked else shelves.folders(path)
        if not looked and not folders:
            if not is_path:
                registry.find(name)  # says what is near
            hint = "Name a folder with a scenario.py, or one that holds such folders."
            raise UsageError(f"{name} holds no scenario", hint)
        # by itself: whether somebody else uses the name does not matter here
        looked += [Registry().inspect(sources.Folder(folder)) for folder in folders]
        yield from ((one.scenarios, one.problems) for one in looked)
    if names:
        return
    yield (), tuple(registry.problems)
    for source in registry.places():
        one = registry.inspect(source)
        yield one.scenarios, one.problems


def _named(registry: Registry, name: str) -> list[Found]:
    """What there is of the scenario of this name, wherever it comes from."""
    from labrunner.plugins import Found

    looked = [registry.inspect(source) for source in registry.places(name)]
    scenarios = tuple(s for one in looked for s in one.scenarios if s.name == name)
    problems = tuple(p for one in looked for p in one.problems if p.name == name)
    return [Found(scenarios, problems)] if scenarios or problems else []


def _all(scenarios: Sequence[Scenario], problems: Sequence[Problem]) -> Iterator[Finding]:
    """What is wrong with the scenarios of one source."""
    for problem in problems:
        yield from _of_problem(problem)
    for scenario in scenarios:
        yield from lint_scenario(scenario)


def _of_problem(problem: Problem) -> Iterator[Finding]:
    """What loading found, as findings; of a lesson every mistake and not only the first."""
    file, _, line = problem.where.rpartition(":")
    path = Path(file if line.isdigit() else problem.where)
    if path.suffix == ".md" and path.is_file():
        mistakes = _lesson_mistakes(path)
        if mistakes:
            yield from mistakes
            return
    rule = (
        "translation-behind"
        if path.name.startswith("lesson.") and path.name != "lesson.md"
        else next((r for text, r in _NAMED_RULES.items() if text in problem.message), "scenario")
    )
    number = int(line) if line.isdigit() else 1
    yield found(rule, path, number, problem.message, problem.hint or _STOPPED)


def _lesson_mistakes(path: Path) -> list[Finding]:
    """Every mistake that keeps a lesson from being read."""
    from labrunner.lessons import frontmatter
    from labrunner.lessons import lesson as lessons

    try:
        text = path.read_text(encoding="utf-8-sig")
        mistakes: Sequence[ScenarioError] = lessons.mistakes(text, path)
    except (OSError, UnicodeDecodeError):
        return []
    length = frontmatter.parse(text.splitlines(), path)[0].length
    findings = []
    for mistake in mistakes:
        line = int(mistake.where.rpartition(":")[2])
        message = mistake.message.removeprefix(f"{mistake.where}: ")
        named = next((r for words, r in _NAMED_RULES.items() if words in message), "lesson")
        rule = "front-matter" if line <= length or "front matter" in message else named
        findings.append(found(rule, path, line, message, mistake.hint))
    return findings


def lint_scenario(scenario: Scenario) -> list[Finding]:
    """What is wrong with a scenario that could be loaded, suppressions applied."""
    from labrunner.lint import dockerfile, failing, python, spoken, suppress

    folder = scenario.folder or Path()
    images = tuple(folder / image.folder for image in scenario.images)
    findings: list[Finding] = []
    suppressions: list[Suppression] = []
    pages = _pages(scenario.content) if scenario.content else []
    for page in pages:
        findings += _of_page(page, pages[0], scenario)
        suppressions += suppress.in_page(page)
    modules = []
    for path in python.files(folder, images, scenario.checks.values()):
        try:
            modules.append(python.Module(path))
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", 1) or 1
            findings.append(found("scenario", path, line, f"not Python: {error}", _STOPPED))
    for module in modules:
        findings += python.look(module)
        suppressions += suppress.in_module(module)
    findings += failing.look(scenario.checks, modules)
    if scenario.content and len(pages) > 1:
        languages = [page.language for page in pages[1:]]
        findings += spoken.look(scenario.content, languages, modules)
    for image in images:
        path = image / "Dockerfile"
        if path.is_file():
            findings += dockerfile.look(path)
            suppressions += suppress.in_dockerfile(path)
    return suppress.apply(findings, suppressions)


def _pages(content: Path) -> list[Page]:
    """The lesson's files that can be read, the original first; what is wrong is a problem."""
    from labrunner.lessons import frontmatter
    from labrunner.lint.page import Page

    pages = []
    for language in frontmatter.languages(content):
        original = language == frontmatter.ORIGINAL
        path = content / ("lesson.md" if original else f"lesson.{language}.md")
        try:
            pages.append(Page(path, language))
        except (ScenarioError, OSError, UnicodeDecodeError):
            if original:
                return []
    return pages


def _of_page(page: Page, original: Page, scenario: Scenario) -> Iterator[Finding]:
    """What is wrong with one file of a lesson."""
    from labrunner.lint import prose, translation, typed

    yield from prose.look(page)
    yield from typed.look(page)
    if page is original:
        yield from typed.look_at_commands(page)
        yield from typed.unknown_images(page, scenario)
    else:
        yield from translation.look(original, page)
