"""The lifecycle of a lab: start, find again, reset, stop. Emits events, never prints."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.errors import LabError, ScenarioError, UsageError, place
from labrunner.model.event import Event, OnEvent, ignore_event
from labrunner.model.lesson import Lesson
from labrunner.model.scenario import Scenario
from labrunner.model.topology import HostKind, Limits
from labrunner.places import runtime_folder, state_folder
from labrunner.session import OpenLab, find_step, lesson_of, locked
from labrunner.store import LabRecord, Store

if TYPE_CHECKING:
    import docker


@dataclass(frozen=True)
class StartOptions:
    """How a lab is started.

    Attributes:
        host: sandbox or local; ``None``: the environment's or the scenario's choice.
        language: language of the lesson.
        at: id of the step to begin at; the steps before it are solved for the learner.
        limits: replaces the scenario's limits of a sandbox.
        seed: what everything random comes from; ``None``: drawn.
    """

    host: str | None = None
    language: str = "en"
    at: str | None = None
    limits: Limits | None = None
    seed: int | None = None


def is_gone(record: LabRecord) -> bool:
    """Whether nothing of a lab runs any more: a reboot, or somebody removed it.

    Raises:
        EngineError: the engine does not answer, so nothing can be said.
    """
    from labrunner.engine import client, running

    return not running.is_there(client.connect(record.engine), record.id)


def forget(store: Store, record: LabRecord) -> None:
    """A lab is gone: say so in the store, and remove its private folder."""
    store.removed(record.id)
    store.set_state(record.id, "gone")
    shutil.rmtree(record.folder, ignore_errors=True)


# --- starting -----------------------------------------------------------------------------


def start(
    store: Store, name: str, options: StartOptions, *, on_event: OnEvent = ignore_event
) -> OpenLab:
    """Start a lab: from nothing to every container ready, at its first step.

    Raises:
        UsageError: unknown scenario, step or host, or the lab runs already.
        LabError: something failed; what the start had made is removed again.
    """
    from labrunner import plugins

    with locked(plugins.find(name).name):
        lab = _make(store, name, options, on_event)
    _announce(lab, on_event)
    return lab


def _make(store: Store, name: str, options: StartOptions, on_event: OnEvent) -> OpenLab:
    """Make a lab that runs at a step; its scenario's lock is held."""
    from labrunner import plugins
    from labrunner.engine import client, hosts

    scenario = plugins.find(name)
    lesson = lesson_of(scenario, options.language)
    at = find_step(lesson, options.at) if options.at else lesson.steps[0]
    kind = hosts.choose(scenario, options.host)
    _refuse_second(store, scenario.name, on_event)
    ahead = hosts.look_ahead(kind)
    record = _new_record(scenario, kind, lesson, options)
    outer = client.connect(record.engine)
    store.add_lab(record)
    with undone_on_failure(store, record, on_event):
        # what may be there is of a lab that died: we hold the lock of this one
        shutil.rmtree(record.folder, ignore_errors=True)
        record.folder.mkdir(mode=0o700, parents=True)
        host = hosts.bring_up(
            outer,
            scenario,
            kind,
            lab_id=record.id,
            folder=record.folder,
            limits=options.limits or scenario.limits,
            intend=partial(store.intend, record.id),
            ahead=ahead,
            on_event=on_event,
        )
        lab = OpenLab(store, record, scenario, host)
        _set_up(lab, on_event)
        lab.write_prompt()
        if at is not lesson.steps[0]:
            from labrunner.steps import replay

            replay(lab, at, on_event=on_event)
        store.set_state(record.id, "running")
    return lab


def _announce(lab: OpenLab, on_event: OnEvent) -> None:
    """Tell plugins of a lab that runs; they may use it, so nobody holds it any more."""
    from labrunner import plugins

    if plugins.has_listeners("labrunner_lab_started"):
        _notify(on_event, "labrunner_lab_started", lab=lab.view)


def _set_up(lab: OpenLab, on_event: OnEvent) -> None:
    """Let the scenario do what data cannot say; whatever it raises names the scenario."""
    setup = lab.scenario.setup
    if setup is None:
        return
    on_event(Event("setup", lab.scenario.name, "started"))
    try:
        setup(lab.view)
    except LabError:
        raise
    except Exception as error:
        raise ScenarioError(
            f"the setup of {lab.scenario.name} failed: {error!r}", where=place(error)
        ) from error
    on_event(Event("setup", lab.scenario.name, "done"))


def _refuse_second(store: Store, name: str, on_event: OnEvent) -> None:
    """One lab a scenario: a second is refused, unless the engine has lost the first."""
    for record in store.labs(scenario=name):
        # we hold the lock, so whoever was starting it is dead
        if record.state != "starting" and not is_gone(record):
            raise UsageError(
                f"{name} is already running",
                f"lab status shows where you are; lab reset makes it anew; lab stop {name} ends it",
            )
        _remove(store, record, on_event=on_event)
        on_event(Event("remove", record.id, "note", "an earlier lab had died; its rest is gone"))


def _new_record(
    scenario: Scenario, kind: HostKind, lesson: Lesson, options: StartOptions
) -> LabRecord:
    from labrunner import plugins
    from labrunner.engine.client import engine_address

    lab_id = f"{scenario.name}-{secrets.token_hex(3)}"
    return LabRecord(
        id=lab_id,
        scenario=scenario.name,
        host=kind,
        engine=engine_address(),
        folder=_private_folder(scenario.name),
        seed=options.seed if options.seed is not None else secrets.randbelow(2**31),
        language=options.language,
        step=lesson.steps[0].id,
        farewell=(kind == "local" and scenario.teardown is not None)
        or plugins.has_listeners("labrunner_lab_stopping"),
        state="starting",
        created=time.time(),
    )


def _private_folder(name: str) -> Path:
    """Where a lab's socket is: the same after a reset, so that an open shell stays in the lab."""
    mine = zlib.crc32(os.fsencode(state_folder())) & 0xFFFFFF
    return runtime_folder() / f"{name}-{mine:06x}"


@contextmanager
def undone_on_failure(store: Store, record: LabRecord, on_event: OnEvent) -> Iterator[None]:
    """Whatever ends the block early, also an interrupt: what it made is removed."""
    try:
        yield
    except BaseException as error:
        on_event(Event("remove", record.id, "started", "removing what the start had made"))
        try:
            # over a connection of its own: an interrupt may have cut an answer in two
            _remove(store, record, on_event=on_event)
        except LabError as second:
            on_event(Event("remove", record.id, "failed", second.message))
            if isinstance(error, LabError):
                error.hint = f"{error.hint}; then lab doctor --fix".removeprefix("; ")
            else:
                on_event(Event("remove", record.id, "note", "lab doctor --fix removes the rest"))
        else:
            on_event(Event("remove", record.id, "done", "nothing is left of it"))
        raise


# --- stopping -----------------------------------------------------------------------------


def stop(store: Store, record: LabRecord, *, on_event: OnEvent = ignore_event) -> None:
    """End a lab and remove everything of it, also where its plugin is gone."""
    with locked(record.scenario):
        _end(store, record, on_event)


def _end(store: Store, record: LabRecord, on_event: OnEvent) -> None:
    """End a lab; its scenario's lock is held."""
    try:
        _teardown_hook(store, record, on_event)
        _remove(store, record, on_event=on_event)
    except BaseException:
        # also an interrupt: what is left is still in the ledger
        if record.id in {lab.id for lab in store.labs()}:
            again = shlex.join(["lab", "stop", record.scenario])
            on_event(Event("command", again, "note", "removes what is left"))
        raise


def bury(
    store: Store, record: LabRecord, outer: docker.DockerClient, *, on_event: OnEvent = ignore_event
) -> None:
    """Remove what is left on an engine of a lab that died, and forget it.

    The engine is given: the one that it was started on may have died with it.
    """
    with locked(record.scenario):
        _remove(store, record, outer=outer, on_event=on_event)


def _teardown_hook(store: Store, record: LabRecord, on_event: OnEvent) -> None:
    """Let the scenario and observers act before a lab goes; neither can keep it from going."""
    if record.state != "running" or not record.farewell:
        return
    from labrunner import plugins

    try:
        scenario = plugins.find(record.scenario)
        lab = OpenLab(store, record, scenario)
        if record.host == "local" and scenario.teardown is not None:
            scenario.teardown(lab.view)
    except Exception as error:  # noqa: BLE001  a broken plugin must not keep its lab alive
        on_event(Event("remove", record.scenario, "note", f"its teardown failed: {error}"))
        return
    _notify(on_event, "labrunner_lab_stopping", lab=lab.view)


def _remove(
    store: Store,
    record: LabRecord,
    *,
    outer: docker.DockerClient | None = None,
    on_event: OnEvent,
) -> None:
    from labrunner.engine import client, running
    from labrunner.engine.clearing import TAG, Made

    @cache
    def engine() -> docker.DockerClient:
        return outer or client.connect(record.engine)

    def take_down(entries: set[tuple[str, str]]) -> None:
        made = Made(record.id, sorted(entries), since=record.created)
        address = "" if outer else record.engine
        running.take_down(engine, record.host, made, address=address, on_event=on_event)

    def names_of_others() -> set[tuple[str, str]]:
        return {
            (TAG, entry.name)
            for other in store.labs()
            if other.id != record.id and other.engine == record.engine
            for entry in store.ledger(other.id)
            if entry.kind == TAG
        }

    entries = {(entry.kind, entry.name) for entry in store.ledger(record.id)}
    # a name that another lab of ours counts on goes with that one
    left = entries & names_of_others()
    take_down(entries - left)
    forget(store, record)
    # it may have ended at the same time, and have left the name to us
    if late := left - names_of_others():
        take_down(late)


def reset(
    store: Store,
    record: LabRecord,
    *,
    keep_step: bool,
    on_event: OnEvent = ignore_event,
) -> OpenLab:
    """Make a lab anew, with the same seed.

    Args:
        store: the store.
        record: the lab.
        keep_step: come back to the start of the current step instead of the first; to that of
            the last where every step is done.
        on_event: told what happens.
    """
    at = (record.step or _last_step(record)) if keep_step else None
    options = StartOptions(
        host=record.host, language=record.language, at=at or None, seed=record.seed
    )
    with locked(record.scenario):
        try:
            _end(store, record, on_event)
            lab = _make(store, record.scenario, options, on_event)
        except BaseException:
            # also an interrupt: the lab is over, and only we know where its learner was
            if record.id not in {lab.id for lab in store.labs()}:
                way = _again(record, options)
                on_event(Event("command", way, "note", "brings you back there"))
            raise
    _announce(lab, on_event)
    return lab


def _last_step(record: LabRecord) -> str:
    """Where somebody is who has done every step: the start of the last one is the nearest."""
    from labrunner import plugins

    return lesson_of(plugins.find(record.scenario), record.language).steps[-1].id


def _again(record: LabRecord, options: StartOptions) -> str:
    """What starts a lab like one that is over, at the same place."""
    words = ["lab", "start", record.scenario]
    if options.at:
        words += ["--at", options.at]
    if options.host == "local":
        words += ["--host", "local"]
    if options.language != StartOptions.language:
        words += ["--lang", options.language]
    return shlex.join(words)


def _notify(on_event: OnEvent, hook: str, **arguments: object) -> None:
    """Call a hook of every plugin; a plugin that fails is reported and no more."""
    from labrunner import plugins

    for problem in plugins.notify(hook, **arguments):
        on_event(Event("plugin", problem.source, "note", problem.message))
