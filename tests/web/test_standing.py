"""How a lab stands, before anything of it is written down and afterwards."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labrunner import words
from labrunner.web import labs, maps
from labrunner.web.server import Server

NAME = "segment-the-shop"


def test_a_lab_that_is_about_to_be_stands_in_the_list_as_others_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Between the wish and the first word in the store, a page knows all that it shows of a lab."""
    monkeypatch.setenv("LABRUNNER_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    server, enough = Server(), threading.Event()
    task = server.tasks.begin(NAME, "start", words.Words({}, "fr"), lambda _task: _wait(enough))
    try:
        with ThreadPoolExecutor(1) as thread:
            listed = thread.submit(labs.catalogue, server).result()["labs"]
            alone = thread.submit(labs.one, server, NAME, None).result()["standing"]
        found = next(one["running"] for one in listed if one["name"] == NAME)
        assert found == alone
        assert (found["state"], found["task"], found["passed"]) == ("starting", task.id, [])
        assert found["language"] == "fr"
    finally:
        enough.set()
        server.tasks.end(60)


def test_what_a_map_will_show_is_in_the_readers_language() -> None:
    """Before a lab runs, too; a language that there is not is English."""
    english, french, other = (maps.plan(NAME, one)["words"] for one in ("en", "fr", "xx"))
    assert english == other
    assert len(french) == len(english)
    assert french != english


def _wait(enough: threading.Event) -> None:
    enough.wait()
