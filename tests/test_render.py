"""Lessons in the terminal: nothing is lost, whatever the terminal can or cannot do."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from labrunner import shelves
from labrunner.cli import render
from labrunner.lessons import lesson, reading
from labrunner.model.lesson import Lesson

ANSI = re.compile(r"\x1b\[([0-9;]*)m")

TEXT = """\
Hard\\
break, <https://one.example>, [words](https://two.example/a/long/path/that/fits/nowhere?x=1),
![a drawing](picture.png), **bold _both_ `code`**, <b>raw</b> &amp; `<network>`.

### Smaller heading

1. first
   - nested
   - `my-unsegregated-network`

   ```console
   $ docker run --first=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --second=bbbbbbbbbbbbbbbbbbbbbb
   printed
   ```
2. second

   paragraph

> quoted
> ```text
> inside
> ```

| header one | header `two` | three |
|---|:-:|--:|
| my-unsegregated-network | my-user-service-with-a-long-name | left \\| right |
| lonely | | last |

---

:::: danger
Do **not**.

::: note
inner
:::

```console
$ docker run --third=ccccccccccccccccccccccccccccccc --fourth=ddddddddddddddddddddd
```
::::

    indented code

```python
def function(argument):
    return "result"
```
"""

WORDS = """Hard break, https://one.example words (https://two.example/a/long/path/that/fits/nowhere?x=1)
[picture: a drawing] (picture.png) bold both code <b>raw</b> & <network>
Smaller heading 1. first nested my-unsegregated-network
--first=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --second=bbbbbbbbbbbbbbbbbbbbbb printed 2. second paragraph
quoted inside header one two three my-user-service-with-a-long-name left | right lonely last
not inner --third=ccccccccccccccccccccccccccccccc --fourth=ddddddddddddddddddddd
indented def function(argument): return "result"
"""

HEAD = """\
---
title: The title of it all
level: beginner
minutes: 40
summary: One `sentence` of summary.
objectives: [tell apart, cut]
requires: [a shell]
---
Welcome.

## Look around {#look-around}

"""

HIDDEN = """

::: hint
SECRET hint
:::

Below it.

::: solution
SECRET solution

```console
$ echo SECRET
```
:::

::: trap "SECRET message"
```console
$ true
```
:::
"""


def console(width: int, *, terminal: bool, encoding: str = "utf-8") -> tuple[Console, io.BytesIO]:
    """A console of this kind, and what was written to it."""
    written = io.BytesIO()
    file = io.TextIOWrapper(written, encoding=encoding, write_through=True)
    made = Console(
        file=file,
        width=width,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
        legacy_windows=False,
    )
    return made, written


def drawn(text: str, width: int, *, terminal: bool, encoding: str = "utf-8") -> str:
    target, written = console(width, terminal=terminal, encoding=encoding)
    render.render_markdown(text, target)
    return written.getvalue().decode(encoding)


def plain(text: str) -> str:
    return ANSI.sub("", text)


def squeezed(text: str) -> str:
    """Without what breaks a long word over lines."""
    return re.sub(r"[\s│┃>]", "", plain(text))


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_is_lost(width: int, terminal: bool) -> None:  # noqa: FBT001
    """Every word is there, however narrow the terminal."""
    shown = squeezed(drawn(TEXT, width, terminal=terminal))
    for word in WORDS.split():
        assert squeezed(word) in shown


@pytest.mark.parametrize("width", [40, 80])
def test_only_code_is_wider_than_the_terminal(width: int) -> None:
    """Prose, tables and panels fit; a long command stays whole, for copying."""
    for terminal in (True, False):
        wide = [
            line
            for line in plain(drawn(TEXT, width, terminal=terminal)).split("\n")
            if len(line) > width
        ]
        assert all("docker run" in line for line in wide)


@pytest.mark.parametrize("width", [40, 80])
def test_commands_in_a_pipe_are_whole(width: int) -> None:
    """What is copied from a file runs."""
    shown = drawn(TEXT, width, terminal=False)
    for first, last in [("--first=a", "--second=b"), ("--third=c", "--fourth=d")]:
        assert re.search(rf"\$ docker run {first}+ {last}+\n", shown)


def test_a_pipe_gets_plain_ascii() -> None:
    """No escape codes, no drawn lines; what cannot be emphasised is marked."""
    shown = drawn(TEXT, 80, terminal=False)
    assert shown.isascii()
    assert "\x1b" not in shown
    assert "`code`" in shown
    assert "DANGER:\n  Do not." in shown


def test_a_terminal_gets_panels_with_their_word() -> None:
    """A bar beside each line, and the word that colour only repeats."""
    shown = plain(drawn("::: warning\nMind *this*.\n\nAnd that.\n:::", 80, terminal=True))
    assert shown == "┃ Warning\n┃ Mind this.\n┃\n┃ And that.\n"


@pytest.mark.parametrize("kind", ["note", "warning", "danger"])
def test_an_admonition_without_colour_has_its_word(kind: str) -> None:
    """Meaning never hangs on colour."""
    text = f"::: {kind}\nMind.\n:::"
    assert kind in plain(drawn(text, 80, terminal=True)).lower()
    assert kind in drawn(text, 80, terminal=False).lower()


@pytest.mark.parametrize("width", range(20, 40))
def test_a_colon_stays_with_its_word(width: int) -> None:
    """No line breaks at a no-break space, and a pipe without UTF-8 has a space there."""
    text = "Devine\xa0: qui «\xa0entend\xa0» qui\xa0? " * 9
    lines = drawn(text, width, terminal=False).splitlines()
    assert not [line for line in lines if line[0] in ":?»" or line[-1] == "«"]
    assert max(map(len, lines)) <= width
    assert "\xa0:" in " ".join(lines)
    assert 'Devine : qui " entend " qui ?' in " ".join(
        drawn(text, 60, terminal=False, encoding="ascii").split()
    )


def test_commands_stand_out_from_output() -> None:
    """What is typed is bold, also where it goes on; what it prints is not."""
    text = "```console\n$ docker run \\\n    tools:1\n> more\nprinted\n$ next\n```"
    shown = drawn(text, 80, terminal=True).split("\n")
    bold = [line for line in shown if "\x1b[1m" in line]
    assert [plain(line).strip() for line in bold] == [
        "$ docker run \\",
        "tools:1",
        "> more",
        "$ next",
    ]


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weight may stay, colours go."""
    monkeypatch.setenv("NO_COLOR", "1")
    shown = drawn(TEXT, 80, terminal=True)
    codes = {code for codes in ANSI.findall(shown) for code in codes.split(";")}
    assert codes <= {"0", "1", "2", "3", ""}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "koi8-r"])
@pytest.mark.parametrize("terminal", [True, False])
def test_any_encoding_will_do(encoding: str, terminal: bool) -> None:  # noqa: FBT001
    """What cannot be written becomes the nearest that can, and nothing fails."""
    text = TEXT + "\n- “Naïve” café → ≥ 5 µs — … ✓ 漢\n\n```text\n│ résumé │\n```\n"
    shown = drawn(text, 40, terminal=terminal, encoding=encoding)
    for word in WORDS.split():
        assert squeezed(word) in squeezed(shown)
    assert "Na" in shown
    assert "ve" in shown
    if encoding == "ascii":
        assert '"Naive" cafe -> >= 5 us -- ... ok ?' in plain(shown).replace("\n  ", " ")
        assert "| resume |" in plain(shown)


def test_tables_fit_or_become_records() -> None:
    """Columns where there is room, else each row as its cells with their names."""
    text = "| name | reach |\n|---|---|\n| my-user-service | my-payment-service |\n| a | |\n"
    wide = drawn(text, 80, terminal=False)
    assert wide.splitlines()[2] == "my-user-service  my-payment-service"
    narrow = drawn(text, 30, terminal=False)
    assert narrow.splitlines() == [
        "name: my-user-service",
        "reach: my-payment-service",
        "",
        "name: a",
        "reach:",
    ]


def test_html_is_shown_as_typed() -> None:
    """A placeholder in angle brackets is text, not markup that vanishes."""
    assert drawn("Use <network> here.", 80, terminal=False) == "Use <network> here.\n"


def whole(text: str = HEAD + TEXT + HIDDEN) -> Lesson:
    return lesson.parse(text, Path("lesson.md"))


@pytest.mark.parametrize("terminal", [True, False])
def test_a_step_shows_its_place_and_hides_what_is_hidden(terminal: bool) -> None:  # noqa: FBT001
    """Number, title and text; no hint, solution or trap."""
    found = whole()
    target, written = console(80, terminal=terminal)
    render.render_step(found, found.steps[0], target, 1, 3)
    shown = plain(written.getvalue().decode())
    assert shown.startswith("Step 1 of 3: Look around\n")
    assert "Below it." in shown
    assert "SECRET" not in shown


def test_hidden_containers_are_not_shown_even_when_given() -> None:
    """Whoever renders a whole file by mistake gives nothing away."""
    assert "SECRET" not in drawn(f"Seen.{HIDDEN}", 80, terminal=False)


def test_a_hint_or_solution_is_shown_when_it_is_asked_for() -> None:
    """Their source is Markdown like any other."""
    (step,) = whole().steps
    assert drawn(step.hints[0], 80, terminal=False) == "SECRET hint\n"
    assert "  $ echo SECRET\n" in drawn(step.solution, 80, terminal=False)


def test_an_introduction_says_what_to_expect() -> None:
    """Title, level, time, objectives, what to know before, and the text."""
    target, written = console(80, terminal=False)
    render.render_intro(whole(), target)
    shown = written.getvalue().decode()
    assert shown.startswith("The title of it all\nbeginner, about 40 minutes\n\nOne `sentence`")
    assert "You will:\n\n- tell apart\n- cut\n" in shown
    assert "You should know:\n\n- a shell\n" in shown
    assert shown.endswith("Welcome.\n")


@pytest.mark.parametrize("width", [40, 80])
def test_bundled_lessons_fit(width: int) -> None:
    """Each line of a bundled lesson fits, save for code."""
    root = shelves.bundled_root()
    assert root is not None
    for path in shelves.folders(root):
        name = path.name.replace("_", "-")
        content = shelves.lesson_folder(shelves.lesson_places(path, name))
        assert content is not None
        found = reading.read(content)
        for number, step in enumerate(found.steps, 1):
            target, written = console(width, terminal=True)
            render.render_step(found, step, target, number, len(found.steps))
            code = step.body.split("\n")
            for line in plain(written.getvalue().decode()).split("\n"):
                assert len(line) <= width or line.strip() in [row.strip() for row in code]


def test_importing_it_is_cheap() -> None:
    """Rich is loaded when something is rendered, not before."""
    script = "import sys, labrunner.cli.render; print('rich' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout == "False\n"
