"""Images by content: built once, rebuilt only when something they are made of changes.

An image's reference is ``labrunner/<name>:<digest>``, the digest being over its Dockerfile,
its files, and whatever it starts from. So "is it there, and is it this one?" is one question,
and two scenarios (or two versions of one) never fight for a name.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.engine import base, context
from labrunner.engine.background import BEAT
from labrunner.engine.base import IMAGE_LABEL, INPUTS_LABEL
from labrunner.engine.client import engine_errors
from labrunner.errors import EngineError, ScenarioError
from labrunner.model import Event, OnEvent, ignore_event

if TYPE_CHECKING:
    import docker

PREFIX = "labrunner/"
AT_ONCE = 2
"""Builds that run side by side: more than two saturate two cores and slow each other."""

_FOLDER = Path(__file__).resolve().parent.parent / "images"
HOST_IMAGE = "host:1"
RUNNER_IMAGES: Mapping[str, Path] = {"tools:1": _FOLDER / "tools"}
"""Images that any scenario may use without bringing them."""

_KNOWN: Mapping[str, Path] = {HOST_IMAGE: _FOLDER / "host", **RUNNER_IMAGES}
_STEP = re.compile(r"^Step (\d+)/(\d+) : (.*)")
_BUILT = re.compile(r"^Successfully built ([0-9a-f]+)")
_TAIL = 12
_QUIET = 0.3


@dataclass(frozen=True)
class Build:
    """One image to be: its context, its reference, and the images below it.

    Attributes:
        name: as the learner types it.
        context: what it is made of.
        ref: its reference on the engine.
        inputs: hex digest that the reference is cut from.
        replace: what stands in its ``FROM`` lines, and the reference that takes its place.
        parents: names of other builds that it starts from.
    """

    name: str
    context: context.Context
    ref: str
    inputs: str
    replace: Mapping[str, str]
    parents: tuple[str, ...]


def ensure(
    client: docker.DockerClient,
    wanted: Mapping[str, Path],
    *,
    on_event: OnEvent = ignore_event,
) -> dict[str, str]:
    """Make sure that images exist on the engine, building what is missing.

    Args:
        client: the engine.
        wanted: learner's name → folder with a Dockerfile. A ``FROM`` may name the base
            (``${BASE}``), another image in here, or one of `RUNNER_IMAGES`.
        on_event: told what happens (``what="image"``); nothing where all are there.

    Returns:
        Learner's name → reference on the engine.

    Raises:
        ScenarioError: a folder has no Dockerfile, or images start from each other in a ring.
        EngineError: a build failed (with its last lines), or there is no base to be had.
    """
    builds = plan(wanted)
    missing = _missing(builds, wanted, _tags(client))
    if missing:
        base.ensure(client, on_event=on_event)
        _Builder(client, missing, on_event).run()
    return {name: builds[name].ref for name in wanted}


def host_image(client: docker.DockerClient, *, on_event: OnEvent = ignore_event) -> str:
    """The reference of the sandbox host's image, built first where it is missing."""
    return ensure(client, {HOST_IMAGE: _KNOWN[HOST_IMAGE]}, on_event=on_event)[HOST_IMAGE]


def rebuild(
    client: docker.DockerClient, wanted: Mapping[str, Path], *, on_event: OnEvent = ignore_event
) -> dict[str, str]:
    """Like `ensure`, but everything is made anew, the base too: for newer Debian packages."""
    builds = plan(wanted)
    base.make(client, on_event=on_event)
    _Builder(client, list(builds.values()), on_event, fresh=True).run()
    return {name: builds[name].ref for name in wanted}


def plan(wanted: Mapping[str, Path]) -> dict[str, Build]:
    """What would be built for these, parents first; touches no engine.

    Raises:
        ScenarioError: see `ensure`.
    """
    contexts: dict[str, context.Context] = {}
    folders = {**_KNOWN, **wanted}
    queue_of_names = list(wanted)
    while queue_of_names:
        name = queue_of_names.pop()
        if name not in contexts:
            contexts[name] = context.read(name, folders[name])
            queue_of_names += [p for p in contexts[name].parents if p in folders]
    graph = {n: [p for p in c.parents if p in contexts] for n, c in contexts.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        ring = " → ".join(error.args[1])
        raise ScenarioError(
            f"these images start from each other: {ring}", str(folders[error.args[1][0]])
        ) from error
    builds: dict[str, Build] = {}
    for name in order:
        builds[name] = _build_of(contexts[name], graph[name], builds)
    return builds


def _build_of(made_of: context.Context, parents: list[str], builds: Mapping[str, Build]) -> Build:
    replace = {parent: builds[parent].ref for parent in parents}
    replace |= {base.UPSTREAM: base.REF, "${BASE}": base.REF, "$BASE": base.REF}
    named = {image: replace.get(image, image) for image in made_of.parents}
    inputs = made_of.digest(named)
    repository = made_of.name.partition(":")[0].replace("/", "-")
    ref = f"{PREFIX}{repository}:{inputs[:12]}"
    return Build(made_of.name, made_of, ref, inputs, replace, tuple(parents))


def _missing(
    builds: Mapping[str, Build], wanted: Iterable[str], tags: frozenset[str]
) -> list[Build]:
    """Those wanted that the engine lacks, and what they need that it lacks; parents first."""
    needed: set[str] = set()
    open_names = list(wanted)
    while open_names:
        name = open_names.pop()
        if name not in needed and builds[name].ref not in tags:
            needed.add(name)
            open_names += builds[name].parents
    return [build for name, build in builds.items() if name in needed]


def _tags(client: docker.DockerClient) -> frozenset[str]:
    with engine_errors("looking at the engine's images"):
        found = client.api.images(filters={"reference": PREFIX + "*"})
    return frozenset(tag for image in found for tag in image.get("RepoTags") or ())


# --- building -----------------------------------------------------------------------------


class _BuildError(Exception):
    """The builder's own message of what went wrong."""


@dataclass
class _Running:
    """A build under way: since when, in which step, and what it printed last."""

    build: Build
    began: float
    step: str = "starting"
    noted: float = 0.0
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL))


class _Builder:
    """Builds images side by side; every event is told in the caller's thread.

    The builds run in daemon threads without a name: only what was finished gets its tag, from
    here. So an interrupted build leaves nothing that looks like an image; and as the engine
    gives up a build whose client is gone, it leaves nothing that still runs.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        builds: list[Build],
        on_event: OnEvent,
        *,
        fresh: bool = False,
    ) -> None:
        self._client, self._on_event, self._fresh = client, on_event, fresh
        self._waiting = {build.name: build for build in builds}
        self._running: dict[str, _Running] = {}
        self._news: queue.SimpleQueue[tuple[str, str, object]] = queue.SimpleQueue()

    def run(self) -> None:
        for build in self._waiting.values():
            self._on_event(Event("image", build.name, "planned"))
        while self._waiting or self._running:
            self._start_what_can()
            try:
                kind, name, item = self._news.get(timeout=BEAT)
            except queue.Empty:
                for running in self._running.values():
                    self._note(running)
                continue
            running = self._running[name]
            if kind == "line":
                self._line(running, str(item))
            elif kind == "built":
                self._finish(running, str(item))
            else:
                self._fail(running, item)

    def _start_what_can(self) -> None:
        unfinished = {*self._waiting, *self._running}
        for build in list(self._waiting.values()):
            if len(self._running) < AT_ONCE and unfinished.isdisjoint(build.parents):
                del self._waiting[build.name]
                self._running[build.name] = _Running(build, time.monotonic())
                self._on_event(Event("image", build.name, "started", "building"))
                threading.Thread(target=self._work, args=(build,), daemon=True).start()

    def _work(self, build: Build) -> None:
        """One build, in its own thread: lines go to the queue, then the image or the error."""
        image = ""
        try:
            for entry in self._client.api.build(
                fileobj=build.context.archive(build.replace),
                custom_context=True,
                buildargs={"BASE": base.REF},
                labels={IMAGE_LABEL: build.name, INPUTS_LABEL: build.inputs},
                nocache=self._fresh,
                rm=True,
                forcerm=True,
                decode=True,
            ):
                if "error" in entry:
                    raise _BuildError(str(entry["error"]).strip())  # noqa: TRY301
                image = entry.get("aux", {}).get("ID") or image
                for line in str(entry.get("stream", "")).splitlines():
                    built = _BUILT.match(line)
                    image = image or (built[1] if built else "")
                    self._news.put(("line", build.name, line))
            self._news.put(("built", build.name, image))
        except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
            self._news.put(("failed", build.name, error))

    def _line(self, running: _Running, line: str) -> None:
        text = line.strip()
        if not text:
            return
        step = _STEP.match(text)
        if step:
            running.step = f"{step[1]} of {step[2]}: {_clip(step[3])}"
        running.tail.append(text)
        if step or time.monotonic() - running.noted > _QUIET:
            self._note(running)

    def _note(self, running: _Running) -> None:
        running.noted = time.monotonic()
        seconds = running.noted - running.began
        self._on_event(Event("image", running.build.name, "note", running.step, seconds))

    def _finish(self, running: _Running, image: str) -> None:
        build = running.build
        repository, _, tag = build.ref.rpartition(":")
        with engine_errors(f"naming the image {build.ref}"):
            self._client.api.tag(image, repository, tag, force=True)
        del self._running[build.name]
        seconds = time.monotonic() - running.began
        self._on_event(Event("image", build.name, "done", "built", seconds))

    def _fail(self, running: _Running, error: object) -> None:
        build = running.build
        seconds = time.monotonic() - running.began
        self._on_event(Event("image", build.name, "failed", running.step, seconds))
        if isinstance(error, _BuildError):
            output = "\n".join(f"    {line}" for line in running.tail)
            raise EngineError(
                f"building the image {build.name} failed in step {running.step}\n"
                f"{output}\n    {error}",
                f"its files are in {build.context.folder}; where Debian's packages cannot be "
                "reached, bring the images: lab images load FILE",
            ) from error
        with engine_errors(f"building the image {build.name}"):
            raise error if isinstance(error, BaseException) else EngineError(str(error))


def _clip(text: str, width: int = 48) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
