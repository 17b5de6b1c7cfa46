"""Where scenarios come from: folders with a ``scenario.py``, and installed packages.

A source is looked at without running any of it; `Folder.load` and `Package.load` run it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner import shelves
from labrunner.errors import ScenarioError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@dataclass(frozen=True)
class Problem:
    """Something wrong with a plugin, for people to read.

    Attributes:
        source: which plugin: ``bundled``, a folder, or a package and its version.
        where: ``file:line``.
        message: what is wrong.
        hint: how its author mends it; may be empty.
        name: the scenario, where that much is known.
    """

    source: str
    where: str
    message: str
    hint: str = ""
    name: str = ""

    def error(self) -> ScenarioError:
        """The same, to raise."""
        return ScenarioError(self.message, self.where, self.hint)


@dataclass(frozen=True)
class Folder:
    """A folder with a ``scenario.py``.

    Attributes:
        path: the folder, absolute.
        bundled: it came with labrunner.
    """

    path: Path
    bundled: bool = False

    @property
    def label(self) -> str:
        """What people are told about where this comes from."""
        return "bundled" if self.bundled else str(self.path)

    @property
    def guess(self) -> str:
        """The scenario's name, judged by the folder; bundled ones are held to it."""
        return self.path.name.replace("_", "-")

    @property
    def where(self) -> str:
        """The file to look at where nothing better is known."""
        return str(self.path / shelves.SCENARIO_FILE)

    def roots(self) -> tuple[Path, ...]:
        """The files that are this source's own."""
        return (self.path,)

    def load(self) -> object:
        """The module that its ``scenario.py`` is; it may import its neighbours relatively."""
        import importlib.util

        file = self.path / shelves.SCENARIO_FILE
        name = f"{shelves.MODULE_PREFIX}{self.path.name}_{zlib.crc32(os.fsencode(self.path)):08x}"
        for stale in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
            del sys.modules[stale]
        spec = importlib.util.spec_from_file_location(
            name, file, submodule_search_locations=[str(self.path)]
        )
        if spec is None or spec.loader is None:
            raise ScenarioError("not a Python file", str(file))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        # Python takes compiled code for current when size and second agree: whoever is writing
        # a scenario saves more often than that
        kept = sys.dont_write_bytecode
        sys.dont_write_bytecode = kept or not self.bundled
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        finally:
            sys.dont_write_bytecode = kept
        return module


@dataclass(frozen=True)
class Package:
    """An entry point of an installed package."""

    entry_point: EntryPoint

    @property
    def label(self) -> str:
        """What people are told about where this comes from."""
        dist = self.entry_point.dist
        return f"package {dist.name} {dist.version}" if dist else f"package {self.guess}"

    @property
    def guess(self) -> str:
        """What the scenario may well be called."""
        return self.entry_point.name

    @property
    def where(self) -> str:
        """The file to look at where nothing better is known."""
        roots = self.roots()
        if roots:
            return str(roots[0])
        return f"{self.entry_point.name} = {self.entry_point.value}"

    def roots(self) -> tuple[Path, ...]:
        """The files that are this source's own: the folder or file of its top package."""
        import importlib.util

        top = self.entry_point.module.partition(".")[0]
        with contextlib.suppress(ImportError, ValueError, AttributeError):
            spec = importlib.util.find_spec(top)
            if spec and spec.submodule_search_locations:
                return tuple(Path(p) for p in spec.submodule_search_locations)
            if spec and spec.origin:
                return (Path(spec.origin),)
        return ()

    def load(self) -> object:
        """The module or object that the entry point names."""
        return self.entry_point.load()


Source = Folder | Package


# --- looking -----------------------------------------------------------------------------


def bundled() -> list[Folder]:
    """The scenarios that came with labrunner."""
    root = shelves.bundled_root()
    return [Folder(path, bundled=True) for path in shelves.folders(root)] if root else []


def packages() -> list[Package]:
    """The entry points of installed packages."""
    if not any(shelves.announces_plugins(path) for path in shelves.metadata_files()):
        return []  # the usual case, without the 20 ms of importlib.metadata
    from importlib.metadata import entry_points

    found = entry_points(group=shelves.GROUP)
    return sorted((Package(e) for e in found), key=lambda p: (p.label, p.guess))


# --- blaming ------------------------------------------------------------------------------


def blame(error: BaseException, source: Source) -> str:
    """``file:line`` in the source's own files that this error came from."""
    roots = [root.resolve() for root in source.roots()]

    def own(name: str | None) -> bool:
        return bool(name) and any(Path(str(name)).resolve().is_relative_to(r) for r in roots)

    if isinstance(error, ScenarioError) and error.where:
        return error.where
    if isinstance(error, SyntaxError) and own(error.filename):
        return f"{error.filename}:{error.lineno}"
    where = source.where
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if own(name):
            where = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return where
