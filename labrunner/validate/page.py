"""A proof as one page of HTML that needs nothing else: no script, no request.

The page is built as a tree of elements and written out by the standard library, so there is no
place at which text from a lesson or a terminal could be forgotten to be escaped.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from labrunner.validate.lines import LONGEST, cut, percent, seen
from labrunner.validate.proof import Kind, Proof, Result, Status

TEMPLATE = Path(__file__).with_name("page.html")

KINDS = {
    Kind.START: "start",
    Kind.UNTOUCHED: "untouched",
    Kind.TWICE: "twice",
    Kind.TRAP: "trap",
    Kind.SOLUTION: "solution",
    Kind.OUTPUT: "output",
    Kind.MUTATION: "slip",
    Kind.REPLAY: "replay",
    Kind.STOP: "stop",
    Kind.ORDER: "in any order",
    Kind.TOGETHER: "two at once",
}
"""What each kind of case is called on the page."""


def html(proof: Proof) -> str:
    """The whole page."""
    main = ET.Element("main")
    wrong = [result for result in proof.results if not result.fine]
    _head(main, proof, wrong)
    _overview(main, proof)
    _to_mend(main, wrong)
    _explained(main, proof)
    for number, name in enumerate(_scenarios(proof), 1):
        _scenario(main, proof, name, f"scenario-{number}")
    body = ET.tostring(main, encoding="unicode", method="html")
    template = string.Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(title=_verdict(proof, wrong), body=body)


def _scenarios(proof: Proof) -> list[str]:
    return list(dict.fromkeys(result.case.scenario for result in proof.results))


def _verdict(proof: Proof, wrong: Sequence[Result]) -> str:
    if not proof.results:
        return "Nothing was tried"
    return f"Not proven: {len(wrong)} to mend" if wrong else "Proven"


# --- elements -----------------------------------------------------------------------------


def _add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    """A new element at the end of another one; ``class_`` is its class."""
    named = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    element = ET.SubElement(parent, tag, named)
    element.text = seen(text)
    return element


def _table(parent: ET.Element, caption: str, columns: Sequence[str]) -> ET.Element:
    """A table with its head; the value is its body."""
    # what is too wide for a phone is scrolled by itself, by keyboard too
    frame = _add(parent, "div", class_="wide", tabindex="0", role="region", aria_label=caption)
    table = _add(frame, "table")
    _add(table, "caption", caption)
    row = _add(_add(table, "thead"), "tr")
    for number, column in enumerate(columns):
        _add(row, "th", column, scope="col", class_="figure" if number > 1 else "text")
    return _add(table, "tbody")


def _row(body: ET.Element, link: str, title: str, status: str, figures: Sequence[str]) -> None:
    row = _add(body, "tr")
    head = _add(row, "th", scope="row")
    _add(head, "a", title, href=f"#{link}")
    _status(_add(row, "td"), status)
    for figure in figures:
        _add(row, "td", figure, class_="figure")


def _status(parent: ET.Element, word: str) -> None:
    _add(parent, "span", word, class_=f"status {word.replace(' ', '-')}")


def _terminal(parent: ET.Element, label: str, text: str) -> None:
    _add(parent, "h4", label)
    shown = cut(text, LONGEST)
    _add(parent, "pre", shown, tabindex="0", role="region", aria_label=label)


def _facts(parent: ET.Element, pairs: Sequence[tuple[str, str]], kind: str) -> None:
    """Names and values; those without a value are left out."""
    facts = _add(parent, "dl", class_=kind)
    for name, value in pairs:
        if value:
            _add(facts, "dt", name)
            _add(facts, "dd", cut(value, LONGEST))


# --- the whole ----------------------------------------------------------------------------


def _head(main: ET.Element, proof: Proof, wrong: Sequence[Result]) -> None:
    header = _add(main, "header")
    _add(header, "h1", _verdict(proof, wrong))
    fine = len(proof.results) - len(wrong)
    facts = (
        ("Cases", f"{fine} of {len(proof.results)} fine"),
        ("Strength", _strength(proof)),
        ("Took", _seconds(proof.seconds)),
        ("Host", proof.host),
        ("Seed", str(proof.seed)),
        ("labrunner", proof.version),
    )
    _facts(header, facts, "short")


def _strength(proof: Proof, name: str | None = None, step: str | None = None) -> str:
    """The share of slips that were noticed, and how many that is."""
    strength = proof.strength(name, step)
    if strength is None:
        return "-"
    tried = [
        result
        for result in proof.results
        if result.case.kind is Kind.MUTATION
        and name in (None, result.case.scenario)
        and step in (None, result.case.step)
        and result.status in (Status.PROVEN, Status.SURVIVED)
    ]
    noticed = sum(result.status is Status.PROVEN for result in tried)
    return f"{percent(strength)} ({noticed} of {len(tried)})"


def _seconds(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _word(results: Sequence[Result]) -> str:
    return "proven" if all(result.fine for result in results) else "not proven"


def _overview(main: ET.Element, proof: Proof) -> None:
    section = _add(main, "section")
    _add(section, "h2", "Scenarios")
    columns = ("Scenario", "Outcome", "Cases fine", "Strength (slips noticed)", "Time")
    body = _table(section, "Every scenario that was tried", columns)
    for number, name in enumerate(_scenarios(proof), 1):
        results = [result for result in proof.results if result.case.scenario == name]
        figures = (_fine(results), _strength(proof, name), _time(results))
        _row(body, f"scenario-{number}", name, _word(results), figures)


def _fine(results: Sequence[Result]) -> str:
    return f"{sum(result.fine for result in results)} of {len(results)}"


def _time(results: Sequence[Result]) -> str:
    return _seconds(sum(result.seconds for result in results))


def _to_mend(main: ET.Element, wrong: Sequence[Result]) -> None:
    """What an author has to do, with all that helps, before anything else."""
    if not wrong:
        return
    section = _add(main, "section")
    _add(section, "h2", f"To mend ({len(wrong)})")
    for number, result in enumerate(wrong, 1):
        case = result.case
        article = _add(section, "article", id=f"mend-{number}")
        head = _add(article, "h3")
        _status(head, result.status)
        place = " ".join(filter(None, (case.scenario, case.step)))
        _add(head, "span", f" {place}: {_what(result)}")
        _add(article, "p", result.message)
        _evidence(article, result)


def _what(result: Result) -> str:
    case = result.case
    return f"{KINDS[case.kind]}: {case.name}" if case.name else KINDS[case.kind]


def _evidence(parent: ET.Element, result: Result) -> None:
    """Where it stands, what was typed, expected and seen, and the terminal."""
    facts = (
        ("Where", result.case.where),
        ("Expected", result.expected),
        ("Seen", result.seen),
        ("Explained", result.explained),
    )
    _facts(parent, facts, "long")
    if result.typed:
        _terminal(parent, "Typed", "\n".join(f"$ {command}" for command in result.typed))
    if result.transcript:
        _terminal(parent, "Terminal", result.transcript)


def _explained(main: ET.Element, proof: Proof) -> None:
    """Slips that no check notices, and why their author says that this is fine."""
    found = [r for r in proof.results if r.status is Status.SURVIVED and r.explained]
    if not found:
        return
    section = _add(main, "section")
    _add(section, "h2", f"Survivors that are explained ({len(found)})")
    facts = [
        (f"{r.case.scenario} {r.case.step}: {r.case.name} ({r.case.where})", r.explained)
        for r in found
    ]
    listed = _add(section, "dl", class_="reasons")
    for name, reason in facts:
        _add(listed, "dt", name)
        _add(listed, "dd", reason)


# --- one scenario -------------------------------------------------------------------------


def _scenario(main: ET.Element, proof: Proof, name: str, anchor: str) -> None:
    results = [result for result in proof.results if result.case.scenario == name]
    section = _add(main, "section", id=anchor)
    _add(section, "h2", name)
    wrong = [result for result in proof.results if not result.fine]
    steps = list(dict.fromkeys(result.case.step for result in results))
    ordered = [*filter(None, steps), *([""] if "" in steps else [])]
    body = _table(
        section, f"Steps of {name}", ("Step", "Outcome", "Cases fine", "Strength", "Time")
    )
    for number, step in enumerate(ordered, 1):
        mine = [result for result in results if result.case.step == step]
        strength = _strength(proof, name, step) if step else "-"
        title = step or "as a whole"
        figures = (_fine(mine), strength, _time(mine))
        _row(body, f"{anchor}-{number}", title, _word(mine), figures)
    for number, step in enumerate(ordered, 1):
        _add(section, "h3", step or "As a whole", id=f"{anchor}-{number}")
        for result in (r for r in results if r.case.step == step):
            if result.fine:
                _case(section, result)
            else:
                _pointer(section, result, f"mend-{wrong.index(result) + 1}")


def _case(parent: ET.Element, result: Result) -> None:
    """A case that is fine: one line, which opens to its evidence."""
    details = _add(parent, "details")
    summary = _add(details, "summary")
    _status(summary, result.status)
    _add(summary, "span", f" {_what(result)} ")
    _add(summary, "span", _seconds(result.seconds), class_="time")
    if result.message:
        _add(details, "p", result.message)
    _evidence(details, result)


def _pointer(parent: ET.Element, result: Result, anchor: str) -> None:
    """A case that is told of at the top."""
    line = _add(parent, "p", class_="pointer")
    _status(line, result.status)
    line[-1].tail = " "
    _add(line, "a", _what(result), href=f"#{anchor}").tail = " "
    _add(line, "span", _seconds(result.seconds), class_="time")
