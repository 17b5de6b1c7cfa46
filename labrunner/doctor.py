"""What works on this machine and what does not, found out by really trying."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from labrunner.errors import EngineError, LabError
from labrunner.model.event import Event, EventState, OnEvent, ignore_event
from labrunner.session import open_store
from labrunner.store import LabRecord, Store

if TYPE_CHECKING:
    import docker

State = Literal["fine", "warning", "broken", "fixed"]
NETWORK = "labrunner-doctor"


@dataclass(frozen=True)
class Finding:
    """One thing that was tried.

    Attributes:
        name: what was tried.
        state: fine; warning (labs run, something is missing); broken; fixed.
        detail: what was seen.
        fix: what to do about it, "" where nothing needs doing.
    """

    name: str
    state: State
    detail: str
    fix: str = ""


def examine(*, fix: bool = False, on_event: OnEvent = ignore_event) -> list[Finding]:
    """Try everything a lab needs, one after another; repair what can be repaired.

    Args:
        fix: start a stopped engine, build missing images, remove what killed runs left.
        on_event: told what is being tried.
    """
    findings: list[Finding] = []

    def tried(name: str, probe: Callable[[], Finding]) -> Finding:
        on_event(Event("try", name, "started"))
        try:
            found = probe()
        except LabError as error:
            found = Finding(name, "broken", error.message, error.hint)
        ended: EventState = "failed" if found.state == "broken" else "done"
        on_event(Event("try", name, ended, found.state))
        findings.append(found)
        return found

    store: Store | None = None

    def try_store() -> Finding:
        nonlocal store
        store = open_store()
        return Finding("store", "fine", str(store.path))

    outer: docker.DockerClient | None = None

    def try_engine() -> Finding:
        nonlocal outer
        outer, finding = _engine(fix=fix)
        return finding

    tried("store", try_store)
    tried("docker command", _client_program)
    tried("engine", try_engine)
    if outer is None:
        return findings
    engine = outer
    tried("images", lambda: _images(engine, fix=fix, on_event=on_event))
    tried("local host", lambda: _local(engine))
    for finding in _sandbox(engine, on_event):
        tried(finding.name, lambda finding=finding: finding)  # type: ignore[misc]
    if store is not None:
        known = store
        tried("leftovers", lambda: _leftovers(engine, known, fix=fix, on_event=on_event))
    return findings


def _client_program() -> Finding:
    path = shutil.which("docker")
    if path:
        return Finding("docker command", "fine", path)
    return Finding(
        "docker command", "warning", "not on this machine; lab shell brings the sandbox's own"
    )


def _engine(*, fix: bool) -> tuple[docker.DockerClient, Finding]:
    from labrunner.engine import client, service

    address = client.engine_address()
    state: State = "fine"
    how = ""
    try:
        outer = client.connect()
    except LabError:
        if not fix:
            raise
        how = f"; {service.start()}"
        outer = client.connect()
        state = "fixed"
    with client.engine_errors("asking the engine what it is"):
        info = outer.api.info()
    detail = (
        f"{info['ServerVersion']} at {address}, {info['NCPU']} cores, "
        f"{info['MemTotal'] / 2**30:.1f} GiB, cgroup v{info.get('CgroupVersion', '1')}{how}"
    )
    return outer, Finding("engine", state, detail)


def _images(outer: docker.DockerClient, *, fix: bool, on_event: OnEvent) -> Finding:
    from labrunner import plugins
    from labrunner.engine import hosts, images, stock

    users = {s.name: hosts.image_folders(s) for s in plugins.discover().scenarios}
    rows = stock.list_images(outer, users)
    missing = [row.name for row in rows if row.state == "missing"]
    if not missing:
        wanted = sum(row.state == "present" for row in rows)
        return Finding("images", "fine", f"all {wanted} are there")
    if fix:
        images.ensure_all(outer, [images.KNOWN, *users.values()], on_event=on_event)
        return Finding("images", "fixed", f"built {', '.join(missing)}")
    return Finding(
        "images",
        "warning",
        f"not built yet: {', '.join(missing)}; the first start takes longer",
        "lab images build, or lab doctor --fix",
    )


def _local(outer: docker.DockerClient) -> Finding:
    """A network is made and removed again: the commonest thing that an engine cannot do."""
    from labrunner.engine import client
    from labrunner.engine.addresses import create_network, free_subnets

    with client.engine_errors("making a network"):
        # another doctor may be at it: a name of our own
        name = f"{NETWORK}-{secrets.token_hex(3)}"
        outer.api.remove_network(create_network(outer, name, free_subnets(outer, 1)[0]))
    return Finding("local host", "fine", "possible: your engine as it is, with labels and a ledger")


def _sandbox(outer: docker.DockerClient, on_event: OnEvent) -> list[Finding]:
    """Start a throw-away sandbox; each thing that was tried becomes a finding."""
    from labrunner.engine import images, sandbox

    try:
        host_image = images.host_image(outer, on_event=on_event)
        return [
            Finding(
                f"sandbox: {d.name}" if d.name != "sandbox" else d.name,
                "fine" if d.ok else "broken",
                d.detail,
                d.hint,
            )
            for d in sandbox.diagnose(outer, host_image)
        ]
    except LabError as error:
        return [Finding("sandbox", "broken", error.message, error.hint)]


def _leftovers(
    outer: docker.DockerClient, store: Store, *, fix: bool, on_event: OnEvent
) -> Finding:
    """What killed runs left: ours is removed, what other people's labs have is only named."""
    from labrunner import lab as labs
    from labrunner.engine import outer_box, running, template

    current = {record.id: record for record in store.labs()}
    there = running.labelled(outer)
    dead = [r for r in current.values() if _is_dead(r, there)]
    ours = sorted((store.known_ids() & there.keys()) - current.keys())
    foreign = sorted(there.keys() - store.known_ids())
    others = f"; not ours, left alone: {', '.join(foreign)}" if foreign else ""
    stillborn = template.stillborn(outer)
    if not dead and not ours and not stillborn:
        return Finding("leftovers", "fine", f"none{others}")
    names = ", ".join([*(r.id for r in dead), *ours, *stillborn])
    if not fix:
        return Finding("leftovers", "warning", f"{names}{others}", "lab doctor --fix removes them")
    for record in dead:
        labs.bury(store, record, outer, on_event=on_event)
    for lab_id in ours:
        running.clear_labelled(outer, lab_id, on_event=on_event)
    for name in stillborn:
        outer_box.remove(outer, name)
    return Finding("leftovers", "fixed", f"removed {names}{others}")


def _is_dead(record: LabRecord, there: Mapping[str, object]) -> bool:
    """Whether a lab can never be worked in again.

    A start that was killed; a lab that this engine should have and has not; or one whose own
    engine does not answer. If that engine comes back with things of the lab, they are found
    then, since the store knows the lab's id for ever.
    """
    from labrunner.engine import client

    if record.state == "starting":
        return True
    if record.id in there:
        return False
    if record.engine == client.engine_address():
        return True
    try:
        client.connect(record.engine, timeout=5).close()
    except EngineError:
        return True
    return False
