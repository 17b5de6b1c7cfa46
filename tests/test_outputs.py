"""What a lesson shows against what came: what varies is let through, and no lie is."""

from __future__ import annotations

import re

import pytest

from labrunner.validate.outputs import missing

CAME = [
    pytest.param("PING", "PING web (172.18.0.2) 56(84) bytes of data.", id="a-beginning"),
    pytest.param("172.24.0.3   web", "10.0.7.12      web", id="an-address"),
    pytest.param("172.25.0.2172.24.0.6", "10.1.0.2310.2.0.4", id="glued-addresses"),
    pytest.param("198.18.3.0/24", "10.250.0.0/24", id="a-subnet"),
    pytest.param("1012d006ab58", "ffff00001111", id="an-id"),
    pytest.param("web Exited (0) 2 seconds ago", "web Exited (0) Less than a second ago", id="ago"),
    pytest.param("web Up 3 seconds", "web   Up About a minute", id="up"),
    pytest.param("200 0.0", "200 0.01234", id="a-figure"),
    pytest.param("curl: (28) after 2002 ms", "curl: (28) after 1999 ms", id="milliseconds"),
    pytest.param("in 2002 milliseconds", "in 1999 milliseconds", id="a-unit-in-full"),
    pytest.param("10.9 Gbits/sec  403  1.53 MBytes", "7 Gbits/sec 0 980 KBytes", id="rates"),
    pytest.param("My word is heron-4821.", "My word is walnut-0017.", id="a-random-word"),
    pytest.param("198.18.1.1:40256: 200", "198.18.1.1:51122: 200", id="a-port-of-the-kernel"),
    pytest.param("one two\nthree four", "one two three four", id="wrapped-by-the-lesson"),
    pytest.param("first\n...\nlast", "first\nin between\nlast", id="lines-left-out"),
    pytest.param("begin ... end", "begin something end", id="words-left-out"),
    pytest.param("a\nc", "a\nb\nc", id="shortened"),
    pytest.param("NAMES   IMAGE\none   x\ntwo   y", "NAMES IMAGE\ntwo y\none x", id="table-order"),
    pytest.param("2024-05-06T07:08:09Z up", "2026-11-24T06:52:00Z up", id="a-date"),
    pytest.param('[24/Nov/2026 06:48:28] "GET"', '[01/Jan/2027 23:59:00] "GET"', id="a-log"),
    pytest.param("40 Nov 24 10:26 price", "40 May  3 07:00 price", id="ls"),
    pytest.param("a | b\n-----+----", "a | b\n---------+-------", id="a-wider-table"),
    pytest.param("", "anything", id="nothing-shown"),
]
LIES = [
    pytest.param("8", "80", "8", id="half-a-number"),
    pytest.param("curl: (28) timed out", "curl: (7) refused", "curl: (28) timed out", id="a-code"),
    pytest.param("200 0.0", "503 0.0123", "200 0.0", id="a-status"),
    pytest.param("two\none", "one\ntwo", "one", id="another-order"),
    pytest.param("a\nb", "a", "b", id="a-line-too-few"),
    pytest.param("web 172.18.0.2", "db 172.18.0.2", "web 172.18.0.2", id="another-name"),
    pytest.param("NAMES\none\none", "NAMES\none\ntwo", "one", id="twice-in-a-table"),
    pytest.param("0.0.0.0:8091", "0.0.0.0:8092", "0.0.0.0:8091", id="a-port-that-was-chosen"),
]


@pytest.mark.parametrize(("shown", "printed"), CAME)
def test_what_differs_from_run_to_run_is_the_same(shown: str, printed: str) -> None:
    """Addresses, ids, times, figures, words, widths: no false alarm."""
    assert missing(shown, printed) is None


@pytest.mark.parametrize(("shown", "printed", "line"), LIES)
def test_what_did_not_come_is_named(shown: str, printed: str, line: str) -> None:
    """The first line that is missing."""
    assert missing(shown, printed) == line


def test_an_author_may_name_what_varies() -> None:
    """A regular expression, for this step only."""
    varies = [re.compile(r"ticket [A-Z]{3}")]
    assert missing("your ticket ABC", "your ticket XYZ", varies) is None
    assert missing("your ticket ABC", "your ticket XYZ") == "your ticket ABC"
