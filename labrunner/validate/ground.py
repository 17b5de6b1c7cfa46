"""An engine of our own, on which `local` labs can be tried without touching the machine's."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from labrunner import lab as labs
from labrunner.model.topology import Limits
from labrunner.places import runtime_folder
from labrunner.session import open_store
from labrunner.store import LabRecord


@contextmanager
def own_engine(names: Sequence[str]) -> Iterator[None]:
    """An engine that nobody else uses, which is the one that ``docker`` means in the block."""
    with engine_for(names) as address, meant(address):
        yield


@contextmanager
def engine_for(names: Sequence[str]) -> Iterator[str]:
    """An engine that nobody else uses, on which `local` labs of these scenarios can run.

    It is that of a sandbox, so that the machine's own is not touched; the value is its address.
    """
    from labrunner import plugins
    from labrunner.engine import client, hosts, images, sandbox

    outer = client.connect()
    references = {images.host_image(outer)}
    for name in names:
        wanted = hosts.image_folders(plugins.find(name))
        references.update(images.ensure(outer, wanted).values())
    lab_id = f"validate-{secrets.token_hex(3)}"
    folder = runtime_folder() / lab_id
    store = open_store()
    record = LabRecord(
        id=lab_id,
        scenario=lab_id,
        host="sandbox",
        engine=client.engine_address(),
        folder=folder,
        seed=0,
        language="en",
        step="",
        farewell=False,
        state="starting",
        created=time.time(),
    )
    store.add_lab(record)
    try:
        folder.mkdir(mode=0o700)
        spec = sandbox.SandboxSpec(
            lab_id=lab_id,
            hostname="lab-host",
            limits=Limits(),
            images={reference: reference for reference in references},
            internet=False,
            folder=folder,
        )
        host = sandbox.create(outer, spec, host_image=images.host_image(outer))
        yield host.docker_host
    finally:
        labs.bury(store, record, outer)
        store.close()


@contextmanager
def meant(address: str) -> Iterator[None]:
    """The engine at this address is the one that ``docker`` means in the block."""
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = address
    try:
        yield
    finally:
        if before is None:
            del os.environ["DOCKER_HOST"]
        else:
            os.environ["DOCKER_HOST"] = before
