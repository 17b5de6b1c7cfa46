"""The head of a lesson file: the YAML between two ``---`` lines, checked key by key.

Apart from `labrunner.lessons.lesson` because ``lab list`` needs the head of every lesson and
nothing else of it. Values are taken from YAML's nodes and never constructed, so that every
complaint has a line, and nothing but text, whole numbers and lists of text can come out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labrunner.errors import ScenarioError

if TYPE_CHECKING:
    from pathlib import Path

    import yaml

LEVELS = ("beginner", "intermediate", "advanced")
ORIGINAL = "en"
_FENCE = "---"
_TRANSLATION = r"lesson\.(?P<language>[a-z]{2,3}(-[A-Za-z0-9]+)*)\.md"
_TAG = "tag:yaml.org,2002:"
_EXAMPLES = {
    "title": "Segment a shop",
    "level": "beginner",
    "minutes": "40",
    "summary": "One sentence.",
    "objectives": "[what the learner can do afterwards]",
    "requires": "[what the learner should know before]",
}
_OPTIONAL = ("requires",)


@dataclass(frozen=True)
class Head:
    """What a lesson says about itself before its first word of prose.

    Attributes:
        title, level, minutes, summary, objectives, requires: as in `labrunner.model.lesson.Lesson`.
        length: lines that the head takes in the file, both ``---`` included.
    """

    title: str = ""
    level: str = ""
    minutes: int = 0
    summary: str = ""
    objectives: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    length: int = 0


def languages(folder: Path) -> tuple[str, ...]:
    """The languages that a content folder has a lesson in, the original first."""
    found = [re.fullmatch(_TRANSLATION, path.name) for path in folder.glob("lesson.*.md")]
    translations = sorted(match["language"] for match in found if match)
    return (ORIGINAL, *translations) if (folder / "lesson.md").is_file() else tuple(translations)


def read(path: Path) -> Head:
    """The head of the lesson at this path; reads no further than its closing ``---``.

    Raises:
        ScenarioError: the first thing that is wrong with it, or the file cannot be read.
    """
    lines: list[str] = []
    try:
        # Bytes, because text is decoded by the block, prose below the head included.
        with path.open("rb") as file:
            for raw in file:
                text = raw.decode("utf-8" if lines else "utf-8-sig")
                text = text.replace("\r\n", "\n").replace("\r", "\n")
                lines += text.removesuffix("\n").split("\n")
                if any(line.rstrip() == _FENCE for line in lines[1:]):
                    break
    except UnicodeDecodeError as error:
        where = f"{path}:{len(lines) + 1}"
        raise ScenarioError("not UTF-8", where, "Save the file as UTF-8.") from error
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}", str(path)) from error
    head, errors = parse(lines, path)
    if errors:
        raise errors[0]
    return head


def parse(lines: list[str], path: Path) -> tuple[Head, list[ScenarioError]]:
    """The head that these lines begin with, and everything that is wrong with it, in order."""
    reader = _Reader(path)
    if not lines or lines[0].rstrip() != _FENCE:
        reader.fail(1, "front matter is missing", "Begin the file with `---`, `title: …`, `---`.")
        return Head(), reader.errors
    closing = next((n for n, line in enumerate(lines) if n and line.rstrip() == _FENCE), 0)
    if not closing:
        reader.fail(1, "front matter is not closed", "End it with a line of `---`.")
        return Head(), reader.errors
    head = reader.head("\n".join(lines[1:closing]), closing + 1)
    return head, sorted(reader.errors, key=lambda e: int(e.where.rpartition(":")[2]))


class _Reader:
    """Turns YAML nodes into a `Head` and remembers what did not fit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.errors: list[ScenarioError] = []

    def fail(self, line: int, message: str, hint: str) -> None:
        """Remember a complaint about this 1-based line."""
        self.errors.append(ScenarioError(message, f"{self.path}:{line}", hint))

    def head(self, text: str, length: int) -> Head:
        """The head in this YAML, whose first line is line 2 of the file."""
        nodes = self.nodes(text)
        if nodes is None:
            return Head(length=length)
        for key, example in _EXAMPLES.items():
            if key not in nodes and key not in _OPTIONAL:
                hint = f"Add a line such as `{key}: {example}`."
                self.fail(length, f"front matter has no `{key}`", hint)
        return Head(
            title=self.text(nodes, "title"),
            level=self.level(nodes),
            minutes=self.minutes(nodes),
            summary=self.text(nodes, "summary"),
            objectives=self.texts(nodes, "objectives"),
            requires=self.texts(nodes, "requires"),
            length=length,
        )

    def nodes(self, text: str) -> dict[str, yaml.Node] | None:
        """The values by key; ``None`` where the YAML cannot be read at all."""
        import yaml

        try:
            # The one in C, where PyYAML has it, is five times as fast.
            root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            problem = getattr(error, "problem", None) or getattr(error, "reason", "it")
            hint = 'Put a value that holds `: `, `#` or a leading `[`, `*`, `&` in "quotes".'
            self.fail(_line(mark), f"front matter is not YAML: {problem}", hint)
            return None
        if not isinstance(root, yaml.MappingNode):
            self.fail(2, "front matter has no keys", "Write one `key: value` on each line.")
            return None
        nodes: dict[str, yaml.Node] = {}
        for key, value in root.value:
            name = str(key.value)
            if name not in _EXAMPLES:
                hint = f"Known keys: {', '.join(_EXAMPLES)}."
                self.fail(_line(key.start_mark), f"front matter has an unknown key `{name}`", hint)
            elif name in nodes:
                hint = f"The first one is on line {_line(nodes[name].start_mark)}."
                self.fail(_line(key.start_mark), f"front matter has `{name}` twice", hint)
            else:
                nodes[name] = value
        return nodes

    def text(self, nodes: dict[str, yaml.Node], key: str) -> str:
        """The value of a key that is one line of text."""
        node = nodes.get(key)
        if node is None:
            return ""
        value = node.value.strip() if node.tag == f"{_TAG}str" else ""
        if not value or "\n" in value:
            hint = f'Such as `{key}: {_EXAMPLES[key]}`; put a number or a yes in "quotes".'
            self.fail(_line(node.start_mark), f"`{key}` is not one line of text", hint)
            return ""
        return str(value)

    def level(self, nodes: dict[str, yaml.Node]) -> str:
        """The value of ``level``, one of `LEVELS`."""
        level = self.text(nodes, "level")
        if level and level not in LEVELS:
            line = _line(nodes["level"].start_mark)
            self.fail(line, f"there is no level `{level}`", f"Levels: {', '.join(LEVELS)}.")
        return level

    def minutes(self, nodes: dict[str, yaml.Node]) -> int:
        """The value of ``minutes``, a whole number above 0."""
        node = nodes.get("minutes")
        if node is None:
            return 0
        number = node.value if node.tag == f"{_TAG}int" else ""
        if not number.isdecimal() or int(number) < 1:
            hint = "Such as `minutes: 40`, without quotes or a unit."
            self.fail(_line(node.start_mark), "`minutes` is not a whole number above 0", hint)
            return 0
        return int(number)

    def texts(self, nodes: dict[str, yaml.Node], key: str) -> tuple[str, ...]:
        """The value of a key that is a list of texts; ``requires`` may be empty."""
        node = nodes.get(key)
        if node is None:
            return ()
        hint = f"Such as `{key}: {_EXAMPLES[key]}`, or one `- text` on each line below it."
        items = node.value if node.tag == f"{_TAG}seq" else []
        if node.tag != f"{_TAG}seq" or (not items and key not in _OPTIONAL):
            self.fail(_line(node.start_mark), f"`{key}` is not a list of texts", hint)
            return ()
        for item in items:
            if item.tag != f"{_TAG}str" or not item.value.strip():
                line = _line(item.start_mark)
                self.fail(line, f"`{key}` holds something that is not text", hint)
                return ()
        return tuple(str(item.value) for item in items)


def _line(mark: yaml.Mark | None) -> int:
    """The 1-based line in the file; the YAML begins on line 2."""
    return 2 if mark is None else int(mark.line) + 2
