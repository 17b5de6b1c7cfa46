"""Images on an engine: built once, upon their parents, from a base."""

from __future__ import annotations

import json
from pathlib import Path

import docker
import pytest

from labrunner.engine import base, images, stock
from labrunner.engine.background import Ongoing
from labrunner.errors import EngineError
from labrunner.model.event import Event
from tests.conftest import Lab
from tests.images.contexts import MINIMAL, make_context, ref_of


@pytest.mark.engine
def test_an_image_is_built_once(engine: docker.DockerClient, unique: str, tmp_path: Path) -> None:
    """The second time nothing is built and nothing is told; a changed byte builds anew."""
    events: list[Event] = []
    folder = make_context(tmp_path, MINIMAL + "COPY data /\n", data="one")
    wanted = {f"{unique}:1": folder}
    first = images.ensure(engine, wanted, on_event=events.append)
    states = [e.state for e in events if e.name == f"{unique}:1"]
    assert states[0] == "planned"
    assert states[-1] == "done"
    events.clear()
    assert images.ensure(engine, wanted, on_event=events.append) == first
    assert events == []
    (folder / "data").write_text("two", encoding="utf-8")
    second = images.ensure(engine, wanted, on_event=events.append)
    assert second != first
    assert events


@pytest.mark.engine
def test_an_image_says_what_it_is(engine: docker.DockerClient, unique: str, tmp_path: Path) -> None:
    """Its labels hold the learner's name and the whole digest that its reference begins."""
    name = f"{unique}:1"
    build = images.plan({name: make_context(tmp_path)})[name]
    ref = images.ensure(engine, {name: tmp_path})[name]
    labels = engine.images.get(ref).labels
    assert labels["labrunner.image"] == name
    assert labels["labrunner.inputs"] == build.inputs
    assert build.inputs.startswith(ref.partition(":")[2])


@pytest.mark.engine
def test_files_arrive_with_their_modes_and_links(
    engine: docker.DockerClient, unique: str, tmp_path: Path
) -> None:
    """What the digest counts is what the image gets."""
    folder = make_context(tmp_path, MINIMAL + "COPY . /in\n", script="#!/bin/sh\n", data="d")
    (folder / "link").symlink_to("data")
    ref = images.ensure(engine, {f"{unique}:1": folder})[f"{unique}:1"]
    shown = engine.containers.run(
        ref, ["sh", "-c", "cd /in; stat -c '%a %F %n' data script link"], remove=True
    ).decode()
    assert shown.splitlines() == [
        "644 regular file data",
        "755 regular file script",
        "777 symbolic link link",
    ]


@pytest.mark.engine
def test_children_are_built_upon_their_parents(
    engine: docker.DockerClient, unique: str, tmp_path: Path
) -> None:
    """``FROM`` may name another image of the scenario, in whatever order they are given."""
    parent = make_context(tmp_path / "parent", MINIMAL + "RUN echo deep > /deep\n")
    child = make_context(tmp_path / "child", f"FROM {unique}/parent:1\nRUN grep deep /deep\n")
    refs = images.ensure(engine, {f"{unique}/child:1": child, f"{unique}/parent:1": parent})
    assert len(set(refs.values())) == 2


@pytest.mark.engine
def test_one_name_may_mean_two_images(
    engine: docker.DockerClient, unique: str, tmp_path: Path
) -> None:
    """Two scenarios with images of one name each get their own."""
    one = make_context(tmp_path / "one", MINIMAL + "CMD one\n")
    two = make_context(tmp_path / "two", MINIMAL + "CMD two\n")
    name = f"{unique}:1"
    built = images.ensure_all(engine, [{name: one}, {name: two}])
    commands = [engine.images.get(group[name]).attrs["Config"]["Cmd"][-1] for group in built]
    assert commands == ["one", "two"]


@pytest.mark.engine
def test_independent_images_are_built_at_the_same_time(
    engine: docker.DockerClient, unique: str, tmp_path: Path
) -> None:
    """Two builds overlap: the second starts before the first is done."""
    events: list[Event] = []
    slow = f"{MINIMAL}RUN echo {unique} && sleep 1\n"
    wanted = {f"{unique}/{n}:1": make_context(tmp_path / n, slow + f"CMD {n}\n") for n in "ab"}
    images.ensure(engine, wanted, on_event=events.append)
    first_done = [e.state for e in events].index("done")
    assert len({e.name for e in events[:first_done] if e.state == "started"}) == 2


@pytest.mark.engine
def test_a_failing_build_shows_its_last_lines_and_leaves_nothing(
    engine: docker.DockerClient, unique: str, tmp_path: Path
) -> None:
    """The error names the step and shows what the command printed; no tag, no container."""
    name = f"{unique}:1"
    folder = make_context(tmp_path, MINIMAL + "RUN echo the cause && exit 7\n")
    with pytest.raises(EngineError) as caught:
        images.ensure(engine, {name: folder})
    assert f"building the image {name} failed in step 3 of" in caught.value.message
    assert "the cause" in caught.value.message
    assert "returned a non-zero code: 7" in caught.value.message
    assert str(folder) in caught.value.hint
    assert ref_of(folder, name) not in images.held(engine)


@pytest.mark.engine
def test_an_interrupted_build_leaves_no_image(
    engine: docker.DockerClient, unique: str, tmp_path: Path
) -> None:
    """Ctrl-C in the middle of a build: no reference that looks finished."""
    name = f"{unique}:1"
    folder = make_context(tmp_path, f"{MINIMAL}RUN echo {unique} && sleep 2\n")

    def interrupt(event: Event) -> None:
        if event.detail.startswith("3 of"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        images.ensure(engine, {name: folder}, on_event=interrupt)
    assert ref_of(folder, name) not in images.held(engine)


@pytest.mark.engine
def test_the_list_tells_present_missing_and_outdated(
    engine: docker.DockerClient, unique: str, tmp_path: Path
) -> None:
    """Each image's state, its size, and who uses it; a removal takes only what was chosen."""
    name, other = f"{unique}:1", f"{unique}/other:1"
    folder = make_context(tmp_path / "a", MINIMAL + "RUN head -c 3000000 /dev/zero > /f\n")
    old = images.ensure(engine, {name: folder})[name]
    make_context(tmp_path / "a", MINIMAL + "CMD new\n")
    new = images.ensure(engine, {name: folder})[name]
    users = {"a-lab": {name: folder, other: make_context(tmp_path / "b")}}
    rows = {row.ref: row for row in stock.list_images(engine, users)}
    assert (rows[new].state, rows[new].used_by) == ("present", ("a-lab",))
    assert (rows[old].state, rows[old].own) == ("outdated", 3_000_000)
    assert [r.state for r in rows.values() if r.name == other] == ["missing"]
    assert rows[base.REF].state == "present"
    removal = stock.remove(engine, [rows[old]])
    assert old in removal.removed
    assert removal.kept == {}
    assert old not in images.held(engine)
    assert new in images.held(engine)


@pytest.mark.engine
def test_an_image_that_a_container_uses_stays(
    engine: docker.DockerClient, unique: str, tmp_path: Path
) -> None:
    """Removing reports what is in use instead of breaking it."""
    name = f"{unique}:1"
    ref = images.ensure(engine, {name: make_context(tmp_path)})[name]
    container = engine.containers.create(ref, ["true"])
    try:
        rows = [r for r in stock.list_images(engine, {"a": {name: tmp_path}}) if r.ref == ref]
        removal = stock.remove(engine, rows)
        assert ref not in removal.removed
        assert "using" in removal.kept[ref]
    finally:
        container.remove()


# --- the base ------------------------------------------------------------------------------


def closed(reason: str) -> base.Way:
    def way(_client: docker.DockerClient, _ongoing: Ongoing) -> None:
        raise base.Unavailable(reason)

    return way


@pytest.mark.engine
def test_without_any_way_to_a_base_the_error_says_why_and_what_to_do(
    engine: docker.DockerClient,
) -> None:
    """No registry, no mmdebstrap, no bundle: each reason, and the way with a file."""
    events: list[Event] = []
    ways = {
        "from a registry": closed("no such host"),
        "from Debian's packages": closed("mmdebstrap is missing"),
    }
    with pytest.raises(EngineError) as caught:
        base.make(engine, on_event=events.append, ways=ways)
    assert "from a registry: no such host" in caught.value.message
    assert "from Debian's packages: mmdebstrap is missing" in caught.value.message
    assert "lab images load FILE" in caught.value.hint
    assert events[-1].state == "failed"


@pytest.mark.engine
def test_the_first_open_way_to_a_base_is_taken(engine: docker.DockerClient) -> None:
    """A closed way is passed over, and after an open one no other is tried."""
    took: list[str] = []
    ways: dict[str, base.Way] = {
        "closed": closed("no"),
        "open": lambda _client, _ongoing: took.append("open"),
        "never": lambda _client, _ongoing: took.append("never"),
    }
    assert base.make(engine, ways=ways) == base.REF
    assert took == ["open"]


@pytest.mark.engine
def test_the_base_can_install_packages_and_is_small(engine: docker.DockerClient) -> None:
    """Its apt knows a source, keeps no caches, and it has neither manuals nor host names."""
    shown = engine.containers.run(
        base.REF,
        [
            "sh",
            "-c",
            """cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -c trixie
            ls /usr/share/man /var/lib/apt/lists 2>/dev/null | grep -c .gz
            ls /var/cache/apt/*.bin 2>/dev/null | wc -l""",
        ],
        remove=True,
    ).decode()
    sources, manuals, caches = map(int, shown.split())
    assert sources > 0
    assert (manuals, caches) == (0, 0)
    assert engine.images.get(base.REF).attrs["Size"] < 100e6


# --- the commands --------------------------------------------------------------------------


@pytest.mark.engine
def test_the_list_is_for_scripts_too(lab: Lab) -> None:
    """--json holds every image with its state, and nothing else is printed."""
    rows = json.loads(lab.ok("images", "list", "--json"))["images"]
    assert {"base", "host:1", "tools:1"} <= {row["name"] for row in rows}
    assert {row["state"] for row in rows} <= {"present", "missing", "outdated"}


@pytest.mark.engine
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("remove",), 2, "say which images"),
        (("remove", "debian:13"), 2, "there is no image 'debian:13' of labrunner"),
        (("load", "/nowhere.tar"), 3, "/nowhere.tar cannot be read"),
        (("build", "unsegregated-shap"), 2, "unsegregated-shop"),
    ],
)
def test_mistakes_get_one_clear_sentence(
    lab: Lab, arguments: tuple[str, ...], code: int, message: str
) -> None:
    """Nothing to do, a foreign image, a missing file, a mistyped name."""
    done = lab("images", *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
