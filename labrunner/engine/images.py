"""Images by content: built once, rebuilt only when something they are made of changes.

An image's reference is ``labrunner/<name>:<digest>``, the digest being over its Dockerfile,
its files, and whatever it starts from. So "is it there, and is it this one?" is one question,
and two scenarios (or two versions of one) never fight for a name.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import threading
from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.engine import base, context
from labrunner.engine.background import BEAT, Ongoing, clip
from labrunner.engine.base import IMAGE_LABEL, INPUTS_LABEL
from labrunner.engine.client import engine_errors
from labrunner.errors import EngineError, ScenarioError
from labrunner.model.event import Event, OnEvent, ignore_event

if TYPE_CHECKING:
    import docker

PREFIX = "labrunner/"
AT_ONCE = 2
"""Builds that run side by side: more than two saturate two cores and slow each other."""

_FOLDER = Path(__file__).resolve().parent.parent / "images"
BUNDLE_VARIABLE = "LABRUNNER_BUNDLE"
"""A bundle file that is loaded before anything is built, where images are missing."""

HOST_IMAGE = "host:1"
RUNNER_IMAGES: Mapping[str, Path] = {"tools:1": _FOLDER / "tools"}
"""Images that any scenario may use without bringing them."""

KNOWN: Mapping[str, Path] = {HOST_IMAGE: _FOLDER / "host", **RUNNER_IMAGES}
"""Every image that the runner brings itself."""
_STEP = re.compile(r"^Step (\d+)/(\d+) : (.*)")
_BUILT = re.compile(r"^Successfully built ([0-9a-f]+)")
_TAIL = 12
_SHOWN = 48


@dataclass(frozen=True)
class Build:
    """One image to be: its context, its reference, and the images below it.

    Attributes:
        name: as the learner types it.
        context: what it is made of.
        ref: its reference on the engine.
        inputs: hex digest that the reference is cut from.
        replace: what stands in its ``FROM`` lines, and the reference that takes its place.
        parents: references of other builds that it starts from.
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
    there: Container[str] | None = None,
    on_event: OnEvent = ignore_event,
) -> dict[str, str]:
    """Make sure that images exist on the engine, building what is missing.

    Args:
        client: the engine.
        wanted: learner's name → folder with a Dockerfile. A ``FROM`` may name the base
            (``${BASE}``), another image in here, or one of `RUNNER_IMAGES`.
        there: references on the engine, where somebody has just looked.
        on_event: told what happens (``what="image"``); nothing where all are there.

    Returns:
        Learner's name → reference on the engine.

    Raises:
        ScenarioError: a folder has no Dockerfile, or images start from each other in a ring.
        EngineError: a build failed (with its last lines), or there is no base to be had.
    """
    return ensure_all(client, [wanted], there=there, on_event=on_event)[0]


def ensure_all(
    client: docker.DockerClient,
    groups: Sequence[Mapping[str, Path]],
    *,
    fresh: bool = False,
    there: Container[str] | None = None,
    on_event: OnEvent = ignore_event,
) -> list[dict[str, str]]:
    """Like `ensure` for several scenarios at once; a name may mean another image in each.

    Args:
        client: the engine.
        groups: see ``wanted`` of `ensure`.
        fresh: make everything anew, the base too, for newer packages from Debian.
        there: see `ensure`.
        on_event: told what happens.
    """
    plans = [plan(wanted) for wanted in groups]
    builds = {build.ref: build for planned in plans for build in planned.values()}
    built = [
        {name: planned[name].ref for name in wanted}
        for planned, wanted in zip(plans, groups, strict=True)
    ]
    if fresh:
        before = held(client)
        base.make(client, on_event=on_event)
        _Builder(client, list(builds.values()), on_event, fresh=True).run()
        _remove_replaced(client, before)
        return built
    wanted_refs = [ref for group in built for ref in group.values()]
    missing = _missing(builds, wanted_refs, held(client) if there is None else there)
    file = os.environ.get(BUNDLE_VARIABLE)
    if missing and file:
        from labrunner.engine import bundle

        bundle.load(client, Path(file), on_event=on_event)
        missing = _missing(builds, wanted_refs, held(client))
    if missing:
        base.ensure(client, on_event=on_event)
        _Builder(client, missing, on_event).run()
    return built


def host_image(client: docker.DockerClient, *, on_event: OnEvent = ignore_event) -> str:
    """The reference of the sandbox host's image, built first where it is missing."""
    return ensure(client, {HOST_IMAGE: KNOWN[HOST_IMAGE]}, on_event=on_event)[HOST_IMAGE]


def plan(wanted: Mapping[str, Path]) -> dict[str, Build]:
    """What would be built for these, parents first; touches no engine.

    Raises:
        ScenarioError: see `ensure`.
    """
    contexts: dict[str, context.Context] = {}
    folders = {**KNOWN, **wanted}
    todo = list(wanted)
    while todo:
        name = todo.pop()
        if name not in contexts:
            contexts[name] = context.read(name, folders[name])
            todo += [parent for parent in contexts[name].parents if parent in folders]
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
    below = tuple(builds[parent].ref for parent in parents)
    return Build(made_of.name, made_of, ref, inputs, replace, below)


def _missing(
    builds: Mapping[str, Build], wanted: Iterable[str], there: Container[str]
) -> list[Build]:
    """Those wanted that the engine lacks, and what they need that it lacks; parents first."""
    needed: set[str] = set()
    todo = list(wanted)
    while todo:
        ref = todo.pop()
        if ref not in needed and ref not in there:
            needed.add(ref)
            todo += builds[ref].parents
    return [build for ref, build in builds.items() if ref in needed]


def _remove_replaced(client: docker.DockerClient, before: Mapping[str, Mapping[str, Any]]) -> None:
    """Remove the images whose references now mean newer ones.

    What a container still uses stays, without a name, until ``docker image prune``.
    """
    import docker.errors

    after = held(client)
    # children first
    for ref in sorted(before, key=lambda ref: ref == base.REF):
        if ref in after and before[ref]["Id"] != after[ref]["Id"]:
            with (
                engine_errors("removing an old image"),
                contextlib.suppress(docker.errors.APIError),
            ):
                client.api.remove_image(before[ref]["Id"])


def held(client: docker.DockerClient) -> dict[str, dict[str, Any]]:
    """Our images on the engine, by reference, as the engine lists them.

    Known by their repository: what a learner builds upon ours inherits its labels.
    """
    with engine_errors("looking at the engine's images"):
        found = client.api.images(filters={"reference": PREFIX + "*"})
    return {
        ref: image
        for image in found
        for ref in image.get("RepoTags") or ()
        if ref.startswith(PREFIX)
    }


# --- building -----------------------------------------------------------------------------


class _BuildError(Exception):
    """The builder's own message of what went wrong."""


@dataclass
class _Running:
    """A build under way: how it is told of, and what it printed last."""

    build: Build
    ongoing: Ongoing
    step: str = ""
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
        self._waiting = {build.ref: build for build in builds}
        self._running: dict[str, _Running] = {}
        self._news: queue.SimpleQueue[tuple[str, str, object]] = queue.SimpleQueue()

    def run(self) -> None:
        for build in self._waiting.values():
            self._on_event(Event("image", build.name, "planned"))
        while self._waiting or self._running:
            self._start_what_can()
            try:
                kind, ref, item = self._news.get(timeout=BEAT)
            except queue.Empty:
                for running in self._running.values():
                    running.ongoing.beat()
                continue
            running = self._running[ref]
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
                del self._waiting[build.ref]
                ongoing = Ongoing(build.name, self._on_event)
                self._running[build.ref] = _Running(build, ongoing)
                ongoing.step("building")
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
                    self._news.put(("line", build.ref, line))
            self._news.put(("built", build.ref, image))
        except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
            self._news.put(("failed", build.ref, error))

    def _line(self, running: _Running, line: str) -> None:
        text = line.strip()
        if not text:
            return
        running.tail.append(text)
        step = _STEP.match(text)
        if step:
            running.step = f"{step[1]} of {step[2]}"
            running.ongoing.step(f"{running.step}: {clip(step[3], _SHOWN)}")
        else:
            running.ongoing.beat(f"{running.step}: {clip(text, _SHOWN)}")

    def _finish(self, running: _Running, image: str) -> None:
        build = running.build
        repository, _, tag = build.ref.rpartition(":")
        with engine_errors(f"naming the image {build.ref}"):
            self._client.api.tag(image, repository, tag, force=True)
        del self._running[build.ref]
        running.ongoing.done("built")

    def _fail(self, running: _Running, error: object) -> None:
        build = running.build
        running.ongoing.failed(running.ongoing.text)
        if isinstance(error, _BuildError):
            output = "\n".join(f"    {line}" for line in running.tail)
            raise EngineError(
                f"building the image {build.name} failed in step {running.ongoing.text}\n"
                f"{output}\n    {error}",
                f"its files are in {build.context.folder}; where Debian's packages cannot be "
                "reached, bring the images: lab images load FILE",
            ) from error
        with engine_errors(f"building the image {build.name}"):
            raise error if isinstance(error, BaseException) else EngineError(str(error))
