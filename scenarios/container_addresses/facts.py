"""What several checks of this scenario ask: notes, receipts, and whose address is whose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labrunner import not_yet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labrunner import Lab, Verdict

IMAGE = "market:1"
PORT = 8000
NOTE = "/notes/baker"
RECEIPTS = "/notes/receipts"
HOUSES = ("attic", "cabin", "lodge")
ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")

_RECEIPT = re.compile(
    r"^asked (?P<asked>\S+): got (?P<goods>.*) from (?P<seller>\S+)$", re.MULTILINE
)


def house_of(lab: Lab, reason: str) -> str:
    """The container that has no address for this reason: another one in each lab."""
    order = lab.random("houses").sample(HOUSES, len(HOUSES))
    return order[("host", "none", "stopped").index(reason)]


@dataclass(frozen=True)
class Receipt:
    """What came of one purchase: whom the buyer asked for, what he got, from which address."""

    asked: str
    goods: str
    seller: str

    def __str__(self) -> str:
        return f"asked {self.asked}: got {self.goods} from {self.seller}"


def receipts_in(text: str) -> list[Receipt]:
    """Every purchase that ``buy`` wrote down, the last one last."""
    return [Receipt(**match.groupdict()) for match in _RECEIPT.finditer(text)]


def receipts(lab: Lab, who: str) -> list[Receipt]:
    """What this container has bought so far."""
    return receipts_in(lab.file(who, RECEIPTS) or "")


def asked_for(lab: Lab, who: str) -> str | Verdict:
    """What this container's note says, or why it holds no note."""
    text = lab.file(who, NOTE)
    if text is None:
        return not_yet(
            f"{who} has no note {NOTE} yet.",
            expected=f"the file {NOTE} in the container {who}",
            seen="no such file there (a redirect of your own shell saves on your machine)",
            look=f"docker exec {who} ls -l /notes",
        )
    if text.strip():
        return text.strip()
    return not_yet(
        f"The note of {who} is empty: what you piped into it printed nothing.",
        expected="something by which baker can be found",
        seen="an empty line",
        look=f"docker exec {who} cat {NOTE}",
    )


def address_of(lab: Lab, name: str, network: str) -> str:
    """A container's address on a network; "" where it has none."""
    view = lab.container(name)
    return view.networks.get(network, "") if view else ""


def owner(lab: Lab, address: str) -> str:
    """Who has this address now, as ``butcher on town``; "" for nobody."""
    found = (
        f"{view.name} on {network}"
        for view in lab.containers()
        for network, ip in view.networks.items()
        if ip == address
    )
    return next(found, "")


def lives_on(lab: Lab, name: str, needed: set[str], barred: frozenset[str]) -> Verdict | None:
    """``None`` where a container runs, is on all the needed networks and on no barred one."""
    view = lab.container(name)
    if view is None or not view.running:
        seen = "no container of that name" if view is None else f"it is {view.status}"
        return not_yet(
            f"{name} does not run.",
            expected=f"{name} running",
            seen=seen,
            look="docker ps -a",
        )
    there = set(view.networks)
    if needed <= there and not there & barred:
        return None
    missing = " and ".join(sorted(needed - there))
    return not_yet(
        f"{name} is not on {missing}." if missing else f"{name} should not be on this network.",
        expected=f"{name} on {' and '.join(sorted(needed))}",
        seen=" and ".join(sorted(there)) or "no network",
        look=f"docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {name}",
    )


def not_bought(who: str, asked: str, bought: Sequence[Receipt]) -> Verdict:
    """The note is as it should be, but no receipt shows bread that was got with it."""
    return not_yet(
        f"The note of {who} is right, but {who} has not bought bread with it yet.",
        expected=f"a receipt for bread, asked {asked}",
        seen=str(bought[-1]) if bought else "no receipt",
        look=f"docker exec {who} buy",
    )
