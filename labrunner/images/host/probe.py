"""Finds out who can reach whom, from inside the network namespaces of containers.

Runs on a lab's host as its root (Python 3.12 or newer, standard library only; start it with
``-S -E -s``, not ``-I``: its other parts lie beside it). One JSON request per line on
standard input; JSON replies, one per line, on standard output. The last reply to a request
is ``{"done": seconds}``, after ``{"error": text}`` if it failed. Requests by their ``mode``:

``reach``
    ``containers``: name, pid, networks {net: {ip, ip6, gateway, internal}}, names [..],
    links {target: [names]}, published [[address, host port, container port, protocol]], dns
    (whether it was given name servers of its own); ``timeout``; ``sandbox``: whether the host
    is one; ``facts``: whether to look at more than ways.
    Replies: ``{"listener": [..]}``, ``{"probe": [..]}``, ``{"outside": [..]}`` with the fields
    of the classes of those names in `labrunner.model.reach`; ``{"facts": {..}}``;
    ``{"gone": name}`` for a container that has ended.
``tcp``
    ``tries``: id, pid, own (the container's name), to, port; ``timeout``.
    Replies: id, state, address, detail.
``wait``
    ``ports``: name, pid, ip, port; ``timeout``.
    Replies as each port accepts: name, seconds; or name, failed.
"""

from __future__ import annotations

import json
import sys

TYPE_CHECKING = False  # importing typing would cost as much as the whole measurement
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TextIO

    from labrunner.images.host.probe_dial import Dialer, now, wait
    from labrunner.images.host.probe_names import Question, Resolver
    from labrunner.images.host.probe_survey import Survey
else:
    from probe_dial import Dialer, now, wait
    from probe_names import Resolver
    from probe_survey import Survey

OFTEN = {"probe", "listener", "outside", "facts"}
"""Replies that may wait for the next."""


def tcp(request: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Try each target as a client would: by name or address, every address that it has."""
    with Dialer(float(request.get("timeout", 2.0))) as dialer:
        asked: list[tuple[dict[str, Any], Resolver, Question]] = []
        for given in request["tries"]:
            try:
                space = dialer.space(int(given["pid"]))
            except (FileNotFoundError, ProcessLookupError):
                say({"id": given["id"], "state": "gone", "address": "", "detail": ""})
                continue
            resolver = Resolver(dialer, space, given.get("own", ""))
            question = resolver.ask(given["to"], dialer.timeout, lab="." not in given["to"])
            resolver.ask_own(dialer.timeout)
            asked.append((given, resolver, question))
        dialer.loop.run(*(resolver.tick for _given, resolver, _question in asked))
        dialled = []
        for given, resolver, question in asked:
            resolver.close()
            port = int(given["port"])
            tries = [dialer.dial(resolver.space, a, port) for a in question.addresses]
            dialled.append((given["id"], tries))
        dialer.loop.run(dialer.tick)
    for number, tries in dialled:
        best = min(tries, key=lambda t: t.state != "open", default=None)
        say(
            {
                "id": number,
                "state": best.state if best else "unknown_name",
                "address": best.address if best else "",
                "detail": best.detail if best else "",
            }
        )


def answer(request: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Do what one request asks for."""
    mode = request.get("mode")
    if mode == "reach":
        with Dialer(float(request.get("timeout", 1.0))) as dialer:
            Survey(dialer, request, say).run()
    elif mode == "tcp":
        tcp(request, say)
    elif mode == "wait":
        wait(request["ports"], float(request.get("timeout", 20.0)), say)
    else:
        raise ValueError(f"unknown mode {mode!r}")


def converse(requests: Iterable[str], answers: TextIO) -> None:
    """Answer requests, a line each, until there are none."""
    begun = now()

    def say(reply: dict[str, Any]) -> None:
        answers.write(json.dumps(reply, separators=(",", ":")) + "\n")
        if not OFTEN & reply.keys():
            answers.flush()

    for line in requests:
        if line.strip():
            try:
                answer(json.loads(line), say)
            except Exception as error:  # noqa: BLE001  whoever asked must hear of it
                say({"error": f"{type(error).__name__}: {error}"})
            say({"done": round(now() - begun, 4)})
            begun = now()


if __name__ == "__main__":
    converse(sys.stdin, sys.stdout)
