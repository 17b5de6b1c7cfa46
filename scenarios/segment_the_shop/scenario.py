"""A shop of seven services, fully open and with too many rights; the learner segments it.

Any design is right that keeps the shop working and leaves open no more than it must.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner import Container, Image, Network, Port, Ready, Scenario

from .facts import DESK, PORTS, SHOP
from .steps import cost, cut, handover, least, middle, outside, survey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labrunner import Lab

OTHER_SHOP = "../unsegregated_shop/images"
"""Most services are those of the smaller shop: the same images, built once for both."""

DATABASE = {"DATABASE_URL": "postgresql://shop@payment-db/shop"}
ANYWHERE = "0.0.0.0"  # noqa: S104  what the learner is to mend

NO_CONNECTION = 2
"""The exit code of psql where it cannot connect."""

SURNAMES = ("Abara", "Berg", "Costa", "Duval", "Eriksen", "Fontes", "Grau", "Haddad", "Ito")


def careless(
    name: str,
    image: str,
    *,
    ports: tuple[Port, ...] = (),
    env: Mapping[str, str] | None = None,
    volumes: Mapping[str, str] | None = None,
    user: str | None = "root",
) -> Container:
    """A service as somebody in a hurry starts it: on the one network, with every right."""
    return Container(
        name,
        image,
        (SHOP,),
        ports=ports,
        env=env or {},
        volumes=volumes or {},
        user=user,
        cap_add=("NET_ADMIN", "SYS_PTRACE"),
        ready=Ready(PORTS[name]),
    )


def fill_database(lab: Lab) -> None:
    """Give each customer a card: others in each lab, the same again after a reset."""
    chance = lab.random("cards")
    folder = Path(__file__).parent / OTHER_SHOP / "user"
    rows = []
    for customer in json.loads((folder / "customers.json").read_text(encoding="utf-8")):
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


scenario = Scenario(
    name="segment-the-shop",
    networks=(Network(SHOP),),
    images=(
        Image("shop/stack:1", f"{OTHER_SHOP}/stack"),
        Image("shop/gateway:1", f"{OTHER_SHOP}/gateway"),
        Image("shop/user:1", f"{OTHER_SHOP}/user"),
        Image("shop/payment:1", f"{OTHER_SHOP}/payment"),
        Image("shop/db:1", f"{OTHER_SHOP}/db"),
        Image("shop/order:2", "images/order"),
        Image("shop/stock:1", "images/stock"),
        Image("shop/report:1", "images/report"),
    ),
    containers=(
        careless("gateway", "shop/gateway:1", ports=(Port(80, 8080, ANYWHERE),)),
        careless("order-service", "shop/order:2"),
        careless("user-service", "shop/user:1", env=DATABASE),
        careless("stock-service", "shop/stock:1"),
        careless("payment-service", "shop/payment:1", env=DATABASE),
        careless(
            "report-service", "shop/report:1", env=DATABASE, ports=(Port(8000, 8090, ANYWHERE),)
        ),
        careless(
            "payment-db",
            "shop/db:1",
            ports=(Port(5432, 5432, ANYWHERE),),
            volumes={"cards": "/var/lib/postgresql/data"},
            user=None,
        ),
        Container(DESK, "tools:1", (), ("sleep", "infinity")),
    ),
    # ports on every address of the host, and more rights than one lends on a shared machine
    hosts=("sandbox",),
    setup=fill_database,
    checks={
        "survey": survey,
        "cut": cut,
        "cost": cost,
        "outside": outside,
        "middle": middle,
        "least": least,
        "handover": handover,
    },
)
