"""The last step: db goes behind a wall, and two scans of office show the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed
from labrunner.checks import can_reach, cannot_reach, first

from .facts import DB, PRINTER, WEB, must_be, saved
from .scope import whole

if TYPE_CHECKING:
    from labrunner import Lab

    from .nmap_xml import Report

MEMBERS = {"web", "db"}


def split(lab: Lab) -> Verdict:
    """Office showed db before, and does not show it any more; web still reaches it."""
    before = saved(lab, "before.xml")
    if isinstance(before, Verdict):
        return before
    if not has_db(before):
        return not_yet(
            f"before.xml shows no open port {DB}: there is nothing to compare with.",
            expected="a scan of office from within, while db is still on it",
            seen=before.args,
            look="docker network inspect office",
        )
    if problem := other_targets(lab, before, "before.xml") or walled(lab):
        return problem
    after = saved(lab, "after.xml")
    if isinstance(after, Verdict):
        return after
    return compared(lab, before, after) or passed(
        f"Before, every machine of the office saw port {DB}. Now none does, and web still "
        "reaches it."
    )


def other_targets(lab: Lab, report: Report, name: str) -> Verdict | None:
    """``None`` where a scan was aimed at the whole of office, and from within it."""
    office = lab.network("office")
    subnet = office.subnet if office else ""
    if subnet and not whole(report.args, subnet):
        return not_yet(
            f"{name} was not aimed at the whole subnet of office: of the rest it says nothing.",
            expected=f"a scan of {subnet}",
            seen=report.args,
            look="docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' office",
        )
    return None


def has_db(report: Report) -> bool:
    """Whether a report has the database in it."""
    return any(DB in host.open for host in report.hosts)


def walled(lab: Lab) -> Verdict | None:
    """``None`` where db shares a network without a way out with web, and none with others."""
    vault = lab.network("vault")
    if vault is None or not vault.internal:
        return not_yet(
            "There is no network vault yet." if vault is None else "vault has a way out.",
            expected="a network vault made with --internal",
            seen="no such network" if vault is None else "internal: false",
            look="docker network ls",
        )
    db = lab.container("db")
    if vault.members != MEMBERS or (db is not None and set(db.networks) != {"vault"}):
        seen = f"on vault: {', '.join(sorted(vault.members)) or 'nobody'}"
        return not_yet(
            "The wall has a gap: db should be on vault alone, with web and nobody else.",
            expected="web and db on vault, db on no other network",
            seen=f"{seen}; db on: {', '.join(sorted(db.networks)) if db else 'no such container'}",
            look="docker ps --format '{{.Names}}: {{.Networks}}'",
        )
    return first(can_reach(lab, "web", "db", DB), cannot_reach(lab, "kiosk", "db", DB))


def compared(lab: Lab, before: Report, after: Report) -> Verdict | None:
    """``None`` where the later report looked at the same as the earlier, and db is gone."""
    if after.start < before.start:
        return not_yet(
            "after.xml is older than before.xml.",
            expected="a scan made once db had left",
            seen="the two in the wrong order",
        )
    if has_db(after):
        return not_yet(
            f"after.xml still shows an open port {DB}.",
            expected="a scan of office from within, made once db had left it",
            seen=after.args,
        )
    problem = (
        other_targets(lab, after, "after.xml")
        or must_be(lab, after, ("web", "office"), WEB, "open")
        or must_be(lab, after, ("printer", "office"), PRINTER, "open")
    )
    if problem:
        return problem
    if before.ports - after.ports:
        return not_yet(
            "after.xml looked at fewer ports than before.xml: what was not asked is not gone.",
            expected="the same ports in both",
            seen=f"{before.args} / {after.args}",
        )
    return None
