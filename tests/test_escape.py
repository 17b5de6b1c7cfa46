"""From a privileged container in a lab one becomes root of the sandbox, and of nothing more.

Every attempt starts where the well-known breakout arrives: ``docker run --privileged
--pid=host`` and ``nsenter`` into process 1. What would do harm if it worked is only tried as
far as the permission check: files are opened for writing and nothing is written.
"""

from __future__ import annotations

import json
import re
import secrets
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from labrunner.engine import images as engine_images
from labrunner.engine.execute import run_in
from labrunner.engine.sandbox import Sandbox
from labrunner.model.result import Result
from labrunner.model.topology import Limits

from .sandboxes import BASE, running

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.engine

NSENTER = ("nsenter", "--target", "1", "-m", "-u", "-i", "-n", "-p", "--")
Attempt = Callable[..., Result]


@pytest.fixture(scope="module")
def host(engine: docker.DockerClient) -> Iterator[Sandbox]:
    """A sandbox with an image template, small limits, and a secret only its root may read."""
    wanted = {"tools:1": engine_images.RUNNER_IMAGES["tools:1"]}
    image = engine_images.ensure(engine, wanted)["tools:1"]
    limits = Limits(memory="512m", processes=256, disk="128m")
    with running(engine, engine_images.host_image(engine), {BASE: image}, limits=limits) as sandbox:
        sandbox.run(["sh", "-c", "umask 077; echo 5ecret > /root/flag"])
        yield sandbox


@pytest.fixture(scope="module")
def as_root(host: Sandbox) -> Attempt:
    """Runs a shell script as whoever broke out."""
    container = host.client.containers.run(
        BASE, ["sleep", "infinity"], privileged=True, pid_mode="host", detach=True
    )

    def attempt(script: str) -> Result:
        argv = [*NSENTER, "bash", "-c", textwrap.dedent(script)]
        return run_in(host.client, str(container.id), argv, timeout=120)

    return attempt


def python(code: str) -> str:
    """A shell command that runs Python code on the host."""
    return f"python3 -I -S - <<'END'\n{textwrap.dedent(code)}\nEND"


def test_the_breakout_of_the_lesson_arrives_as_root(host: Sandbox) -> None:
    """The lesson's command reaches the sandbox host: its name, its root, its secrets."""
    script = "hostname; id -u; cat /root/flag; head -c 4 /etc/shadow; pidof dockerd | wc -w"
    shown: bytes = host.client.containers.run(
        BASE, [*NSENTER, "sh", "-c", script], privileged=True, pid_mode="host", remove=True
    )
    assert shown.decode().split() == ["lab-host", "0", "5ecret", "root1"]


def test_root_of_the_host_may_change_the_host(as_root: Attempt) -> None:
    """It is a machine of its own: its accounts, its files, its network are root's to change."""
    done = as_root(
        """
        set -e
        useradd intruder
        echo gone > /root/flag2 && cat /root/flag2
        ip link add dummy7 type dummy && ip link del dummy7
        iptables -A INPUT -p tcp --dport 9 -j DROP && iptables -D INPUT -p tcp --dport 9 -j DROP
        """
    )
    assert done.code == 0, done.err


NAMESPACED = re.compile(
    r"/proc/sys/(net/|user/|fs/mqueue/"
    r"|kernel/(hostname|domainname|msg\w*|sem\w*|shm\w*|auto_msgmni|ns_last_pid|pid_max)$)"
)
"""Settings that the kernel keeps apart for each namespace: the sandbox's own."""


def test_no_setting_of_the_kernel_can_be_written(as_root: Attempt) -> None:
    """Of everything in /proc/sys only what belongs to the sandbox alone opens for writing."""
    done = as_root(
        python("""
        import os
        for folder, _, files in os.walk("/proc/sys"):
            for name in files:
                path = f"{folder}/{name}"
                try:
                    os.close(os.open(path, os.O_WRONLY))
                except OSError:
                    continue
                print(path)
        """)
    )
    opened = done.out.split()
    assert opened, done.err
    assert [path for path in opened if not NAMESPACED.match(path)] == []


def test_nothing_of_the_machine_in_sys_can_be_written(as_root: Attempt) -> None:
    """In /sys only the sandbox's own network devices and control groups are its own."""
    done = as_root(
        python("""
        import os
        own = os.stat("/sys").st_dev
        for folder, folders, files in os.walk("/sys"):
            folders[:] = [f for f in folders if os.lstat(f"{folder}/{f}").st_dev == own]
            for name in files:
                path = f"{folder}/{name}"
                if not os.path.islink(path) and os.access(path, os.W_OK):
                    print(path)
        """)
    )
    assert done.code == 0, done.err
    writable = [p for p in done.out.split() if not re.match(r"/sys/devices/virtual/net/", p)]
    assert writable == []


def opened(path: str) -> str:
    """A shell command that opens a file for writing and writes nothing."""
    return f"[ -e {path} ] || echo {path} does not exist on this kernel; : >>{path}"


REFUSED = {
    "the crash handler": opened("/proc/sys/kernel/core_pattern"),
    "restart on panic": opened("/proc/sys/kernel/panic"),
    "memory management": opened("/proc/sys/vm/drop_caches"),
    "the limit of open files": opened("/proc/sys/fs/file-max"),
    "magic keys": opened("/proc/sysrq-trigger"),
    "the kernel's memory": opened("/proc/kcore"),
    "a helper for new devices": opened("/sys/kernel/uevent_helper"),
    "the template, remounted": "mount -o remount,rw /tpl",
    "the template, bound again": "mount -o remount,bind,rw /tpl",
    "the template, unmounted": "umount /tpl",
    "the template's folder": "mkdir /tpl/mine",
    "a file of the template": "for f in /tpl/overlay2/*/diff/etc/passwd; do echo x >>$f; done",
    "a copy of the template's mount": "mount --bind /tpl /mnt && mount -o remount,bind,rw /mnt",
    "the root file system": "mount -o remount,rw / && touch /mine",
    "the image's programs": "cp /bin/true /usr/local/sbin/lab-enter",
    "a larger disk": "busybox mount -o remount,size=100g /var/lib/docker",
    "the disk, unmounted": "umount -l /var/lib/docker",
    "a disk's device": "mknod /root/disk b 254 0",
    "the memory's device": "mknod /root/mem c 1 1",
    "a file system from a device": "mount -t ext4 /dev/vda /mnt || mount -t ext4 /dev/sda1 /mnt",
    "the kernel's debugger": "mount -t debugfs none /mnt",
    "the kernel's tracer": "mount -t tracefs none /mnt",
    "a module": "busybox insmod /proc/self/exe",
    "the clock": "date --set=@$(date +%s)",
    "the kernel's log": "dmesg --clear",
    "swap": (
        "umask 077; head -c 1M /dev/zero >/root/swap; mkswap -q /root/swap; swapon /root/swap"
    ),
    "a better place in the queue": "renice -n -5 -p $$",
    "a protected process": "echo -999 >/proc/self/oom_score_adj",
    "the outer container's users": "nsenter --target 1 --user true",
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(as_root: Attempt, what: str) -> None:
    """Root of the sandbox is refused everything that belongs to the machine."""
    done = as_root(REFUSED[what])
    assert done.code != 0, done.out
    said = done.out + done.err
    assert re.search(
        r"not permitted|[Pp]ermission denied|[Rr]ead-only|must be superuser|[Uu]nknown filesystem"
        r"|does not support"
        r"|does not exist|not mounted|no mount point|[Ii]nvalid argument|cannot change|unreachable"
        r"|target is busy|can't find|wrong fs type",
        said,
    ), done


def test_what_lies_under_its_mounts_is_no_weaker(as_root: Attempt) -> None:
    """Unmounting its own /proc, /sys and control groups uncovers nothing that can be written."""
    done = as_root("""
        unshare --mount bash -c '
            umount /sys/fs/cgroup/* 2>/dev/null; umount /sys/fs/cgroup; umount /sys; umount /proc
            for file in /proc/sys/kernel/core_pattern /proc/sys/kernel/panic /proc/sysrq-trigger \\
                /sys/kernel/uevent_helper /sys/fs/cgroup/memory/memory.limit_in_bytes \\
                /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids/cgroup.procs \\
                /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cgroup.procs
            do
                [ -e $file ] && { : >>$file; } 2>/dev/null && echo $file
            done
            umount /run && ls /run/lab && echo uncovered
            true'
        """)
    assert done.code == 0, done.err
    assert done.out == ""


def test_its_limits_cannot_be_raised(as_root: Attempt) -> None:
    """Of its control group only the files for making groups inside it are the host's own."""
    done = as_root("""
        folders=/sys/fs/cgroup
        [ -e $folders/cgroup.controllers ] || folders=$(ls -d $folders/*)
        find $folders -maxdepth 1 -type f -writable -printf '%f\\n'
        """)
    names = set(done.out.split())
    assert names <= {"cgroup.procs", "tasks", "cgroup.threads", "cgroup.subtree_control"}, names


def test_the_crash_door_of_control_groups_is_shut(as_root: Attempt) -> None:
    """No release agent: not in its hierarchies, not in a new one, not by remounting."""
    done = as_root("""
        find /sys/fs/cgroup -name release_agent -writable
        mkdir -p /root/group
        for name in memory cpuset pids devices rdma misc perf_event net_cls; do
            mount -t cgroup -o $name,release_agent=/root/x none /root/group && echo $name
            mount -t cgroup -o $name none /root/group 2>/dev/null || continue
            [ -w /root/group/release_agent ] && echo $name
            umount /root/group
        done
        true
        """)
    assert done.code == 0
    assert done.out == ""


def test_more_memory_than_its_limit_is_not_to_be_had(host: Sandbox, as_root: Attempt) -> None:
    """A greedy process dies at the sandbox's limit; the engine in it goes on."""
    done = as_root("head -c 2G /dev/zero | tail | wc -c")
    assert done.out.strip() != str(2 << 30)
    assert host.client.ping()


def test_more_processes_than_its_limit_are_not_to_be_had(host: Sandbox, as_root: Attempt) -> None:
    """Starting thousands of processes ends at the limit, and afterwards all is well."""
    done = as_root(
        python("""
        import os, signal
        made = []
        try:
            for _ in range(4000):
                pid = os.fork()
                if pid == 0:
                    signal.pause()
                made.append(pid)
        except OSError as error:
            print(len(made), error.errno)
        for pid in made:
            os.kill(pid, signal.SIGKILL)
        """)
    )
    count, reason = map(int, done.out.split())
    assert count < 256
    assert reason == 11
    assert host.client.ping()


def test_outside_processes_cannot_be_seen_or_stopped(
    engine: docker.DockerClient, host: Sandbox, as_root: Attempt
) -> None:
    """A process of another container is neither in its list nor within its reach."""
    image = engine.api.inspect_container(host.container)["Image"]
    mark = f"7{secrets.randbelow(10**6):06}"
    other = engine.containers.run(image, [mark], entrypoint="sleep", detach=True)
    try:
        other.reload()
        pid = other.attrs["State"]["Pid"]
        seen = as_root("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        assert "dockerd" in seen.out
        assert mark not in seen.out
        assert as_root(f"[ $(stat -c %i /proc/1/ns/pid) ] && kill -9 {pid}").code != 0
        other.reload()
        assert other.status == "running"
    finally:
        other.remove(force=True, v=True)


def test_no_process_of_the_sandbox_is_root_outside(
    engine: docker.DockerClient, host: Sandbox
) -> None:
    """Seen from outside, all that runs in it, a visiting command too, is an ordinary user."""
    from labrunner.engine.hijack import Exec
    from labrunner.engine.outer_box import ENTER, USER

    with Exec(engine, host.container, [ENTER, "sh", "-c", "echo in; sleep 30"], user=USER) as visit:
        next(visit.frames())
        shown = run_in(engine, host.container, ["ps", "-o", "user,args"], timeout=30, user=USER)
    processes = [line.split(maxsplit=1) for line in shown.out.splitlines()[1:]]
    assert any("sleep 30" in command for _, command in processes)
    assert any("dockerd" in command for _, command in processes)
    assert {user for user, _ in processes} == {"100000"}


def test_the_outer_engine_cannot_be_talked_to(
    engine: docker.DockerClient, as_root: Attempt
) -> None:
    """Every socket in its file system leads to its own engine, and no folder leads out."""
    done = as_root("""
        find / -xdev -type s 2>/dev/null
        find /run /dev /tmp /var -type s 2>/dev/null
        """)
    sockets = {s for s in done.out.split() if "docker" in s}
    assert sockets
    for socket in sockets:
        answer = as_root(f"docker --host unix://{socket} info --format '{{{{json .ID}}}}'")
        identity = json.loads(answer.out or "null")
        assert identity != engine.info()["ID"], socket
    mounts = as_root("cat /proc/self/mountinfo").out
    assert "labtest-" not in mounts
    assert "/run/lab" not in mounts


def test_it_has_no_way_out(as_root: Attempt) -> None:
    """Its only networks are those that its own engine made."""
    done = as_root("ip -oneline link | cut -d: -f2 | cut -d@ -f1; ip route show default")
    assert [n for n in done.out.split() if not re.match(r"lo$|docker0$|br-|veth|tunl0$", n)] == []


def test_there_are_no_block_devices(as_root: Attempt) -> None:
    """No disk of the machine is there to be opened."""
    assert as_root("find / -type b 2>/dev/null").out == ""


@pytest.mark.parametrize("inode", [2, 128])
def test_files_cannot_be_opened_by_their_number(as_root: Attempt, inode: int) -> None:
    """The root of the machine's file system (inode 2 or 128) is not reached by its handle."""
    done = as_root(f"""
        uname -m | grep -q x86_64 && call=304 || call=265
        perl -e '
            open(my $folder, "<", "/tpl") or die;
            my $handle = pack("IiII", 8, 1, {inode}, 0);
            my $found = syscall($ARGV[0], fileno($folder), $handle, 0);
            print $found < 0 ? "refused" : "opened";
        ' $call
        """)
    assert done.out == "refused", done.err


def test_the_template_is_as_before(as_root: Attempt, host: Sandbox) -> None:
    """After changing, removing and pruning images inside, others find theirs unchanged."""
    before = as_root("find /tpl -printf '%p %s %m\\n' | sha256sum").out
    as_root("""
        docker tag base:1 mine:1
        docker run --name changed base:1 sh -c 'echo x >>/etc/passwd; rm -rf /usr/share'
        docker commit changed changed:1 && docker rm changed
        docker image rm changed:1 mine:1
        docker image prune --all --force
        """)
    assert as_root("find /tpl -printf '%p %s %m\\n' | sha256sum").out == before
    assert host.client.containers.run(BASE, ["true"], remove=True) == b""
