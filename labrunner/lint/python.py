"""Rules about a scenario's Python: checks that cannot fail, addresses, sleeps, words."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from labrunner.lint.finding import Finding, found
from labrunner.lint.prose import misspelled
from labrunner.lint.typed import literal_addresses
from labrunner.model.scenario import Check

MAKERS = ("passed", "not_yet", "ruined")
READY_MADE = ("first", "running", "only_on", "can_reach", "cannot_reach")
_SKIPPED = ("__pycache__", "tests", "build", "node_modules")


class Module:
    """A Python file of a scenario, parsed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = path.read_bytes()
        self.tree = ast.parse(self.source)

    @cached_property
    def calls(self) -> list[ast.Call]:
        """Every call in it."""
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]

    @cached_property
    def docstrings(self) -> set[ast.AST]:
        """Strings that stand alone: what is said about the code, not what it works with."""
        statements = (node for node in ast.walk(self.tree) if isinstance(node, ast.Expr))
        return {s.value for s in statements if isinstance(s.value, ast.Constant)}


def files(folder: Path, images: Iterable[Path], checks: Iterable[Check]) -> list[Path]:
    """The Python files of a scenario.

    Args:
        folder: of the scenario.
        images: folders of what runs in its containers, left out.
        checks: where the folder is shared with other packages, only the files of these count.
    """
    if not any((folder / name).is_file() for name in ("scenario.py", "__init__.py")):
        codes = (getattr(check, "__code__", None) for check in checks)
        return sorted({Path(code.co_filename) for code in codes if code})
    left_out = tuple(images)
    return sorted(
        path
        for path in folder.rglob("*.py")
        if not any(path.is_relative_to(image) for image in left_out)
        and not any(p in _SKIPPED or p.startswith(".") for p in path.relative_to(folder).parts)
    )


def look(module: Module) -> Iterator[Finding]:
    """Everything of this room that is seen in one file."""
    yield from addresses(module)
    yield from sleeps(module)
    yield from lost(module)
    yield from spelling(module)


def called(node: ast.expr) -> str:
    """The last name of what is called: ``passed`` for ``labrunner.passed(…)``."""
    if isinstance(node, ast.Call):
        return str(getattr(node.func, "id", "") or getattr(node.func, "attr", ""))
    return ""


def told(call: ast.Call) -> list[ast.expr]:
    """What a verdict tells the learner: all that it is given but the command to look with."""
    return [*call.args, *(k.value for k in call.keywords if k.arg != "look")]


def addresses(module: Module) -> Iterator[Finding]:
    """Does the code hold an address that will be another one in the next lab?"""
    for node in ast.walk(module.tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and node not in module.docstrings:
            for address in literal_addresses(text):
                fix = "Ask the lab: `lab.container(NAME).networks`, `lab.network(NAME).gateway`."
                message = f"the address {address} in the code"
                yield found("literal-address", module.path, _line(node), message, fix)


def sleeps(module: Module) -> Iterator[Finding]:
    """Does the code wait for some time instead of for something?"""
    for call in module.calls:
        if called(call) == "sleep":
            fix = "Look again at once, until a deadline; a call such as `lab.tcp` takes its time."
            yield found("sleep", module.path, call.lineno, "a check that sleeps", fix)


def lost(module: Module) -> Iterator[Finding]:
    """Is a verdict made and then forgotten?"""
    own = {n.name for n in ast.walk(module.tree) if isinstance(n, ast.FunctionDef)}
    known = {*MAKERS, *(name for name in READY_MADE if name not in own)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Expr) and called(node.value) in known:
            name = called(node.value)
            message = f"what `{name}(…)` says is thrown away"
            fix = f"Write `return {name}(…)`, or `if problem := {name}(…): return problem`."
            yield found("verdict-lost", module.path, node.lineno, message, fix)


def spelling(module: Module) -> Iterator[Finding]:
    """Is what a verdict tells the learner spelled as the house does?"""
    for call in module.calls:
        if called(call) in MAKERS:
            for node in (inner for value in told(call) for inner in ast.walk(value)):
                text = node.value if isinstance(node, ast.Constant) else None
                for _, message, fix in misspelled(str(text or ""), names=False):
                    yield found("spelling", module.path, _line(node), message, fix)


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 1))
