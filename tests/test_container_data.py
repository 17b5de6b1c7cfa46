"""What the checks of `container-data` conclude, without an engine."""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.container_data import backups, places

NAMELESS = "3cb4e7b29117a824fc0057bc49f1f68759aea1bc5ca459eee916f6a404556c4a"


@pytest.mark.parametrize(
    ("beginning", "fault"),
    [
        ("age-encryption.org/v1\n-> X25519 9YID1tV", ""),
        ("-----BEGIN AGE ENCRYPTED FILE-----\n", ""),
        ("PGDMP\x01\x10", "compressed is not encrypted"),
        ("# created: 2026-11-24T10:27:47Z\n# public key: age1", "secret key"),
        ("AGE-SECRET-KEY-1", "secret key"),
        ("--\n-- PostgreSQL database dump\n--\n", "not encrypted with age"),
        ("Salted__", "not encrypted with age"),
        ("", "not encrypted with age"),
    ],
)
def test_what_leaves_the_house_is_known_by_its_beginning(beginning: str, fault: str) -> None:
    """Only what age encrypted may leave; of anything else is told what it is."""
    found = backups.fault_of(beginning)
    assert fault in found
    assert bool(fault) == bool(found)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/var/lib/docker/volumes/diary/_data/today.txt", "the volume diary"),
        (f"/var/lib/docker/volumes/{NAMELESS}/_data/x", "the volume 3cb4e7b29117"),
        ("/var/lib/docker/overlay2/ab/diff/diary/today.txt", "a container without a volume"),
        ("/home/workshop/today.txt", "/home/workshop/today.txt"),
    ],
)
def test_a_place_on_the_host_is_told_in_words(path: str, words: str) -> None:
    """A learner reads the name of a volume, not the engine's folders."""
    assert places.named(path) == words


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        (None, "nothing mounted there"),
        ({"Type": "volume", "Name": "diary"}, "the volume diary"),
        ({"Type": "volume", "Name": NAMELESS}, "a volume without a name"),
        ({"Type": "bind", "Source": "/home/workshop"}, "the host's folder /home/workshop"),
        ({"Type": "tmpfs", "Source": ""}, "tmpfs"),
    ],
)
def test_a_mount_is_told_in_words(mount: dict[str, Any] | None, words: str) -> None:
    """Volumes with and without a name are told apart, and folders of the host from both."""
    assert places.shown(mount) == words
