"""Whatever a check does, the learner gets a verdict."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from labrunner import steps
from labrunner.errors import EngineError
from labrunner.model.lesson import Step
from labrunner.model.verdict import Outcome, Verdict, passed
from labrunner.session import OpenLab

STEP = Step("one", "One", "", (), "", (), (), 1)


def lab_with(check: Any) -> OpenLab:
    """As much of a lab as a check's judge looks at."""
    stand_in = SimpleNamespace(scenario=SimpleNamespace(checks={"one": check}), view=None)
    return cast("OpenLab", stand_in)


def never(_lab: object) -> Verdict:
    threading.Event().wait()
    return passed("never")


def raises(_lab: object) -> Verdict:
    raise ValueError("a bug in the check")


def engine_gone(_lab: object) -> Verdict:
    raise EngineError("no engine answers there", "start Docker")


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (never, "did not end within 0.1 s"),
        (raises, "a bug in the check"),
        (engine_gone, "no engine answers there"),
        (lambda _lab: None, "gave no verdict"),
        (lambda _lab: True, "gave no verdict"),
    ],
)
def test_a_broken_check_is_the_labs_fault(check: Any, words: str) -> None:
    """Hanging, raising, saying nothing: an error that says which, never a pass or a not yet."""
    # only what never ends is to come to the end of its time, however busy the machine is
    verdict = steps.judge(lab_with(check), STEP, seconds=0.1 if check is never else 60)
    assert verdict.outcome is Outcome.ERROR
    assert words in verdict.message


def test_what_to_do_about_an_error_is_not_what_was_seen() -> None:
    """The engine's hint stands where a learner looks for the next thing to type."""
    verdict = steps.judge(lab_with(engine_gone), STEP)
    assert (verdict.seen, verdict.look) == ("", "start Docker")


def test_a_bug_in_a_check_names_its_line() -> None:
    """An author finds the place without a stack trace."""
    assert steps.judge(lab_with(raises), STEP).seen.startswith("test_steps.py:")


def test_a_verdict_is_handed_on_as_it_is() -> None:
    """The judge changes nothing."""
    verdict = passed("well done", seen="all of it")
    assert steps.judge(lab_with(lambda _lab: verdict), STEP) is verdict
