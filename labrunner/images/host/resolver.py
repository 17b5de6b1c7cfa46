"""Answers every question with "no such name".

A sandbox has no way out, so a name that its engine does not know exists nowhere. Without an
answer whoever asks would wait for up to fifteen seconds to learn it.
"""

import _socket  # socket itself would cost twice the memory of all this

NO_SUCH_NAME = 0x8083  # an answer, from one who would look further, with code 3
KEPT_FLAGS = 0x7900  # of the question: kind of question, and that recursion was wanted
HEADER = 12
ADDRESS = "198.18.0.1"  # docker0's; with any, answers to other networks would come from theirs
LIMIT = 4096


def main() -> None:
    """Answer for ever."""
    server = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    server.bind((ADDRESS, 53))
    while True:
        question, sender = server.recvfrom(LIMIT)
        reply = no_such_name(question)
        if reply:
            try:
                server.sendto(reply, sender)
            except OSError:
                continue  # whoever asked has gone


def no_such_name(question: bytes) -> bytes:
    """The answer to a DNS question; nothing where it is none."""
    end = HEADER
    while end < len(question) and question[end]:
        end += question[end] + 1
    end += 5  # the root label, type and class
    if end > len(question):
        return b""
    flags = int.from_bytes(question[2:4]) & KEPT_FLAGS | NO_SUCH_NAME
    counts = b"\0\1" + bytes(6)  # the question comes back, and nothing else
    return question[:2] + flags.to_bytes(2) + counts + question[HEADER:end]


main()
