"""Steps 6 to 10: one lock after another on the app, each tried as an intruder would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labrunner import not_yet, passed

from .common import (
    SOCKETS,
    UNSHARE,
    breaks_out,
    listed,
    opens,
    places,
    seccomp,
    serves,
    settings,
    works,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labrunner import Lab, Verdict

CHMOD = ("chmod", "fchmod", "fchmodat", "fchmodat2")
# a pipe belongs to whoever made it, and nothing remembers its rights when it is gone
TRIES = (
    ("fchmodat", "sh", "-c", ": | chmod 600 /proc/self/fd/0"),
    ("chmod", "perl", "-e", 'pipe R, W; chmod(0600, "/proc/self/fd/" . fileno R) or exit 1'),
    ("fchmod", "perl", "-e", "pipe R, W; chmod(0600, *R) or exit 1"),
)
"""What changes rights, and a way to try it that changes no file."""

STRICT = "/profiles/strict.json"
LENIENT = ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE")
"""What a profile says of calls that it lets through."""
RAW = ("perl", "-e", "socket(S, 17, 3, 0) or exit 1")
PAGE = "/srv/index.html"
NEEDED = {10}
"""Capabilities that a server may keep: number 10 is that for ports below 1024."""
CAPABILITIES = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO
    SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME
    SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP
    """.split()  # noqa: SIM905  a list of words reads better without quotes
"""Their names, by the number of the bit."""
COUNTERS = {
    "memory": ("oom_kill", ("memory/memory.oom_control", "memory.events")),
    "processes": ("max", ("pids/pids.events", "pids.events")),
    "CPU": ("nr_throttled", ("cpu/cpu.stat", "cpu.stat")),
}
"""What the kernel counts where a limit held, and where: for cgroup v1, for v2."""


# --- user -------------------------------------------------------------------------------------


def user(lab: Lab) -> Verdict:
    """The app serves, and nobody in it is or becomes root."""
    return (
        serves(lab)
        or stays_user(lab)
        or passed(
            "app serves, its user is nobody special, and readlog makes nobody root in it.",
            seen=lab.exec("app", ["id"]).out.strip(),
        )
    )


def stays_user(lab: Lab) -> Verdict | None:
    """``None`` where the app's user has no rights of root's, and cannot get them."""
    who = lab.exec("app", ["id"]).out.strip()
    for words, message, expected in (
        (
            ("cat", "/etc/shadow"),
            "Whoever gets into app is root in it and reads /etc/shadow.",
            "a user other than 0",
        ),
        (
            ("cat", "/etc/backup.key"),
            "app's user is not root, but it is in root's group.",
            "a group other than 0",
        ),
        (
            ("readlog", "/etc/shadow"),
            "readlog makes app's user root again: it reads /etc/shadow.",
            "readlog without power",
        ),
    ):
        if works(lab, "app", words):
            return not_yet(
                message,
                expected=expected,
                seen=f"{who}; {' '.join(words)}: allowed",
                look=f"docker exec app {' '.join(words)}",
            )
    return None


# --- seccomp ----------------------------------------------------------------------------------


def profile(lab: Lab) -> Verdict:
    """The app serves under a filter that refuses what Docker's refuses, and chmod."""
    return (
        serves(lab)
        or filtered(lab)
        or kept(lab)
        or passed(
            "app serves; changing a file's rights is refused in it, and so is what Docker refuses.",
            seen=f"refused: {', '.join(name for name, *_ in TRIES)}, unshare",
        )
    )


def filtered(lab: Lab) -> Verdict | None:
    """``None`` where the app's filter is Docker's, less the calls that change rights."""
    look = "docker inspect -f '{{json .HostConfig.SecurityOpt}}' app"
    found = settings(lab, "app")
    if found.get("Privileged"):
        return not_yet(
            "app has no filter: --privileged switches it off, whatever profile it is given.",
            expected="app without --privileged",
            seen=seccomp(lab, "app"),
            look="docker exec app grep Seccomp: /proc/self/status",
        )
    own = own_profile(found.get("SecurityOpt") or ())
    free = works(lab, "app", UNSHARE)
    if free or own.get("defaultAction", "") in LENIENT:
        return not_yet(
            "app's filter is weaker than the one Docker gives to all: it allows what it does not"
            " name.",
            expected="what Docker refuses in a container without any option, refused here, too",
            seen=f"unshare -U: {'done' if free else 'refused'}",
            look="docker exec app unshare -U id",
        )
    allowed = [name for name, *words in TRIES if works(lab, "app", words)]
    if allowed:
        return not_yet(
            f"In app the rights of files can still be changed, by {listed(allowed)}.",
            expected=f"{', '.join(CHMOD)} refused",
            seen=f"{listed(allowed)}: allowed",
            look=look,
        )
    left = sorted(set(CHMOD) & names_allowed(own))
    if left:
        return not_yet(
            f"app's profile still lists {listed(left)} as allowed.",
            expected=f"none of {', '.join(CHMOD)} in it",
            seen=", ".join(left),
            look=look,
        )
    return None


def kept(lab: Lab) -> Verdict | None:
    """``None`` where the profile lies on the desk, for the last step to use again."""
    text = lab.file("desk", STRICT)
    if not text:
        return not_yet(
            "app has the right filter, but its profile is not on the desk, for later.",
            expected=f"the profile in {STRICT} in desk",
            seen="no such file, or an empty one",
            look="docker exec desk ls -l /profiles",
        )
    if wrong := too_lenient(text):
        return not_yet(
            "app has the right filter, but the profile on the desk is another one.",
            expected=f"app's profile in {STRICT} in desk, for later",
            seen=wrong,
            look=f"docker exec desk cat {STRICT}",
        )
    return None


def too_lenient(text: str) -> str:
    """What a profile's file lets through that the stricter one refuses; "" if nothing."""
    try:
        document = json.loads(text)
    except ValueError:
        return "text that is no JSON"
    if not isinstance(document, dict) or not document.get("syscalls"):
        return "no profile: nothing under syscalls"
    if document.get("defaultAction") in LENIENT:
        return "a profile that allows what it does not name"
    left = sorted(set(CHMOD) & names_allowed(document))
    return f"a profile that allows {listed(left)}" if left else ""


def own_profile(options: Sequence[str]) -> dict[str, Any]:
    """The profile that a container was given, in the words of its file; empty if none was."""
    for option in options:
        key, _, text = option.partition("=")
        if key == "seccomp" and text.startswith("{"):
            document: dict[str, Any] = json.loads(text)
            return document
    return {}


def names_allowed(document: dict[str, Any]) -> set[str]:
    """The system calls that a profile allows by name."""
    found: set[str] = set()
    for rule in document.get("syscalls") or ():
        if rule.get("action") in LENIENT:
            found |= {*(rule.get("names") or ()), *filter(None, [rule.get("name")])}
    return found


# --- capabilities and files -------------------------------------------------------------------


def least(lab: Lab) -> Verdict:
    """The app serves, and even root in it can neither listen in nor change a file."""
    return (
        serves(lab)
        or holds_root(lab)
        or passed(
            "app serves; even root in it cannot listen in, change the page or run what is in /tmp.",
            seen=f"capabilities: {', '.join(capabilities(lab)) or 'none'}; {PAGE}: read-only",
        )
    )


def holds_root(lab: Lab) -> Verdict | None:
    """``None`` where root in the app has no capability that it does not need, and no disk."""
    left = capabilities(lab)
    if left:
        raw = "allowed" if works(lab, "app", RAW, user="0") else "refused"
        return not_yet(
            "An intruder who becomes root in app has capabilities that it does not need.",
            expected="none but, at most, NET_BIND_SERVICE",
            seen=f"{', '.join(left[:3])}{' and more' if left[3:] else ''}; listening in: {raw}",
            look="docker exec app grep CapBnd /proc/self/status",
        )
    if opens(lab, "app", PAGE, user="0"):
        return not_yet(
            "An intruder in app can overwrite its page.",
            expected=f"{PAGE} on a file system that is read-only",
            seen=f"{PAGE} opens for writing",
            look="docker exec -u 0 app sh -c ': >> /srv/index.html && echo opened'",
        )
    if "noexec" not in mount_options(lab.exec("app", ["cat", "/proc/mounts"]).out, "/tmp"):  # noqa: S108
        return not_yet(
            "What an intruder puts into /tmp of app can be run from there.",
            expected="a tmpfs at /tmp, which Docker mounts noexec",
            seen="a /tmp that is not mounted noexec",
            look="docker exec app grep /tmp /proc/mounts",
        )
    return None


def capabilities(lab: Lab) -> list[str]:
    """Names of the capabilities, beyond the needed, that anybody in the app may get."""
    line = lab.exec("app", ["grep", "CapBnd", "/proc/self/status"], user="0").out
    mask = int(line.split()[-1], 16) if line.split() else 0
    return [
        CAPABILITIES[bit] if bit < len(CAPABILITIES) else f"number {bit}"
        for bit in range(mask.bit_length())
        if mask >> bit & 1 and bit not in NEEDED
    ]


def mount_options(mounts: str, path: str) -> list[str]:
    """How the file system at a path is mounted, by ``/proc/mounts``; nothing if none is."""
    rows = [line.split() for line in mounts.splitlines()]
    return next((row[3].split(",") for row in reversed(rows) if row[1] == path), [])


# --- limits -----------------------------------------------------------------------------------


def limits(lab: Lab) -> Verdict:
    """The app has three limits, each was run into, and it serves."""
    if problem := serves(lab) or limited(lab):
        return problem
    found = {what: counted(lab, what) for what in COUNTERS}
    untried = [what for what, count in found.items() if not count]
    if untried:
        return not_yet(
            f"Nobody has run into app's limit on {listed(untried)} yet.",
            expected="each limit tried from inside app, after it was set",
            seen=", ".join(f"{what}: held {count} times" for what, count in found.items()),
            look="docker exec app find /sys/fs/cgroup -name pids.events -exec cat {} +",
        )
    return passed(
        "Three attacks met three limits, and app still serves.",
        seen=", ".join(f"{what}: held {count} times" for what, count in found.items()),
    )


def limited(lab: Lab) -> Verdict | None:
    """``None`` where the app's memory, processes and CPU have a limit."""
    found = settings(lab, "app")
    memory, both = found.get("Memory"), found.get("MemorySwap")
    for message, option, is_set in (
        ("app may use as much memory as it can get.", "--memory", memory),
        (
            "app may start as many processes as it can get.",
            "--pids-limit",
            (found.get("PidsLimit") or 0) > 0,
        ),
        (
            "app may use as much of the CPU as it can get.",
            "--cpus",
            found.get("NanoCpus") or (found.get("CpuQuota") or 0) > 0,
        ),
    ):
        if not is_set:
            return not_yet(
                message,
                expected=f"a limit ({option})",
                seen="none",
                look="docker inspect -f '{{json .HostConfig}}' app",
            )
    if both != memory and lab.client.info().get("SwapLimit"):
        return not_yet(
            "When its memory is used up, app goes on in the host's swap.",
            expected=f"memory and swap together as much as memory alone: {memory}",
            seen=f"{both} (-1: no limit)",
            look="docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}' app",
        )
    return None


def counted(lab: Lab, what: str) -> int:
    """How often one of the app's limits held, as the kernel counted it."""
    key, files = COUNTERS[what]
    script = 'cd /sys/fs/cgroup && cat "$@" 2>/dev/null'
    rows = [
        line.split()
        for line in lab.exec("app", ["sh", "-c", script, "sh", *files]).out.splitlines()
    ]
    return next((int(row[1]) for row in rows if row[:1] == [key] and len(row) > 1), 0)


# --- all of it --------------------------------------------------------------------------------


def together(lab: Lab) -> Verdict:
    """The app serves with every lock at once, and there is no hole beside them."""
    problem = (
        serves(lab)
        or no_hole(lab)
        or stays_user(lab)
        or filtered(lab)
        or holds_root(lab)
        or limited(lab)
    )
    return problem or passed(
        "Everything that an intruder tried in this lab fails in app, and app serves.",
        seen="no way to host or engine; no root; chmod, unshare, raw sockets, writing refused",
    )


def no_hole(lab: Lab) -> Verdict | None:
    """``None`` where the app leads neither to the host's files nor to its engine."""
    if problem := breaks_out(lab, "app"):
        return problem
    view = lab.container("app")
    holes = [p for s in (*SOCKETS, "/root/flag2") for p in (places(view, s) if view else ())]
    if holes:
        return not_yet(
            "A part of the host that leads to root is mounted in app.",
            expected="no socket of the engine and no folder of root's",
            seen=holes[0],
            look="docker inspect -f '{{json .Mounts}}' app",
        )
    return None
