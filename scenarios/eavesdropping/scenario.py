"""A database, an app that asks it every second, and neighbours that would like to listen.

One network, PostgreSQL without TLS, a password and rows that differ in every lab.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Container, Image, Network, Owned, Ready, Scenario

from .facts import PORT, password, visits
from .listening import scram, spoof, switch
from .trust import encrypt, secret, verify
from .walls import address, caps, segment

if TYPE_CHECKING:
    from labrunner import Lab

APP = "clinic/app:1"
NO_CONNECTION = 2
"""The exit code of psql where it cannot connect."""


def fill_database(lab: Lab) -> None:
    """Give db the rows and the password of this lab."""
    rows = ", ".join(f"('{who}', '{why}')" for who, why in visits(lab).items())
    for statement in (
        f"INSERT INTO visits VALUES {rows}",  # noqa: S608  words of our own
        f"ALTER ROLE desk PASSWORD '{password(lab)}'",
    ):
        # its port accepts a moment before it lets anybody in
        result = lab.exec("db", ["psql", "-q", "-c", statement], not_ready=NO_CONNECTION)
        if result.code != 0:
            raise RuntimeError(f"db took no rows: {result.err.strip()}")


def start_app(lab: Lab) -> None:
    """Start the app as people do, with its password in a variable.

    It is no part of the topology, because that is data, and this password is drawn.
    """
    lab.client.containers.run(
        APP,
        name="app",
        detach=True,
        network="clinic",
        environment={"PGPASSWORD": password(lab)},
    )


def set_up(lab: Lab) -> None:
    """First the rows, then who asks for them."""
    fill_database(lab)
    start_app(lab)


scenario = Scenario(
    name="eavesdropping",
    networks=(Network("clinic"),),
    images=(
        Image("clinic/db:1", "images/db"),
        Image(APP, "images/app"),
        Image("neighbour:1", "images/neighbour"),
    ),
    containers=(
        Container("db", "clinic/db:1", ("clinic",), ready=Ready(PORT)),
        Container("neighbour", "neighbour:1", ("clinic",)),
    ),
    # forged packets stay on the lab's own bridges, but that was tried in a sandbox only
    hosts=("sandbox",),
    owns=Owned(
        containers=("app", "neighbour", "thief", "visitor", "insider", "old-db"),
        networks=("data",),
        volumes=("trust", "secret"),
    ),
    setup=set_up,
    checks={
        "switch": switch,
        "spoof": spoof,
        "scram": scram,
        "address": address,
        "caps": caps,
        "segment": segment,
        "encrypt": encrypt,
        "verify": verify,
        "secret": secret,
    },
)
