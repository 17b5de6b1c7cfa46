"""What an image's name comes from, and how long work is watched."""

from __future__ import annotations

import os
import tarfile
import threading
from pathlib import Path

import pytest

from labrunner.engine import base, context, images
from labrunner.engine.background import Ongoing, watched
from labrunner.errors import ScenarioError
from labrunner.model.event import Event
from tests.images.contexts import MINIMAL, make_context, ref_of

# --- what an image's name comes from -------------------------------------------------------


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


# --- progress ------------------------------------------------------------------------------


def test_long_work_never_stays_silent_for_a_second() -> None:
    """While work says nothing, the watcher hears of it ten times a second."""
    beats: list[object] = []
    enough = threading.Event()

    def on_news(item: object) -> None:
        beats.append(item)
        if len(beats) == 3:
            enough.set()

    assert watched(lambda _tell: enough.wait(60), on_news) is True
    assert beats == [None, None, None]


def test_patience_ends() -> None:
    """Work that gives no sign of life is abandoned."""
    for_ever = threading.Event()
    with pytest.raises(TimeoutError, match="no sign of life for 0 s"):
        watched(lambda _tell: for_ever.wait(60), lambda _news: None, patience=0.2)
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
