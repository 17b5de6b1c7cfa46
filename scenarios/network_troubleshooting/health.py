"""Whether a patient is well, asked from the desk as its callers would."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from labrunner import not_yet

from .facts import COPIES, HOME, JOB, LOOK, PORT, SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labrunner import Lab, Verdict

MEANS = {
    0: "it answers",
    6: "the name is not known",
    7: "refused at once",
    28: "no answer in time",
}
"""What the exit codes of curl say."""
PATIENCE = 3.0
"""Seconds for a neighbour to forget who had an address."""


def one_service(lab: Lab, name: str) -> Verdict | None:
    """``None`` where the desk gets the page of this service."""
    view = lab.container(name)
    if view is None or not view.running:
        state = view.status if view else "no container of that name"
        return still_ill(f"{name} does not run.", seen=state, look="docker ps -a")
    if HOME not in view.networks:
        on = " and ".join(sorted(view.networks)) or "no network"
        return still_ill(
            f"{name} is not on {HOME}, where its callers are.",
            seen=f"on {on}",
            look=LOOK["network"].format(),
        )
    code, page = fetch(lab, name, "")
    if code == 0 and f"This is {name}." in page:
        return None
    return still_ill(
        f"The desk does not get the page of {name}.",
        seen=MEANS.get(code, f"curl ends with {code}") if code else page.strip()[:60],
        look=LOOK["answer"].format(patient=name),
    )


def still_ill(message: str, seen: str, look: str) -> Verdict:
    """What is wrong with it now."""
    return not_yet(message, expected="a page for the desk", seen=seen, look=look)


def fetch(lab: Lab, where: str, path: str, limit: int = 2) -> tuple[int, str]:
    """The exit code of curl in the desk, and the page."""
    url = f"http://{where}:{PORT}/{path}"
    result = lab.exec("desk", ["curl", "-s", "-m", str(limit), url])
    return result.code, result.out


def every_copy(lab: Lab) -> Verdict | None:
    """``None`` where each address of the name answers, and belongs to one alone."""
    found = addresses(lab, "copies")
    if len(found) < len(COPIES) - 1:
        return still_ill(
            "Too few copies are left under the name copies.",
            seen=f"{len(found)} of {len(COPIES)} addresses",
            look="docker exec desk getent ahostsv4 copies",
        )
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lab.exec, "desk", ["owners", "copies"])
        silent = until_all_answer(lab, found)
        shared = [line for line in asked.result().out.splitlines() if len(line.split()) > 2]  # noqa: PLR2004  address and owner
    if shared:
        return still_ill(
            "Two still answer for one address of copies.",
            seen=shared[0],
            look=LOOK["owners"].format(patient="copies"),
        )
    if silent:
        return still_ill(
            "An address of copies still does not answer.",
            seen=f"no page from {silent[0]}",
            look=f"docker exec desk ask {silent[0]}",
        )
    return None


def addresses(lab: Lab, name: str) -> list[str]:
    """The addresses that a name has for the desk."""
    lines = lab.exec("desk", ["getent", "ahostsv4", name]).out.splitlines()
    return sorted({line.split()[0] for line in lines})


def until_all_answer(lab: Lab, wanted: Iterable[str]) -> list[str]:
    """Which of these addresses give no page; one that was just repaired gets a moment."""
    deadline = time.monotonic() + PATIENCE
    silent = list(wanted)
    while silent and time.monotonic() < deadline:
        silent = [address for address in silent if fetch(lab, address, "", 1)[0]]
    return silent


def long_list(lab: Lab) -> Verdict | None:
    """``None`` where the long list comes in time, while the job of the night works."""
    job = lab.container(JOB)
    if job is None or not job.running:
        return not_yet(
            f"{JOB} does not work: it has to, by night.",
            expected=f"{JOB} running, however slowly",
            seen=job.status if job else "no container of that name",
            look=f"docker ps -a --filter name={JOB}",
        )
    if problem := one_service(lab, "prints"):
        return problem
    code, page = fetch(lab, "prints", "cgi-bin/list", SECONDS)
    if code == 0 and "End of the list." in page:
        return None
    return not_yet(
        "The small page of prints comes, and the long list does not.",
        expected=f"all of the list within {SECONDS} seconds",
        seen=MEANS.get(code, f"curl ends with {code}") if code else "a part of it",
        look=f"docker exec desk curl -sS -m {SECONDS} http://prints:8000/cgi-bin/list",
    )
