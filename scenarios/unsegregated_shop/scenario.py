"""A small shop whose five services share one network, until the learner takes it apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner import Container, Image, Network, Owned, Ready, Scenario

from . import open_shop, walls
from .facts import NO_CONNECTION, OLD, PORTS

if TYPE_CHECKING:
    from labrunner import Lab

ENVIRONMENT = {"DATABASE_URL": "postgresql://shop@payment-db/shop"}
"""What user-service and payment-service both get: this shop has one env file for all."""

SURNAMES = ("Abara", "Berg", "Costa", "Duval", "Eriksen", "Fontes", "Grau", "Haddad", "Ito")


def at_start(name: str, image: str, env: dict[str, str] | None = None) -> Container:
    """A service of the shop as the lab starts it: on the one network, ready when it listens."""
    return Container(name, image, (OLD,), env=env or {}, ready=Ready(PORTS[name]))


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
        at_start("gateway", "shop/gateway:1"),
        at_start("user-service", "shop/user:1", ENVIRONMENT),
        at_start("payment-service", "shop/payment:1", ENVIRONMENT),
        at_start("payment-db", "shop/db:1"),
    ),
    # their checks compare times of before the split with those of after it
    alone=("stopwatch", "proof"),
    owns=Owned(
        containers=("order-service", "stranger", "hermit"),
        networks=("front", "people", "pay", "data"),
    ),
)


def fill_database(lab: Lab) -> None:
    """Give each customer a card: others in each lab, the same again after a reset."""
    chance = lab.random("cards")
    customers = Path(__file__).parent / "images" / "user" / "customers.json"
    rows = []
    for customer in json.loads(customers.read_text(encoding="utf-8")):
        # no bank issues cards that begin with 9990
        digits = "9990" + "".join(chance.choices("0123456789", k=12))
        number = " ".join(digits[i : i + 4] for i in range(0, 16, 4))
        holder = f"{customer['name']} {chance.choice(SURNAMES)}"
        expires = f"{chance.randint(1, 12):02}/{chance.randint(30, 34)}"
        rows.append(f"({customer['id']}, '{holder}', '{number}', '{expires}')")
    statement = f"INSERT INTO cards VALUES {', '.join(rows)}"  # noqa: S608  words of our own
    # its port accepts a moment before it lets anybody in
    result = lab.exec("payment-db", ["psql", "-q", "-c", statement], not_ready=NO_CONNECTION)
    if result.code != 0:
        raise RuntimeError(f"payment-db took no cards: {result.err.strip()}")


scenario.setup = fill_database

scenario.check("look-around")(open_shop.look_around)
scenario.check("add-order")(open_shop.add_order)
scenario.check("first-order")(open_shop.first_order)
scenario.check("two-addresses")(open_shop.two_addresses)
scenario.check("intruder")(open_shop.intruder)
scenario.check("stopwatch")(open_shop.stopwatch)
scenario.check("pairs")(walls.pairs)
scenario.check("empty")(walls.emptied)
scenario.check("proof")(walls.proof)
