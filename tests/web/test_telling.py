"""What many readers hear at the same time: each in a language of their own, and the same words."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from labrunner import telling, words
from labrunner.cli import ui
from labrunner.model.verdict import Outcome, Verdict, not_yet, passed

FOUND = (
    not_yet("one does not run", expected="it runs", seen="exited", look="docker ps -a"),
    passed("it runs"),
    Verdict(Outcome.RUINED, "gone", "there", "not there"),
    Verdict(Outcome.ERROR, "the check failed", "a verdict", "no answer"),
)


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.outcome.value)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_terminal_prints_what_the_page_is_told(
    found: Verdict, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line by line, where the terminal is wide enough, in every language."""
    with words.speaking(language):
        lines = telling.verdict(found, title="step 1/2")
        ui.verdict(found, title="step 1/2")
    assert capsys.readouterr().out.splitlines() == [line.text for line in lines]
    assert ("réussi" in lines[0].text) == (found.passed and language == "fr")


def test_each_thread_speaks_its_own_language() -> None:
    """One reader's language is not another's, however they take turns."""
    heard: dict[str, set[str]] = {"fr": set(), "en": set()}
    together = threading.Barrier(8)

    def speak(language: str) -> None:
        with words.speaking(language):
            together.wait(30)
            for _ in range(500):
                heard[language].add(words.tr("passed"))

    threads = [threading.Thread(target=speak, args=(one,)) for one in ("fr", "en") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert heard == {"fr": {"réussi"}, "en": {"passed"}}
    assert words.tr("passed") == "passed"


def test_languages_are_left_as_they_were_entered() -> None:
    """Within one another, and after an error."""
    with words.speaking("fr"):
        with suppress(ZeroDivisionError), words.speaking("en"):
            assert words.tr("passed") == "passed"
            raise ZeroDivisionError
        assert words.tr("passed") == "réussi"
    assert words.tr("passed") == "passed"
