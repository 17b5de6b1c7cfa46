"""Looking after networks that are in use: what to look at, what slows, and what a prune takes.

On ``yard`` three tills, a web site, and a store that measurements can be sent to. ``nightly``
works by night and is stopped by day, on a network of its own. One till never stops talking:
which one differs from lab to lab. Prune would take other people's networks, so this lab runs
in a sandbox only.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from labrunner import Container, Image, Network, Port, Ready, Scenario

from .crowds import crowd, load
from .facts import BOOK, OLD, REPORT, SPEED, VISITORS, chatty, finished, guest_book, report
from .looking import blind, talker
from .pruning import careful, prune
from .updating import update

if TYPE_CHECKING:
    from labrunner import Lab

WAIT = ("sleep", "infinity")


def member(name: str, network: str = "yard") -> Container:
    """A container with the usual tools that does nothing by itself."""
    return Container(name, "tools:1", (network,), WAIT)


def fill(lab: Lab) -> None:
    """What happened before the learner came, all of it at once."""
    tasks = (write_book, work_a_night, talk, have_talked)
    with ThreadPoolExecutor(len(tasks)) as pool:
        for done in [pool.submit(task, lab) for task in tasks]:
            done.result()


def write_book(lab: Lab) -> None:
    """Visitors have written into the guest book, which is kept in a volume."""
    write(lab, "web", BOOK, guest_book(lab))


def work_a_night(lab: Lab) -> None:
    """The container of the night has left its report, and stopped."""
    write(lab, "nightly", REPORT, report(lab))
    lab.client.api.stop("nightly", timeout=0)


def write(lab: Lab, who: str, path: str, text: str) -> None:
    """A file in a container."""
    lab.exec(who, ["sh", "-c", 'printf "%s\\n" "$1" > "$2"', "sh", text, path])


def talk(lab: Lab) -> None:
    """One till does not stop talking: a megabyte a second, for as long as the lab lasts."""
    ping = "ping -q -i 0.05 -s 50000 store > /dev/null 2>&1 &"
    lab.exec(chatty(lab), ["sh", "-c", ping])


def have_talked(lab: Lab) -> None:
    """Another one has sent much once, and is silent since."""
    lab.exec(finished(lab), ["iperf3", "-c", "store", "-n", "300M"])


scenario = Scenario(
    name="network-upkeep",
    networks=(Network("yard"), Network("night"), Network("fair"), *map(Network, OLD)),
    images=(Image("site:stable", "images/old"), Image("site:2", "images/new")),
    containers=(
        Container("store", "tools:1", ("yard",), ("iperf3", "-s"), ready=Ready(SPEED)),
        Container(
            "web",
            "site:stable",
            ("yard",),
            ports=(Port(8000, 8080),),
            ready=Ready(8000),
            volumes={VISITORS: "/srv/guests"},
        ),
        *map(member, ("desk", "till-1", "till-2", "till-3")),
        member("stand", "fair"),
        member("nightly", "night"),
    ),
    # prune does not ask whose a network is
    hosts=("sandbox",),
    alone=("crowd", "load"),
    setup=fill,
    checks={
        "blind": blind,
        "talker": talker,
        "update": update,
        "prune": prune,
        "careful": careful,
        "crowd": crowd,
        "load": load,
    },
)
