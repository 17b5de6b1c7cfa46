"""The step about rights: a SYN scan with one capability, a connect scan with none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed

from .facts import WEB, kept_in, must_be
from .single import ended_well, on_office

if TYPE_CHECKING:
    from labrunner import Lab

SYN, CONNECT = "syn", "connect"
NEEDED = {SYN: {"NET_RAW"}, CONNECT: set[str]()}


def rights(lab: Lab) -> Verdict:
    """Both scans came to their end, each with no more than it needs."""
    for kind in (SYN, CONNECT):
        if problem := ended_well(lab, kind) or on_office(lab, kind):
            return problem
        if problem := too_many_rights(lab, kind) or scanned(lab, kind):
            return problem
    return passed("A SYN scan takes NET_RAW and nothing else; a connect scan takes nothing.")


def too_many_rights(lab: Lab, kind: str) -> Verdict | None:
    """``None`` where the container has exactly the capabilities that its scan needs."""
    view = lab.container(kind)
    config = view.attrs["HostConfig"] if view else {}
    dropped, added = (_names(config.get(key)) for key in ("CapDrop", "CapAdd"))
    needed = NEEDED[kind]
    if "ALL" in dropped and added == needed and not config.get("Privileged"):
        return None
    kept = "the usual ones" if "ALL" not in dropped else ""
    seen = [*([kept] if kept else []), *sorted(added)]
    if config.get("Privileged"):
        seen = ["all of them (--privileged)"]
    return not_yet(
        f"{kind} has more capabilities than a {kind} scan needs.",
        expected=f"{' and '.join(sorted(needed)) or 'none'}, all others dropped",
        seen=" and ".join(seen) or "none",
        look=f"docker inspect -f '{{{{.HostConfig.CapDrop}}}} {{{{.HostConfig.CapAdd}}}}' {kind}",
    )


def _names(listed: list[str] | None) -> set[str]:
    """Names of capabilities, as some engines write them with a prefix."""
    return {name.upper().removeprefix("CAP_") for name in listed or ()}


def scanned(lab: Lab, kind: str) -> Verdict | None:
    """``None`` where the container's report is one of such a scan and has web's port."""
    found = kept_in(lab, kind)
    if isinstance(found, Verdict):
        return found
    if found.kinds != {kind}:
        return not_yet(
            f"What {kind} did was not a {kind} scan.",
            expected=f"a scan of the type {kind}",
            seen=f"{' and '.join(sorted(found.kinds)) or 'no scan of ports'}: {found.args}",
        )
    return must_be(lab, found, ("web", "office"), WEB, "open")
