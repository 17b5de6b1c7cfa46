"""Checks on what outlives a container, and on volumes that nobody uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed, ruined
from labrunner.checks import running

from . import facts, places

if TYPE_CHECKING:
    from labrunner import Lab


def layer(lab: Lab) -> Verdict:
    """The diary is in a volume, with what was written before."""
    return (
        page_left(lab)
        or running(lab, "diary")
        or places.on_volume(lab, "diary", "/diary", "diary")
        or page_there(lab)
        or goes_on(lab)
        or passed("The page lies in the volume diary, and any container called diary can go.")
    )


def page_left(lab: Lab) -> Verdict | None:
    """``None`` as long as the page is somewhere."""
    if not places.is_lost(lab, facts.diary(lab)):
        return None
    return ruined(
        "What the mechanic wrote is gone: it went with the container that had it.",
        expected=f"the old {facts.DIARY} in a volume or in a container",
        seen="it is nowhere on this host; only a copy that you made elsewhere would help",
    )


def page_there(lab: Lab) -> Verdict | None:
    """``None`` where the diary shows the old page."""
    found = lab.file("diary", facts.DIARY)
    if found is not None and facts.diary(lab) in found:
        return None
    spots = places.files_with(lab, facts.diary(lab), *places.EVERYWHERE)
    return not_yet(
        "diary has a volume now, but not the page that was written before.",
        expected=f"the old {facts.DIARY} in the new diary",
        seen=f"it is in {places.named(spots[0])}" if spots else "it is nowhere on this host",
        look="docker ps -a",
    )


def goes_on(lab: Lab) -> Verdict | None:
    """``None`` where the mechanic can write the next page."""
    if places.opens(lab, "diary", facts.DIARY):
        return None
    return not_yet(
        "diary shows the old page, but nobody in it can write the next one.",
        expected=f"{facts.DIARY} open for writing in diary",
        seen=lab.exec("diary", ["sh", "-c", f": >> {facts.DIARY}"]).err.strip()[:80],
        look="docker inspect -f '{{json .Mounts}}' diary",
    )


def leftovers(lab: Lab) -> Verdict:
    """What was worth keeping has a name, and everything nameless that nobody uses is gone."""
    return (
        kept(lab, "season", facts.season(lab))
        or kept(lab, "letters", facts.letter(lab))
        or receipts(lab)
        or archive_gone(lab)
        or tidy(lab)
        or passed("What had a name is there, the receipts have one now, and the rest is gone.")
    )


def kept(lab: Lab, volume: str, text: str) -> Verdict | None:
    """``None`` where a volume still holds what it held."""
    if places.holds(lab, volume, text):
        return None
    return ruined(
        f"What was in the volume {volume} is gone. It had a name, and was to stay.",
        expected=f"the volume {volume} with what was in it",
        seen="no such volume" if places.folder_of(lab, volume) is None else "another content",
    )


def receipts(lab: Lab) -> Verdict | None:
    """``None`` where last week's receipts are in a volume with a name."""
    text = facts.receipts(lab)
    if places.holds(lab, "receipts", text):
        return None
    if places.is_lost(lab, text):
        return ruined(
            "The receipts are gone, with the volume in which they were.",
            expected="receipts.txt in the volume receipts",
            seen="no volume with last week's receipts",
        )
    there = places.folder_of(lab, "receipts") is not None
    return not_yet(
        "Last week's receipts are not in the volume receipts yet.",
        expected="receipts.txt in the volume receipts",
        seen="a volume receipts without them" if there else "no volume of that name",
        look="docker volume ls -f dangling=true",
    )


def archive_gone(lab: Lab) -> Verdict | None:
    """``None`` where the container ``archive`` was removed."""
    if lab.container("archive") is None:
        return None
    return not_yet(
        "The container archive is still there.",
        expected="no container archive",
        seen="a container archive, and its volumes in use",
        look="docker ps -a",
    )


def tidy(lab: Lab) -> Verdict | None:
    """``None`` where no volume without a name is unused."""
    left = places.unused(lab)
    if not left:
        return None
    many = len(left) > 1
    return not_yet(
        f"{len(left)} volume{'s' * many} without a name {'are' if many else 'is'} used by nobody.",
        expected="none",
        seen=", ".join(f"{name[:12]}..." for name in left),
        look="docker volume ls -f dangling=true",
    )
