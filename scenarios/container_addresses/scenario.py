"""How a container's address is found, why it may be two or none, and why names are better.

A baker sells bread on the network ``town``. ``customer`` lives there too, ``sailor`` on the
network ``harbour``. Three more containers have no address, each for another reason: which has
which differs from lab to lab.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from labrunner import Container, Image, Network, Owned, Ready, Scenario

from .addresses import one_address, two_addresses
from .facts import HOUSES, IMAGE, PORT, house_of
from .identity import by_name, taken
from .nowhere import no_address

if TYPE_CHECKING:
    from labrunner import Lab

HOW: dict[str, dict[str, Any]] = {
    "host": {"network_mode": "host"},
    "none": {"network_mode": "none"},
    "stopped": {"network": "town", "command": ["true"]},
}
"""By the reason for having no address: how such a container is run."""


def build_houses(lab: Lab) -> None:
    """Three containers without an address, all at once; chance says which is which."""
    with ThreadPoolExecutor(len(HOW)) as pool:
        jobs = [pool.submit(build_house, lab, reason) for reason in HOW]
        for job in jobs:
            job.result()


def build_house(lab: Lab, reason: str) -> None:
    """One container that has no address for this reason."""
    lab.client.containers.run(IMAGE, name=house_of(lab, reason), detach=True, **HOW[reason])


scenario = Scenario(
    name="container-addresses",
    networks=(Network("town"), Network("harbour")),
    images=(Image(IMAGE, "images/market"),),
    containers=(
        Container("baker", IMAGE, ("town",), ("stall", "bread"), ready=Ready(PORT)),
        Container("customer", IMAGE, ("town",)),
        Container("sailor", IMAGE, ("harbour",)),
    ),
    owns=Owned(containers=(*HOUSES, "butcher", "cobbler"), networks=("plaza",)),
    setup=build_houses,
    checks={
        "one-address": one_address,
        "two-addresses": two_addresses,
        "no-address": no_address,
        "taken": taken,
        "by-name": by_name,
    },
)
