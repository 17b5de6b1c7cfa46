"""Two containers that can talk, until the learner parts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Container, Network, Ready, Scenario, Verdict, not_yet, passed

if TYPE_CHECKING:
    from labrunner import Lab

PORT = 7000

scenario = Scenario(
    name="hello-network",
    networks=(Network("hello"),),
    containers=(
        # What anybody sends to ada stands in her log.
        Container("ada", "tools:1", ("hello",), ("nc", "-lk", str(PORT)), ready=Ready(PORT)),
        Container("bob", "tools:1", ("hello",), ("sleep", "infinity")),
    ),
)


@scenario.check("say-hello")
def said_hello(lab: Lab) -> Verdict:
    """Ada has heard something."""
    heard = lab.logs("ada").strip()
    if not heard:
        return not_yet(
            "Ada has heard nothing yet.",
            expected="a line in ada's log",
            seen="an empty log",
            look="docker logs ada",
        )
    return passed("Ada has heard you.", seen=heard.splitlines()[-1])


@scenario.check("part-them")
def parted(lab: Lab) -> Verdict:
    """Bob runs, and cannot reach ada by any way."""
    bob = lab.container("bob")
    if bob is None or not bob.running:
        return not_yet(
            "Bob is gone, and so is the proof that he cannot reach ada.",
            expected="bob running",
            seen="no running bob",
            look="docker ps -a",
        )
    state = lab.tcp("bob", "ada", PORT)
    if state == "open":
        return not_yet(
            "Bob still reaches ada.",
            expected="no way from bob to ada",
            seen=f"port {PORT} of ada is open to bob",
            look="docker network inspect hello",
        )
    return passed("Bob runs and cannot reach ada.", seen=f"bob tried port {PORT}: {state}")
