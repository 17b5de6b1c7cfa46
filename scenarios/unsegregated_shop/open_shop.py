"""Checks of the steps in which the shop is one neighbourhood."""

from __future__ import annotations

import json
import re
import time
from itertools import pairwise, permutations
from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed

from .facts import (
    ADDRESS,
    BEFORE,
    DOTTED,
    LOOT,
    NAME,
    PORTS,
    excerpt,
    lost_cards,
    missing,
    note,
    owners,
    query,
    samples,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labrunner import Lab
    from labrunner.view import ContainerView

ORDER_IMAGE = "shop/order:1"
NEVER = "0001-"
"""The year of what has not happened yet, as the engine writes it."""
COMING_BACK = 5.0
"""Seconds that a service gets which was ended a moment ago, and that may come back."""
ENDING = 2.0
"""Seconds that a service gets to end which answers still, and that was told to end, maybe."""


def look_around(lab: Lab) -> Verdict:
    """The database's address, found from inside the gateway, is in its note."""
    if problem := missing(lab, ("gateway", "payment-db")):
        return problem
    text = note(lab, "/notes/db", "payment-db's address as gateway finds it", ADDRESS)
    if isinstance(text, Verdict):
        return text
    known = owners(lab)
    if wrong := not_the_database(text, known):
        telling = [row for row in text.splitlines() if known.keys() & ADDRESS.findall(row)]
        return not_yet(
            wrong,
            expected="the address that the name payment-db leads to, and no other",
            seen=excerpt("\n".join(telling) or text),
            look="docker exec gateway getent hosts payment-db",
        )
    state = lab.tcp("gateway", "payment-db", PORTS["payment-db"])
    return passed(f"The front door finds the database, and for it port 5432 is {state}.")


def not_the_database(text: str, known: dict[str, str]) -> str:
    """What is wrong with a note that should hold the database's address; "" where nothing is."""
    found = [ip for ip in ADDRESS.findall(text) if ip in known]
    others = sorted({known[ip] for ip in found} - {"payment-db"})
    ours = [ip for ip in found if known[ip] == "payment-db"]
    if ours and others:
        return f"The note holds the address of {' and '.join(others)} as well: which one is it?"
    if others:
        return f"That is the address of {' and '.join(others)}, not of payment-db."
    if not ours:
        return "The note holds no address that payment-db has now."
    if called := misnamed(text, ours[0]):
        return f"The note calls that address {called}, and not payment-db."
    return ""


def misnamed(text: str, address: str) -> str:
    """What the lines with the database's address call it, where that is another name; else ""."""
    lines = [line for line in text.splitlines() if address in ADDRESS.findall(line)]
    names = [name for line in lines for name in NAME.findall(line)]
    return "" if "payment-db" in names or not names else names[0]


def never_came_up(order: ContainerView) -> Verdict | None:
    """A verdict on the two ways in which a service is often started and does not stay."""
    if order.attrs["Path"].startswith("-"):
        return not_yet(
            "order-service never started: options after the image's name go to the program.",
            expected="docker run OPTIONS IMAGE, the options first",
            seen=f"a program to run: {' '.join([order.attrs['Path'], *order.attrs['Args']])}",
            look="docker inspect -f '{{.State.Error}}' order-service",
        )
    if not (order.tty and order.attrs["Config"]["AttachStdin"]):
        return None
    # once it has ended, docker run is gone: what brought it back gave it no terminal
    if order.running and order.attrs["State"]["FinishedAt"].startswith(NEVER):
        return not_yet(
            "order-service runs in the terminal that it was started in, and holds it.",
            expected="order-service running, with no terminal attached",
            seen="started with -it and without -d",
            look="docker inspect -f '{{.Config.Tty}} {{.Config.AttachStdin}}' order-service",
        )
    if order.status == "exited":
        return not_yet(
            "order-service ended together with the terminal that it was started in.",
            expected="order-service running, with no terminal attached",
            seen=f"exited with {order.exit_code}, and its name is still taken",
            look="docker ps -a",
        )
    return None


def add_order(lab: Lab) -> Verdict:
    """order-service runs by itself, has come back by itself, and the gateway reaches it."""
    if problem := missing(lab, ("gateway",)):
        return problem
    began = time.monotonic()
    while True:
        verdict, patience = order_now(lab)
        if time.monotonic() - began >= patience:
            return verdict


def order_now(lab: Lab) -> tuple[Verdict, float]:
    """A verdict on order-service, and for how many seconds it may change by itself.

    Its program may be about to end, and the engine about to start it again.
    """
    order, gateway = lab.container("order-service"), lab.container("gateway")
    if order is not None and (problem := never_came_up(order) or other_program(order)):
        return problem, 0
    if problem := missing(lab, ("order-service",)):
        coming = order is not None and order.status in ("running", "restarting")
        return problem, COMING_BACK if coming else 0
    if order is None or gateway is None:
        raise LookupError("a container went away meanwhile")
    if order.networks.keys().isdisjoint(gateway.networks):
        return elsewhere(lab, order), 0
    state = lab.tcp("gateway", "order-service", PORTS["order-service"])
    if state != "open":
        verdict = not_yet(
            f"order-service runs, but gateway's call to its port 8000 is {state}.",
            expected="port 8000 of order-service open to gateway",
            seen=state,
            look="docker logs order-service",
        )
        return verdict, COMING_BACK
    again = order.attrs["RestartCount"]
    if not again:
        verdict = not_yet(
            "order-service runs, but it has never come back by itself: that is a hope so far.",
            expected="its program ended once, and the container running again",
            seen="RestartCount 0",
            look="docker inspect -f '{{.RestartCount}}' order-service",
        )
        return verdict, ENDING
    verdict = passed(
        f"order-service runs in the background, restart policy {order.restart_policy}; "
        f"times that it came back by itself: {again}."
    )
    return verdict, 0


def elsewhere(lab: Lab, order: ContainerView) -> Verdict:
    """The verdict where order-service shares no network with the gateway."""
    return not_yet(
        f"order-service is on {' and '.join(order.networks) or 'no network'}, "
        "where gateway is not.",
        expected="order-service and gateway on one network",
        seen=f"gateway's call ends with {lab.tcp('gateway', 'order-service', 8000)}",
        look="docker inspect -f '{{json .NetworkSettings.Networks}}' order-service",
    )


def other_program(order: ContainerView) -> Verdict | None:
    """A verdict where order-service is another service, or stays away once it has ended."""
    if order.image != ORDER_IMAGE:
        return not_yet(
            f"The container order-service runs {order.image}: another service under its name.",
            expected=f"order-service made of the image {ORDER_IMAGE}",
            seen=order.image,
            look="docker ps",
        )
    policy = order.restart_policy
    if policy in ("always", "unless-stopped"):
        return None
    return not_yet(
        "The restart policy of order-service is 'on-failure': a program that ends without an "
        "error stays away."
        if policy == "on-failure"
        else f"order-service is there, but its restart policy is {policy!r}: one crash or one "
        "reboot and it stays away.",
        expected="restart policy unless-stopped (or always)",
        seen=policy,
        look="docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' order-service",
    )


def first_order(lab: Lab) -> Verdict:
    """An order went through the gateway and arrived in the payment database."""
    if problem := missing(lab) or lost_cards(lab):
        return problem
    paid = query(lab, "SELECT via FROM payments ORDER BY id") or []
    if "gateway" in paid:
        return passed(f"Paid orders that came through the gateway: {paid.count('gateway')}.")
    if paid:
        return not_yet(
            "An order was paid, but it did not come through the gateway.",
            expected="an order sent to gateway, port 80",
            seen="an order sent to order-service directly",
            look="docker logs gateway",
        )
    reply = lab.exec("gateway", ["curl", "-s", "-m", "8", "http://order-service:8000/orders"])
    tried = json.loads(reply.out) if reply.code == 0 else []
    if tried:
        return not_yet(
            f"An order arrived and failed: {tried[-1]['error']}.",
            expected="an order that user-service and payment-service both answer",
            seen=tried[-1]["error"],
            look="docker logs order-service",
        )
    return not_yet(
        "No order has reached order-service yet.",
        expected="POST /orders with a customer and an item, sent to gateway",
        seen="no payment in payment-db, no try in order-service (a GET only reads)",
        look="docker logs gateway",
    )


def two_addresses(lab: Lab) -> Verdict:
    """order-service has two networks, and the note tells which address is on which."""
    if problem := missing(lab, ("gateway", "order-service")):
        return problem
    order = lab.container("order-service")
    networks = order.networks if order else {}
    if len(networks) < 2:  # noqa: PLR2004  the step's title says two
        return not_yet(
            "order-service is on one network only, so there is nothing to glue.",
            expected="a second network, with order-service connected to it",
            seen=" ".join(networks),
            look="docker network ls",
        )
    text = note(
        lab, "/notes/order", "each network of order-service, with the address on it", DOTTED
    )
    if isinstance(text, Verdict):
        return text
    if any("".join(pair) in text for pair in permutations(networks.values(), 2)):
        return not_yet(
            "Two addresses are glued together in the note: nothing stands between them.",
            expected="each address by itself, with the name of its network",
            seen=excerpt(text),
            look="docker inspect order-service",
        )
    if untold := not_told(text, networks):
        return untold
    return passed(f"{len(networks)} networks, {len(networks)} addresses, each with its network.")


def not_told(text: str, networks: dict[str, str]) -> Verdict | None:
    """A verdict where a note lacks one of these networks, or gives it another one's address."""
    said = mentions(text, [*networks, *networks.values()])
    if networks.items() in (neighbours(said, networks), neighbours(said[::-1], networks)):
        return None
    named = [word for word in said if word in networks]
    told = [word for word in said if word not in networks]
    # in a table, the first address belongs to the first network, the second to the second
    pairs = dict(zip(named, told, strict=False)) if len(set(said)) == len(said) else {}
    for name, address in networks.items():
        if pairs.get(name) == address:
            continue
        return not_yet(
            f"The note gives {pairs[name]} to {name}, and that is an address on another network."
            if len(named) == len(told) == len(networks) and pairs
            else f"The note does not tell which address order-service has on {name}.",
            expected=f"{name} with the address {address}",
            seen=excerpt(text),
            look="docker exec gateway cat /notes/order",
        )
    return None


def neighbours(said: list[str], networks: dict[str, str]) -> set[tuple[str, str]]:
    """Each network's name that an address stands next behind, and the address."""
    return {
        (name, told) for name, told in pairwise(said) if name in networks and told not in networks
    }


def mentions(text: str, words: Iterable[str]) -> list[str]:
    """Each place where one of these names or addresses stands in a text, in its order."""
    shape = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.findall(rf"(?<![\w.-])(?:{shape})(?![\w-]|\.\w)", text)


def intruder(lab: Lab) -> Verdict:
    """Every card is in the loot, and it came over the network from user-service."""
    if problem := missing(lab, ("user-service", "payment-db")) or lost_cards(lab):
        return problem
    rows = query(lab, "SELECT number, holder FROM cards") or []
    cards = dict(row.split("|") for row in rows)
    loot = lab.file("user-service", LOOT)
    if loot is None:
        return no_loot(lab)
    digits = re.sub(r"\D", "", loot)
    taken = [card for card in cards if card.replace(" ", "") in digits]
    if len(taken) < len(cards):
        return not_yet(
            f"{len(taken)} of {len(cards)} card numbers are in the loot.",
            expected="the numbers of all cards in the table cards",
            seen=excerpt(loot) or "an empty file: nothing came, or only errors",
            look=f"docker exec user-service cat {LOOT}",
        )
    if nameless := [holder for holder in cards.values() if holder not in loot]:
        return not_yet(
            "The numbers are in the loot, but not whose they are: "
            f"{len(nameless)} holders are missing.",
            expected="the holder of each card, as the table cards has it",
            seen=excerpt(loot),
            look=f"docker exec user-service cat {LOOT}",
        )
    container = lab.container("user-service")
    log = lab.logs("payment-db", lines=5000)
    came_from = {line.split()[0] for line in log.splitlines() if "connection authorized" in line}
    if container is None or came_from.isdisjoint(ip for ip in container.networks.values() if ip):
        return not_yet(
            "The loot is complete, but user-service never opened the database.",
            expected="a connection from user-service in payment-db's log",
            seen="somebody read the cards who was inside payment-db, behind every wall, already",
            look="docker logs payment-db",
        )
    return passed(f"{len(cards)} cards stolen by a service that has no business with payments.")


def no_loot(lab: Lab) -> Verdict:
    """Where the loot is instead, as far as one can tell."""
    elsewhere = [n for n in PORTS if n != "user-service" and lab.container(n)]
    places = [n for n in elsewhere if lab.file(n, LOOT) is not None]
    where = f"it is in {places[0]}" if places else "it is in no container"
    return not_yet(
        f"There is no {LOOT} in user-service; {where}.",
        expected=f"{LOOT} in user-service, where the intruder sits",
        seen="no such file there (a redirect of your own shell saves on your machine)",
        look="docker exec user-service ls -l /srv",
    )


def stopwatch(lab: Lab) -> Verdict:
    """At least three orders were timed, all of them real ones."""
    if problem := missing(lab):
        return problem
    found = samples(lab, BEFORE)
    if isinstance(found, Verdict):
        return found
    return passed(f"The best of {len(found)} orders took {min(found) * 1000:.1f} ms. Keep that.")
