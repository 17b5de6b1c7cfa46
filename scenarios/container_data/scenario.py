"""Where data of containers lies, who may write it, and what brings it back.

A bicycle workshop: ``db`` knows the codes of its customers' locks, ``desk`` has the backups,
``diary`` keeps its pages where they will be lost, and ``till`` was started with a slip in a
path. Steps write into folders of the host and prune volumes, so that this lab runs in a
sandbox only.
"""

from __future__ import annotations

from labrunner import Container, Image, Limits, Network, Ready, Scenario

from . import facts
from .backups import encrypted, restored, stopped
from .folders import owner, read_only, typo
from .setting import prepare
from .volumes import layer, leftovers

WAIT = ("sleep", "infinity")

scenario = Scenario(
    name="container-data",
    networks=(Network("shop"),),
    images=(Image(facts.IMAGE, "images/db"),),
    containers=(
        Container("db", facts.IMAGE, ("shop",), ready=Ready(5432), volumes={"bikes": facts.PGDATA}),
        Container(
            "desk",
            facts.IMAGE,
            ("shop",),
            WAIT,
            volumes={"backups": "/backups", "offsite": "/offsite", "keys": "/keys"},
        ),
        Container("diary", facts.TOOLS, ("shop",), WAIT),
    ),
    # prune asks for nobody's leave, and bind mounts write into the host's folders
    hosts=("sandbox",),
    limits=Limits(memory="1g", processes=1024, disk="512m"),
    setup=prepare,
    checks={
        "layer": layer,
        "leftovers": leftovers,
        "typo": typo,
        "read-only": read_only,
        "owner": owner,
        "stopped": stopped,
        "restored": restored,
        "encrypted": encrypted,
    },
)
