"""A small shop whose five services share one network, until the learner takes it apart."""

from __future__ import annotations

import json
import re
import time
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner import (
    Container,
    Image,
    Network,
    Owned,
    Ready,
    Scenario,
    Verdict,
    not_yet,
    passed,
    ruined,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from labrunner import Lab
    from labrunner.view import ContainerView, NetworkView

OLD = "my-unsegregated-network"
DATABASE_URL = {"DATABASE_URL": "postgresql://shop@payment-db/shop"}
"""What user-service and payment-service both get: the shop has one env file for all."""

PORTS = {
    "gateway": 80,
    "order-service": 8000,
    "user-service": 8000,
    "payment-service": 8000,
    "payment-db": 5432,
}
TALKING = (
    ("gateway", "order-service"),
    ("order-service", "user-service"),
    ("order-service", "payment-service"),
    ("payment-service", "payment-db"),
)
"""Who has to call whom; nobody else has any business with anybody."""

RUNS = 3
"""Fewer measurements than these prove nothing."""
SLOWER = 2.0
"""How many times slower the best order may be before it is more than this machine's noise."""

ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
SAMPLE = re.compile(r"^\s*(?P<status>\d{3})\s+(?P<seconds>\d+[.,]\d+)\s*$", re.MULTILINE)

scenario = Scenario(
    name="unsegregated-shop",
    networks=(Network(OLD),),
    images=(
        Image("shop/stack:1", "images/stack"),
        Image("shop/gateway:1", "images/gateway"),
        Image("shop/user:1", "images/user"),
        Image("shop/order:1", "images/order"),
        Image("shop/payment:1", "images/payment"),
        Image("shop/db:1", "images/db"),
    ),
    containers=(
        Container("gateway", "shop/gateway:1", (OLD,), ready=Ready(80)),
        Container("user-service", "shop/user:1", (OLD,), env=DATABASE_URL, ready=Ready(8000)),
        Container("payment-service", "shop/payment:1", (OLD,), env=DATABASE_URL, ready=Ready(8000)),
        Container("payment-db", "shop/db:1", (OLD,), ready=Ready(5432)),
    ),
    owns=Owned(containers=("order-service",), networks=("front", "people", "pay", "data")),
)


def fill_database(lab: Lab) -> None:
    """Give each customer a card; other cards in each lab, the same after a reset."""
    chance = lab.random("cards")
    file = Path(__file__).parent / "images" / "user" / "customers.json"
    surnames = ["Abara", "Berg", "Costa", "Duval", "Eriksen", "Fontes", "Grau", "Haddad", "Ito"]
    rows = []
    for customer in json.loads(file.read_text(encoding="utf-8")):
        # no bank's card begins with 9990
        digits = "9990" + "".join(chance.choices("0123456789", k=12))
        number = " ".join(digits[i : i + 4] for i in range(0, 16, 4))
        holder = f"{customer['name']} {chance.choice(surnames)}"
        expires = f"{chance.randint(1, 12):02}/{chance.randint(30, 34)}"
        rows.append(f"({customer['id']}, '{holder}', '{number}', '{expires}')")
    statement = f"INSERT INTO cards VALUES {', '.join(rows)}"  # noqa: S608  words of our own
    result = lab.exec("payment-db", ["psql", "-q", "-c", statement])
    if result.code != 0:
        raise RuntimeError(f"payment-db took no cards: {result.err.strip()}")


scenario.setup = fill_database


# --- what the checks ask ------------------------------------------------------------------


def query(lab: Lab, statement: str) -> list[str]:
    """The lines that a query of the payment database gives; it must run."""
    return lab.exec("payment-db", ["psql", "-At", "-c", statement]).out.splitlines()


def missing(lab: Lab, names: Iterable[str] = PORTS) -> Verdict | None:
    """A verdict where one of the shop's containers is absent or does not run."""
    for name in names:
        container = lab.container(name)
        if container is None:
            return not_yet(
                f"There is no container {name}.",
                expected=f"a running container called {name}",
                seen="no container of that name",
                look="docker ps -a",
            )
        if not container.running:
            return not_yet(
                f"{name} does not run, it is {container.status}: that is an outage, not a wall.",
                expected=f"{name} running",
                seen=f"{container.status}, exit code {container.exit_code}",
                look=f"docker start {name}",
            )
    return None


def lost_cards(lab: Lab) -> Verdict | None:
    """A verdict where the database was made anew and its rows are gone."""
    if query(lab, "SELECT 1 FROM cards LIMIT 1"):
        return None
    return ruined(
        "The cards are gone: payment-db was made anew, or emptied.",
        expected="the rows that the lab put into the table cards",
        seen="an empty table, or none",
    )


def note(lab: Lab, path: str, what: str) -> str | Verdict:
    """What the learner saved at this path in the gateway, or why it does not count."""
    text = lab.file("gateway", path)
    look = f"docker exec gateway cat {path}"
    if text is None:
        return not_yet(
            f"There is no note {path} in gateway yet.",
            expected=f"{what} in {path}, in the container gateway",
            seen="no such file in gateway (a redirect of your own shell saves on your machine)",
            look="docker exec gateway ls -l /notes",
        )
    if not text.strip():
        return not_yet(
            f"The note {path} is empty: the command before the pipe printed nothing to save.",
            expected=what,
            seen="an empty file; errors do not go through a pipe",
            look=look,
        )
    return text


def owners(lab: Lab) -> dict[str, str]:
    """Whose address is whose: address to container name."""
    return {ip: c.name for c in lab.containers() for ip in c.networks.values() if ip}


# --- the steps ----------------------------------------------------------------------------


@scenario.check("look-around")
def look_around(lab: Lab) -> Verdict:
    """The database's address, found from inside the gateway, is in its note."""
    if problem := missing(lab, ("gateway", "payment-db")):
        return problem
    text = note(lab, "/notes/db", "payment-db's address as gateway finds it")
    if isinstance(text, Verdict):
        return text
    known, found = owners(lab), ADDRESS.findall(text)
    if any(known.get(ip) == "payment-db" for ip in found):
        return passed("The front door finds the database by name, and its port is open to it.")
    others = sorted({known[ip] for ip in found if ip in known})
    return not_yet(
        f"That is the address of {' and '.join(others)}, not of payment-db."
        if others
        else "The note holds no address that payment-db has now.",
        expected="the address that the name payment-db leads to",
        seen=text.strip().splitlines()[0],
        look="docker exec gateway getent hosts payment-db",
    )


@scenario.check("add-order")
def add_order(lab: Lab) -> Verdict:
    """order-service runs by itself, comes back by itself, and the gateway reaches it."""
    order = lab.container("order-service")
    if order is not None and order.status == "created" and order.attrs["Args"]:
        return not_yet(
            "order-service never started: options after the image's name go to the program.",
            expected="docker run OPTIONS IMAGE, the options first",
            seen=f"a program to run: {' '.join([order.attrs['Path'], *order.attrs['Args']])}",
            look="docker inspect -f '{{.State.Error}}' order-service",
        )
    if problem := missing(lab, ("order-service", "gateway")):
        return problem
    if order is None:  # it went away between two looks
        return add_order(lab)
    policy = order.restart_policy
    if shared_with(lab, "gateway", order).isdisjoint(order.networks):
        return not_yet(
            f"order-service is on {' and '.join(order.networks) or 'no network'}, "
            "where gateway is not.",
            expected="order-service and gateway on one network",
            seen=f"gateway does not know the name: {lab.tcp('gateway', 'order-service', 8000)}",
            look="docker inspect -f '{{json .NetworkSettings.Networks}}' order-service",
        )
    if policy not in ("always", "unless-stopped"):
        return not_yet(
            f"order-service runs, but its restart policy is {policy!r}: one crash or one reboot "
            "and it stays away.",
            expected="restart policy unless-stopped (or always)",
            seen=policy,
            look="docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' order-service",
        )
    state = answers(lab, "gateway", "order-service")
    if state != "open":
        return not_yet(
            f"order-service runs, but gateway's call to its port 8000 is {state}.",
            expected="port 8000 of order-service open to gateway",
            seen=state,
            look="docker logs order-service",
        )
    return passed(f"order-service runs in the background, restart policy {policy}.")


def shared_with(lab: Lab, name: str, other: ContainerView) -> set[str]:
    """The networks that a container has in common with another one."""
    container = lab.container(name)
    return set(container.networks) & set(other.networks) if container else set()


def answers(lab: Lab, source: str, target: str, patience: float = 3.0) -> str:
    """How a call ends, once a service that was just started has had time to listen."""
    deadline = time.monotonic() + patience
    while True:
        state = lab.tcp(source, target, PORTS[target])
        running = lab.container(target)
        # a refusal comes at once and is what a starting service does; all else stays so
        if state != "refused" or time.monotonic() > deadline or not (running and running.running):
            return state


@scenario.check("first-order")
def first_order(lab: Lab) -> Verdict:
    """An order went through the gateway and arrived in the payment database."""
    if problem := missing(lab) or lost_cards(lab):
        return problem
    paid = query(lab, "SELECT via FROM payments ORDER BY id")
    if "gateway" in paid:
        return passed(f"{paid.count('gateway')} paid in payment-db, ordered through the gateway.")
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


@scenario.check("two-addresses")
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
    text = note(lab, "/notes/order", "each network of order-service with the address on it")
    if isinstance(text, Verdict):
        return text
    if any("".join(pair) in text for pair in permutations(networks.values(), 2)):
        return not_yet(
            "Two addresses are glued together in the note: nothing stands between them.",
            expected="each address by itself, with the name of its network",
            seen=text.strip(),
            look="docker inspect order-service",
        )
    found = set(ADDRESS.findall(text))
    for name, address in networks.items():
        if address not in found or name not in text:
            return not_yet(
                f"The note does not tell which address order-service has on {name}.",
                expected=f"{name} and {address}",
                seen=" ".join(text.split()),
                look="docker exec gateway cat /notes/order",
            )
    return passed(f"{len(networks)} networks, {len(networks)} addresses, each with its network.")


@scenario.check("intruder")
def intruder(lab: Lab) -> Verdict:
    """Every card is in the loot, and it came over the network from user-service."""
    if problem := missing(lab, ("user-service", "payment-db")) or lost_cards(lab):
        return problem
    cards = query(lab, "SELECT number FROM cards")
    loot = lab.file("user-service", "/tmp/loot")  # noqa: S108  a path in a container
    if loot is None:
        return no_loot(lab)
    digits = re.sub(r"\D", "", loot)
    taken = [card for card in cards if card.replace(" ", "") in digits]
    if len(taken) < len(cards):
        return not_yet(
            f"{len(taken)} of {len(cards)} card numbers are in the loot.",
            expected="the numbers of all cards in the table cards",
            seen=(loot.strip().splitlines() or ["an empty file: nothing came, or only errors"])[0],
            look="docker exec user-service cat /tmp/loot",
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
    places = [n for n in elsewhere if lab.file(n, "/tmp/loot") is not None]  # noqa: S108
    where = f"it is in {places[0]}" if places else "there is no such file in any container"
    return not_yet(
        f"No /tmp/loot in user-service: {where}.",
        expected="/tmp/loot in user-service, where the intruder sits",
        seen=where,
        look="docker exec user-service ls -l /tmp",
    )


@scenario.check("stopwatch")
def stopwatch(lab: Lab) -> Verdict:
    """At least three orders were timed, all of them real ones."""
    if problem := missing(lab):
        return problem
    found = samples(lab, "/notes/before")
    if isinstance(found, Verdict):
        return found
    return passed(f"The best of {len(found)} orders took {min(found) * 1000:.1f} ms. Keep that.")


def samples(lab: Lab, path: str) -> list[float] | Verdict:
    """Seconds of each order in a note, or why the note proves nothing."""
    text = note(lab, path, "a line such as `200 0.0123` for each order")
    if isinstance(text, Verdict):
        return text
    lines = list(SAMPLE.finditer(text))
    failed = [line["status"] for line in lines if line["status"] != "200"]
    paid = query(lab, "SELECT count(*) FROM payments WHERE via = 'gateway'")
    problem = ""
    if not lines:
        problem = "The note has no line with a status and a time."
    elif failed:
        problem = (
            f"{len(failed)} of {len(lines)} were not orders but failures "
            f"(status {failed[0]}): how fast something fails says nothing."
        )
    elif len(lines) < RUNS:
        problem = f"{len(lines)} measured, at least {RUNS} needed: one run proves nothing."
    elif int((paid or ["0"])[0]) < len(lines):
        problem = "More times in the note than orders paid through the gateway: time real orders."
    if problem:
        return not_yet(
            problem,
            expected=f"at least {RUNS} lines, each `200` and the seconds that an order took",
            seen=" / ".join(text.split("\n")[:4]).strip(" /"),
            look=f"docker exec gateway cat {path}",
        )
    return [float(line["seconds"].replace(",", ".")) for line in lines]
