"""For the tests of a scenario: a pytest plugin that is there as soon as labrunner is installed.

One line gives a test for each step of a lesson::

    from labrunner.testing import steps_of

    test_my_lab = steps_of("my-lab")

Tests of one's own get a lab with the marker ``lab`` and the fixtures below::

    @pytest.mark.lab("my-lab", at="part-them")
    def test_the_name_is_gone(lab, typed_terminal):
        typed_terminal.type("docker network disconnect yard guest", seconds=30)
        assert lab.check("part-them").passed

Every such test carries the marker, so ``pytest -m "not lab"`` runs those that need no engine.
pytest imports this module in each session, so it imports nothing that costs.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from labrunner.engine.host import Host
    from labrunner.errors import LabError
    from labrunner.lab import StartOptions
    from labrunner.model.verdict import Verdict
    from labrunner.session import OpenLab
    from labrunner.validate.terminal import Terminal
    from labrunner.view import Lab

__all__ = ["RunningLab", "steps_of"]

MARKER = "lab"
_ABOUT = (
    "lab(name, at=None, host=None, seed=None): the lab that the fixtures lab, lab_host and "
    "typed_terminal start (the step to begin at, the kind of host, the seed)."
)
_KINDS = ("untouched", "twice", "trap", "solution", "output", "replay")
_NO_STEP = "cannot-be-read"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, for those who allow no other."""
    config.addinivalue_line("markers", _ABOUT)


# --- a test for each step -----------------------------------------------------------------


def steps_of(
    name: str, *, slips: bool = False, host: str | None = None, seed: int | None = None
) -> Callable[..., None]:
    """A test function with a case for each step of a scenario; give it a name with ``test``.

    Each proves, with a lab of its own and typed into a real terminal: the check is red
    untouched and says the same twice, the solution turns it green, what the lesson shows comes,
    every trap stays red with its own message, and ``--at`` reaches the step.

    Args:
        name: of the scenario, as ``lab list`` shows it.
        slips: also spoil the solution, one slip at a time; each must leave some check red.
            Takes a lab for each slip.
        host: sandbox or local; ``None``: the scenario's choice.
        seed: what everything random in the labs comes from; ``None``: drawn.
    """
    steps, problem = _steps(name)
    kinds = (*_KINDS, "mutation") if slips else _KINDS

    @pytest.mark.lab(name)
    @pytest.mark.parametrize("step", steps)
    def prove(step: str, lab_state: Path) -> None:
        del lab_state  # in the environment
        if problem:
            pytest.fail(problem, pytrace=False)
        _prove(name, step, kinds, host, seed)

    return prove


def _steps(name: str) -> tuple[tuple[str, ...], str]:
    """Ids of a lesson's steps; where it cannot be read, one that says why in its test."""
    from labrunner import plugins
    from labrunner.errors import LabError
    from labrunner.session import lesson_of

    try:
        return tuple(step.id for step in lesson_of(plugins.find(name), "en").steps), ""
    except LabError as error:
        return (_NO_STEP,), _told(error)


def _prove(
    name: str, step: str, kinds: tuple[str, ...], host: str | None, seed: int | None
) -> None:
    """Try all that belongs to one step; fail with everything that is to be mended."""
    from labrunner.errors import LabError
    from labrunner.validate import report, run

    # said in full: a step may have the name of a kind
    only = (f"step:{step}", *(f"kind:{kind}" for kind in kinds))
    options = run.Options(only=only, host=host, seed=seed)
    try:
        proof = run.validate([name], options)
    except LabError as error:
        _fail(error)
    complaints = ["\n".join(report.complaint(r)) for r in proof.results if not r.fine]
    if complaints:
        pytest.fail("\n\n".join([*complaints, f"seed {proof.seed}"]), pytrace=False)
    if not any(result.case.step == step for result in proof.results):
        pytest.fail(f"nothing was tried on {step}", pytrace=False)


def _told(error: LabError) -> str:
    return "\n".join(filter(None, (error.message, error.hint)))


def _fail(error: LabError) -> NoReturn:
    """The two lines that a person needs; a stack trace of the runner helps nobody."""
    pytest.fail(_told(error), pytrace=False)


# --- fixtures -----------------------------------------------------------------------------


@dataclass(frozen=True)
class RunningLab:
    """What the fixture ``lab`` gives.

    Attributes:
        opened: the lab as labrunner's own commands have it.
    """

    opened: OpenLab

    @property
    def view(self) -> Lab:
        """The lab as a check sees it."""
        return self.opened.view

    def check(self, step: str) -> Verdict:
        """What the check of a step says now (the step by its id, or its number from 1)."""
        from labrunner import steps

        return steps.judge(self.opened, self.opened.find_step(step))

    def solve(self, step: str) -> Verdict:
        """Type the lesson's solution of a step; what its check says then."""
        from labrunner import steps

        return steps.solve(self.opened, self.opened.find_step(step)).checked.verdict


@pytest.fixture
def lab_state(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The folder of a state of the test's own: its labs do not meet those of the person."""
    from labrunner.places import STATE_VARIABLE
    from labrunner.session import LAB_VARIABLE

    state = tmp_path_factory.mktemp("labs")
    # pytest's own folders are too long for the address of a socket
    short = Path("/tmp")  # noqa: S108  mkdtemp makes a private folder in it
    runtime = Path(tempfile.mkdtemp(prefix="lab-", dir=short if short.is_dir() else None))
    monkeypatch.setenv(STATE_VARIABLE, str(state))
    monkeypatch.setenv("LABRUNNER_RUNTIME", str(runtime))
    monkeypatch.delenv(LAB_VARIABLE, raising=False)
    yield state
    shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture
def lab(request: pytest.FixtureRequest, lab_state: Path) -> Iterator[RunningLab]:
    """A running lab of the scenario that ``@pytest.mark.lab("name")`` names, stopped at the end."""
    from labrunner import lab as labs
    from labrunner.errors import LabError
    from labrunner.store import Store

    marker = request.node.get_closest_marker(MARKER)
    if marker is None:
        pytest.fail('which lab? Write @pytest.mark.lab("its-name") above', pytrace=False)
    name, options = _asked(*marker.args, **marker.kwargs)
    store = Store(lab_state / "labs.db")
    try:
        opened = labs.start(store, name, options)
        yield RunningLab(opened)
        opened.host.close()
        labs.stop(store, opened.record)
    except LabError as error:
        _fail(error)
    finally:
        store.close()


def _asked(
    name: str, *, at: str | None = None, host: str | None = None, seed: int | None = None
) -> tuple[str, StartOptions]:
    """What a marker asks for."""
    from labrunner.lab import StartOptions

    return name, StartOptions(host=host, at=at, seed=seed)


@pytest.fixture
def lab_host(lab: RunningLab) -> Host:
    """The host of ``lab``: ``run(["ip", "addr"])`` runs a command on it, as its root."""
    return lab.opened.host


@pytest.fixture
def typed_terminal(lab: RunningLab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal with the shell of ``lab`` in it: ``type("docker ps", seconds=30)`` types there.

    A test that fails shows all that was typed and what came.
    """
    from labrunner import shell
    from labrunner.errors import LabError
    from labrunner.validate.bench import bash
    from labrunner.validate.terminal import Terminal

    try:
        monkeypatch.setenv("SHELL", bash())
        argv, extra = shell.interactive_command(lab.opened)
        terminal = Terminal(argv, shell.full_environment(lab.opened) | extra)
    except LabError as error:
        _fail(error)
    yield terminal
    terminal.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the terminal of a test that failed."""
    report = yield
    given: dict[str, Any] = getattr(item, "funcargs", {})
    transcript = getattr(given.get("typed_terminal"), "transcript", "")
    if call.when == "call" and report.failed and transcript:
        report.sections.append(("terminal of the lab", transcript))
    return report
