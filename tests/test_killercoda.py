"""Courses of Killercoda become packages that load, say what they lost, and hide nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from labrunner import lab as labs
from labrunner import plugins, reading, steps
from labrunner.errors import LabError
from labrunner.killercoda import commands, convert, index, runtime, scripts, text
from labrunner.killercoda.report import Report
from labrunner.killercoda.source import TEXT_LIMIT, Source
from labrunner.model.lesson import Lesson
from labrunner.model.scenario import Scenario
from labrunner.model.verdict import Outcome
from labrunner.store import Store
from tests.conftest import Lab, Snapshot

TEA_HOUSE = Path(__file__).parent / "data" / "killercoda" / "tea-house"
VERIFY = "#!/bin/bash\ntest -e /root/done\n"

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a course: one step with a verify script, unless other files are given."""

    def write(
        files: Mapping[str, str | bytes] | None = None, /, name: str = "harbour", **root: Any
    ) -> Path:
        folder = tmp_path / "courses" / name
        given: dict[str, Any] = {
            "title": "The harbour",
            "description": "Look at ships",
            "details": {"steps": [{"title": "Moor", "text": "a.md", "verify": "a.sh"}]},
            "backend": {"imageid": "ubuntu"},
            **root,
        }
        usual: dict[str, str | bytes] = {
            "index.json": json.dumps(given),
            "a.md": "Type `touch done`{{exec}}.\n",
            "a.sh": VERIFY,
        }
        for path, content in {**usual, **(files or {})}.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return write


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "packages"


def loaded(report: Report) -> tuple[Scenario, Lesson]:
    """The scenario of a package as the runner finds it, and its lesson."""
    found = plugins.discover([report.folder])
    assert found.problems == ()
    scenario = next(s for s in found.scenarios if s.name == report.name)
    assert scenario.content is not None
    return scenario, reading.read(scenario.content)


def said(report: Report, kind: str) -> str:
    """Everything that a report says of one kind."""
    return "\n".join(f"{f.where}: {f.message}" for f in report.findings if f.kind == kind)


def typed(step: Any) -> list[str]:
    return [command.text for command in step.commands]


def details(*given: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"details": {"steps": list(given), **more}}


# --- a whole course -----------------------------------------------------------------------


def test_a_course_becomes_a_package_that_loads(into: Path) -> None:
    """Texts, scripts, assets and head are carried over; everything is where a package has it."""
    report = convert(TEA_HOUSE, into)
    scenario, found = loaded(report)
    assert (report.name, report.folder) == ("tea-house", into / "tea-house")
    assert (found.title, found.level, found.minutes) == ("The tea house", "beginner", 15)
    assert found.summary == "Write the menu of a tea house, then open its door."
    assert [s.id for s in found.steps] == ["write-the-menu", "open-the-door"]
    assert scenario.hosts == ("sandbox",)
    assert not scenario.internet
    assert [c.name for c in scenario.containers] == ["host"]
    assert getattr(scenario.setup, "__func__", None) is runtime.Course.set_up
    files = report.folder / report.module / "files"
    assert (files / "scripts/step1/verify.sh").read_text() == (
        TEA_HOUSE / "step1/verify.sh"
    ).read_text()
    assert (files / "assets/menu/tea.txt").read_text() == "black tea\n"
    written = (report.folder / report.module / "scenario.py").read_text()
    assert 'File("assets/greet.sh", "/root/greet.sh", 0o755)' in written
    assert 'File("assets/menu/tea.txt", "/srv/tea/tea.txt", 0o644)' in written
    assert "Enjoy your tea." in found.steps[-1].body


def test_a_package_is_good_python(into: Path) -> None:
    """What is generated passes the checks that the project's own code passes."""
    report = convert(TEA_HOUSE, into)
    config = Path(__file__).parent.parent / "pyproject.toml"
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ruff = shutil.which("ruff", path=places)
    assert ruff is not None
    for job in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        argv = [ruff, *job, "--config", str(config), str(report.folder)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_nothing_of_a_course_is_run_by_the_import(make: Make, into: Path, tmp_path: Path) -> None:
    """Whatever the scripts say, they are only read."""
    trace = tmp_path / "trace"
    evil = f"#!/bin/bash\ntouch {trace}\n"
    step = {"title": "T", "text": "a.md", "verify": "a.sh", "foreground": "f.sh"}
    intro = {"background": "b.sh"}
    files = {"a.sh": evil, "b.sh": evil, "f.sh": evil}
    loaded(convert(make(files, **details(step, intro=intro)), into))
    assert not trace.exists()


# --- marks --------------------------------------------------------------------------------


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


# --- texts --------------------------------------------------------------------------------


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


# --- steps that nothing judges ------------------------------------------------------------


def test_steps_without_a_verify_script_are_read_with_one_that_has(make: Make, into: Path) -> None:
    """They are no steps of the lab, since nothing could prove them; nothing of them is lost."""
    read, do, end = (
        {"title": "Read", "text": "r.md"},
        {"title": "Do", "text": "a.md", "verify": "a.sh"},
        {"title": "Rest", "text": "e.md"},
    )
    files = {"r.md": "# Read\n`ls`{{exec}} first\n", "e.md": "`date`{{exec}} last\n"}
    report = convert(make(files, **details(read, do, end)), into)
    _, found = loaded(report)
    assert [s.id for s in found.steps] == ["do"]
    body = found.steps[0].body
    assert body.index("### Read") < body.index("### Do") < body.index("### Afterwards: Rest")
    assert typed(found.steps[0]) == [
        "docker exec host typed ls",
        "docker exec host typed 'touch done'",
    ]
    assert report.steps[0].sources == ("r.md", "a.md", "e.md")
    assert said(report, "unproven").count("is no step") == 2


def test_a_course_without_verify_scripts_can_never_pass(make: Make, into: Path) -> None:
    """Nothing is made up: its steps load, and say that they cannot be proven."""
    steps_given = details({"title": "A", "text": "a.md"}, {"text": "b.md"})
    report = convert(make({"b.md": "# Bee\n"}, **steps_given), into)
    scenario, found = loaded(report)
    assert [(s.id, s.title) for s in found.steps] == [("a", "A"), ("bee", "Bee")]
    verdict = scenario.checks["a"](None)  # type: ignore[arg-type]
    assert verdict == runtime.unproven("a.md")
    assert verdict.outcome is Outcome.NOT_YET
    assert "cannot be proven" in verdict.message
    assert said(report, "unproven").count("write a check") == 2
    assert not report.complete


def test_a_course_of_one_page_has_one_step_that_nothing_judges(make: Make, into: Path) -> None:
    """The single form: an introduction and no steps."""
    report = convert(make(**details(intro={"text": "a.md"})), into)
    _, found = loaded(report)
    assert "touch done" in found.introduction
    assert [s.id for s in found.steps] == ["the-harbour"]
    assert "there are no steps" in said(report, "unproven")


@pytest.mark.parametrize(
    "script",
    [
        "",
        "#!/bin/bash\n\n# nothing yet\n",
        "#!/bin/bash\nexit 0\n",
        "true\n",
        ":\n",
        "set -x\necho done\n",
        "ls /nowhere\necho done",
        "test -e /root/x\nexit 0\n",
        "if test -e /x; then\n echo yes\nelse\n echo no\nfi\n",
    ],
)
def test_a_verify_script_that_proves_nothing_is_named(script: str, make: Make, into: Path) -> None:
    """It is carried over as it is, so that `lab validate` fails it, and never silently."""
    report = convert(make({"a.sh": script}), into)
    loaded(report)
    assert "a.sh: this verify script proves nothing" in said(report, "unproven")
    assert report.steps[0].check == "no-op"
    written = (report.folder / report.module / "scenario.py").read_text()
    assert "PROVES NOTHING" in written
    assert 'course.verify(lab, "scripts/a.sh")' in written


@pytest.mark.parametrize(
    "script",
    [
        VERIFY,
        "set -e\ntest -e /x\necho done\n",
        "#!/bin/bash -e\ntest -e /x\necho done\n",
        "test -e /x || exit 1\nexit 0\n",
        "if ! test -e /x; then\n exit 1\nfi\n",
        "if test -e /x; then\n echo yes\nelse\n false\nfi\n",
        "echo ok && test -e /x\n",
        "grep -q x /y && echo done\n",
    ],
)
def test_a_verify_script_that_may_fail_is_not_called_empty(script: str) -> None:
    """A false alarm would make a teacher mend what is right."""
    assert scripts.proves_nothing(script) == ""


# --- the machine --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("kubernetes-kubeadm-2nodes", "is 2 machines"),
        ("kubernetes-kubeadm-1node", "is a cluster"),
        ("docker-swarm", "is a cluster"),
        ("windows", "is not there"),
        ("", "none named"),
    ],
)
def test_machines_that_are_not_there_are_named(
    image: str, words: str, make: Make, into: Path
) -> None:
    """The texts are carried over all the same."""
    report = convert(make(backend={"imageid": image}), into)
    loaded(report)
    assert words in said(report, "lost")


def test_a_course_with_docker_gets_the_sandbox_engine(make: Make, into: Path) -> None:
    """An image of the ubuntu kind has docker: where the course uses it, so has the machine."""
    report = convert(make({"a.md": "`docker network create sea`{{exec}}\n"}), into)
    scenario, _ = loaded(report)
    assert scenario.containers == ()
    assert "whose docker is the engine" in report.host
    dockerfile = (report.folder / report.module / "images/host/Dockerfile").read_text()
    assert "docker-cli" in dockerfile
    plain = convert(make(name="plain"), into)
    assert "engine" not in plain.host
    assert "apt-get" not in (plain.folder / plain.module / "images/host/Dockerfile").read_text()


def test_what_comes_from_the_internet_is_named(make: Make, into: Path) -> None:
    """Such a lab gets a way out, and its report says what for."""
    files = {
        "f.sh": "apt-get install -y cowsay\ncurl https://x.example/i | bash\ncurl localhost:80\n",
        "a.md": "`docker run -d -p 80:80 --name w nginx:1.27`{{exec}}\n"
        "`docker build -t own .`{{exec}} `docker run own`{{exec}}\n",
    }
    report = convert(
        make(
            files,
            **details(
                {"title": "T", "text": "a.md", "verify": "a.sh"}, intro={"foreground": "f.sh"}
            ),
        ),
        into,
    )
    scenario, _ = loaded(report)
    assert scenario.internet
    needs = said(report, "needs")
    assert "f.sh: downloads files, packages" in needs
    assert "the image nginx:1.27 is not in the lab" in needs
    assert "image own" not in needs


def test_what_a_container_cannot_do_is_named(make: Make, into: Path) -> None:
    """Services, clusters, editors, shells that are another's, and checks that write."""
    files = {
        "f.sh": "export A=1\nsystemctl start nginx\n",
        "a.sh": "kubectl get pods > /tmp/pods || exit 1\ngrep ls ~/.bash_history\n",
        "a.md": "`vim notes`{{exec}} `ip link add br0 type bridge`{{exec}}\n",
    }
    step = {"title": "T", "text": "a.md", "verify": "a.sh", "foreground": "f.sh"}
    report = convert(make(files, interface={"layout": "ide"}, **details(step)), into)
    scenario, _ = loaded(report)
    lost = said(report, "lost")
    for words in ("systemctl", "kubectl", "`vim notes`", "the learner's is another", "ide layout"):
        assert words in lost
    assert "a.sh: writes /tmp/pods" in said(report, "changed")
    assert "judges what was typed" in said(report, "changed")
    assert scenario.containers[0].cap_add == ("NET_ADMIN",)


def test_unknown_keys_are_named(make: Make, into: Path) -> None:
    step = {"title": "T", "text": "a.md", "verify": "a.sh", "skippable": True}
    report = convert(
        make(colour="red", backend={"imageid": "ubuntu", "gpu": 1}, **details(step)), into
    )
    loaded(report)
    for place in ("colour:", "backend.gpu:", "details.steps[0].skippable:"):
        assert place in said(report, "unknown")


def test_assets_go_where_their_patterns_say(make: Make) -> None:
    """Folders before the first wildcard are left out of the target; modes are kept."""
    rules = [
        {"file": "a.txt", "target": "~/", "chmod": "+x"},
        {"file": "app/**/*.json", "target": "/etc/app"},
        {"file": "*", "target": "/all", "chmod": "600"},
        {"file": "gone.sh", "target": "/x"},
    ]
    files = {"assets/a.txt": "a", "assets/app/x/y.json": "{}", "assets/app/z.json": b"\xff\0"}
    hosts = {"host01": rules, "host02": [{"file": "a.txt", "target": "/"}]}
    step = {"text": "a.md", "verify": "a.sh"}
    course = index.read(Source(make(files, **details(step, assets=hosts))))
    assert {a.target: a.mode for a in course.assets} == {
        "/root/a.txt": 0o755,
        "/etc/app/x/y.json": 0o644,
        "/etc/app/z.json": 0o644,
        "/all/a.txt": 0o600,
    }
    lost = [f.message for f in course.findings if f.kind == "lost"]
    assert lost == ["no file of assets/ is gone.sh", "1 files for the machine host02: not made"]


def test_names_of_the_format_this_one_comes_from_are_understood(make: Make) -> None:
    """Katacoda's ``courseData``, ``code`` and ``answer``, and a text with a byte order mark."""
    step = {"text": "a.md", "courseData": "b.sh", "code": "f.sh", "answer": "s.md"}
    files = {"b.sh": "true\r\n", "f.sh": "true", "s.md": "`ls`{{execute}}", "a.md": "\ufeffHi\r\n"}
    course = index.read(Source(make(files, **details(step))))
    found = course.steps[0]
    assert found.background is not None
    assert found.foreground is not None
    assert (found.background.text, found.answer, found.text) == (
        "true\n",
        "`ls`{{execute}}",
        "Hi\n",
    )
    assert text.parse(found.answer, "s.md", "solution").parts[0].place == "solution"


# --- bad input ----------------------------------------------------------------------------

BAD: list[Any] = [
    ({"index.json": "{"}, {}, "index.json:1 is not JSON"),
    ({"index.json": "[]"}, {}, "not an object"),
    ({"index.json": b"\xff\xfe"}, {}, "not UTF-8"),
    ({"index.json": "[" * 50_000}, {}, "index.json"),
    ({}, {"details": []}, "details in index.json is not an object"),
    ({}, {"details": {"steps": {}}}, "details.steps in index.json is not a list"),
    ({}, {"details": {"steps": ["a.md"]}}, "details.steps[0] in index.json is not an object"),
    ({}, {"title": ["x"]}, "title in index.json is not text"),
    ({}, {"details": {}}, "no step and no text"),
    ({}, details({"text": "gone.md"}), "there is no gone.md"),
    ({}, details({"text": "a.md", "verify": "gone.sh"}), "there is no gone.sh"),
    ({"d/x": ""}, details({"text": "d"}), "d is not a file"),
    ({}, details({"text": "../../secret"}), "leads out of"),
    ({}, details({"text": "/etc/passwd"}), "leads out of"),
    ({}, details({"text": "a\\..\\b"}), "cannot be the name"),
    ({"a.md": b"\x7fELF\0\0"}, {}, "binary"),
    ({"a.sh": b"\xc3\x28"}, {}, "a.sh:1 is not UTF-8"),
    ({"a.md": b"x" * (TEXT_LIMIT + 1)}, {}, "larger than"),
    (
        {},
        details(assets={"host01": [{"file": "../x", "target": "/"}]}, intro={"text": "a.md"}),
        "out",
    ),
    ({}, details({"text": "a.md"}, assets={"host01": [{}]}), "names no file"),
    ({}, details({"text": "a.md"}, assets={"host01": "*"}), "is not a list"),
]


@pytest.mark.parametrize(("files", "root", "words"), BAD, ids=[words for _, _, words in BAD])
def test_bad_input_is_refused_and_nothing_is_written(
    files: dict[str, bytes], root: dict[str, Any], words: str, make: Make, into: Path
) -> None:
    """One clear sentence and what to do; no half of a package."""
    with pytest.raises(LabError) as caught:
        convert(make(files, **root), into)
    assert words in caught.value.message
    assert caught.value.hint
    assert not into.exists()


@pytest.mark.parametrize("kind", ["text", "folder", "asset", "index", "loop", "fifo"])
def test_links_out_of_the_folder_are_refused(
    kind: str, make: Make, into: Path, tmp_path: Path
) -> None:
    """A course must not read the importer's own files, nor make the import wait."""
    (tmp_path / "secret").write_text("s3cret")
    folder = make(**details({"text": "a.md"}, assets={"host01": [{"file": "**", "target": "/"}]}))
    (folder / "assets").mkdir()
    replaced = {
        "text": (folder / "a.md", tmp_path / "secret"),
        "folder": (folder / "assets" / "all", tmp_path),
        "asset": (folder / "assets" / "one", tmp_path / "secret"),
        "index": (folder / "index.json", tmp_path / "secret"),
        "loop": (folder / "a.md", folder / "a.md"),
        "fifo": (folder / "a.md", None),
    }
    link, target = replaced[kind]
    link.unlink(missing_ok=True)
    if target is None:
        os.mkfifo(link)
    else:
        link.symlink_to(target)
    with pytest.raises(LabError):
        convert(folder, into)
    assert not into.exists()


def test_a_folder_that_is_none_and_a_course_of_several(make: Make, into: Path) -> None:
    """A teacher who names the wrong folder is told the right one."""
    with pytest.raises(LabError, match="cannot be read"):
        convert(into / "nowhere", into)
    inner = make(name="unit/one")
    with pytest.raises(LabError) as caught:
        convert(inner.parent, into)
    assert "one/index.json" in caught.value.hint


def test_what_is_there_already_is_not_touched(make: Make, into: Path) -> None:
    """Somebody's work on an earlier import is theirs; and nothing is left beside it."""
    report = convert(make(), into)
    (report.folder / "README.md").write_text("mine")
    with pytest.raises(LabError, match="exists already"):
        convert(make(), into)
    assert (report.folder / "README.md").read_text() == "mine"
    assert [p.name for p in into.iterdir()] == ["harbour"]


def test_a_place_that_cannot_be_written_is_an_error_for_people(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot be written"):
        convert(make(), tmp_path / "file")


@pytest.mark.parametrize(
    "unit", ["` `` ", "<!--", "<a href=x>", "![", "{#", "-  ", "> ", "<details>", "[a](", "'\n"]
)
def test_no_text_keeps_the_import_busy(unit: str, make: Make, into: Path) -> None:
    """What is made to be hard to read is read in seconds."""
    huge = unit * (30_000 // len(unit))
    begun = time.process_time()
    loaded(convert(make({"a.md": f"{huge}\n```\n{huge}\n```{{{{exec}}}}\n", "a.sh": huge}), into))
    assert time.process_time() - begun < 20


@pytest.mark.parametrize(
    ("title", "step_id"),
    [
        ('Say "hi" to \\ {#x}', "say-hi-to-x"),
        ("1. Über den Fluß", "uber-den-fluss"),
        ("日本", "step-1"),
        ("Step 2 - *Sail* [on]", "sail-on"),
        ("class", "class"),
    ],
)
def test_any_title_gives_a_name(title: str, step_id: str, make: Make, into: Path) -> None:
    """Quotes, other alphabets, Markdown and Python's own words do no harm."""
    step = {"title": title, "text": "a.md", "verify": "a.sh"}
    twice = details(step, step)
    report = convert(make(title=title, description=title, **twice), into)
    _, found = loaded(report)
    assert found.steps[0].id == step_id
    assert len({s.id for s in found.steps}) == 2
    assert found.title == " ".join(title.split())


# --- the command --------------------------------------------------------------------------


def test_the_command_reports_and_writes(lab: Lab, tmp_path: Path) -> None:
    """``lab import killercoda`` says what was lost, as words and as JSON."""
    told = lab.ok("import", "killercoda", str(TEA_HOUSE), "--into", str(tmp_path / "a"))
    assert "judged by its verify script" in told
    assert "lab validate tea-house" in told
    out = lab.ok("import", "killercoda", str(TEA_HOUSE), "--into", str(tmp_path / "b"), "--json")
    report = json.loads(out)
    assert report["name"] == "tea-house"
    assert {f["kind"] for f in report["findings"]} == {"lost", "changed"}
    env = {"LABRUNNER_SCENARIOS": str(tmp_path / "a" / "tea-house")}
    assert "tea-house" in lab.ok("list", env=env)
    refused = lab("import", "killercoda", str(tmp_path), "--into", str(tmp_path / "c"))
    assert refused.returncode == 3
    assert "no index.json" in refused.stderr


# --- on an engine -------------------------------------------------------------------------


@pytest.fixture
def store(folders: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store of the test's own; whatever runs is stopped at the end."""
    for name, value in folders.items():
        monkeypatch.setenv(name, value)
    Path(folders["LABRUNNER_STATE"]).mkdir(parents=True)
    opened = Store(Path(folders["LABRUNNER_STATE"]) / "labs.db")
    yield opened
    for record in opened.labs():
        labs.stop(opened, record)
    opened.close()


def _with_a_step_that_proves_nothing(tmp_path: Path) -> Path:
    """The tea house, and a third step whose verify script is empty."""
    folder = tmp_path / "tea-house"
    shutil.copytree(TEA_HOUSE, folder)
    given = json.loads((folder / "index.json").read_text())
    given["details"]["steps"].append({"title": "Rest", "text": "r.md", "verify": "r.sh"})
    (folder / "index.json").write_text(json.dumps(given))
    (folder / "r.md").write_text("`pwd`{{exec}}\n")
    (folder / "r.sh").write_text("#!/bin/bash\nexit 0\n")
    return folder


@pytest.mark.engine
@pytest.mark.slow
def test_an_imported_course_is_red_then_green_then_gone(
    store: Store,
    into: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    snapshot: Callable[[str], Snapshot],
) -> None:
    """Its scripts run when they should, its own checks judge, its own commands solve it."""
    report = convert(_with_a_step_that_proves_nothing(tmp_path), into)
    monkeypatch.setenv("LABRUNNER_SCENARIOS", str(report.folder))
    running = labs.start(store, "tea-house", labs.StartOptions(host="sandbox", seed=3))
    *honest, hollow = running.lesson.steps
    for step in honest:
        before = steps.check(running, step).verdict
        assert before.outcome is Outcome.NOT_YET
        assert steps.judge(running, step) == before
        solved = steps.solve(running, step)
        assert [t.code for t in solved.typed] == [0] * len(step.commands)
        assert solved.checked.verdict.passed, solved.checked.verdict
    assert "nobody was greeted" in before.seen
    greeting = running.view.file("host", "/srv/house/greeting")
    assert greeting == "welcome\n"
    # passing untouched is how validation finds out what proves nothing
    assert steps.judge(running, hollow).passed
    running.view.exec("host", ["rm", "/srv/house/menu.txt"])
    assert not steps.judge(running, honest[0]).passed
    labs.stop(store, running.record)
    assert snapshot(running.record.id) == (frozenset(), frozenset(), frozenset())
