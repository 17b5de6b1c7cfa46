"""The browser that tests drive: the Chromium of this machine, without a window.

Every test may ask for it (`tests/conftest.py` has it), and then carries the mark ``page``. Nothing
is downloaded: `tools/test` installs Chromium where it is missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
# in a container its own sandbox has no namespaces to use, and /dev/shm is small
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]
PATIENCE = 60_000
"""Milliseconds that anything in a page may take on a busy machine."""


def chromium() -> str:
    """Where it is; a test that needs it fails without it, with what to do."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    pytest.fail("there is no Chromium to drive the page with: tools/test installs it")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests; each makes a context of its own in it."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield running
        running.close()
