"""A sandbox is an engine of one's own, with limits, and names of its own."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labrunner.engine import outer_box, sandbox
from labrunner.engine.client import engine_address
from labrunner.errors import EngineError
from labrunner.model.topology import Limits
from tests.sandboxes import BASE, private_folder, running
from tests.waiting import ends

if TYPE_CHECKING:
    import docker


pytestmark = pytest.mark.engine


REACH_SERVER = """
exec 3<>/dev/tcp/server/80
cat <&3
cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null
true
"""


# --- what it is ----------------------------------------------------------------------------


def test_it_is_an_engine_with_exactly_the_images_asked_for(host: sandbox.Sandbox) -> None:
    """The learner's names are there, the outer engine's are not, and they run."""
    assert [tag for image in host.client.images.list() for tag in image.tags] == [BASE]
    assert host.client.containers.run(BASE, ["echo", "hello"], remove=True) == b"hello\n"
    assert host.client.info()["Name"] == "lab-host"


def test_containers_with_networks_limits_and_ports_work(host: sandbox.Sandbox) -> None:
    """Names resolve, memory limits hold, a published port answers on the host."""
    client = host.client
    network = client.networks.create("village")
    serve = ["sh", "-c", "while true; do printf 'hi' | nc -l -N 80; done"]
    server = client.containers.run(
        BASE, serve, name="server", network="village", ports={"80/tcp": 8080}, detach=True
    )
    try:
        shown = client.containers.run(
            BASE,
            ["bash", "-c", REACH_SERVER],
            network="village",
            mem_limit="32m",
            remove=True,
        )
        assert shown.decode().startswith("hi")
        assert str(32 << 20) in shown.decode()
        published = host.run(["bash", "-c", "exec 3<>/dev/tcp/198.18.0.1/8080; cat <&3"])
        assert published.out == "hi"
    finally:
        server.remove(force=True)
        network.remove()


def test_a_running_one_can_be_attached_to(host: sandbox.Sandbox) -> None:
    """A second command finds the same engine."""
    folder = Path(host.docker_host.removeprefix("unix://")).parent.parent
    again = sandbox.attach(engine_address(), host.lab_id, folder)
    assert again.client.info()["ID"] == host.client.info()["ID"]
    again.close()


def test_one_that_is_gone_is_said_to_be(engine: docker.DockerClient) -> None:
    """Attaching to nothing is an error that says so; removing nothing is none."""
    with pytest.raises(EngineError, match="gone"):
        sandbox.attach(engine_address(), "test-never-was", Path("/nonexistent"))
    assert sandbox.remove(engine, "test-never-was") is False


@pytest.mark.parametrize("simply", [True, False], ids=["without-sdk", "with-sdk"])
def test_it_takes_everything_with_it(
    engine: docker.DockerClient, host_image: str, tools: dict[str, str], *, simply: bool
) -> None:
    """Afterwards the engine's containers and volumes are what they were, template aside."""

    def volumes() -> set[str]:
        found = engine.api.volumes()["Volumes"] or ()
        return {v["Name"] for v in found if not v["Name"].startswith("labrunner-template-")}

    with private_folder() as folder:
        lab_id = f"test-{secrets.token_hex(4)}"
        spec = sandbox.SandboxSpec(lab_id, "lab-host", Limits(), tools, False, folder)
        made = sandbox.create(engine, spec, host_image=host_image)
        mounts = engine.api.inspect_container(made.container)["Mounts"]
        anonymous = {m["Name"] for m in mounts if m["Destination"] == "/var/lib/docker"}
        made.client.containers.run(BASE, ["sleep", "1000"], detach=True)
        made.client.volumes.create("mine")
        made.close()
        assert anonymous <= volumes()
        if simply:
            assert sandbox.remove_simply(engine_address(), lab_id) is True
        else:
            assert sandbox.remove(engine, lab_id) is True
        assert sandbox.remove(engine, lab_id) is False
        assert not anonymous & volumes()
        assert not engine.api.containers(all=True, filters={"name": made.container})


def test_stopping_it_is_quick_and_clean(
    engine: docker.DockerClient, host_image: str, tools: dict[str, str]
) -> None:
    """``docker stop`` reaches the engine inside, which ends in good order, not by force."""
    with running(engine, host_image, tools) as made:
        box = engine.containers.get(made.container)
        box.stop(timeout=60)
        assert box.wait()["StatusCode"] == 0


def test_no_zombies_stay(host: sandbox.Sandbox) -> None:
    """The host's first process takes care of what containers leave behind."""
    for _ in range(3):
        host.client.containers.run(BASE, ["true"], remove=True)
    look = ["sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null | cut -d' ' -f3"]
    assert ends(lambda: "Z" not in host.run(look).out.split())


# --- limits --------------------------------------------------------------------------------


def test_the_limits_are_set_on_the_outside(
    engine: docker.DockerClient, host: sandbox.Sandbox
) -> None:
    """Memory without swap on top, cores, processes; no privilege; only the capabilities needed."""
    settings = engine.api.inspect_container(host.container)["HostConfig"]
    assert settings["Memory"] == settings["MemorySwap"] == 768 << 20
    assert settings["NanoCpus"] == 1_500_000_000
    assert settings["PidsLimit"] == 512
    assert settings["NetworkMode"] == "none"
    assert settings["Privileged"] is False
    assert {c.removeprefix("CAP_") for c in settings["CapAdd"]} == set(outer_box.CAPABILITIES)
    assert settings["CapDrop"] == ["ALL"]


def test_a_full_disk_is_full_inside_only(host: sandbox.Sandbox) -> None:
    """Filling it gives "no space left", leaves the engine answering, and can be undone."""
    container = host.client.containers.run(BASE, ["sleep", "infinity"], detach=True)
    try:
        code, said = container.exec_run(["sh", "-c", "head -c 500M /dev/zero >/var/big"])
        assert code != 0
        assert b"No space left" in said
        assert host.client.ping()
    finally:
        container.remove(force=True)
    assert host.client.containers.run(BASE, ["true"], remove=True) == b""
    used = ["sh", "-c", "df -k /var/lib/docker | awk 'END{print $3}'"]
    assert ends(lambda: int(host.run(used).out) < 20_000)


def test_a_disk_must_fit_into_memory(engine: docker.DockerClient, host_image: str) -> None:
    """A disk of the size of the memory would end in killed processes: refused beforehand."""
    limits = Limits(memory="256m", disk="256m")
    with (
        pytest.raises(EngineError, match="does not fit"),
        running(engine, host_image, {}, limits=limits),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "size"),
    [("1g", 1 << 30), ("64m", 64 << 20), ("1.5k", 1536), ("7", 7), ("2GB", 2 << 30)],
)
def test_sizes_are_read_as_docker_writes_them(text: str, size: int) -> None:
    """A number with b, k, m, g or t."""
    assert outer_box.bytes_of(text) == size


def test_a_size_that_is_none_is_an_error() -> None:
    """Anything else is said to be no size."""
    with pytest.raises(EngineError, match="is not a size"):
        outer_box.bytes_of("lots")


# --- names and ways out --------------------------------------------------------------------


@pytest.mark.parametrize("network", ["bridge", "host", "street", "yard"])
def test_an_unknown_name_is_unknown_at_once(host: sandbox.Sandbox, network: str) -> None:
    """Nobody waits for a name server that is not there, on whatever kind of network.

    Who asked one would wait for five seconds at least; the quickest of a few tries is compared,
    since a busy machine may take long for anything.
    """
    made = []
    if network in ("street", "yard"):
        made.append(host.client.networks.create(network, internal=network == "yard"))
    try:
        once = "s=$(date +%s%N); getent hosts nosuchname; echo $(($(date +%s%N) - s))"
        script = f"for i in 1 2 3; do {once}; done"
        shown = host.client.containers.run(
            BASE, ["bash", "-c", script], network=network, remove=True
        )
        assert min(map(int, shown.split())) < 4_000_000_000
    finally:
        for each in made:
            each.remove()


def test_a_way_out_only_where_it_was_asked_for(
    engine: docker.DockerClient, host: sandbox.Sandbox, host_image: str
) -> None:
    """A sandbox has no default route; with ``internet`` it has one, and its gateway answers."""
    assert host.run(["ip", "route", "show", "default"]).out == ""
    with running(engine, host_image, {}, internet=True) as made:
        assert "via 198.19.255.1 dev eth0" in made.run(["ip", "route", "show", "default"]).out
        assert made.run(["ping", "-c", "1", "-W", "5", "198.19.255.1"]).code == 0
