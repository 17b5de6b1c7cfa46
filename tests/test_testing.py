"""The pytest plugin: silent until it is asked, and then a test for each step, in one line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labrunner.testing import steps_of

pytest_plugins = ("pytester",)

EXAMPLE = Path(__file__).parent / "example_plugin" / "hello_network"
ONE_LINE = "from labrunner.testing import steps_of\ntest_hello = steps_of('hello-network')\n"


@pytest.fixture
def author(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An author's folder, in which pytest finds the example plugin's scenario."""
    shutil.copytree(EXAMPLE, pytester.path / "hello_network")
    monkeypatch.setenv("LABRUNNER_SCENARIOS", str(pytester.path))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    # without the plugins of our own tests, which take as long to load as the rest
    unused = ("cacheprovider", "xdist", "xdist.looponfail", "timeout", "anyio")
    without = " ".join(f"-p no:{name}" for name in unused)
    pytester.makeini(f"[pytest]\naddopts = --strict-markers {without}\n")
    return pytester


def lines(result: pytest.RunResult) -> str:
    return "\n".join([*result.outlines, *result.errlines])


# --- without an engine --------------------------------------------------------------------


def test_it_is_cheap_where_nobody_asks() -> None:
    """Every session of every project pays for this import: none of the heavy ones is made."""
    code = (
        "import pytest, sys; before = set(sys.modules); import labrunner.testing;"
        " print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = done.stdout.split()
    assert loaded == ["labrunner", "labrunner.testing"]


def test_it_changes_nothing_unasked(author: pytest.Pytester) -> None:
    """A project with a fixture ``lab`` of its own keeps it, and makes no folder of ours."""
    author.makepyfile(
        "import os, pytest\n"
        "@pytest.fixture\n"
        "def lab(): return 'mine'\n"
        "def test_mine(lab): assert lab == 'mine'\n"
    )
    result = author.runpytest_subprocess()
    result.assert_outcomes(passed=1)


def test_it_is_announced(author: pytest.Pytester) -> None:
    """Marker and fixtures explain themselves where pytest lists them."""
    shown = lines(author.runpytest_subprocess("--markers"))
    assert "@pytest.mark.lab(name, at=None" in shown
    shown = lines(author.runpytest_subprocess("--fixtures"))
    for name in ("lab", "lab_host", "lab_state", "typed_terminal"):
        assert f"\n{name} -- " in shown
        said = shown.split(f"\n{name} -- ", maxsplit=1)[1].splitlines()[1]
        assert "no docstring available" not in said


def test_one_line_gives_a_test_for_each_step(author: pytest.Pytester) -> None:
    """Named for the steps, in their order; ``-m "not lab"`` leaves them out."""
    author.makepyfile(test_lab=ONE_LINE)
    result = author.runpytest_subprocess("--collect-only", "-q")
    assert [row for row in result.outlines if "::" in row] == [
        "test_lab.py::test_hello[say-hello]",
        "test_lab.py::test_hello[part-them]",
    ]
    result = author.runpytest_subprocess("-m", "not lab")
    result.assert_outcomes(deselected=2)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("helo-network", None, "Did you mean hello-network?"),
        ("hello-network", "scenario = Scenario(", "scenario.py:"),
    ],
)
def test_a_scenario_that_cannot_be_read_is_one_failure(
    author: pytest.Pytester, name: str, text: str | None, told: str
) -> None:
    """No error while collecting, and no stack trace of ours: what is wrong, and where."""
    if text is not None:
        (author.path / "hello_network" / "scenario.py").write_text(text)
    author.makepyfile(test_lab=ONE_LINE.replace("hello-network", name))
    result = author.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    shown = lines(result)
    assert told in shown
    assert "Traceback" not in shown
    assert "testing.py" not in shown


def test_a_fixture_asks_for_its_marker(author: pytest.Pytester) -> None:
    """Who forgets the marker is told what to write."""
    author.makepyfile("def test_it(lab): pass")
    result = author.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    assert "@pytest.mark.lab(" in lines(result)


def test_no_engine_is_two_lines_and_no_pass(
    author: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing could be tried, nothing is skipped quietly: it fails, and says what to do."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{author.path}/nowhere.sock")
    author.makepyfile(
        "import pytest\n@pytest.mark.lab('hello-network')\ndef test_it(lab): pass",
        test_lab=ONE_LINE,
    )
    result = author.runpytest_subprocess()
    result.assert_outcomes(errors=1, failed=2)
    shown = lines(result)
    assert "nowhere.sock" in shown
    assert "Traceback" not in shown


def test_the_function_can_be_made_twice() -> None:
    """Two scenarios in one file do not share anything."""
    assert steps_of("nowhere-a") is not steps_of("nowhere-b")


# --- with one -----------------------------------------------------------------------------


@pytest.mark.engine
@pytest.mark.slow
def test_the_example_is_proven_by_its_one_line(author: pytest.Pytester) -> None:
    """What the example plugin ships as its test is green."""
    shutil.copy(EXAMPLE.parent / "tests" / "test_hello.py", author.path / "test_hello.py")
    result = author.runpytest_subprocess("-k", "part-them or bob")
    assert result.parseoutcomes() == {"passed": 2, "deselected": 1}, lines(result)


@pytest.mark.engine
@pytest.mark.slow
def test_a_weak_check_and_a_false_trap_are_named(author: pytest.Pytester) -> None:
    """Each failure says file and line, what was typed, what was expected and what was seen."""
    lesson = author.path / "hello_network" / "content" / "lesson.md"
    text = lesson.read_text().replace('"Ada has heard nothing yet"', '"Ada is deaf"')
    lesson.write_text(text)
    author.makepyfile(test_lab=ONE_LINE)
    result = author.runpytest_subprocess("-k", "say-hello")
    result.assert_outcomes(failed=1, deselected=1)
    shown = lines(result)
    number = text.splitlines().index('::: trap "Ada is deaf"') + 1
    assert f"hello_network/content/lesson.md:{number}: " in shown
    for part in ("typed:", "nc -N localhost 7000", "expected:", "Ada is deaf", "seen:", "not_yet"):
        assert part in shown
    assert "testing.py" not in shown


@pytest.mark.engine
@pytest.mark.slow
def test_fixtures_give_a_lab_a_host_and_a_terminal(author: pytest.Pytester) -> None:
    """A lab at a step; a host that runs commands; a terminal that a failure shows."""
    author.makepyfile(
        """
        import os
        import pytest

        pytestmark = pytest.mark.lab("hello-network", at="part-them", host="sandbox", seed=5)

        def test_all(lab, lab_host, typed_terminal, lab_state):
            assert lab.view.seed == 5
            assert lab.check("say-hello").passed
            assert not lab.check("2").passed
            assert lab_host.run(["id", "-u"]).out.strip() == "0"
            assert os.environ["LABRUNNER_STATE"] == str(lab_state)
            typed = typed_terminal.type("docker network disconnect hello bob", seconds=60)
            assert typed.code == 0, typed
            assert lab.check("part-them").passed
            print("THE LAB", lab.view.id)
            assert typed_terminal.type("echo for-the-report", seconds=10).code == 1
        """
    )
    result = author.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    shown = lines(result)
    assert "terminal of the lab" in shown
    assert "$ echo for-the-report\nfor-the-report" in shown
    lab_id = shown.split("THE LAB ")[1].split()[0]
    from labrunner.engine import client

    engine = client.connect()
    left = engine.api.containers(all=True, filters={"label": f"labrunner.lab={lab_id}"})
    engine.close()
    assert left == []
