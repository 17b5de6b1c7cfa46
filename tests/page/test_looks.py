"""Everybody can use the page: axe-core finds nothing wrong with it, on any screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.page.conftest import Served
from tests.page.test_work import press, prompt

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.engine, pytest.mark.page]

Open = Callable[..., "Page"]
AXE = Path(__file__).parents[2] / "site" / "page" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCREENS: dict[str, dict[str, Any]] = {
    "wide": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "narrow": {"viewport": {"width": 320, "height": 640}},
}


@cache
def axe() -> str:
    """Its source; a page's policy lets no other way in than a debugger's."""
    if not AXE.is_file():
        pytest.fail("axe-core is not there: tools/page installs it")
    return AXE.read_text("utf-8")


def flaws(page: Page) -> list[str]:
    """What axe-core has against a page as it is now."""
    page.evaluate(axe())
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{one['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def fits(page: Page) -> bool:
    """Whether nothing has to be moved sideways to be read."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.fixture(scope="module")
def begun(served: Served) -> str:
    """A lab that runs, in which a check has said something and a hint was given."""
    served.fresh("page-read")
    served.lab.ok("hint", "--lab", "page-read")
    served.lab("check", "--lab", "page-read")  # after that a page opens at the step
    return "?lab=page-read"


@pytest.mark.usefixtures("begun")
@pytest.mark.parametrize("screen", SCREENS)
def test_the_list_of_labs_is_for_everybody(opened: Open, screen: str) -> None:
    """Labs that run and labs that do not, with their choices open."""
    page = opened(**SCREENS[screen])
    expect(page.get_by_role("link", name="Go on with Tiny")).to_be_visible()
    page.get_by_text("Choices").first.click()
    assert flaws(page) == []
    assert fits(page)


@pytest.mark.parametrize("screen", SCREENS)
def test_a_lab_is_for_everybody(opened: Open, begun: str, screen: str) -> None:
    """Lesson, verdict, hints, solution, terminal and map; dialogs, too."""
    page = opened(begun, **SCREENS[screen])
    parts = page.get_by_role("navigation", name="Parts of the lab")
    in_turn = screen in {"phone", "narrow"}

    def turn_to(name: str) -> None:
        if in_turn:
            parts.get_by_role("button", name=name, exact=True).click()

    page.get_by_text("Hint 1 of 2").click()
    page.get_by_text("Solution", exact=True).click()
    expect(page.get_by_role("button", name="Have it typed for you")).to_be_visible()
    page.get_by_text("Step 1 of 2, 0 passed").click()
    press(page, "Check")
    expect(page.locator(".verdict")).to_contain_text("not yet")
    turn_to("Map")
    expect(page.locator(".map .picture")).to_be_visible()
    page.locator(".map").get_by_text("In words").click()
    assert flaws(page) == []
    turn_to("Terminal")
    prompt(page)
    page.get_by_text("+ New").click()
    assert flaws(page) == []
    page.keyboard.press("Escape")
    turn_to("Lesson")
    assert flaws(page) == []
    assert fits(page)
    press(page, "Stop…")
    expect(page.get_by_role("dialog", name="Stop the lab?")).to_be_visible()
    assert flaws(page) == []


def test_a_lab_that_does_not_run_is_for_everybody(opened: Open) -> None:
    """What it is about, and how it is meant to be, drawn."""
    page = opened("?lab=page-dies", **SCREENS["narrow"])
    expect(page.locator(".plan .picture")).to_be_visible()
    assert flaws(page) == []
    assert fits(page)


@pytest.mark.parametrize("name", ["no-such-lab", "%zz"])
def test_what_cannot_be_had_is_said(opened: Open, name: str) -> None:
    """A lab that is none, or no address at all: words, and a way back."""
    page = opened(f"?lab={name}")
    expect(page.locator(".problem")).to_be_visible()
    assert flaws(page) == []
    press(page, "All labs")
    expect(page.get_by_role("heading", level=1, name="Labs")).to_be_focused()


@pytest.mark.parametrize("screen", ["wide", "phone"])
def test_everything_is_large_enough_to_be_hit(opened: Open, begun: str, screen: str) -> None:
    """Buttons, fields and folds have 24 pixels both ways; links in sentences may have less."""
    page = opened(begun, **SCREENS[screen])
    expect(page.get_by_text("Hint 1 of 2")).to_be_visible()
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, summary, [role=separator]")]
            .filter((one) => one.checkVisibility())
            .map((one) => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])
            .filter(([, box]) => box.width < 24 || box.height < 24)
            .map(([html, box]) => `${html} ${box.width} x ${box.height}`)"""
    )
    assert small == [], json.dumps(small, indent=1)
