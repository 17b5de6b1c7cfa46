"""Can a check fail? Found out by reading it, without running it.

Every path of the function is followed to its ``return``; helpers are followed where they are
the scenario's own. What cannot be followed is given the benefit of the doubt: only a check
that provably gives nothing but `passed` is a finding.
"""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labrunner import checks, model
from labrunner.lint.finding import Finding, found
from labrunner.lint.python import Module

_Function = ast.FunctionDef | ast.Lambda
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_NEW_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def look(given: Mapping[str, Callable[..., Any]], modules: Sequence[Module]) -> Iterator[Finding]:
    """A finding for each check of a scenario that cannot fail.

    Args:
        given: the scenario's checks, by step id.
        modules: the scenario's own Python.
    """
    own = {module.path.resolve(): module for module in modules}
    for step_id, check in given.items():
        reader = _Reader(own)
        place = reader.source(check)
        if place is None or reader.can_fail(check):
            continue
        module, node = place
        message = f"the check of step `{step_id}` cannot fail"
        fix = "Look at what the step asks for, and return `not_yet(…)` where it is not so."
        yield found("check-cannot-fail", module.path, node.lineno, message, fix)


@dataclass
class _Scope:
    """A function that is read: the names it sees, and what it assigns."""

    names: Mapping[str, Any]
    assigned: dict[str, list[ast.expr]] = field(default_factory=dict)
    arguments: frozenset[str] = frozenset()


class _Reader:
    """Answers for one check; remembers what is being read, as helpers may call each other."""

    def __init__(self, own: Mapping[Path, Module]) -> None:
        self.own = own
        self.reading: set[ast.AST] = set()

    def source(self, function: object) -> tuple[Module, _Function] | None:
        """Where a function of the scenario is written; ``None`` for anything else."""
        # as it is, not unwrapped: what is around it may be what complains
        code = getattr(function, "__code__", None)
        if code is None:
            return None
        module = self.own.get(Path(code.co_filename).resolve())
        for node in ast.walk(module.tree) if module else ():
            if module and isinstance(node, ast.FunctionDef | ast.Lambda):
                lines = [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]
                name = getattr(node, "name", "<lambda>")
                if min(lines) == code.co_firstlineno and name == code.co_name:
                    return module, node
        return None

    def can_fail(self, function: object) -> bool:
        """Whether a function may give a verdict that is not `passed`."""
        place = self.source(function)
        if place is None:
            return True
        node = place[1]
        if node in self.reading:
            return False  # a circle adds nothing that its other paths do not
        self.reading.add(node)
        names = {**getattr(function, "__globals__", {}), **_closure(function)}
        scope = _Scope(names)
        if isinstance(node, ast.Lambda):
            return self.may_fail(node.body, scope)
        taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        scope.arguments = frozenset(argument.arg for argument in taken)
        reached = list(_reached(node.body))
        if any(isinstance(each, ast.Yield | ast.YieldFrom) for each in reached):
            return True
        for each in reached:
            _remember(each, scope.assigned)
        returns = [n.value for n in reached if isinstance(n, ast.Return) and n.value]
        return any(self.may_fail(value, scope) for value in returns)

    def may_fail(self, value: ast.expr, scope: _Scope) -> bool:
        """Whether an expression may be a verdict that is not `passed`."""
        parts: list[ast.expr] = []
        match value:
            case ast.Constant():
                pass
            case ast.BoolOp():
                parts = self.outcomes(value, scope)
            case ast.IfExp():
                parts = _branches(value)
            case ast.NamedExpr():
                parts = [value.value]
            case ast.Name():
                return self.name_may_fail(value.id, scope)
            case ast.Call():
                return self.call_may_fail(value, scope)
            case _:
                return True
        return any(self.may_fail(part, scope) for part in parts)

    def outcomes(self, value: ast.BoolOp, scope: _Scope) -> list[ast.expr]:
        """What ``a or b`` or ``a and b`` may come to; every verdict counts as true."""
        if isinstance(value.op, ast.And):
            return value.values[-1:]
        parts = []
        for part in value.values:
            parts.append(part)
            if isinstance(part, ast.Call) and self.called(part, scope) in _ALWAYS_VERDICTS:
                break  # what follows is never looked at
        return parts

    def name_may_fail(self, name: str, scope: _Scope) -> bool:
        """Whether a variable may hold a verdict that is not `passed`."""
        if name in scope.assigned:
            values = scope.assigned.pop(name)  # so that `a = a or b` ends
            answer = any(self.may_fail(value, scope) for value in values)
            scope.assigned[name] = values
            return answer
        held = scope.names.get(name)
        if name not in scope.arguments and isinstance(held, model.Verdict):
            return not held.passed
        return True

    def call_may_fail(self, call: ast.Call, scope: _Scope) -> bool:
        """Whether what is called may give a verdict that is not `passed`."""
        function = self.called(call, scope)
        if function is model.passed:
            return False
        if function is model.Verdict:
            outcome = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "outcome")]
            return getattr(outcome[0], "attr", "") != "PASSED" if outcome else True
        if function is checks.first:
            return any(self.may_fail(argument, scope) for argument in call.args)
        return self.can_fail(function)

    def called(self, call: ast.Call, scope: _Scope) -> object:
        """The object that is called; ``None`` where that is known only at run time."""
        chain, node = [], call.func
        while isinstance(node, ast.Attribute):
            chain.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id in scope.arguments:
            return None
        held = scope.names.get(node.id)
        for name in reversed(chain):
            if not isinstance(held, types.ModuleType | type):
                return None
            held = getattr(held, name, None)
        return held


_ALWAYS_VERDICTS = (model.passed, model.not_yet, model.ruined, model.Verdict)


def _branches(value: ast.IfExp) -> list[ast.expr]:
    """What ``a if test else b`` may come to."""
    sure = _truth(value.test)
    if sure is None:
        return [value.body, value.orelse]
    return [value.body if sure else value.orelse]


def _closure(function: object) -> dict[str, object]:
    """What a function took from the function around it."""
    try:
        return dict(inspect.getclosurevars(function).nonlocals)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return {}


def _reached(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """Every node of these statements that can be reached; inner functions are left out."""
    for statement in body:
        yield from _nodes(statement)
        if _ends(statement):
            return


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what is reached in it."""
    yield node
    if isinstance(node, _NEW_SCOPE):
        return
    sure = _truth(node.test) if isinstance(node, ast.If | ast.While) else None
    for name, value in ast.iter_fields(node):
        dead = (name == "body" and sure is False) or (
            name == "orelse" and sure is True and isinstance(node, ast.If)
        )
        if dead:
            continue
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield from _reached(value)
        else:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _nodes(child)


def _ends(statement: ast.stmt) -> bool:
    """Whether nothing after this statement is reached."""
    if isinstance(statement, ast.If):
        sure = _truth(statement.test)
        both = [statement.body] if sure else [statement.orelse] if sure is False else None
        return all(_block_ends(block) for block in both or (statement.body, statement.orelse))
    if isinstance(statement, ast.With):
        return False  # it may swallow an exception
    return isinstance(statement, _ENDS)


def _block_ends(block: Sequence[ast.stmt]) -> bool:
    return any(_ends(statement) for statement in block)


def _truth(test: ast.expr) -> bool | None:
    """What a condition always is, where that can be seen in it."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _truth(test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        known = [_truth(value) for value in test.values]
        decisive = isinstance(test.op, ast.Or)
        if decisive in known:
            return decisive
        return None if None in known else not decisive
    return None


_UNKNOWN = ast.Yield()
"""Stands for a value that is known only at run time."""


def _remember(node: ast.AST, assigned: dict[str, list[ast.expr]]) -> None:
    """Keep what a node assigns to names."""
    pairs: list[tuple[ast.expr | None, ast.expr | None]] = []
    if isinstance(node, ast.Assign):
        pairs = [(target, node.value) for target in node.targets]
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
        pairs = [(node.target, node.value)]
    elif isinstance(node, ast.For | ast.comprehension | ast.AugAssign):
        pairs = [(node.target, _UNKNOWN)]
    elif isinstance(node, ast.withitem):
        pairs = [(node.optional_vars, _UNKNOWN)]
    for target, value in pairs:
        plain = isinstance(target, ast.Name)
        for inner in ast.walk(target) if target and value else ():
            if isinstance(inner, ast.Name):
                assigned.setdefault(inner.id, []).append(value if plain and value else _UNKNOWN)
