"""Step 3: an update is a new container, with all that the old one was given."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from labrunner import Verdict, not_yet, passed, ruined

from .facts import BOOK, VISITORS, guest_book, runs_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labrunner import Lab

NEW, OLD_PAGE = "This is version 2.", "This is version 1."
PAGES = "http://web:8000"
PUBLISHED = "127.0.0.1:8080 -> 8000"
EVERYWHERE = "0.0.0.0:8080 -> 8000"


def update(lab: Lab) -> Verdict:
    """The web site is served by the new version, and nothing that the old one had is lost."""
    if problem := runs_on(lab, "desk", "yard") or runs_on(lab, "web", "yard"):
        return problem
    page = read(lab, "/")
    if NEW not in page:
        return old_still(lab, page)
    return book_lost(lab) or port_lost(lab) or passed("Version 2 serves the site, nothing is lost.")


def read(lab: Lab, path: str) -> str:
    """A page of the site, as desk gets it; curl's complaint where it gets none."""
    # a web server that was just started refuses for a moment
    again = ("--retry", "3", "--retry-connrefused", "--retry-delay", "1")
    result = lab.exec("desk", ["curl", "-sS", "-m", "4", *again, f"{PAGES}{path}"])
    return (result.out or result.err).strip()


def old_still(lab: Lab, page: str) -> Verdict:
    """The old version is served still, or nothing is; why."""
    if OLD_PAGE not in page:
        return not_yet(
            "web runs, but desk does not get the page of the site from it.",
            expected=f"{PAGES}/: {NEW}",
            seen=page.splitlines()[0] if page else "nothing",
            look=f"docker exec desk curl -sS -m 2 {PAGES}/",
        )
    tags = {t: i["Id"] for i in lab.client.api.images() for t in i["RepoTags"] or ()}
    web = lab.container("web")
    moved = web is not None and web.attrs["Image"] != tags.get("site:stable")
    return not_yet(
        "web was made from the old image and stays with it: the name has moved on, web has not."
        if moved
        else "web serves the old version, and site:stable is still the old image.",
        expected=NEW,
        seen=page.splitlines()[0] if page else "nothing",
        look="docker inspect -f '{{.Image}}' web site:stable",
    )


def book_lost(lab: Lab) -> Verdict | None:
    """``None`` where the guest book is served with all that was in it."""
    page = read(lab, "/guests/book")
    web = lab.container("web")
    mounts = web.attrs["Mounts"] if web else ()
    if guest_book(lab) in page:
        return closed_book(mounts)
    if book_ruined(lab, mounts):
        return ruined(
            "The volume visitors is gone, and what visitors wrote with it. A new one is empty.",
            expected="the volume visitors with the guest book in it",
            seen="no such volume, or another one of that name",
        )
    places = [f"{m.get('Name') or m['Source']} at {m['Destination']}" for m in mounts]
    return not_yet(
        "The new web does not show the guest book.",
        expected=f"the volume {VISITORS} where the old web had it, with {BOOK}",
        seen=", ".join(places) or "no volume at all",
        look="docker inspect -f '{{json .Mounts}}' web",
    )


def closed_book(mounts: Sequence[Mapping[str, Any]]) -> Verdict | None:
    """``None`` where the next visitor can write into the guest book, as before."""
    if all(mount["RW"] for mount in mounts if mount.get("Name") == VISITORS):
        return None
    return not_yet(
        "The new web shows the guest book, but nobody can write into it any more.",
        expected=f"the volume {VISITORS} writable, as the old web had it",
        seen="it is mounted read-only",
        look="docker inspect -f '{{json .Mounts}}' web",
    )


def book_ruined(lab: Lab, mounts: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what visitors wrote is lost: their volume is gone, or is a new one."""
    for mount in mounts:
        if mount.get("Name") == VISITORS:
            book = lab.file("web", f"{mount['Destination']}/{PurePosixPath(BOOK).name}")
            return guest_book(lab) not in (book or "")
    return VISITORS not in {v["Name"] for v in lab.client.api.volumes()["Volumes"] or ()}


def port_lost(lab: Lab) -> Verdict | None:
    """``None`` where the host finds the site where it did before, and nobody else."""
    web = lab.container("web")
    ports = [f"{p.address}:{p.host_port} -> {p.port}" for p in web.published] if web else []
    if ports == [PUBLISHED]:
        return None
    found = any(port in ports for port in (PUBLISHED, EVERYWHERE))
    return not_yet(
        "The host finds the new web where the old one was, and others find it, too."
        if found
        else "The host does not find the new web where the old one was.",
        expected="port 8000 published on 127.0.0.1:8080, and nowhere else",
        seen=", ".join(ports) or "nothing published",
        look="docker port web",
    )
