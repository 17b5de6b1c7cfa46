"""Steps 4 and 5: what a prune takes, what it breaks, and how to tell it what to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed, ruined

from .facts import OLD, REPORT, report, runs_on

if TYPE_CHECKING:
    from labrunner import Lab
    from labrunner.view import ContainerView

LABEL = "keep"


def nightly(lab: Lab) -> ContainerView | Verdict:
    """The container of the night with its report, or that it is lost."""
    view = lab.container("nightly")
    if view is None or report(lab) not in (lab.file("nightly", REPORT) or ""):
        return ruined(
            "nightly is gone, and the report that was in it."
            if view is None
            else "This is another nightly: the report was in the old one, and went with it.",
            expected=f"the container nightly with its {REPORT}",
            seen="no such container" if view is None else "no report in it",
        )
    return view


def prune(lab: Lab) -> Verdict:
    """What nobody used is gone, and nightly works again all the same."""
    night = nightly(lab)
    if isinstance(night, Verdict):
        return night
    for name in OLD:
        if network := lab.network(name):
            members = " and ".join(sorted(network.members))
            return not_yet(
                f"The network {name} is there still, with {members} on it: a prune leaves it."
                if members
                else f"The network {name} is there still, and nobody is on it.",
                expected=f"no network {' and no network '.join(OLD)}",
                seen=f"{name}, {f'with {members}' if members else 'without a member'}",
                look="docker network ls",
            )
    if not night.running:
        return not_yet(
            "nightly does not run, and cannot: its network is gone."
            if hangs_loose(lab, night)
            else "nightly does not run.",
            expected="nightly running on night",
            seen=night.attrs["State"]["Error"] or f"it is {night.status}",
            look="docker start nightly",
        )
    if problem := runs_on(lab, "nightly", "night"):
        return problem
    return passed(
        "The unused networks are gone; nightly works again, and no container was lost.",
        seen=f"{len(lab.containers())} containers run",
    )


def hangs_loose(lab: Lab, view: ContainerView) -> bool:
    """Whether a container holds on to a network of that name which is not there any more."""
    for name, endpoint in (view.attrs["NetworkSettings"]["Networks"] or {}).items():
        network = lab.network(name)
        if network is None or endpoint.get("NetworkID") not in ("", network.attrs["Id"]):
            return True
    return not view.networks


def careful(lab: Lab) -> Verdict:
    """A prune took what is over, and left a labelled network whose only member is stopped."""
    night = nightly(lab)
    if isinstance(night, Verdict):
        return night
    return (
        labelled(lab)
        or waiting(lab, night)
        or fair_over(lab)
        or passed(
            "night was spared by its label, fair went: nightly can start whenever it likes.",
        )
    )


def labelled(lab: Lab) -> Verdict | None:
    """``None`` where the network of the night has the label."""
    network = lab.network("night")
    if network is None:
        return not_yet(
            "There is no network night: prune takes it as long as nightly is stopped.",
            expected=f"a network night with the label {LABEL}",
            seen="no such network",
            look="docker network ls",
        )
    labels = network.attrs["Labels"] or {}
    if LABEL in labels:
        return None
    return not_yet(
        f"night has no label {LABEL}, so nothing would spare it.",
        expected=f"a network night with the label {LABEL}",
        seen=", ".join(sorted(labels)) or "no label",
        look="docker network inspect -f '{{json .Labels}}' night",
    )


def waiting(lab: Lab, night: ContainerView) -> Verdict | None:
    """``None`` where nightly is stopped, and could start on the network that is there."""
    if hangs_loose(lab, night) or "night" not in night.networks:
        return not_yet(
            "nightly is not on this network night: it could not start on it.",
            expected="nightly connected to night as it is now",
            seen="it holds on to an older network night, which is gone"
            if "night" in night.networks
            else " and ".join(sorted(night.networks)) or "no network",
            look="docker start nightly",
        )
    if night.status == "exited":
        return None
    return not_yet(
        f"nightly is {night.status}: a network with a running member is safe anyway.",
        expected="nightly stopped, as it is by day",
        seen=night.status,
        look="docker ps -a --filter name=nightly",
    )


def stand_left(stand: ContainerView | None) -> Verdict | None:
    """``None`` where the fair's container went, too: a prune of networks takes none."""
    if stand is None:
        return None
    return not_yet(
        "The network fair is gone, but the container stand is there still.",
        expected="no container stand and no network fair",
        seen=f"stand is {stand.status}",
        look="docker ps -a --filter name=stand",
    )


def fair_over(lab: Lab) -> Verdict | None:
    """``None`` where the fair's container and network are gone."""
    fair, stand = lab.network("fair"), lab.container("stand")
    if fair is None:
        return stand_left(stand)
    on_it = set(fair.members) | ({"stand"} if stand and "fair" in stand.networks else set())
    members = " and ".join(sorted(on_it))
    return not_yet(
        f"The network fair is there still, and {members} on it."
        if members
        else "The network fair is there still, though nobody is on it.",
        expected="no container stand and no network fair",
        seen=f"stand is {stand.status}" if stand else f"fair, with {members or 'no member'}",
        look="docker network ls",
    )
