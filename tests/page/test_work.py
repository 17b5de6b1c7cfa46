"""What a learner does in the page, with real labs: to the end, and across whatever breaks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.conftest import Lab
from tests.page.cable import Cable
from tests.page.conftest import SLOW, Served

if TYPE_CHECKING:
    import docker
    from playwright.sync_api import Locator, Page, Route

pytestmark = [pytest.mark.engine, pytest.mark.page]

Open = Callable[..., "Page"]


def screen(page: Page) -> Locator:
    """What the terminal that is in front shows."""
    return page.get_by_role("tabpanel").locator(".xterm-rows")


def prompt(page: Page) -> None:
    """Wait until a shell waits for a command."""
    expect(screen(page)).to_contain_text(re.compile(r"[$#]\s*$"))


def type_in(page: Page, text: str) -> None:
    """Type a line into the terminal, as a keyboard does."""
    page.get_by_role("tabpanel").get_by_role("textbox").focus()
    page.keyboard.type(f"{text}\n")


def press(page: Page, name: str | re.Pattern[str]) -> None:
    """Press a button of this name."""
    page.get_by_role("button", name=name, exact=isinstance(name, str)).click()


def verdict(page: Page) -> Locator:
    """What the last check said."""
    return page.locator(".verdict")


@pytest.fixture
def reading(served: Served, opened: Open) -> Page:
    """A page at the first step of a lab that was just begun, its shell ready."""
    served.fresh("page-read")
    page = opened("?lab=page-read")
    press(page, "Begin with step 1")
    prompt(page)
    return page


def test_a_lab_is_played_from_its_start_to_its_end(served: Served, opened: Open) -> None:
    """Start, see it come up, fail, ask for help, type, pass, be solved, stop: all of it here."""
    page = opened()
    card = page.locator(".card").filter(has=page.locator('a[href="?lab=page-work"]'))
    card.get_by_text("Choices").click()
    card.get_by_label("Host").select_option("sandbox")
    card.get_by_label("Language of the lesson").select_option("en")
    card.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", level=1, name="Tiny")).to_be_focused()
    expect(page.locator(".work")).to_contain_text("container page-work-one")
    press(page, "Begin with step 1")
    expect(page.get_by_role("heading", name="Step 1 of 2: A second container")).to_be_focused()
    prompt(page)

    press(page, "Check")
    expect(verdict(page)).to_contain_text("not yet")
    expect(verdict(page)).to_contain_text("There is no page-work-two.")
    expect(verdict(page)).to_contain_text("a container page-work-two")
    press(page, "Hint")
    expect(page.get_by_text("Hint 1 of 2")).to_be_focused()
    press(page, "Next hint (2 of 2)")
    expect(page.get_by_text("-d", exact=True)).to_be_visible()

    page.get_by_text("Solution", exact=True).click()
    page.locator(".solution").get_by_role("button", name=re.compile("^Type into")).click()
    expect(screen(page)).to_contain_text("docker run -d --name page-work-two")
    press(page, "Check")
    expect(verdict(page)).to_contain_text("not yet")  # typed is not yet entered
    page.get_by_role("tabpanel").get_by_role("textbox").press("Enter")
    expect(screen(page)).to_contain_text(re.compile(r"[0-9a-f]{64}"))
    press(page, "Check")
    expect(verdict(page)).to_contain_text("passed")
    press(page, "Go to step 2: It goes again")
    expect(page.get_by_role("heading", name="Step 2 of 2: It goes again")).to_be_focused()

    page.get_by_text("Solution", exact=True).click()
    press(page, "Have it typed for you")
    expect(page.get_by_role("log")).to_contain_text("docker rm -f page-work-two")
    expect(verdict(page)).to_contain_text("Every step is done.")
    press(page, "Stop the lab…")
    press(page, "Stop it")
    expect(page.get_by_text("This lab has ended.")).to_be_visible()
    assert not served.running("page-work")


def test_a_start_can_be_called_off(served: Served, opened: Open) -> None:
    """What had been made of it is removed again, and the page says so."""
    page = opened(f"?lab={SLOW}")
    press(page, re.compile("^Start"))
    expect(page.locator(".work")).to_contain_text(f"container {SLOW}-one")
    with page.expect_response("**/stop"):
        press(page, "Call it off")
    served.flag.touch()
    expect(page.get_by_text("It was called off.")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Start"))).to_be_visible()
    assert not served.running(SLOW)


@pytest.mark.parametrize("begins_at", ["", "?lab=page-work"])
@pytest.mark.parametrize("late", [False, True], ids=["at-once", "late"])
def test_a_start_that_fails_says_why(
    nowhere: Served, opened: Open, begins_at: str, *, late: bool
) -> None:
    """Also where the failure is heard before the answer that something was begun."""
    page = opened()
    page.goto(nowhere.address)
    page.goto(nowhere.base + begins_at)

    def hold(route: Route) -> None:
        answer = route.fetch()
        while page.request.get(f"{nowhere.base}api/labs/page-work").json()["tasks"]:
            page.request.get(f"{nowhere.base}api/catalogue")
        route.fulfill(response=answer)

    if late:
        page.route("**/api/labs/page-work/start", hold)
    card = page.locator(".card").filter(has=page.locator('a[href="?lab=page-work"]'))
    (card if not begins_at else page).get_by_role("button", name="Start Tiny").click()
    expect(page.get_by_text("no engine answers there").first).to_be_visible()
    expect(page.get_by_role("button", name="Start Tiny")).to_be_visible()
    expect(page.get_by_role("button", name="Call it off")).to_be_hidden()


def test_a_broken_connection_loses_nothing(served: Served, opened: Open) -> None:
    """The page says that it has no connection, and comes back to the same shell."""
    served.fresh("page-read")
    cable = Cable()
    page = opened("?lab=page-read", proxy={"server": cable.address})
    prompt(page)
    type_in(page, "before=kept; echo $((40 + 2))")
    expect(screen(page)).to_contain_text("42")
    cable.pull()
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    expect(page.locator(".banner")).to_contain_text("The server does not answer.")
    for place in (page.locator(".banner"), page.get_by_role("tabpanel")):
        again = place.get_by_role("button", name="Try now")
        again.focus()
        for _ in range(2):  # news and terminal
            page.wait_for_event("websocket")
        expect(again).to_be_focused()
    cable.plug()
    page.get_by_role("tabpanel").get_by_role("button", name="Try now").click()
    expect(page.get_by_text("Reconnecting…")).to_be_hidden()
    expect(page.get_by_text("The server does not answer.")).to_be_hidden()
    type_in(page, "echo it was $before")
    expect(screen(page)).to_contain_text("it was kept")
    cable.close()


def test_a_page_that_is_loaded_anew_has_its_terminals(reading: Page) -> None:
    """Each in its place, with what was on its screen."""
    type_in(reading, "mine=here; echo first $((20 + 3))")
    expect(screen(reading)).to_contain_text("first 23")
    reading.get_by_text("+ New").click()
    press(reading, "page-read-one")
    prompt(reading)
    reading.reload()
    expect(reading.get_by_role("tab")).to_have_text(["shell", "page-read-one"])
    expect(screen(reading)).to_contain_text("first 23")
    type_in(reading, "echo still $mine")
    expect(screen(reading)).to_contain_text("still here")
    reading.get_by_role("tab", name="page-read-one").click()
    type_in(reading, "cat /proc/1/cmdline; echo")
    expect(screen(reading)).to_contain_text("sleep")
    press(reading, "Close page-read-one")
    expect(reading.get_by_role("tab")).to_have_text(["shell"])
    reading.reload()
    expect(screen(reading)).to_contain_text("still here")
    expect(reading.get_by_role("tab")).to_have_text(["shell"])


def test_a_link_with_ctrl_opens_elsewhere(opened: Open) -> None:
    """As links do everywhere: the page stays where it is."""
    page = opened("?lab=page-dies")
    with page.context.expect_page() as other:
        page.get_by_role("link", name="labrunner").click(modifiers=["Control"])
    expect(other.value.get_by_role("heading", level=1, name="Labs")).to_be_visible()
    expect(page.get_by_role("heading", level=1, name="Tiny")).to_be_visible()
    page.get_by_role("link", name="labrunner").click()
    expect(page.get_by_role("heading", level=1, name="Labs")).to_be_focused()


def test_what_a_browser_does_not_let_a_page_paste_is_asked_for(reading: Page) -> None:
    """A field takes it, and what is in it is typed; called off, nothing is."""
    for answer in ("Cancel", "Type it"):
        press(reading, "Paste into the terminal")
        field = reading.get_by_role("dialog", name="Paste").get_by_role("textbox")
        expect(field).to_be_focused()
        field.fill(f"echo {answer.replace(' ', '-')} $((30 + 3))")
        press(reading, answer)
        expect(field).to_be_hidden()
    reading.get_by_role("tabpanel").get_by_role("textbox").press("Enter")
    expect(screen(reading)).to_contain_text("Type-it 33")
    expect(screen(reading)).not_to_contain_text("Cancel")


def test_where_every_terminal_was_closed_another_opens(reading: Page) -> None:
    """What is to be typed is typed into a new shell; what that makes is offered as a place."""
    press(reading, "Close shell")
    expect(reading.get_by_role("tab")).to_have_count(0)
    reading.get_by_text("Solution", exact=True).click()
    reading.locator(".solution").get_by_role("button", name=re.compile("^Type into")).click()
    expect(screen(reading)).to_contain_text("docker run -d --name page-read-two")
    reading.get_by_role("tabpanel").get_by_role("textbox").press("Enter")
    reading.get_by_text("+ New").click()
    expect(reading.get_by_role("button", name="page-read-two", exact=True)).to_be_visible()


def test_what_the_command_does_is_seen(served: Served, reading: Page) -> None:
    """A step that is solved in a terminal elsewhere: progress, map and containers follow."""
    served.lab.ok("solve", "--lab", "page-read")
    expect(reading.get_by_text("You are at step 2 now: It goes again")).to_be_visible()
    expect(reading.get_by_text("Step 2 of 2, 1 passed")).to_be_visible()
    expect(reading.locator(".map .picture")).to_contain_text("page-read-two")
    press(reading, "Show it")
    expect(reading.get_by_role("heading", name="Step 2 of 2: It goes again")).to_be_focused()
    reading.get_by_text("+ New").click()
    expect(reading.get_by_role("button", name="page-read-two")).to_be_visible()


def test_what_is_open_stays_open(served: Served, reading: Page) -> None:
    """News redraw nothing that the learner reads, and take no focus."""
    press(reading, "Hint")
    hint = reading.get_by_text("Hint 1 of 2")
    expect(hint).to_be_focused()
    reading.get_by_text("Solution", exact=True).click()
    hint.focus()
    served.lab("check", "--lab", "page-read")
    served.lab.ok("hint", "--lab", "page-read")
    expect(reading.get_by_text("Hint 2 of 2")).to_be_visible()
    expect(hint).to_be_focused()
    expect(reading.get_by_role("button", name="Have it typed for you")).to_be_visible()


def test_two_labs_at_once(served: Served, reading: Page, opened: Open) -> None:
    """Each page has its own lab; neither hears of the other's."""
    served.fresh("page-work")
    other = opened("?lab=page-work")
    prompt(other)
    for page, own in ((reading, "page-read"), (other, "page-work")):
        type_in(page, "docker ps --format 'it is {{.Names}}'")
        expect(screen(page)).to_contain_text(f"it is {own}-one")
        theirs = "page-work" if own == "page-read" else "page-read"
        expect(screen(page)).not_to_contain_text(f"it is {theirs}-one")
    served.lab.ok("stop", "page-work")
    expect(other.get_by_text("This lab has ended.")).to_be_visible()
    expect(reading.get_by_role("tab", name="shell")).to_be_visible()


def test_a_lab_that_dies_is_not_silent(
    served: Served, opened: Open, engine: docker.DockerClient
) -> None:
    """The page says what has happened and what can be done, and it can be done there."""
    served.fresh("page-dies")
    page = opened("?lab=page-dies")
    prompt(page)
    box = outer_box(served.lab, engine)
    engine.api.remove_container(box, force=True, v=True)
    expect(page.get_by_text(re.compile("engine has lost"))).to_be_visible()
    press(page, "End it")
    expect(page.get_by_text("This lab has ended.")).to_be_visible()
    press(page, "All labs")
    expect(page.get_by_role("heading", level=1, name="Labs")).to_be_focused()
    assert not served.running("page-dies")


def outer_box(lab: Lab, engine: docker.DockerClient) -> str:
    """The container that is the sandbox of the lab page-dies."""
    import json

    (ident,) = (
        row["lab"]
        for row in json.loads(lab.ok("status", "--json"))
        if row["scenario"] == "page-dies"
    )
    (box,) = engine.api.containers(filters={"label": f"labrunner.lab={ident}"})
    return str(box["Id"])


def test_a_flood_leaves_the_page_at_work(reading: Page) -> None:
    """A program that prints without end is drawn as fast as can be, and the page still answers."""
    type_in(reading, "yes")
    expect(screen(reading)).to_contain_text("y\ny\ny", use_inner_text=True)
    press(reading, "Next")
    expect(reading.get_by_role("heading", name="Step 2 of 2: It goes again")).to_be_visible()
    press(reading, "Previous")
    expect(reading.get_by_role("heading", name="Step 1 of 2")).to_be_visible()
    reading.get_by_role("tabpanel").get_by_role("textbox").press("Control+c")
    prompt(reading)
    type_in(reading, "echo over $((6 * 7))")
    expect(screen(reading)).to_contain_text("over 42")


def test_a_keyboard_is_enough(served: Served, opened: Open) -> None:
    """From the list into a lab, through its parts and out of the terminal again."""
    served.fresh("page-read")
    page = opened()
    link = page.get_by_role("link", name="Go on with Tiny")
    expect(link).to_have_count(1)
    tab_to(page, link)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Tiny")).to_be_focused()
    begin = page.get_by_role("button", name="Begin with step 1")
    prompt(page)
    tab_to(page, begin)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Step 1 of 2")).to_be_focused()
    page.keyboard.press("F6")
    shell = page.get_by_role("tabpanel").get_by_role("textbox")
    expect(shell).to_be_focused()
    page.keyboard.type("ech")
    page.keyboard.press("Tab")  # the shell's, which completes
    page.keyboard.type(" typed $((50 + 5))\n")
    expect(screen(page)).to_contain_text("typed 55")
    expect(shell).to_be_focused()
    page.keyboard.press("F6")
    expect(page.get_by_role("heading", name="Map: who reaches whom")).to_be_focused()
    page.keyboard.press("Shift+F6")
    expect(shell).to_be_focused()
    page.keyboard.press("Shift+F6")
    expect(page.get_by_role("heading", name="Step 1 of 2")).to_be_focused()
    bar = page.get_by_role("separator", name="Width of the lesson")
    tab_to(page, bar)
    before = int(bar.get_attribute("aria-valuenow") or 0)
    page.keyboard.press("ArrowRight")
    expect(bar).to_have_attribute("aria-valuenow", str(before + 2))
    page.reload()
    expect(bar).to_have_attribute("aria-valuenow", str(before + 2))


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the focus is there."""
    for _ in range(60):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not lead to {wanted}")


def test_the_page_speaks_french(served: Served, opened: Open) -> None:
    """Chosen in the page: its own words, the lesson and the verdicts, marked as French."""
    served.fresh("page-read")
    page = opened("?lab=page-read")
    prompt(page)
    page.get_by_label("Language").select_option("fr")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_role("heading", level=1, name="Minuscule")).to_be_visible()
    press(page, "Commencer par l'étape 1")
    expect(page.get_by_role("heading", name="Étape 1 sur 2 : Un autre conteneur")).to_be_visible()
    expect(page.locator("article")).to_have_attribute("lang", "fr")
    press(page, "Vérifier")
    expect(verdict(page)).to_contain_text("pas encore")
    page.reload()
    expect(page.get_by_role("button", name="Vérifier")).to_be_visible()
