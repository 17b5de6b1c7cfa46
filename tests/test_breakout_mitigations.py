"""What the checks of `breakout-mitigations` conclude, without an engine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labrunner.view import ContainerView
from scenarios.breakout_mitigations import common, hardened

ALLOW, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"


def profile(*rules: dict[str, Any], default: str = ERRNO) -> dict[str, Any]:
    """A seccomp profile of these rules."""
    return {"defaultAction": default, "syscalls": list(rules)}


def test_only_what_a_profile_lets_through_counts_as_allowed() -> None:
    """Names of refusing rules are not allowed, old single names are, logging is no refusal."""
    found = hardened.names_allowed(
        profile(
            {"names": ["read", "chmod"], "action": ALLOW},
            {"name": "fchmod", "action": ALLOW},
            {"names": ["fchmodat"], "action": "SCMP_ACT_LOG"},
            {"names": ["fchmodat2"], "action": ERRNO},
        )
    )
    assert found == {"read", "chmod", "fchmod", "fchmodat"}


@pytest.mark.parametrize(
    "options", [[], ["no-new-privileges"], ["seccomp=unconfined"], ["apparmor=unconfined"]]
)
def test_no_profile_is_no_profile(options: list[str]) -> None:
    """Where the learner gave none of their own, there is nothing to read."""
    assert hardened.own_profile(options) == {}


def test_a_profile_is_found_among_other_options() -> None:
    """The engine keeps the profile's whole text beside the other options."""
    own = profile(default=ALLOW)
    assert hardened.own_profile(["no-new-privileges", f"seccomp={json.dumps(own)}"]) == own


def test_the_numbers_of_capabilities() -> None:
    """The name list is in the kernel's order: spot checks against linux/capability.h."""
    numbers = {name: bit for bit, name in enumerate(hardened.CAPABILITIES)}
    assert (numbers["CHOWN"], numbers["NET_RAW"], numbers["SYS_PTRACE"]) == (0, 13, 19)
    assert (numbers["SYS_ADMIN"], numbers["SETFCAP"]) == (21, 31)
    assert {numbers["NET_BIND_SERVICE"]} == hardened.NEEDED


MOUNTS = """overlay / overlay rw,relatime 0 0
tmpfs /tmp tmpfs rw,nosuid,nodev 0 0
tmpfs /tmp tmpfs rw,nosuid,nodev,noexec,relatime 0 0
"""


def test_the_topmost_mount_counts() -> None:
    """Of two file systems at one place, programs see the one that was mounted last."""
    assert "noexec" in hardened.mount_options(MOUNTS, "/tmp")
    assert hardened.mount_options(MOUNTS, "/srv") == []


def mounted(source: str, target: str, kind: str = "bind") -> ContainerView:
    """A container with one mount."""
    return ContainerView(
        {"Mounts": [{"Type": kind, "Source": source, "Destination": target, "RW": True}]}
    )


@pytest.mark.parametrize(
    ("source", "target", "seen"),
    [
        ("/", "/h", ["/h/root/flag2"]),
        ("/root", "/data", ["/data/flag2"]),
        ("/root/", "/data", ["/data/flag2"]),
        ("/root/flag2", "/f", ["/f"]),
        ("/root/flag", "/f", []),
        ("/home/shop", "/data", []),
    ],
)
def test_where_a_file_of_the_host_appears(source: str, target: str, seen: list[str]) -> None:
    """A mount of the file, or of any folder above it, shows it; one beside it does not."""
    assert list(common.places(mounted(source, target), "/root/flag2")) == seen


def test_a_volume_is_no_part_of_the_host() -> None:
    """Only bind mounts are looked at: a volume's place on the host is the engine's affair."""
    assert list(common.places(mounted("/", "/h", "volume"), "/root/flag2")) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (json.dumps(profile({"names": ["read"], "action": ALLOW})), ""),
        (json.dumps(profile({"names": ["read", "chmod"], "action": ALLOW})), "chmod"),
        (json.dumps(profile({"names": ["chmod"], "action": ERRNO}, default=ALLOW)), "not name"),
        (json.dumps(profile()), "nothing"),
        ("[]", "nothing"),
        ("jq: error", "no JSON"),
    ],
)
def test_a_profile_on_the_desk_is_read_before_it_counts(text: str, wrong: str) -> None:
    """A file of the right name that lets a call through, or is none, is not taken for strict."""
    found = hardened.too_lenient(text)
    assert wrong in found
    assert bool(found) == bool(wrong)


def test_several_names_are_one_sentence() -> None:
    """What a learner reads is a list as it is spoken."""
    assert common.listed(["a"]) == "a"
    assert common.listed(["a", "b", "c"]) == "a, b and c"
