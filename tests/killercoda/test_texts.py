"""What the texts of a course become: marks, boxes, hints, solutions."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrunner.killercoda import commands, convert
from tests.killercoda.courses import Make, details, loaded, said, typed

# --- marks ---------------------------------------------------------------------------------


def test_a_block_to_click_on_is_a_console_and_the_solution(make: Make, into: Path) -> None:
    """What a click typed on Killercoda is shown to be typed, and typed by the solution."""
    body = "Build it:\n\n```bash\nmkdir ship\ncd ship\n```{{exec}}\n\nand `touch mast`{{exec}}.\n"
    _, found = loaded(convert(make({"a.md": body}), into))
    step = found.steps[0]
    assert "```console\n$ mkdir ship\n$ cd ship\n```" in step.body
    assert "and `touch mast`." in step.body
    assert "{{" not in step.body
    assert typed(step) == [
        f"docker exec host typed {c}" for c in ("'mkdir ship'", "'cd ship'", "'touch mast'")
    ]


def test_code_to_copy_is_plain_code(make: Make, into: Path) -> None:
    """``{{copy}}`` and ``{{}}`` only offered a button; nothing is typed for it."""
    body = "`go`{{exec}} `x`{{copy}} `y`{{}}\n\n```yaml\na: 1\n```{{copy}}\n\n```console\nls\n```\n"
    _, found = loaded(convert(make({"a.md": body}), into))
    assert "```yaml\na: 1\n```" in found.steps[0].body
    assert "```text\nls\n```" in found.steps[0].body
    assert typed(found.steps[0]) == ["docker exec host typed go"]


def test_an_interrupt_ends_the_command_before_it(make: Make, into: Path) -> None:
    """``{{exec interrupt}}`` presses Ctrl-C first, also over the border of two steps."""
    first = {"title": "One", "text": "a.md", "verify": "a.sh"}
    second = {"title": "Two", "text": "b.md", "verify": "a.sh"}
    files = {"a.md": "`serve`{{exec}}\n", "b.md": "```\nls\npwd\n```{{exec interrupt}}\n"}
    _, found = loaded(convert(make(files, **details(first, second)), into))
    assert typed(found.steps[0]) == ["docker exec host typed --stays serve"]
    assert typed(found.steps[1]) == [
        "docker exec host typed --interrupt ls",
        "docker exec host typed pwd",
    ]
    assert "Press Ctrl-C" in found.steps[1].body


def test_commands_of_several_lines_stay_whole(make: Make, into: Path) -> None:
    """A here-document, a loop and a quoted text are one command each."""
    block = (
        "cat > f <<'EOF'\na $b\n\nEOF\nfor i in 1 2; do\n  echo $i\ndone\n"
        "echo 'two\nlines'\n# a remark\nls \\\n  -l\nlast"
    )
    assert commands.split(block) == [
        "cat > f <<'EOF'\na $b\n\nEOF",
        "for i in 1 2; do\n  echo $i\ndone",
        "echo 'two\nlines'",
        "ls \\\n  -l",
        "last",
    ]
    _, found = loaded(convert(make({"a.md": f"```\n{block}\n```{{{{exec}}}}\n"}), into))
    assert (
        typed(found.steps[0])[0]
        == "docker exec host typed 'cat > f <<'\"'\"'EOF'\"'\"'\na $b\n\nEOF'"
    )


@pytest.mark.parametrize("block", ["echo 'never closed\nls", "if true\nls", "ls \\", "cat <<A\nb"])
def test_what_never_ends_is_one_command(block: str) -> None:
    """A block that is broken is typed as it stands, not cut in the middle."""
    assert len(commands.split(block)) == 1


def test_links_to_ports_become_words(make: Make, into: Path) -> None:
    """No browser reaches a sandbox: the text says what can be done instead, the report too."""
    body = (
        "`go`{{exec}} [LOOK]({{TRAFFIC_HOST1_80}}/x) [ALL]({{TRAFFIC_SELECTOR}}) "
        "[B]({{TRAFFIC_HOST2_81}}) "
        "https://[[HOST_SUBDOMAIN]]-8080-[[KATACODA_HOST]].environments.katacoda.com/\n"
    )
    report = convert(make({"a.md": body}), into)
    _, found = loaded(report)
    assert "LOOK (port 80 of the lab's machine: `curl http://localhost:80` there)" in (
        found.steps[0].body
    )
    assert "TRAFFIC" not in found.steps[0].body
    for words in ("port 80:", "port 8080:", "choice of ports", "port 81 of machine 2"):
        assert words in said(report, "lost")


def test_marks_of_other_machines_and_unknown_marks_are_named(make: Make, into: Path) -> None:
    body = "`a`{{execute HOST2}} `b`{{execute T1}} `c`{{open}} `d`{{exec fast}}\n"
    report = convert(make({"a.md": body}), into)
    _, found = loaded(report)
    assert typed(found.steps[0]) == [f"docker exec host typed {c}" for c in "abd"]
    assert "HOST2" in said(report, "lost")
    assert "{{open}}" in said(report, "unknown")
    assert "fast" in said(report, "unknown")


# --- texts ---------------------------------------------------------------------------------


def test_boxes_are_hints_and_the_solution(make: Make, into: Path) -> None:
    """What Killercoda hid under Tip and Solution is hidden here, too; another box is not."""
    body = (
        "Do it.\n<br>\n<details><summary>Tip</summary>\n\nTry `ls`{{exec}}.\n\n</details>\n"
        "<details>\n<summary><b>Hint 2</b></summary>\n\n```\n::: x\n```\n\n</details>\n\n"
        "<details><summary>Info</summary>\nSee the manual.\n</details>\n"
        "<details><summary>Solution</summary>\n\nLike so:\n\n```plain\ntouch done\n```{{exec}}\n"
        "</details>\n"
    )
    _, found = loaded(convert(make({"a.md": body}), into))
    step = found.steps[0]
    assert [h.splitlines()[0] for h in step.hints] == ["Try `ls`.", "```text"]
    assert typed(step) == ["docker exec host typed 'touch done'"]
    assert "Like so:" in step.solution
    assert "Like so" not in step.body
    assert "**Info**" in step.body
    assert "See the manual." in step.body
    assert "<" not in step.body


def test_without_a_hint_the_lesson_says_so(make: Make, into: Path) -> None:
    """A made-up hint would be a lie; lint is told why there is only one."""
    report = convert(make(), into)
    _, found = loaded(report)
    assert "has no hint here" in found.steps[0].hints[0]
    page = (report.folder / report.module / "content/lesson.md").read_text()
    assert "<!-- lint: few-hints: the course that this comes from has no hint" in page


def test_a_solution_in_code_without_a_click_is_guessed_and_told(make: Make, into: Path) -> None:
    body = "Do.\n<details><summary>Answer</summary>\n\n```bash\ntouch done\n```\n</details>\n"
    report = convert(make({"a.md": body}), into)
    _, found = loaded(report)
    assert typed(found.steps[0]) == ["docker exec host typed 'touch done'"]
    assert "from its code blocks" in said(report, "changed")


def test_without_a_command_the_solution_fails_and_is_told(make: Make, into: Path) -> None:
    """A solution that was never written must not look like one."""
    report = convert(make({"a.md": "Think."}), into)
    _, found = loaded(report)
    assert typed(found.steps[0])[0].endswith("false")
    assert "its solution has to be written" in said(report, "lost")
    assert report.steps[0].commands == 0


@pytest.mark.parametrize(
    "body",
    [
        "# One\n\n## Two {#two}\n\ntext\n---\nmore\n===\n",
        "> # Quoted\n\n- ## Listed\n",
        "::: hint\nx\n:::\n\n:::::\n",
        "[a]: http://x.example/\n\nsee [a], [b][a] and [c]\n",
        "```\nnever closed {{exec}}\n",
        "```bash\nls```{{exec}}\n",
        "<table><tr><td>x</td></tr></table>\n<script>alert(1)</script>\n",
        "1. one\n\n   ```\n   ls\n   ```{{exec}}\n\n2. two\n",
        "    ## code {#x}\n",
        "```console\n```\n\n~~~\n```\n~~~\n",
        "<!-- lint: x --> a <!-- b\n\nc --> `d\n\ne`\n",
        "![](x.png) ![alt](https://x.example/p.png) <img src='./y.png' alt='a ship'>\n",
        "{{exec}} and {{ .Names }}\n",
        "| a |\n|---|\n| b |\n",
        "- a\n-  -  -  b\n***\n___\n+++\n",
        "text\r\nwith\rends\n\x0c\u2028",
    ],
)
def test_whatever_a_text_holds_the_lesson_can_be_read(body: str, make: Make, into: Path) -> None:
    """Markdown that a lesson would take for its own structure is made harmless."""
    _, found = loaded(convert(make({"a.md": f"`go`{{{{exec}}}}\n\n{body}"}), into))
    assert [s.id for s in found.steps] == ["moor"]
    assert found.steps[0].commands


def test_pictures_and_links_into_the_course_are_named(make: Make, into: Path) -> None:
    body = "`go`{{exec}} ![A ship](../assets/ship.png) [next](./b.md) [web](https://x.example)\n"
    report = convert(make({"a.md": body}), into)
    _, found = loaded(report)
    assert "(picture: A ship)" in found.steps[0].body
    assert "[web](https://x.example)" in found.steps[0].body
    assert "../assets/ship.png" in said(report, "lost")
    assert "./b.md" in said(report, "lost")
