"""Finds scenarios and tells plugins what happens; a broken plugin is reported, never fatal.

Scenarios come from the bundled folders, from folders that the user names, and from installed
packages; all are registered with one pluggy manager in the same way. The functions at the end
are what the rest of the runner uses; they share one `Registry` for each set of folders.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from labrunner import hookspecs, shelves, sources, wellformed
from labrunner.errors import LabError, NoSuchLabError, ScenarioError, UsageError
from labrunner.lessons import frontmatter
from labrunner.model.scenario import Scenario
from labrunner.sources import Folder, Problem, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pluggy import HookRelay

_HOOK = "labrunner_scenarios"
_HOOK_NAME = re.compile(r"labrunner_\w+")
_HOW = f"Write `scenario = Scenario(…)`, or a function {_HOOK} marked with @hookimpl."
# A plugin may do anything while it is imported, leaving the process included.
_ANYTHING = (Exception, SystemExit)


@dataclass(frozen=True)
class Found:
    """What there is, by name, and what is wrong with the rest.

    Attributes:
        scenarios: those that can be started.
        problems: why others cannot.
        claimed: names that two sources have, so that neither does.
    """

    scenarios: tuple[Scenario, ...]
    problems: tuple[Problem, ...]
    claimed: frozenset[str] = frozenset()


class _Adapter:
    """Gives a plain ``scenario = Scenario(…)`` the hook that every plugin has."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    @hookspecs.hookimpl
    def labrunner_scenarios(self) -> Sequence[Scenario]:
        return [self.scenario]


_LOADING = threading.RLock()
"""Running a plugin changes what the whole process has: its modules, its standard output."""


@dataclass(frozen=True)
class _Loaded:
    """A scenario as its plugin gave it, with its source and the file it is written in."""

    scenario: Scenario
    source: Source
    file: Path


class Registry:
    """The plugins of one set of folders. Loads each source at most once, when it must.

    Args:
        roots: folders that the user named; each is a scenario folder or holds some.
    """

    def __init__(self, roots: Sequence[Path] = ()) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.problems: list[Problem] = []
        self._loaded: dict[Source, list[_Loaded]] = {}
        self._plugins: dict[object, Source] = {}
        self._folders = self._look(roots)

    # --- what there is --------------------------------------------------------------------

    def everything(self, *, bundled: bool = True) -> Found:
        """Every scenario, each looked at as a whole, its translations included.

        Args:
            bundled: with those that came with labrunner; without, only their names count.
        """
        silent = [] if bundled else [f for f in self._folders if f.bundled]
        loaded = [one for s in self._sources() if s not in silent for one in self._load(s)]
        problems = list(self.problems)
        good: list[Scenario] = []
        claimed: set[str] = set()
        for name in sorted({one.scenario.name for one in loaded}):
            same = [one for one in loaded if one.scenario.name == name]
            places = [f"bundled ({f.where})" for f in silent if f.guess == name]
            if len(same) + len(places) > 1:
                problems.append(_clash(name, same, places))
                claimed.add(name)
                continue
            found = _problems(same[0], translations=True)
            problems += found
            if not found:
                good.append(same[0].scenario)
        return Found(tuple(good), tuple(problems), frozenset(claimed))

    def find(self, name: str) -> Scenario:
        """The scenario with this name; loads what may have it and no other bundled one.

        Raises:
            UsageError: there is none, or there are two.
            ScenarioError: it is broken.
        """
        sure = [f for f in self._folders if f.bundled and f.guess != name]
        loaded = [one for s in self._sources() if s not in sure for one in self._load(s)]
        same = [one for one in loaded if one.scenario.name == name]
        if len(same) > 1:
            clash = _clash(name, same)
            raise UsageError(clash.message, clash.hint)
        if not same:
            raise self._unknown(name, {f.guess for f in sure} | {x.scenario.name for x in loaded})
        for problem in _problems(same[0], translations=False):
            raise problem.error()
        return same[0].scenario

    def inspect(self, source: Source) -> Found:
        """The scenarios of one source, those with problems too, and what is wrong with them."""
        before = len(self.problems)
        loaded = self._load(source)
        found = [p for one in loaded for p in _problems(one, translations=True)]
        scenarios = tuple(one.scenario for one in loaded)
        return Found(scenarios, (*self.problems[before:], *found))

    def places(self, name: str = "") -> list[Source]:
        """Where scenarios come from; with a name, where one of that name may come from."""
        sure = [f for f in self._folders if f.bundled and name not in ("", f.guess)]
        return [s for s in self._sources() if s not in sure]

    def _unknown(self, name: str, known: set[str]) -> LabError:
        """What to say about a name that nothing has: that it is broken, or what is near."""
        import difflib

        for problem in self.problems:
            if problem.name == name:
                return problem.error()
        near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}?" if near else "`lab list` shows what there is."
        if self.problems:
            hint += " Some plugins could not be loaded: `lab list` says why."
        return NoSuchLabError(f"there is no scenario {name!r}", hint)

    # --- hooks ----------------------------------------------------------------------------

    def hooks(self) -> HookRelay:
        """The hooks of every installed plugin and of the folders loaded so far."""
        for source in self._sources():
            if not isinstance(source, Folder):
                self._load(source)
        return self.manager.hook

    def notify(self, hook_name: str, arguments: dict[str, Any]) -> list[Problem]:
        """Call a hook of every plugin; what goes wrong in one is a problem, for it alone.

        Packages hear of every lab, a folder hears of the labs of its own scenario.
        """
        hooks = self.hooks()
        listening = [impl.plugin for impl in getattr(hooks, hook_name).get_hookimpls()]
        problems = []
        for plugin in listening:
            source = self._plugins[plugin]
            if isinstance(source, Folder) and not _concerns(source, arguments):
                continue
            try:
                with _quiet():
                    self._only(hook_name, plugin)(**arguments)
            except _ANYTHING as error:
                problems.append(_problem(source, error, f"its {hook_name} failed: "))
        return problems

    def _only(self, hook_name: str, plugin: object) -> Callable[..., list[Any]]:
        """The hook as this one plugin has it."""
        others = [other for other in self.manager.get_plugins() if other is not plugin]
        return self.manager.subset_hook_caller(hook_name, others)

    # --- loading --------------------------------------------------------------------------

    def _look(self, roots: Sequence[Path]) -> list[Folder]:
        """The scenario folders: the bundled ones, then the user's; each folder once."""
        found = {folder.path.resolve(): folder for folder in sources.bundled()}
        for root in roots:
            paths = shelves.folders(root)
            if not paths:
                missing = "holds no scenario.py" if root.is_dir() else "is not a folder"
                hint = f"Mend {shelves.VARIABLE} or the option that names it."
                self.problems.append(Problem(str(root), str(root), f"{root} {missing}", hint))
            for path in paths:
                found.setdefault(path.resolve(), Folder(path))
        return list(found.values())

    def _sources(self) -> Iterator[Source]:
        yield from self._folders
        yield from self.packages

    @functools.cached_property
    def packages(self) -> list[sources.Package]:
        """The entry points of installed packages."""
        return sources.packages()

    def _load(self, source: Source) -> list[_Loaded]:
        """The scenarios of a source, none where it is broken; the second time from memory."""
        with _LOADING:
            if source not in self._loaded:
                self._loaded[source] = []
                try:
                    with _quiet():
                        self._loaded[source] = self._register(source)
                except _ANYTHING as error:
                    self.problems.append(_problem(source, error))
                    for plugin in [p for p, s in self._plugins.items() if s == source]:
                        if self.manager.is_registered(plugin):
                            self.manager.unregister(plugin)
                        del self._plugins[plugin]
            return self._loaded[source]

    def _register(self, source: Source) -> list[_Loaded]:
        """Run a source and register what it is; whatever it raises comes out of here."""
        thing = source.load()
        plugin = _Adapter(thing) if isinstance(thing, Scenario) else thing
        file = _file_of(thing, source)
        implemented = self._add(plugin, source)
        if _HOOK not in implemented and callable(getattr(thing, _HOOK, None)):
            where = f"{file}:{wellformed.assigned(file, _HOOK)}"
            raise ScenarioError(f"{_HOOK} is not marked", where, "Write @hookimpl above it.")
        if _HOOK not in implemented and hasattr(thing, "scenario"):
            plugin = _Adapter(_only_scenario(thing, file))
            implemented |= self._add(plugin, source)
        if not implemented or (_HOOK not in implemented and isinstance(source, Folder)):
            raise ScenarioError("it defines no scenario", f"{file}:1", _HOW)
        return [
            _Loaded(_complete(scenario, source, file), source, file)
            for given in self._only(_HOOK, plugin)()
            for scenario in given
        ]

    def _add(self, plugin: object, source: Source) -> set[str]:
        """Register a plugin; the names of the hooks that it has."""
        number = len(self._plugins)
        self._plugins[plugin] = source
        try:
            self.manager.register(plugin, f"{number} {source.label}")
            self.manager.check_pending()
        except pluggy.PluginValidationError as error:
            # Pluggy names the hook but not its line.
            file = _file_of(plugin, source)
            message = str(error).partition("\n")[0]
            lines = [wellformed.assigned(file, name) for name in _HOOK_NAME.findall(message)]
            raise ScenarioError(message, f"{file}:{max(lines, default=1)}") from error
        return {caller.name for caller in self.manager.get_hookcallers(plugin) or ()}


def _only_scenario(thing: object, file: Path) -> Scenario:
    """The ``scenario`` of a module that has no hook of its own."""
    scenario = getattr(thing, "scenario", None)
    if not isinstance(scenario, Scenario):
        message = f"its scenario is {type(scenario).__name__}, not a Scenario"
        raise ScenarioError(message, f"{file}:{wellformed.assigned(file, 'scenario')}", _HOW)
    return scenario


def _file_of(thing: object, source: Source) -> Path:
    """The file that a plugin is written in."""
    module = thing if hasattr(thing, "__file__") else sys.modules.get(type(thing).__module__)
    if isinstance(thing, Scenario) and not isinstance(source, Folder):
        module = sys.modules.get(source.entry_point.module)
    return Path(str(getattr(module, "__file__", None) or source.where))


def _complete(scenario: object, source: Source, file: Path) -> Scenario:
    """The scenario with its folder, content and source filled in."""
    if not isinstance(scenario, Scenario):
        message = f"{_HOOK} gave {type(scenario).__name__}, not a Scenario"
        raise ScenarioError(message, f"{file}:{wellformed.assigned(file, _HOOK)}")
    if isinstance(source, Folder) and source.bundled and scenario.name != source.guess:
        message = f"{scenario.name!r} is in a folder for {source.guess!r}"
        line = wellformed.line_of(file, value=scenario.name)
        raise ScenarioError(message, f"{file}:{line}", "Call both the same.")
    scenario.folder = Path(scenario.folder or file.parent).absolute()
    scenario.source = source.label
    places = shelves.lesson_places(scenario.folder, str(scenario.name), scenario.content)
    scenario.content = shelves.lesson_folder(places)
    return scenario


# --- problems -----------------------------------------------------------------------------


def _problems(one: _Loaded, *, translations: bool) -> list[Problem]:
    """What is wrong with a scenario, on its own."""
    scenario = one.scenario
    languages = frontmatter.languages(scenario.content) if scenario.content and translations else ()
    try:
        return [
            _problem(one.source, error, name=str(scenario.name))
            for error in wellformed.mistakes(scenario, one.file, languages)
        ]
    except Exception as error:  # noqa: BLE001  whatever an author put into a field
        return [_problem(one.source, error, "cannot be read as a scenario: ")]


def _problem(source: Source, error: BaseException, before: str = "", name: str = "") -> Problem:
    """What a plugin raised, as a problem."""
    where = sources.blame(error, source)
    message = str(error) or type(error).__name__
    if isinstance(error, ScenarioError):
        message = message.removeprefix(f"{error.where}: ")
    elif not isinstance(error, LabError):
        message = f"{type(error).__name__}: {message}"
    hint = error.hint if isinstance(error, LabError) else ""
    return Problem(source.label, where, before + message, hint, name or source.guess)


def _clash(name: str, same: Sequence[_Loaded], places: Sequence[str] = ()) -> Problem:
    """Two sources for one name: these, and those that were not loaded."""
    labels = [*places, *(f"{one.source.label} ({one.file})" for one in same)]
    message = f"two sources for {name}: {' and '.join(labels)}"
    hint = f"Uninstall one, or take its folder out of {shelves.VARIABLE}."
    return Problem(same[-1].source.label, str(same[-1].file), message, hint, name)


def _concerns(source: Folder, arguments: dict[str, Any]) -> bool:
    """Whether a hook's lab is one of this folder's scenario."""
    scenario = getattr(arguments.get("lab"), "scenario", None)
    return getattr(scenario, "folder", None) == source.path


def _quiet() -> contextlib.AbstractContextManager[object]:
    """What a plugin prints goes to standard error: standard output may be JSON."""
    return contextlib.redirect_stdout(sys.stderr)


# --- what the runner uses -----------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def _registry(roots: tuple[Path, ...], _path: tuple[str, ...]) -> Registry:
    return Registry(roots)


def registry(folders: Sequence[str | Path] | None = None) -> Registry:
    """The registry of these folders, by default of those in ``LABRUNNER_SCENARIOS``."""
    return _registry(shelves.user_roots(folders), tuple(sys.path))


def look_again() -> None:
    """Whoever asks next sees scenarios that have come since; those that were loaded stay so."""
    _registry.cache_clear()


def discover(folders: Sequence[str | Path] | None = None) -> Found:
    """Every scenario there is, read and checked anew, and what is wrong with the others."""
    return Registry(shelves.user_roots(folders)).everything()


def find(name: str, folders: Sequence[str | Path] | None = None) -> Scenario:
    """The scenario with this name, checked.

    Raises:
        UsageError: there is none (the nearest is suggested), or two sources have it.
        ScenarioError: it is broken; says where.
    """
    return registry(folders).find(name)


def hooks() -> HookRelay:
    """The hooks of the plugins that are loaded, to call all of them at once."""
    return registry().hooks()


def has_listeners(hook_name: str) -> bool:
    """Whether any plugin wants to hear of this."""
    return bool(getattr(hooks(), hook_name).get_hookimpls())


def notify(hook_name: str, **arguments: Any) -> list[Problem]:
    """Tell every plugin; nothing that one of them does wrong gets further than the result."""
    return registry().notify(hook_name, arguments)
