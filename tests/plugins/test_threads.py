"""A server looks for scenarios in several threads at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labrunner.plugins import Registry
from labrunner.shelves import user_roots
from tests import tiny

THREADS = 8


def test_threads_find_the_same_scenario(tmp_path: Path) -> None:
    """Who comes while it is being loaded waits for it, and gets what the first one got."""
    folder = tiny.write(tmp_path, "tiny")
    file = folder / "scenario.py"
    # long enough in the making for all of them to be there
    file.write_text("import time\nfrom . import part\ntime.sleep(0.2)\n" + file.read_text("utf-8"))
    (folder / "part.py").write_text("")
    registry, begun = Registry(user_roots([tmp_path])), threading.Barrier(THREADS)

    def look(_number: int) -> int:
        begun.wait(timeout=60)
        return id(registry.find("tiny"))

    with ThreadPoolExecutor(THREADS) as pool:
        assert len(set(pool.map(look, range(THREADS)))) == 1
