"""A registry that others may push to as well: what a name, a digest and a signature are worth.

``registry`` is published on the host's loopback only, where Docker asks for no TLS. ``desk`` has
cosign and the notes; ``others`` is everybody else who may push: a colleague, the makers of the
base, and a stranger. What the stranger writes and which of four offers is good differ in each lab.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from labrunner import Container, Image, Limits, Network, Port, Ready, Scenario

from .digests import moved, pin, rebuild
from .facts import HUB, INVENTORY, OWN, on_engine, word
from .names import latest, push, update
from .signatures import gate, plan, sign

if TYPE_CHECKING:
    from labrunner import Lab

PLANT = f"""
printf '%s\\n' "$1" > /srv/word
printf '%s\\n' "$2" > /srv/plan
printf '%s\\n' "$3" > {INVENTORY}
"""


def stock(lab: Lab) -> None:
    """The base is in the registry, the old one as stable; the others know what to do."""
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(tell, lab)
        fill(lab)
        told.result()


def tell(lab: Lab) -> None:
    """What the others will write and offer; and what the lab's own images are made of."""
    inventory = json.dumps({name: on_engine(lab, name) for name in OWN})
    words = [word(lab), " ".join(plan(lab)), inventory]
    lab.exec("others", ["sh", "-c", PLANT, "sh", *words])


def fill(lab: Lab) -> None:
    """Push both bases; of the new one, no trace stays on the engine but base:2."""
    api = lab.client.api
    for image, tag in (("base:1", "stable"), ("base:2", "2")):
        api.tag(image, f"{HUB}/base", tag)
        for line in api.push(f"{HUB}/base", tag, stream=True, decode=True):
            if "error" in line:
                raise RuntimeError(line["error"])
    api.remove_image(f"{HUB}/base:2")


scenario = Scenario(
    name="trusted-images",
    networks=(Network("front"),),
    images=(
        Image("registry:2.8", "images/registry"),
        Image("desk:1", "images/desk"),
        Image("base:1", "images/base-1"),
        Image("base:2", "images/base-2"),
        Image("menu:1", "images/menu-1"),
        Image("menu:2", "images/menu-2"),
    ),
    containers=(
        Container(
            "registry", "registry:2.8", ("front",), ports=(Port(5000, 5000),), ready=Ready(5000)
        ),
        Container("desk", "desk:1", ("front",)),
        Container("others", "desk:1", ("front",)),
    ),
    # the host's port 5000 is often taken elsewhere, and the images would stay in the engine
    hosts=("sandbox",),
    limits=Limits(memory="1g", processes=1024, disk="256m"),
    setup=stock,
    checks={
        "push": push,
        "latest": latest,
        "update": update,
        "moved": moved,
        "pin": pin,
        "rebuild": rebuild,
        "sign": sign,
        "gate": gate,
    },
)
