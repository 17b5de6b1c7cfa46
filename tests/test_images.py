"""Images by content: built once, rebuilt on any change, carried in a file that shows damage."""

from __future__ import annotations

import io
import json
import os
import secrets
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from labrunner.engine import base, bundle, context, images, stock
from labrunner.engine.background import Ongoing, watched
from labrunner.errors import EngineError, ScenarioError
from labrunner.model.event import Event
from tests.conftest import Lab

PREFIX = "labrunner-test/"
MINIMAL = "ARG BASE=debian:trixie-slim\nFROM ${BASE}\n"


def make_context(folder: Path, dockerfile: str = MINIMAL, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def ref_of(folder: Path, name: str = "shop/order:1") -> str:
    return images.plan({name: folder})[name].ref


# --- what an image's name comes from ------------------------------------------------------


def test_a_reference_says_the_name_and_twelve_digits_of_the_inputs(tmp_path: Path) -> None:
    """An image is ``labrunner/<name with hyphens>:<12 hex>``."""
    ref = ref_of(make_context(tmp_path))
    assert ref.startswith("labrunner/shop-order:")
    digits = ref.partition(":")[2]
    assert len(digits) == 12
    assert set(digits) <= set("0123456789abcdef")


def test_any_changed_byte_is_another_image(tmp_path: Path) -> None:
    """Content, name, mode, Dockerfile and the learner's name each change the reference."""
    folder = make_context(tmp_path, data="one")
    seen = {ref_of(folder)}
    (folder / "data").write_text("two", encoding="utf-8")
    seen.add(ref_of(folder))
    (folder / "data").chmod(0o755)
    seen.add(ref_of(folder))
    (folder / "data").rename(folder / "renamed")
    seen.add(ref_of(folder))
    (folder / "Dockerfile").write_text(MINIMAL + "CMD date\n", encoding="utf-8")
    seen.add(ref_of(folder))
    (folder / "link").symlink_to("renamed")
    seen.add(ref_of(folder))
    seen.add(ref_of(folder, "shop/order:2"))
    assert len(seen) == 7


def test_what_does_not_reach_the_image_does_not_change_it(tmp_path: Path) -> None:
    """Times, the umask's bits, caches and editors' leftovers are no inputs."""
    folder = make_context(tmp_path, data="one", script="#!/bin/sh\n")
    before = ref_of(folder)
    os.utime(folder / "data", (1, 1))
    (folder / "data").chmod(0o600)
    (folder / "script").chmod(0o644)  # a wheel unpacked where there are no modes
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"x")
    (folder / "data~").write_text("old", encoding="utf-8")
    assert ref_of(folder) == before


def test_file_names_and_contents_cannot_be_confused(tmp_path: Path) -> None:
    """The digest keeps the border between a file's name and its content."""
    one = make_context(tmp_path / "one", ab="c")
    two = make_context(tmp_path / "two", a="bc")
    assert ref_of(one) != ref_of(two)


def test_a_parent_that_changes_changes_its_children(tmp_path: Path) -> None:
    """An image that starts from another of its scenario follows it."""
    parent = make_context(tmp_path / "parent", data="one")
    child = make_context(tmp_path / "child", "FROM shop/parent:1\nCMD date\n")
    wanted = {"shop/child:1": child, "shop/parent:1": parent}
    before = images.plan(wanted)
    assert list(before) == ["shop/parent:1", "shop/child:1"]
    assert before["shop/child:1"].parents == (before["shop/parent:1"].ref,)
    (parent / "data").write_text("two", encoding="utf-8")
    assert images.plan(wanted)["shop/child:1"].ref != before["shop/child:1"].ref


def test_the_base_is_an_input(tmp_path: Path) -> None:
    """Both ways to name the base lead to the same recipe's reference in the build."""
    for start in ("ARG BASE\nFROM ${BASE}\n", f"FROM {base.UPSTREAM}\n"):
        build = images.plan({"x:1": make_context(tmp_path, start)})["x:1"]
        assert build.replace[build.context.parents[0]] == base.REF
        tar = tarfile.open(fileobj=build.context.archive(build.replace))  # noqa: SIM115
        member = tar.extractfile("Dockerfile")
        assert member is not None
        assert f"FROM {base.REF}".encode() in member.read()


def test_images_that_start_from_each_other_are_the_authors_mistake(tmp_path: Path) -> None:
    """A ring is named, not walked for ever."""
    one = make_context(tmp_path / "one", "FROM b:1\n")
    two = make_context(tmp_path / "two", "FROM a:1\n")
    with pytest.raises(ScenarioError, match=r"start from each other: .*a:1.*b:1"):
        images.plan({"a:1": one, "b:1": two})


def test_a_folder_without_a_dockerfile_is_named(tmp_path: Path) -> None:
    """The author learns which file is missing."""
    with pytest.raises(ScenarioError, match=r"nothing/Dockerfile.*shop/order:1 has no Dockerfile"):
        ref_of(tmp_path / "nothing")


def test_a_context_that_is_no_text_is_named(tmp_path: Path) -> None:
    """A binary Dockerfile is a message, not a stack trace."""
    make_context(tmp_path)
    (tmp_path / "Dockerfile").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="cannot be read"):
        context.read("x:1", tmp_path)


def test_the_runners_own_images_are_complete() -> None:
    """The host and the tools ship with the package and can be planned without an engine."""
    builds = images.plan(images.KNOWN)
    assert {"host:1", "tools:1"} <= set(builds)


# --- progress -----------------------------------------------------------------------------


def test_long_work_never_stays_silent_for_a_second() -> None:
    """While work says nothing, the watcher hears of it ten times a second."""
    beats: list[object] = []
    enough = threading.Event()

    def on_news(item: object) -> None:
        beats.append(item)
        if len(beats) == 3:
            enough.set()

    assert watched(lambda _tell: enough.wait(10), on_news) is True
    assert beats == [None, None, None]


def test_patience_ends() -> None:
    """Work that gives no sign of life is abandoned."""
    for_ever = threading.Event()
    with pytest.raises(TimeoutError, match="no sign of life for 0 s"):
        watched(lambda _tell: for_ever.wait(10), lambda _news: None, patience=0.2)
    for_ever.set()


def test_what_the_work_raises_arrives() -> None:
    """An error in the thread is the caller's error."""

    def fail(_tell: object) -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        watched(fail, lambda _news: None)


def test_a_flood_of_lines_is_told_once_a_second() -> None:
    """A step is told at once; a thousand lines within it are not a thousand events."""
    events: list[Event] = []
    ongoing = Ongoing("x:1", events.append)
    ongoing.step("1 of 2")
    for _ in range(1000):
        ongoing.beat("unpacking")
    ongoing.step("2 of 2")
    assert [e.detail for e in events] == ["1 of 2", "2 of 2"]


# --- with an engine -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine(engine: docker.DockerClient) -> Iterator[docker.DockerClient]:
    """The engine, with its base there; what these tests leave of images is removed."""
    base.ensure(engine)
    yield engine
    for ref in images.held(engine):
        if ref.startswith("labrunner/labrunner-test-"):
            engine.api.remove_image(ref, force=True)


@pytest.fixture
def unique() -> str:
    """A name that no other run of these tests uses."""
    return f"{PREFIX}{secrets.token_hex(4)}"


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


# --- the base -----------------------------------------------------------------------------


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


# --- bundles ------------------------------------------------------------------------------


@pytest.fixture
def saved(
    engine: docker.DockerClient, unique: str, tmp_path: Path
) -> tuple[Path, str, dict[str, Path]]:
    """A bundle with one small image: the file, the image's reference, what it is made of."""
    folder = make_context(tmp_path / "context", f"{MINIMAL}RUN echo {unique} > /f\n")
    wanted = {f"{unique}:1": folder}
    ref = images.ensure(engine, wanted)[f"{unique}:1"]
    file = tmp_path / "labs.tar"
    bundle.save(engine, [ref], file)
    return file, ref, wanted


Saved = tuple[Path, str, dict[str, Path]]


@pytest.mark.engine
def test_a_bundle_brings_images_to_an_engine_that_lacks_them(
    engine: docker.DockerClient, saved: Saved
) -> None:
    """Saved, removed, loaded: the same image, and nothing left to build."""
    file, ref, wanted = saved
    before = engine.images.get(ref).id
    engine.api.remove_image(ref)
    assert [entry.ref for entry in bundle.load(engine, file)] == [ref]
    assert engine.images.get(ref).id == before
    events: list[Event] = []
    images.ensure(engine, wanted, on_event=events.append)
    assert events == []


@pytest.mark.engine
def test_a_bundle_named_in_the_environment_is_used_before_building(
    engine: docker.DockerClient, saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LABRUNNER_BUNDLE=FILE is enough for a machine without a way out."""
    file, ref, wanted = saved
    engine.api.remove_image(ref)
    monkeypatch.setenv(images.BUNDLE_VARIABLE, str(file))
    events: list[Event] = []
    images.ensure(engine, wanted, on_event=events.append)
    assert {event.name for event in events} == {file.name}


@pytest.mark.engine
def test_nothing_of_a_damaged_bundle_reaches_the_engine(
    engine: docker.DockerClient, saved: Saved
) -> None:
    """Truncated anywhere, one byte changed, or something else: one clear sentence."""
    file, ref, _wanted = saved
    whole = file.read_bytes()
    engine.api.remove_image(ref)
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    other = io.BytesIO()
    with tarfile.open(fileobj=other, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("manifest.json"))
    for content, message in (
        (flipped, "is damaged"),
        (whole[:middle], "not a whole one"),
        (whole[:-3000], "not a whole one"),
        (b"", "is not a bundle"),
        (b"something else " * 1000, "is not a bundle"),
        (other.getvalue(), "is not a bundle"),
    ):
        file.write_bytes(content)
        with pytest.raises(EngineError, match=message):
            bundle.load(engine, file)
    assert ref not in images.held(engine)


@pytest.mark.engine
def test_a_bundle_cannot_replace_an_image_of_the_learner(
    engine: docker.DockerClient, saved: Saved, unique: str
) -> None:
    """What a bundle says it holds is compared with what it holds, and must be ours."""
    file, ref, _wanted = saved
    engine.api.tag(ref, unique, "1")
    try:
        bundle.save(engine, [f"{unique}:1"], file)
        with pytest.raises(EngineError, match="other images than it says"):
            bundle.load(engine, file)
    finally:
        engine.api.remove_image(f"{unique}:1")


@pytest.mark.engine
def test_a_bundle_of_another_format_says_so(engine: docker.DockerClient, tmp_path: Path) -> None:
    """A newer labrunner's bundle is not called damaged."""
    file = tmp_path / "new.tar"
    text = json.dumps({"labrunner_bundle": 99}).encode()
    with tarfile.open(file, "w") as tar:
        tar.addfile(tarfile.TarInfo("images.tar"))
        info = tarfile.TarInfo("bundle.json")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    with pytest.raises(EngineError, match="format 99"):
        bundle.load(engine, file)


@pytest.mark.engine
def test_a_bundle_that_cannot_be_written_leaves_what_was_there(
    engine: docker.DockerClient, saved: Saved, tmp_path: Path
) -> None:
    """A missing image or folder: an error, the old file untouched, no partial file."""
    file, _ref, _wanted = saved
    before = file.read_bytes()
    with pytest.raises(EngineError, match="labrunner/none:0"):
        bundle.save(engine, ["labrunner/none:0"], file)
    with pytest.raises(EngineError, match="cannot be written"):
        bundle.save(engine, [base.REF], tmp_path / "missing" / "labs.tar")

    def interrupt(event: Event) -> None:
        if event.state == "done":
            raise KeyboardInterrupt

    assert file.read_bytes() == before
    with pytest.raises(KeyboardInterrupt):
        bundle.save(engine, [base.REF], file, on_event=interrupt)
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []


@pytest.mark.engine
def test_a_missing_bundle_is_named(engine: docker.DockerClient, tmp_path: Path) -> None:
    """No stack trace for a mistyped file name."""
    with pytest.raises(EngineError, match=r"none\.tar cannot be read: No such file"):
        bundle.load(engine, tmp_path / "none.tar")


# --- the commands -------------------------------------------------------------------------


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
