"""Steps 1 to 5: the ways out, and the smallest change that shuts each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labrunner import not_yet, passed

from .common import (
    ORDERS,
    SOCKETS,
    UNSHARE,
    breaks_out,
    flag,
    listed,
    loot,
    opens,
    order,
    places,
    runs,
    seccomp,
    status,
    taken,
    works,
)

if TYPE_CHECKING:
    from labrunner import Lab, Verdict

SYS_ADMIN = 21
"""The number of the capability to mount, and to mount anew."""
LOCKS = {
    "Uid": ("0", "it runs as user 0", "--user 1000"),
    "NoNewPrivs": ("0", "its programs may gain privileges", "no-new-privileges"),
}


def filter_off(lab: Lab) -> Verdict:
    """Two containers that differ in the filter alone: one makes itself root, one cannot."""
    for name in ("loose", "tight"):
        if problem := runs(lab, name) or locked(lab, name):
            return problem
    free = works(lab, "loose", UNSHARE)
    # without a filter, a machine may have a rule of its own against it, as AppArmor has
    if not free and seccomp(lab, "loose") != "Seccomp: 0":
        return not_yet(
            "loose still has a filter: unshare is refused in it.",
            expected="loose without a filter, as the post has it",
            seen=f"{seccomp(lab, 'loose')}; unshare: refused",
            look="docker exec loose grep Seccomp: /proc/self/status",
        )
    if works(lab, "tight", UNSHARE) or seccomp(lab, "tight") == "Seccomp: 0":
        return not_yet(
            "tight has no better filter than loose.",
            expected="tight with the filter that Docker gives by itself",
            seen=f"{seccomp(lab, 'tight')}; unshare: {'done' if free else 'refused'}",
            look="docker exec tight grep Seccomp: /proc/self/status",
        )
    return passed(
        "Same user, same locks: only the filter kept tight from making itself root."
        if free
        else "loose has no filter; that unshare is refused in it all the same is this machine's.",
        seen=f"loose {seccomp(lab, 'loose')}, tight {seccomp(lab, 'tight')}",
    )


def locked(lab: Lab, name: str) -> Verdict | None:
    """``None`` where a container has every lock but the filter, of which this is not about."""
    found = status(lab, name)
    reason = next(
        (
            (words, option)
            for key, (bad, words, option) in LOCKS.items()
            if found.get(key, bad).split()[:1] == [bad]
        ),
        None,
    )
    if reason is None and int(found.get("CapBnd", "0"), 16):
        reason = ("it has capabilities left", "--cap-drop ALL")
    if reason is None:
        return None
    return not_yet(
        f"{name} lacks one of the other locks: {reason[0]}.",
        expected="both with all three, so that the filter is the only difference",
        seen=f"no {reason[1]}",
        look=f"docker exec {name} grep -E 'Uid|NoNew|CapBnd' /proc/self/status",
    )


def host_shell(lab: Lab) -> Verdict:
    """The flag of the host's root lies on the desk."""
    return (
        runs(lab, "desk")
        or loot(lab, 1)
        or passed(
            "One docker run, and a file that only the host's root may read is yours.",
            seen=flag(lab, 1),
        )
    )


def monitor(lab: Lab) -> Verdict:
    """The monitor sees the engine's process, and has no power over it nor over the host."""
    if problem := runs(lab, "monitor"):
        return problem
    engine = lab.run_on_host(["pidof", "dockerd"]).out.strip()
    seen = lab.exec("monitor", ["pidof", "dockerd"]).out.split()
    if engine not in seen:
        return not_yet(
            "monitor does not see the host's processes, so it cannot do its job.",
            expected="dockerd in its list of processes",
            seen="only its own processes",
            look="docker exec monitor ps",
        )
    if problem := breaks_out(lab, "monitor"):
        return problem
    if works(lab, "monitor", ["bash", "-c", 'kill -0 "$1"', "bash", engine]):
        return not_yet(
            "monitor does not reach the host's files, but it may end the host's processes.",
            expected="a user that is not the owner of the host's processes",
            seen=f"kill -0 {engine} (dockerd): allowed",
            look=f"docker exec monitor bash -c 'kill -0 {engine} && echo allowed'",
        )
    return passed(
        "monitor sees the host's processes, and can neither enter nor end them.",
        seen=f"nsenter, /proc/1/root, kill -0 {engine}: all refused",
    )


def backup(lab: Lab) -> Verdict:
    """The second flag was taken, and the backup has what it needs and no more."""
    if problem := runs(lab, "desk") or loot(lab, 2) or runs(lab, "backup"):
        return problem
    if problem := reads_too_much(lab) or breaks_out(lab, "backup"):
        return problem
    view = lab.container("backup")
    here = [] if view is None else list(places(view, ORDERS))
    read = next((p for p in here if order(lab) in lab.exec("backup", ["cat", p]).out), None)
    if read is None:
        return not_yet(
            "backup does not find the orders.",
            expected=f"the host's {ORDERS}, readable in backup",
            seen=f"{here[0]}: nothing to read" if here else "that folder is not mounted",
            look="docker inspect -f '{{json .Mounts}}' backup",
        )
    if writable := next((p for p in here if opens(lab, "backup", p)), None):
        return not_yet(
            "backup could change the orders, and it has only to read them.",
            expected=f"{writable} not writable in backup",
            seen="it opens for writing",
            look="docker inspect -f '{{json .Mounts}}' backup",
        )
    powers = status(lab, "backup", "readlog").get("CapEff", "0")
    if int(powers, 16) >> SYS_ADMIN & 1:
        return not_yet(
            "An intruder in backup can make the folder writable again, and change the orders.",
            expected="no capability SYS_ADMIN in backup; --privileged gives it, with all others",
            seen=f"CapEff: {powers}",
            look="docker exec backup grep CapEff /proc/self/status",
        )
    return passed(
        "backup reads the orders, cannot change them, and reads no file of the host's root.",
        seen=f"{read} in backup: {order(lab)}",
    )


def reads_too_much(lab: Lab) -> Verdict | None:
    """``None`` where no mount of the backup leads to a file of the host's root."""
    view = lab.container("backup")
    for path in places(view, "/root/flag2") if view else ():
        if way := taken(lab, "backup", (["cat", path], ["readlog", path]), 2):
            return not_yet(
                "An intruder in backup reads the host's /root/flag2.",
                expected="no way from backup to a file of the host's root",
                seen=f"{way}: the flag",
                look=f"docker exec backup {way}",
            )
    return None


def board(lab: Lab) -> Verdict:
    """The third flag was taken, and the board shows the list without a way to the engine."""
    if problem := runs(lab, "desk") or loot(lab, 3) or runs(lab, "board"):
        return problem
    view = lab.container("board")
    sockets = [p for s in SOCKETS for p in (places(view, s) if view else ())]
    for path in sockets:
        ask = ["curl", "-s", "-m", "3", "--unix-socket", path, "http://engine/_ping"]
        if lab.exec("board", ask).out == "OK":
            return not_yet(
                "board can talk to the engine, and whoever may do that is root of the host.",
                expected="no socket of the engine in board",
                seen=f"{path}: the engine answers",
                look=f"docker exec board {' '.join(ask)}",
            )
    if problem := breaks_out(lab, "board"):
        return problem
    page = lab.exec("board", ["curl", "-s", "-m", "3", "http://localhost/list.txt"]).out
    # the engine's own lists have /app, some of them within JSON
    named = re.findall(r"[\w.-]+", page)
    if missing := [name for name in ("app", "desk") if name not in named]:
        return not_yet(
            f"The list that board serves does not name {listed(missing)}.",
            expected="app and desk in http://localhost/list.txt, asked from inside board",
            seen=" ".join(page.split())[:60] or "an empty page",
            look="docker exec board curl -s http://localhost/list.txt",
        )
    return passed(
        "board shows which containers run, and there is no engine in it to be talked to.",
        seen=f"{len(page.splitlines())} lines in list.txt",
    )
