"""Keeps the prober ready in a sandbox: each connection to its socket is a conversation.

Started by lab-host with the number of a listening socket. Every conversation has a process of
its own, which goes with it, or when the time that its request allows is over.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal itself would double the start-up time
import os
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labrunner.images.host.probe import converse
else:
    from probe import converse

LONGEST = 600
"""Seconds that a conversation may last, whatever its requests ask for."""


def serve(listener: socket.socket) -> None:
    """Hold conversations, as many at once as are begun."""
    _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)  # the kernel buries them
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            hold(connection)
        connection.close()


def hold(connection: socket.socket) -> None:
    """One conversation; this process ends with it."""
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    _signal.alarm(LONGEST)
    try:
        with connection, connection.makefile("r") as requests, connection.makefile("w") as answers:
            converse(requests, answers)
    except OSError:
        pass  # whoever asked has gone
    finally:
        os._exit(0)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
