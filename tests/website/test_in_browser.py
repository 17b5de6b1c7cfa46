"""The site in a real browser, opened as files: search, paper, access, silence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser import PATIENCE
from tests.website.conftest import Built

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.page

AXE = Path(__file__).resolve().parents[2] / "site/page/node_modules/axe-core/axe.min.js"
KINDS = (
    "index.html",
    "index.fr.html",
    "labs/unsegregated-shop.html",
    "labs/unsegregated-shop.fr.html",
    "teach/unsegregated-shop.html",
    "claims.html",
    "docs/reference.html",
    "search.html?q=network",
    "changes.html",
    "404.html",
)
"""One page of each kind."""

Open = Callable[..., "Page"]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Open a page of a site from its file; at the end nothing has complained or left the site."""
    contexts = []
    wrong: list[str] = []

    def look(site: Path, path: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(f"a dialog: {dialog.message}"))
        page.on(
            "request",
            lambda request: (
                wrong.append(request.url) if not request.url.startswith(site.as_uri()) else None
            ),
        )
        page.goto(f"{site.as_uri()}/{path}")
        return page

    yield look
    for context in contexts:
        context.close()
    assert wrong == []


def test_a_search_leads_to_the_step(opened: Open, site: Path) -> None:
    """Typed letter by letter, without a server; the best place is first, its link works."""
    page = opened(site, "index.html")
    page.get_by_role("link", name="Search").click()
    page.get_by_role("searchbox").press_sequentially("Arpspo")
    page.get_by_role("link", name="The neighbour lies").click()
    page.wait_for_url("**/labs/eavesdropping.html#spoof")
    expect(page.get_by_role("heading", name="The neighbour lies")).to_be_visible()


def test_a_search_says_how_much_it_found(opened: Open, site: Path) -> None:
    """Also where that is nothing; accents do not matter, and a French page speaks French."""
    page = opened(site, "search.fr.html")
    box, status = page.get_by_role("searchbox"), page.get_by_role("status")
    results = page.locator(".results li")
    box.fill("zzzz")
    expect(status).to_have_text("Rien ne contient tous ces mots.")
    box.fill("réseau boutique")
    expect(status).to_contain_text("endroits")
    expect(results.first).to_have_attribute("lang", "fr")
    found = results.all_inner_texts()
    box.fill("RESEAU boutique")
    expect(results).to_have_text([re.compile(re.escape(text.partition("\n")[0])) for text in found])
    box.fill("")
    expect(status).to_have_text("")
    expect(results).to_have_count(0)


def test_what_a_stranger_wrote_is_found_and_does_not_run(opened: Open, theirs: Built) -> None:
    """Neither on its page nor among the results."""
    page = opened(theirs.folder, "search.html?q=alert")
    page.get_by_role("link", name='A <script>alert("title")</script>').click()
    page.wait_for_url("**/labs/hostile.html")
    page.locator(".solution summary").click()
    expect(page.get_by_text('<script>alert("command")</script>').first).to_be_visible()


def test_paper_has_everything_open(opened: Open, site: Path) -> None:
    """Solutions are folded on the screen and open on paper; navigation is not printed."""
    page = opened(site, "labs/unsegregated-shop.html")
    solutions = page.locator(".solution pre")
    expect(solutions.first).to_be_hidden()
    page.emulate_media(media="print")
    expect(solutions.first).to_be_visible()
    expect(solutions.last).to_be_visible()
    expect(page.locator(".hint p").first).to_be_visible()
    expect(page.get_by_role("navigation").first).to_be_hidden()


def test_a_lab_is_read_without_scripts(opened: Open, site: Path) -> None:
    """A solution opens with the keyboard, and the search says what it needs."""
    page = opened(site, "labs/unsegregated-shop.html", java_script_enabled=False)
    page.locator(".solution summary").first.press("Enter")
    expect(page.locator(".solution pre").first).to_be_visible()
    page.get_by_role("link", name="Search").click()
    expect(page.get_by_text("Searching needs scripts")).to_be_visible()


COLOURFUL = ("labs/unsegregated-shop.html", "claims.html", "search.html?q=network")
"""Pages that have every colour between them."""


@pytest.mark.parametrize(("scheme", "pages"), [("light", KINDS), ("dark", COLOURFUL)])
def test_nothing_stands_in_the_way_of_anybody(
    opened: Open, site: Path, scheme: str, pages: tuple[str, ...]
) -> None:
    """Axe finds no fault on any kind of page, in light and dark colours, with all unfolded."""
    assert AXE.is_file(), "tools/page installs what the tests of pages need"
    page = opened(site, KINDS[0], color_scheme=scheme)
    for path in pages:
        page.goto(f"{site.as_uri()}/{path}")
        page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run({preload: false}).then(result => result.violations)")
        faults = [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in found]
        assert faults == [], path


def test_a_phone_never_scrolls_sideways(opened: Open, site: Path) -> None:
    """Long lines and wide pictures scroll in their own frame."""
    page = opened(site, KINDS[0], viewport={"width": 320, "height": 640})
    for path in KINDS:
        page.goto(f"{site.as_uri()}/{path}")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.evaluate("window.innerWidth"), path
