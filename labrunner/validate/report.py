"""A proof for others to read: JSON for programs, JUnit XML for CI systems, a page, lines.

The JSON is the whole of a proof; everything else can be made of it again. Its ``format`` is
raised when something in it changes its meaning or goes; what is added leaves it as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labrunner.errors import UsageError
from labrunner.validate.lines import LONGEST, complaint, cut, line, text
from labrunner.validate.page import html
from labrunner.validate.proof import Case, Kind, Proof, Result, Status

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["complaint", "from_json", "html", "junit_xml", "line", "text", "to_json"]

FORMAT = 1

_CASE = ("scenario", "kind", "step", "name", "where", "number")
_RESULT = ("status", "message", "typed", "expected", "seen", "transcript", "seconds", "explained")
_PROOF = ("seconds", "seed", "version", "host")

# --- JSON ---------------------------------------------------------------------------------


def to_json(proof: Proof) -> str:
    """A proof as JSON; `from_json` gives the same proof again."""
    data = {
        "format": FORMAT,
        "fine": proof.fine,
        "strength": proof.strength(),
        **{name: getattr(proof, name) for name in _PROOF},
        "scenarios": [_summary(proof, name) for name in scenarios(proof)],
        "results": [_result(result) for result in proof.results],
    }
    return json.dumps(data, indent=2) + "\n"


def _summary(proof: Proof, name: str) -> dict[str, Any]:
    results = [r for r in proof.results if r.case.scenario == name]
    steps = dict.fromkeys(r.case.step for r in results if r.case.step)
    return {
        "name": name,
        "fine": all(r.fine for r in results),
        "strength": proof.strength(name),
        "steps": [
            {
                "id": step,
                "fine": all(r.fine for r in results if r.case.step == step),
                "strength": proof.strength(name, step),
            }
            for step in steps
        ],
    }


def _result(result: Result) -> dict[str, Any]:
    case = {name: getattr(result.case, name) for name in _CASE}
    rest = {name: getattr(result, name) for name in _RESULT}
    return {"id": result.case.id, "fine": result.fine, **case, **rest}


def from_json(text: str) -> Proof:
    """A proof that was written by `to_json`.

    Raises:
        UsageError: it is none, or of a format that this version does not know.
    """
    try:
        data = json.loads(text)
        known = data["format"]
        if known != FORMAT:
            raise UsageError(
                f"a proof of format {known}, and this version reads {FORMAT}",
                "use the labrunner that wrote it, or validate anew",
            )
        results = tuple(_read(entry) for entry in data["results"])
        return Proof(results, **{name: data[name] for name in _PROOF})
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"not a proof: {error!r}", "lab validate --json FILE writes one"
        ) from error


def _read(entry: Mapping[str, Any]) -> Result:
    case = Case(**{name: entry[name] for name in _CASE} | {"kind": Kind(entry["kind"])})
    rest = {name: entry[name] for name in _RESULT}
    rest |= {"status": Status(entry["status"]), "typed": tuple(entry["typed"])}
    return Result(case, **rest)


def scenarios(proof: Proof) -> list[str]:
    """Names of the scenarios, in the order of their first results."""
    return list(dict.fromkeys(result.case.scenario for result in proof.results))


# --- JUnit XML ----------------------------------------------------------------------------

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


def junit_xml(proof: Proof) -> str:
    """A proof as JUnit XML: a suite for each scenario, a test case for each case.

    What went wrong stands in the text of a failure as well as in its ``message``: some readers
    show only the one, some only the other. They tell cases apart by class and name, so these
    are unique.
    """
    from xml.etree import ElementTree as ET

    root = ET.Element("testsuites", {"name": "labrunner"} | _counts(proof.results, proof.seconds))
    for name in scenarios(proof):
        results = [r for r in proof.results if r.case.scenario == name]
        counts = _counts(results, sum(r.seconds for r in results))
        suite = ET.SubElement(root, "testsuite", {"name": _legal(name)} | counts)
        properties = ET.SubElement(suite, "properties")
        for key, value in _properties(proof, name).items():
            ET.SubElement(properties, "property", {"name": key, "value": value})
        for result in results:
            _test_case(suite, result)
    ET.indent(root)
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    return head + ET.tostring(root, encoding="unicode") + "\n"


def _properties(proof: Proof, name: str) -> dict[str, str]:
    strength = proof.strength(name)
    return {
        "labrunner": _legal(proof.version),
        "host": _legal(proof.host),
        "seed": str(proof.seed),
        **({} if strength is None else {"strength": f"{strength:.3f}"}),
    }


def _counts(results: Sequence[Result], seconds: float) -> dict[str, str]:
    wrong = [r for r in results if not r.fine]
    errors = sum(r.status is Status.ERROR for r in wrong)
    return {
        "tests": str(len(results)),
        "failures": str(len(wrong) - errors),
        "errors": str(errors),
        "skipped": "0",
        "time": f"{seconds:.3f}",
    }


def _test_case(suite: Element, result: Result) -> None:
    from xml.etree import ElementTree as ET

    case = result.case
    number = f" {case.number}" if case.number > 1 else ""
    names = {
        "classname": ".".join(filter(None, (case.scenario, case.step))),
        "name": f"{case.kind}{number}: {case.name}" if case.name else f"{case.kind}{number}",
        "time": f"{result.seconds:.3f}",
    }
    file, _, row = case.where.rpartition(":")
    if file and row.isdigit():
        names |= {"file": file, "line": row}
    element = ET.SubElement(suite, "testcase", {k: _legal(v) for k, v in names.items()})
    if not result.fine:
        kind = "error" if result.status is Status.ERROR else "failure"
        about = {"message": _legal(result.message), "type": result.status.value}
        ET.SubElement(element, kind, about).text = _legal("\n".join(complaint(result)))
    out = [f"survived, explained: {result.explained}"] if result.fine and result.explained else []
    out += [cut(result.transcript, LONGEST)] if result.transcript else []
    if out:
        ET.SubElement(element, "system-out").text = _legal("\n".join(out))


def _legal(text: str) -> str:
    return _ILLEGAL.sub("", text)
