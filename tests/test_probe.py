"""The prober's readers of what kernels, resolvers and containers say, without an engine."""

from __future__ import annotations

import importlib
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labrunner.engine import images
from labrunner.images.host import probe_names

ANY = "0.0.0.0"  # noqa: S104  what containers bind to, not we
HOST_FOLDER = Path(images.__file__).parent.parent / "images" / "host"


@pytest.fixture
def prober(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The part of the prober that reads tables; the others lie beside it in the image."""
    monkeypatch.syspath_prepend(str(HOST_FOLDER))
    return importlib.import_module("probe_sockets")


def test_addresses_of_proc_net_tcp(prober: Any) -> None:
    """The kernel's hexadecimal words become addresses."""
    assert prober.decode_address("0100007F") == "127.0.0.1"
    assert prober.decode_address("00000000") == ANY
    assert prober.decode_address("0" * 32) == "::"
    assert prober.decode_address("00000000000000000000000001000000") == "::1"


def test_parse_hosts() -> None:
    """A hosts file: comments, several names a line, several addresses a name."""
    text = "127.0.0.1\tlocalhost\n# 10.0.0.9 no\n10.0.0.2 Db database # yes\n10.0.0.3 db\n\n"
    assert probe_names.parse_hosts(text) == {
        "localhost": ("127.0.0.1",),
        "db": ("10.0.0.2", "10.0.0.3"),
        "database": ("10.0.0.2",),
    }


def test_parse_resolv() -> None:
    """A resolv.conf: servers, the last search line, ndots; nonsense is passed over."""
    text = "nameserver 127.0.0.11\nsearch a b\noptions ndots:0 edns0 ndots:x\nnameserver\n"
    assert probe_names.parse_resolv(text) == (["127.0.0.11"], ["a", "b"], 0)


def _reply(*records: tuple[int, bytes]) -> bytes:
    question = b"\x02db\x00" + struct.pack("!HH", 1, 1)
    answers = b"".join(
        b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 600, len(data)) + data for kind, data in records
    )
    return struct.pack("!6H", 7, 0x8180, 1, len(records), 0, 0) + question + answers


def test_parse_answer() -> None:
    """A DNS reply: addresses of both kinds, other records passed over."""
    packet = _reply((5, b"\x01x\x00"), (1, bytes([10, 0, 0, 2])), (28, bytes(15) + b"\x01"))
    assert probe_names.parse_answer(packet) == (7, ("10.0.0.2", "::1"))


@pytest.mark.parametrize("cut", [0, 5, 13, 20, 25, 30])
def test_parse_broken_answer(cut: int) -> None:
    """A reply that breaks off is no reply; nothing else is raised."""
    packet = _reply((1, bytes([10, 0, 0, 2])))[:cut]
    with pytest.raises(ValueError, match="DNS"):
        probe_names.parse_answer(packet)


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64])
def test_impossible_names(name: str) -> None:
    """What can be no name is refused before it is sent."""
    with pytest.raises(ValueError):  # noqa: PT011  any message will do
        probe_names.query(1, name, 1)


def test_read_stays_inside(tmp_path: Path) -> None:
    """An absolute link in a container starts again at the container's root; a pipe is not read."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "real").write_text("inside", encoding="utf-8")
    (tmp_path / "etc/hosts").symlink_to("/real")
    (tmp_path / "etc/loop").symlink_to("/etc/loop")
    assert probe_names.read("/etc/hosts", root=str(tmp_path)) == "inside"
    assert probe_names.read("/etc/loop", root=str(tmp_path)) == ""
    assert probe_names.read("/etc/none", root=str(tmp_path)) == ""


FEW_FILES = """
import os, resource, socket
from labrunner.images.host.probe_dial import wait
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
server = socket.create_server(("127.0.0.1", 0))
port = {"name": "it", "pid": os.getpid(), "ip": "127.0.0.1", "inside": False}
wait([{**port, "port": server.getsockname()[1]}], 60.0, print)
"""


def test_few_open_files_are_enough() -> None:
    """Whoever may open few waits for fewer at once, and not for ever."""
    argv = [sys.executable, "-c", FEW_FILES]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert "'name': 'it'" in done.stdout
    assert "failed" not in done.stdout
