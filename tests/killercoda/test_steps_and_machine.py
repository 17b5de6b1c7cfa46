"""What judges the steps of a course, and the machine that it runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrunner.killercoda import convert, index, runtime, scripts, text
from labrunner.killercoda.source import Source
from labrunner.model.verdict import Outcome
from tests.killercoda.courses import VERIFY, Make, details, loaded, said, typed

# --- steps that nothing judges -------------------------------------------------------------


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


# --- the machine ---------------------------------------------------------------------------


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
