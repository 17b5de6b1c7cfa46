"""`Plan` → the text of ``lesson.md``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from labrunner.killercoda import commands
from labrunner.killercoda import text as texts
from labrunner.killercoda.commands import HOST, Click, console, typed
from labrunner.killercoda.plan import Group, Plan, Section
from labrunner.killercoda.text import Part, Text
from labrunner.lessons import lesson

NO_HINT = "The course that this comes from has no hint here. `lab check` shows what its script saw."
INTERRUPT = "Press Ctrl-C to end what runs; then:"
NO_SOLUTION = 'echo "no solution was imported for this step: write one" >&2; false'
FEW_HINTS = "<!-- lint: few-hints: the course that this comes from has {number} for this step -->"
_SUMMARY_WIDTH = 160


def compose(plan: Plan) -> str:
    """The lesson. Whatever a lesson could not hold as it is written is shown as plain text."""
    parts = [_head(plan), *_introduction(plan)]
    for group in plan.groups:
        last = group is plan.groups[-1]
        hints = _hints(group)
        few = "no hint" if hints == [NO_HINT] else "one hint" if len(hints) == 1 else ""
        parts.append(FEW_HINTS.format(number=few) if few else "")
        parts += [_heading(group), _body(group, plan.finish if last else None)]
        parts += [_hidden("hint", text) for text in hints]
        parts.append(_hidden("solution", _solution(group)))
    return "\n\n".join(part for part in parts if part.strip()) + "\n"


def _head(plan: Plan) -> str:
    objectives = [group.title for group in plan.groups]
    values = {
        "title": plan.title,
        "level": plan.level,
        "minutes": plan.minutes,
        "summary": _summary(plan),
        "objectives": objectives,
        "requires": [],
    }
    # JSON is YAML, and quotes whatever YAML would take for something else
    rows = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(["---", *rows, "---"])


def _summary(plan: Plan) -> str:
    """One sentence, as the catalogue wants it."""
    text = " ".join(plan.course.description.split()) or plan.title
    if len(text) >= _SUMMARY_WIDTH:
        text = text[: _SUMMARY_WIDTH - 2].rpartition(" ")[0].rstrip(" ,;:.") + "…"
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _introduction(plan: Plan) -> Iterator[str]:
    yield _checked(_visible(plan.intro.text))
    yield (
        "::: note\nYou work on the machine `"
        f"{HOST}`. Open a terminal on it in the lab's shell with `docker exec -it {HOST} bash`; "
        "type the commands of this lesson there.\n:::"
    )


def _heading(group: Group) -> str:
    title = re.sub(r"\s*\{#[^}]*\}\s*$", "", group.title) or group.id
    return f"## {_flat(title)} {{#{group.id}}}"


def _flat(title: str) -> str:
    """A title that is no more than its words, in Markdown."""
    return re.sub(r"([\\*_\[\]<>])", r"\\\1", title)


def _body(group: Group, finish: Section | None) -> str:
    parts = []
    for section in group.sections:
        if group.before:
            parts.append(f"### {_flat(section.title)}")
        parts.append(_checked(_visible(section.text)))
    for section in group.after:
        parts += [f"### Afterwards: {_flat(section.title)}", _checked(_visible(section.text))]
    end = _checked(_visible(finish.text)) if finish else ""
    if end:
        parts += ["### When all is done", end]
    return "\n\n".join(part for part in parts if part)


def _visible(text: Text) -> str:
    return _shown(text.of("body"))


def _shown(parts: Sequence[Part]) -> str:
    """Parts as a reader sees them; a command in a sentence is not shown twice."""
    return "\n\n".join(_one(part) for part in parts if not part.inline)


def _one(part: Part) -> str:
    if part.kind == "prose":
        return part.text
    if part.kind == "clicks":
        block = console((click.text for click in part.clicks), part.indent)
        first = part.clicks[0]
        return f"{part.indent}{INTERRUPT}\n\n{block}" if first.interrupt else block
    return _code(part)


def _code(part: Part) -> str:
    """A code block; ``console`` means what is typed, and this is not."""
    language = "text" if part.language in ("console", "plain", "") else part.language
    fence = "`" * max(3, _longest(part.text, "`") + 1)
    lines = [f"{fence}{language}", *part.text.split("\n"), fence]
    return "\n".join(f"{part.indent}{line}".rstrip() for line in lines)


def _hints(group: Group) -> list[str]:
    found = [
        checked
        for section in group.sections
        for parts in section.text.hints
        if (checked := _checked(_shown(parts)))
    ]
    return found or [NO_HINT]


def _solution(group: Group) -> str:
    """What is typed, from outside of the machine, among what the course says about it."""
    left = list(group.clicks)
    parts: list[str] = []
    for section in group.sections:
        body = [click for part in section.text.of("body") for click in part.clicks]
        answers = [click for part in section.solution for click in part.clicks]
        guessed = [] if body or answers else texts.guess(section.solution)
        parts += _typed(left, len(body) + len(guessed))
        shown = {click.text for click in guessed}
        for part in section.solution:
            if part.kind == "clicks":
                parts += _typed(left, len(part.clicks))
            elif part.kind == "prose" or not _is_among(part, shown):
                parts.append(_checked(_one(part)))
    if not group.clicks:
        nothing = "The course that this comes from has no command for it."
        parts = [nothing, console([NO_SOLUTION]), *parts]
    return "\n\n".join(part for part in parts if part)


def _typed(left: list[Click], number: int) -> list[str]:
    """The next commands as a block that types them."""
    taken = [left.pop(0) for _ in range(number)]
    return [console(typed(click) for click in taken)] if taken else []


def _is_among(part: Part, shown: set[str]) -> bool:
    """Whether a code block stands among the commands already."""
    found = commands.split(part.text) if part.kind == "code" else []
    return bool(found) and all(text.removeprefix("$ ") in shown for text in found)


def _hidden(name: str, text: str) -> str:
    """A box that the reader does not see at first, with more colons than its text has."""
    colons = ":" * max(3, _longest(text, ":") + 1)
    return f"{colons} {name}\n{text}\n{colons}"


def _longest(text: str, mark: str) -> int:
    """The longest run of a mark at the beginning of a line."""
    runs = re.findall(rf"(?m)^[\s>]*({re.escape(mark)}{{3,}})", text)
    return max((len(run) for run in runs), default=2)


def _checked(text: str) -> str:
    """The same Markdown, or as plain text where a lesson cannot hold it."""
    if not text.strip() or not _mistakes(text):
        return text
    fence = "`" * max(3, _longest(text, "`") + 1)
    return f"{fence}text\n{text}\n{fence}"


def _mistakes(text: str) -> bool:
    """Whether a lesson with only this text in its only step would be wrong."""
    head = "---\ntitle: t\nlevel: beginner\nminutes: 1\nsummary: s\nobjectives: [o]\n---\n"
    boxes = "::: hint\nh\n:::\n\n::: solution\n```console\n$ true\n```\n:::\n"
    whole = f"{head}## T {{#t}}\n\n{text}\n\n{boxes}"
    if lesson.mistakes(whole, Path("lesson.md")):
        return True
    step = lesson.parse(whole, Path("lesson.md")).steps
    # a box or a heading of its own would be taken for one of ours
    return len(step) != 1 or len(step[0].hints) != 1 or not step[0].commands
