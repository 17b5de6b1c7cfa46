"""Connects standard input and output with the sandbox's engine, for connections from far away.

``docker system dial-stdio`` does the same, but goes on when the engine has closed its end, and
so keeps whoever waits for the end of a command's output waiting for ever.
"""

import _socket  # socket itself would double the start-up time
import _thread
import os

ENGINE = "/run/docker.sock"
CHUNK = 65536


def main() -> None:
    """Carry bytes both ways until the engine has said all it had to say."""
    engine = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    engine.connect(ENGINE)
    _thread.start_new_thread(send, (engine,))
    while data := engine.recv(CHUNK):
        while data:
            data = data[os.write(1, data) :]
    os._exit(0)  # the other thread still reads


def send(engine: _socket.socket) -> None:
    """Hand standard input on, and its end too."""
    try:
        while data := os.read(0, CHUNK):
            engine.sendall(data)
        engine.shutdown(_socket.SHUT_WR)
    except OSError:
        return  # the engine has closed; the main thread sees it too


main()
