"""One bridge or several: who reaches whom, what that protects, and what it costs.

Two networks, three small containers. ``alice`` waits for speed measurements, ``bob`` and
``carol`` serve a page with a word that differs in every lab. Everything else is made by
the learner.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from labrunner import Container, Image, Network, Owned, Ready, Scenario

from .common import PAGE, SPEED, word
from .gateway import gateway_hole, host_reaches_all, open_host
from .measured import NOISY, noisy, speed
from .members import cut, one_bridge, second_leg, two_bridges

if TYPE_CHECKING:
    from labrunner import Lab


def write_pages(lab: Lab) -> None:
    """Give bob and carol the page that they serve, both at once."""
    owners = ("bob", "carol")
    with ThreadPoolExecutor(len(owners)) as pool:
        for done in [pool.submit(write_page, lab, who) for who in owners]:
            done.result()


def write_page(lab: Lab, who: str) -> None:
    """Give one of them a page with the word of this lab."""
    page = f"I am {who}. My word is {word(lab, who)}."
    script = 'printf "%s\\n" "$1" > /srv/index.html'
    lab.exec(who, ["sh", "-c", script, "sh", page])


scenario = Scenario(
    name="segregated-vs-unsegregated",
    networks=(Network("north"), Network("south")),
    images=(Image("page:1", "images/page"),),
    containers=(
        Container("alice", "tools:1", ("north",), ("iperf3", "-s"), ready=Ready(SPEED)),
        Container("bob", "page:1", ("north",), ready=Ready(PAGE)),
        Container("carol", "page:1", ("south",), ready=Ready(PAGE)),
    ),
    owns=Owned(
        containers=("dave", "web", "scout", "printer", "erin", *NOISY),
        networks=("cellar", "pair", "small"),
    ),
    alone=("speed", "noisy"),
    setup=write_pages,
    checks={
        "one-bridge": one_bridge,
        "two-bridges": two_bridges,
        "second-leg": second_leg,
        "cut": cut,
        "gateway-hole": gateway_hole,
        "host-reaches-all": host_reaches_all,
        "open-host": open_host,
        "speed": speed,
        "noisy": noisy,
    },
)
