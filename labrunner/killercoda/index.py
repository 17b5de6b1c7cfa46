"""``index.json`` and the files that it names → `Course`: what is there, as data."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from labrunner.errors import LabError
from labrunner.killercoda.report import Finding
from labrunner.killercoda.source import ASSET_LIMIT, ASSETS_LIMIT, ASSETS_NUMBER, Source

INDEX = "index.json"
ASSETS = "assets"
HOME = "/root"
FIRST_HOSTS = ("host01", "client", "host", "controlplane")
"""Names under which the one machine that a learner sees may get its files."""

_ALIASES = {"courseData": "background", "code": "foreground"}
"""What Katacoda, which the format comes from, called these keys."""
_STAGE = ("title", "text", "verify", "background", "foreground", "answer")
_ROOT = ("title", "description", "difficulty", "time", "details", "backend", "interface")
_SILENT = ("icon", "private", "type", "pathwayTitle")
"""Keys that say how a scenario is offered, not what it is."""
_WILD = re.compile(r"[*?\[]")
_HIGHEST_MODE = 0o777


@dataclass(frozen=True)
class Script:
    """A script of the scenario: its name there, and what it says."""

    name: str
    text: str


@dataclass(frozen=True)
class Stage:
    """The introduction, a step, or the end.

    Attributes:
        place: where ``index.json`` has it, such as ``details.steps[0]``.
        title: what it is called; may be empty.
        file: the name of its text; may be empty.
        text: Markdown with Killercoda's marks.
        answer: Markdown of a solution in a file of its own.
        verify, background, foreground: its scripts.
    """

    place: str
    title: str = ""
    file: str = ""
    text: str = ""
    answer: str = ""
    verify: Script | None = None
    background: Script | None = None
    foreground: Script | None = None

    @property
    def scripts(self) -> tuple[Script, ...]:
        """Every script that it has."""
        return tuple(s for s in (self.verify, self.background, self.foreground) if s)

    @property
    def called(self) -> str:
        """What to call it when speaking of it to a teacher."""
        return self.file or self.place


@dataclass(frozen=True)
class Asset:
    """A file that is put onto the machine: its name below ``assets``, target, mode, bytes."""

    name: str
    target: str
    mode: int
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Course:
    """A Killercoda scenario as it is on the disk."""

    name: str
    title: str
    description: str
    difficulty: str
    time: str
    image: str
    intro: Stage
    steps: tuple[Stage, ...]
    finish: Stage
    assets: tuple[Asset, ...]
    findings: tuple[Finding, ...]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Introduction, steps and end."""
        return (self.intro, *self.steps, self.finish)


def read(source: Source) -> Course:
    """Everything that a scenario's folder says.

    Raises:
        LabError: there is no index, it is broken, or it names what cannot be read.
    """
    return _Reader(source).course()


class _Reader:
    """Reads one folder, collecting what it does not understand."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.findings: list[Finding] = []

    def found(self, kind: Any, where: str, message: str) -> None:
        self.findings.append(Finding(kind, where, message))

    def course(self) -> Course:
        """The whole scenario."""
        root = self.root()
        details = self.mapping(root, "details", "details")
        stages = [
            self.stage(self.mapping({"": one}, "", f"details.steps[{n}]"), f"details.steps[{n}]")
            for n, one in enumerate(self.items(details, "steps", "details.steps"))
        ]
        intro = self.stage(self.mapping(details, "intro", "details.intro"), "details.intro")
        finish = self.stage(self.mapping(details, "finish", "details.finish"), "details.finish")
        if not stages and not intro.text and not finish.text:
            hint = "A playground without a text has nothing to teach; write details.steps."
            raise LabError(f"{INDEX} has no step and no text", hint)
        assets = self.assets(self.mapping(details, "assets", "details.assets"))
        self.unknown(details, ("steps", "intro", "finish", "assets"), "details")
        self.unknown(root, (*_ROOT, *_SILENT), "")
        backend = self.mapping(root, "backend", "backend")
        self.unknown(backend, ("imageid",), "backend")
        self.interface(root)
        return Course(
            name=self.source.name,
            title=self.string(root, "title", "title"),
            description=self.string(root, "description", "description"),
            difficulty=self.string(root, "difficulty", "difficulty"),
            time=self.string(root, "time", "time"),
            image=self.string(backend, "imageid", "backend.imageid"),
            intro=intro,
            steps=tuple(stages),
            finish=finish,
            assets=assets,
            findings=tuple(self.findings),
        )

    def root(self) -> dict[str, Any]:
        """The object in ``index.json``."""
        if not self.source.has(INDEX):
            inner = self.inner()
            hint = "Name the folder of one scenario."
            if inner:
                hint = f"It seems to be a course; import one of {', '.join(inner)}."
            raise LabError(f"{self.source.root} has no {INDEX}", hint)
        text = self.source.text(INDEX, "the import")
        try:
            root = json.loads(text)
        except json.JSONDecodeError as error:
            raise LabError(
                f"{INDEX}:{error.lineno} is not JSON: {error.msg}", "Mend it."
            ) from error
        except (RecursionError, ValueError) as error:
            raise LabError(f"{INDEX} cannot be read: {error}", "It is no scenario's.") from error
        if not isinstance(root, dict):
            raise LabError(f"{INDEX} is not an object", "It begins with {.")
        return root

    def inner(self) -> list[str]:
        """Scenarios in the folders below this one."""
        return self.source.matching(".", f"*/{INDEX}")[:5]

    def interface(self, root: dict[str, Any]) -> None:
        """What the page looked like."""
        interface = self.mapping(root, "interface", "interface")
        layout = self.string(interface, "layout", "interface.layout")
        if layout and layout != "terminal":
            message = f"the {layout} layout: a lab has a terminal, and no editor in a page"
            self.found("lost", "interface.layout", message)
        self.unknown(interface, ("layout",), "interface")

    def stage(self, given: dict[str, Any], place: str) -> Stage:
        """The introduction, a step or the end; what it names is read."""
        for old, new in _ALIASES.items():
            if old in given and new not in given:
                given = {**{k: v for k, v in given.items() if k != old}, new: given[old]}
        self.unknown(given, _STAGE, place)
        file = self.string(given, "text", f"{place}.text")
        answer = self.string(given, "answer", f"{place}.answer")
        return Stage(
            place=place,
            title=" ".join(self.string(given, "title", f"{place}.title").split()),
            file=file,
            text=self.source.text(file, f"{place}.text") if file else "",
            answer=self.source.text(answer, f"{place}.answer") if answer else "",
            verify=self.script(given, "verify", place),
            background=self.script(given, "background", place),
            foreground=self.script(given, "foreground", place),
        )

    def script(self, given: dict[str, Any], key: str, place: str) -> Script | None:
        """The script under this key."""
        name = self.string(given, key, f"{place}.{key}")
        if not name:
            return None
        return Script(posixpath.normpath(name), self.source.text(name, f"{place}.{key}"))

    def assets(self, given: dict[str, Any]) -> tuple[Asset, ...]:
        """The files for the machine that a learner sees; those of others are lost."""
        found: dict[str, Asset] = {}
        for host in given:
            place = f"details.assets.{host}"
            rules = self.items(given, host, place)
            if host not in FIRST_HOSTS:
                self.found("lost", place, f"{len(rules)} files for the machine {host}: not made")
                continue
            for number, rule in enumerate(rules):
                where = f"{place}[{number}]"
                for asset in self.rule(self.mapping({"": rule}, "", where), where):
                    found[asset.target] = asset
        total = sum(len(asset.data) for asset in found.values())
        if len(found) > ASSETS_NUMBER or total > ASSETS_LIMIT:
            limit = f"{ASSETS_NUMBER} files and {ASSETS_LIMIT // 1024 // 1024} MiB"
            raise LabError(f"the assets are more than {limit}", "Take less of them.")
        return tuple(found.values())

    def rule(self, given: dict[str, Any], place: str) -> list[Asset]:
        """The files that one entry of the assets means."""
        self.unknown(given, ("file", "target", "chmod"), place)
        pattern = self.string(given, "file", f"{place}.file")
        if not pattern:
            raise LabError(f"{place} names no file", 'Such as {"file": "a.txt", "target": "~/"}.')
        target = _target(self.string(given, "target", f"{place}.target"))
        mode = self.mode(self.string(given, "chmod", f"{place}.chmod"), f"{place}.chmod")
        names = self.source.matching(ASSETS, pattern)
        if not names:
            self.found("lost", place, f"no file of {ASSETS}/ is {pattern}")
        fixed = _fixed(pattern)
        return [
            Asset(
                name,
                posixpath.join(target, str(PurePosixPath(name).relative_to(fixed))),
                mode,
                self.source.data(f"{ASSETS}/{name}", place, ASSET_LIMIT),
            )
            for name in names
        ]

    def mode(self, chmod: str, place: str) -> int:
        """Permission bits after a ``chmod`` of this text."""
        if re.fullmatch(r"0?[0-7]{3}", chmod):
            return int(chmod, 8) & _HIGHEST_MODE
        bits = {"": 0, "+x": 0o111, "+w": 0o200, "+r": 0o444, "u+x": 0o100, "a+x": 0o111}
        bits |= {"+rx": 0o555, "+rw": 0o644, "+rwx": 0o755, "+wx": 0o311}
        if chmod not in bits:
            self.found("unknown", place, f"chmod {chmod}: the file is 0644")
        return 0o644 | bits.get(chmod, 0)

    def unknown(self, given: dict[str, Any], known: tuple[str, ...], place: str) -> None:
        """Name the keys that nothing here understands."""
        for key in given:
            if key not in known:
                where = f"{place}.{key}" if place else key
                self.found("unknown", where, "a key of index.json that the import does not know")

    def mapping(self, given: dict[str, Any], key: str, place: str) -> dict[str, Any]:
        """The object under a key; empty where there is none."""
        value = given.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise LabError(f"{place} in {INDEX} is not an object", "It is written in { }.")
        return value

    def items(self, given: dict[str, Any], key: str, place: str) -> list[Any]:
        """The list under a key; empty where there is none."""
        value = given.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise LabError(f"{place} in {INDEX} is not a list", "It is written in [ ].")
        return value

    def string(self, given: dict[str, Any], key: str, place: str) -> str:
        """The text (or number) under a key; empty where there is none."""
        value = given.get(key)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise LabError(f"{place} in {INDEX} is not text", 'It is written in " ".')
        return str(value).strip()


def _target(text: str) -> str:
    """An absolute folder on the machine; ``~`` and relative ones begin at root's home."""
    if text == "~" or text.startswith("~/"):
        text = HOME + text[1:]
    return "/" + posixpath.normpath(posixpath.join(HOME, text)).lstrip("/")


def _fixed(pattern: str) -> str:
    """The folders of a pattern before its first wildcard; what is below them is kept."""
    parts = PurePosixPath(pattern).parts
    wild = next((n for n, part in enumerate(parts) if _WILD.search(part)), len(parts) - 1)
    return posixpath.join(*parts[:wild]) if wild else "."
