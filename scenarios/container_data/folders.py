"""Checks on bind mounts and on who owns what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed
from labrunner.checks import running

from . import facts, places

if TYPE_CHECKING:
    from labrunner import Lab

ON_TILL = f"/data/{facts.LIST}"


def typo(lab: Lab) -> Verdict:
    """The till has the prices, by a mount that would have refused a slip; no slip is left."""
    return (
        running(lab, "till")
        or prices_at(lab, "till")
        or refuses(lab)
        or strays(lab)
        or passed(
            f"till has {facts.PRICES}, and no folder is left that nobody wanted.",
            seen=lab.exec("till", ["head", "-n", "1", ON_TILL]).out.strip(),
        )
    )


def prices_at(lab: Lab, name: str) -> Verdict | None:
    """``None`` where a container has the host's folder of prices at /data."""
    view = lab.container(name)
    mount = places.mount_at(view, "/data") if view else None
    look = f"docker inspect -f '{{{{json .Mounts}}}}' {name}"
    if mount is None or mount["Type"] != "bind":
        return not_yet(
            f"{name} does not have the host's folder of prices.",
            expected=f"the host's {facts.PRICES} at /data",
            seen=places.shown(mount),
            look=look,
        )
    if facts.tube(lab) in (lab.file(name, ON_TILL) or ""):
        return None
    return not_yet(
        f"{name} shows no prices.",
        expected=f"{facts.LIST} of the host's {facts.PRICES} in /data",
        seen=f"the host's folder {mount['Source']} is mounted there",
        look=f"docker exec {name} ls -l /data",
    )


def refuses(lab: Lab) -> Verdict | None:
    """``None`` where the till was mounted in the way that makes no folders."""
    view = lab.container("till")
    mounts = (view.attrs["HostConfig"].get("Mounts") or ()) if view else ()
    asked = [m for m in mounts if str(m.get("Target", "")).rstrip("/") == "/data"]
    if asked and not (asked[0].get("BindOptions") or {}).get("CreateMountpoint"):
        return None
    return not_yet(
        "till has its prices, but by the option that makes what it does not find.",
        expected="a mount that is refused where the folder is missing",
        seen="-v or --volume" if not asked else "a mount that creates its source",
        look="docker inspect -f '{{json .HostConfig.Binds}}' till",
    )


def strays(lab: Lab) -> Verdict | None:
    """``None`` where no empty folder of root's lies beside the prices."""
    words = ["find", facts.SHOP, "-mindepth", "1", "-type", "d", "-empty", "-user", "0"]
    found = lab.run_on_host(words).out.split()
    if not found:
        return None
    return not_yet(
        "A folder that nobody wanted is still on the host.",
        expected=f"only prices in {facts.SHOP}",
        seen=", ".join(found),
        look=f"lab host -- ls -ln {facts.SHOP}",
    )


def read_only(lab: Lab) -> Verdict:
    """The till reads, the clerk writes as the owner of the list."""
    return (
        running(lab, "till")
        or prices_at(lab, "till")
        or unchangeable(lab)
        or running(lab, "clerk")
        or prices_at(lab, "clerk")
        or no_root(lab, "clerk")
        or clerk_writes(lab)
        or offers(lab)
        or closed(lab, facts.PRICES, "the prices", f"lab host -- ls -ldn {facts.PRICES}")
        or passed("Not even root changes the list from till; what clerk writes is user 1000's.")
    )


def unchangeable(lab: Lab) -> Verdict | None:
    """``None`` where nobody in the till can write into the list."""
    if not places.opens(lab, "till", ON_TILL, user="0"):
        return None
    return not_yet(
        "Root in till can still change the host's price list.",
        expected=f"{ON_TILL} on a mount that is read-only, whoever writes",
        seen="user 0 of till opens it for writing",
        look="docker inspect -f '{{json .Mounts}}' till",
    )


def no_root(lab: Lab, name: str) -> Verdict | None:
    """``None`` where a container's user is not root but the owner of the files."""
    user = lab.exec(name, ["id", "-u"]).out.strip()
    if user == facts.OWNER:
        return None
    return not_yet(
        f"{name} runs as {'root' if user == '0' else f'user {user}'}.",
        expected=f"user {facts.OWNER}",
        seen=f"user {user}",
        look=f"docker exec {name} id",
    )


def clerk_writes(lab: Lab) -> Verdict | None:
    """``None`` where the clerk may change the list."""
    if places.opens(lab, "clerk", ON_TILL):
        return None
    return not_yet(
        "clerk cannot change the price list.",
        expected=f"{ON_TILL} open for writing in clerk",
        seen=lab.exec("clerk", ["sh", "-c", f": >> {ON_TILL}"]).err.strip()[:80],
        look=f"docker exec clerk sh -c ': >> {ON_TILL}'",
    )


def offers(lab: Lab) -> Verdict | None:
    """``None`` where the clerk's file belongs to the owner of the folder."""
    path = f"{facts.PRICES}/{facts.OFFERS}"
    found = lab.run_on_host(["stat", "-c", "%u", path])
    owner = found.out.strip()
    if owner == facts.OWNER:
        return None
    return not_yet(
        f"{facts.OFFERS} belongs to user {owner} of the host."
        if owner
        else f"There is no {facts.OFFERS} beside the price list yet.",
        expected=f"{path}, written by clerk, of user {facts.OWNER}",
        seen=f"user {owner}: its owner cannot change it" if owner else "no such file",
        look=f"lab host -- ls -ln {facts.PRICES}",
    )


def closed(lab: Lab, folder: str, what: str, look: str) -> Verdict | None:
    """``None`` where a folder of the host is not open to everybody."""
    mode = lab.run_on_host(["stat", "-c", "%a", folder]).out.strip()
    if mode and int(mode, 8) & 0o002 == 0:
        return None
    return not_yet(
        f"Everybody may write where {what} are, whoever it is.",
        expected="a folder that its owner, at most its group, may write",
        seen=f"mode {mode}",
        look=look,
    )


def owner(lab: Lab) -> Verdict:
    """The camera writes into its volume, as user 1000, and nobody else does."""
    return (
        running(lab, "camera")
        or places.on_volume(lab, "camera", "/photos", "photos")
        or no_root(lab, "camera")
        or camera_writes(lab)
        or closed(
            lab,
            places.folder_of(lab, "photos") or "",
            "the photos",
            "docker exec camera ls -ldn /photos",
        )
        or photo(lab)
        or passed("User 1000 writes into the volume photos, and no other user does.")
    )


def camera_writes(lab: Lab) -> Verdict | None:
    """``None`` where the camera's user may write into the volume."""
    if lab.exec("camera", ["test", "-w", "/photos"]).code == 0:
        return None
    return not_yet(
        "camera may not write into /photos.",
        expected=f"/photos open to user {facts.OWNER}",
        seen=lab.exec("camera", ["stat", "-c", "owner %u:%g, mode %a", "/photos"]).out.strip(),
        look="docker exec camera ls -ldn /photos",
    )


def photo(lab: Lab) -> Verdict | None:
    """``None`` where there is a photo that the camera's user made."""
    found = lab.exec("camera", ["stat", "-c", "%u", "/photos/one"]).out.strip()
    if found == facts.OWNER:
        return None
    return not_yet(
        f"/photos/one belongs to user {found}." if found else "There is no /photos/one yet.",
        expected=f"/photos/one, made by user {facts.OWNER}",
        seen=f"user {found}" if found else "no such file",
        look="docker exec camera ls -ln /photos",
    )
