# ruff: noqa: PTH101, PTH103, PTH108, PTH110, PTH114, PTH123, PTH208
# pathlib would double the start-up time of this script too, for which every start waits
"""First half of a sandbox's boot: what only the real root of the outer container can do.

Opens the way for the nested engine (cgroups, /sys, a disk of limited size, the socket that
the learner's docker talks to), then gives up being root: it becomes the unprivileged user
that will be root inside a new user namespace, and hands over to ``lab-watch``.

Every failure is one line on the output that says which step failed, and exit code 1.
Settings come from the environment: ``LABRUNNER_DISK`` (bytes of the disk; empty: no limit),
``LABRUNNER_IMAGES`` (set where there is an image template at /tpl),
``LABRUNNER_TIED`` (set where it ends when its standard input does),
``LABRUNNER_INTERNET`` (set where the sandbox gets a way out).
"""

import _signal  # type: ignore[import-not-found]
import _socket  # socket itself would double the start-up time
import os
import sys

SHIFT = 100_000  # user 0 inside is this user outside; every sandbox has the same map,
COUNT = 65_536  # because they share the files of the image template
DISK = "/var/lib/docker"
CGROUPS = "/sys/fs/cgroup"
BUSYBOX = "/bin/busybox"
SOCKET_FOLDER = "/run/lab"
# file descriptors that lab-watch knows by number
LISTENER, PING, ASK, HEAR, PROBER = 3, 4, 5, 6, 7


class StepError(Exception):
    """A step that could not be done; its text goes to the output."""


def main() -> None:
    """Prepare, then become ``lab-watch``."""
    check_ids()
    mount("-o", "remount,rw", "/sys")  # else nothing inside can mount sysfs
    groups = give_cgroups()
    give_disk()
    sockets = open_sockets()
    if PROBER in sockets:
        os.environ["LABRUNNER_PROBER"] = str(PROBER)
    asked, answered = os.pipe(), os.pipe()
    if os.fork() == 0:
        os.close(asked[1])
        help_watch(groups, Answers(asked[0], answered[1]))
        os._exit(0)
    own = {number: opened.fileno() for number, opened in sockets.items()}
    hand_over({**own, ASK: asked[1], HEAR: answered[0]})


def run(*argv: str) -> None:
    """Run a program and wait; `StepError` with its last words if it fails."""
    out, into = os.pipe()
    pid = os.posix_spawn(
        argv[0],
        argv,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, into, 1), (os.POSIX_SPAWN_DUP2, into, 2)],
    )
    os.close(into)
    with open(out, encoding="utf-8", errors="replace") as stream:
        words = stream.read().strip()
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise StepError(f"{' '.join(argv)}: {words}")


def mount(*options: str) -> None:
    """Mount; with busybox, which starts three times as fast as the full program."""
    run(BUSYBOX, "mount", *options)


def write(path: str, text: str) -> None:
    """Write to a kernel file in one call."""
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def read(path: str) -> str:
    """The text of a kernel file."""
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def hand(path: str) -> None:
    """Give a file to the root of the user namespace."""
    os.chown(path, SHIFT, SHIFT)


def check_ids() -> None:
    """Make sure that this container has ids to hand on: an engine with real root has all."""
    for line in read("/proc/self/uid_map").splitlines():
        first, _, count = (int(number) for number in line.split())
        if first <= SHIFT and first + count >= SHIFT + COUNT:
            return
    raise StepError("this engine has no ids to hand on: it is rootless, or remaps its users")


# --- control groups -----------------------------------------------------------------------


def give_cgroups() -> list[str]:
    """Make a child group that the inside may divide further, in each hierarchy.

    The limits themselves sit on the parent, whose files stay the real root's: nothing inside
    can raise them. Of the child, only what the kernel's delegation rules name is handed over.

    Returns:
        The folders of the new groups.
    """
    if os.path.exists(f"{CGROUPS}/cgroup.controllers"):
        mount("-o", "remount,bind,rw", CGROUPS)
        return [give_unified(CGROUPS)]
    made = []
    for name in sorted(os.listdir(CGROUPS)):
        group = f"{CGROUPS}/{name}"
        if os.path.islink(group) or not os.path.exists(f"{group}/cgroup.procs"):
            continue
        mount("-o", "remount,bind,rw", group)
        made.append(give_hierarchy(group))
    return made


def give_unified(group: str) -> str:
    """Cgroup v2: processes may only sit in leaves, so the container's own move aside first."""
    lab = f"{group}/lab"
    for name in ("init", "lab", "lab/init"):
        os.makedirs(f"{group}/{name}", exist_ok=True)
    for pid in read(f"{group}/cgroup.procs").split():
        write(f"{group}/init/cgroup.procs", pid)
    for controller in read(f"{group}/cgroup.controllers").split():
        try:
            write(f"{group}/cgroup.subtree_control", f"+{controller}")
        except OSError as error:
            note(f"no limits on {controller} inside: {error.strerror}")
    for folder in (lab, f"{lab}/init"):
        hand(folder)
        for name in ("cgroup.procs", "cgroup.threads", "cgroup.subtree_control"):
            hand(f"{folder}/{name}")
    return lab


def give_hierarchy(group: str) -> str:
    """Cgroup v1: the same for one hierarchy."""
    lab = f"{group}/lab"
    os.makedirs(lab, exist_ok=True)
    for name in ("cpuset.cpus", "cpuset.mems"):  # empty in a new group, and then nothing may run
        if os.path.exists(f"{lab}/{name}"):
            write(f"{lab}/{name}", read(f"{group}/{name}"))
    nested = f"{lab}/memory.use_hierarchy"
    if os.path.exists(nested) and read(nested).strip() != "1":
        raise StepError("memory limits of this kernel do not reach nested groups")
    hand(lab)
    for name in ("cgroup.procs", "tasks"):
        hand(f"{lab}/{name}")
    return lab


# --- disk and socket ----------------------------------------------------------------------


def give_disk() -> None:
    """Put a file system of limited size where the engine writes.

    It lives in memory, counts against the sandbox's memory, and is mounted out here so that
    the inside cannot make it larger. Overlay needs user attributes there (Linux 6.6); where
    they are missing the anonymous volume of the container serves, and only the machine's own
    disk is its limit.
    """
    size = os.environ.get("LABRUNNER_DISK", "")
    if size:
        options = f"size={size},uid={SHIFT},gid={SHIFT},mode=711"
        mount("-t", "tmpfs", "-o", options, "labrunner-disk", DISK)
        try:
            os.setxattr(DISK, "user.labrunner", b"1")
        except OSError:
            run(BUSYBOX, "umount", DISK)
            note("the disk has no limit, because tmpfs lacks user attributes on this kernel")
        else:
            os.removexattr(DISK, "user.labrunner")
            return
    hand(DISK)


def open_sockets() -> dict[int, _socket.socket]:
    """What lab-watch gets by number: the engine's socket, a first question to it, the prober's.

    Connections wait until the engine serves them, so ``/_ping`` can be asked before it
    exists, and its answer is the moment it is ready. The sockets are made out here and passed
    down, so that the inside never sees the learner's folder and cannot fill the disk under it.
    The prober has one only where a folder is shared; it runs for as long as the sandbox does,
    because starting it anew for each question would take longer than most questions.
    """
    shared = os.path.ismount(SOCKET_FOLDER)
    path = f"{SOCKET_FOLDER}/docker.sock" if shared else "\0labrunner"
    found = {LISTENER: listen(path), PING: _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)}
    found[PING].connect(path)
    found[PING].sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
    if shared:
        found[PROBER] = listen(f"{SOCKET_FOLDER}/probe.sock")
        run(BUSYBOX, "umount", "-l", SOCKET_FOLDER)  # the sockets themselves stay there
    return found


def listen(path: str) -> _socket.socket:
    """A socket that listens at this path, or by this abstract name; anybody may connect."""
    named = path.startswith("\0")
    if not named and os.path.lexists(path):
        os.unlink(path)
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(128)
    if not named:
        os.chmod(path, 0o666)  # noqa: S103  the folder around it is the learner's alone
    return listener


# --- the user namespace -------------------------------------------------------------------


class Answers:
    """The other end of lab-watch's questions.

    Args:
        asked, answered: file descriptors to read from and to write to.
    """

    def __init__(self, asked: int, answered: int) -> None:
        self.asked, self.answered = asked, answered

    def next(self) -> str:
        """The next question; empty where nobody will ask any more."""
        return os.read(self.asked, 64).decode().strip()

    def done(self) -> None:
        """Say that it is done."""
        os.write(self.answered, b"done\n")


def help_watch(groups: list[str], answers: Answers) -> None:
    """Do for lab-watch what only the real root may; runs in a process of its own, and ends.

    First put it into its control groups, so that they are the root of what it will see; then,
    when it has a user namespace, give that its ids.
    """
    watch = answers.next()
    if not watch:
        return  # it never came to be, and setpriv has said why
    try:
        for group in groups:
            write(f"{group}/cgroup.procs", watch)
        answers.done()
        if not answers.next():
            return  # unshare has said why
        map_ids(watch)
        if os.environ.get("LABRUNNER_INTERNET"):
            lay_cable(watch)
    except (OSError, StepError) as error:
        say(f"failed: {error}")
        return
    answers.done()


def map_ids(watch: str) -> None:
    """Give a user namespace its ids."""
    try:
        for ids in ("gid_map", "uid_map"):
            write(f"/proc/{watch}/{ids}", f"0 {SHIFT} {COUNT}")
    except OSError as error:
        raise StepError(f"giving the user namespace its ids: {error.strerror}") from error


def lay_cable(watch: str) -> None:
    """Connect the inside with this container's own network, which leads out.

    A link of its own with translated addresses, rather than the container's interface: root
    inside could use that one to pretend to be other containers on the machine's bridge.
    """
    ip = "/usr/sbin/ip"
    # done as the owner of the other end: root, without the right to trace, may not look there
    owner = (f"--reuid={SHIFT}", "--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin")
    cable = ("lab0", "type", "veth", "peer", "name", "eth0", "netns", watch)
    run("/usr/bin/setpriv", *owner, ip, "link", "add", *cable)
    run(ip, "address", "add", "198.19.255.1/30", "dev", "lab0")
    run(ip, "link", "set", "lab0", "up")
    write("/proc/sys/net/ipv4/ip_forward", "1")
    rule = ("-s", "198.19.255.2", "-o", "eth0", "-j", "MASQUERADE")
    run("/usr/sbin/iptables", "-t", "nat", "-A", "POSTROUTING", *rule)


def hand_over(files: dict[int, int]) -> None:
    """Become the user that is root inside, and go on as ``lab-watch``.

    After this no process of the container is root any more. The namespaces that lab-watch makes
    belong to this user: this is why ``lab-enter`` can join them without ever holding a privilege
    that somebody inside could steal on the way. CAP_SYS_ADMIN is kept because some kernels let
    nobody else make user namespaces.
    """
    spare = {n: os.dup2(have, 64 + n, inheritable=False) for n, have in files.items()}
    for wanted, have in spare.items():
        os.dup2(have, wanted)  # these alone survive the next programs
    for ignored in (_signal.SIGPIPE, _signal.SIGXFSZ):  # by Python, and children inherit that
        _signal.signal(ignored, _signal.SIG_DFL)
    argv = (
        *("setpriv", f"--reuid={SHIFT}", f"--regid={SHIFT}", "--clear-groups"),
        *("--inh-caps=-all,+sys_admin", "--ambient-caps=-all,+sys_admin"),
        "/usr/local/sbin/lab-watch",
    )
    os.execv("/usr/bin/setpriv", argv)  # noqa: S606  becoming it is the point


# --- words --------------------------------------------------------------------------------


def say(text: str) -> None:
    """One line for whoever started this container."""
    print(f"labrunner: {text}", flush=True)  # noqa: T201  the output is how it reports


def note(text: str) -> None:
    """Something that works differently here, and why."""
    say(f"note: {text}")


try:
    main()
except StepError as problem:
    say(f"failed: {problem}")
    sys.exit(1)
except OSError as problem:
    say(f"failed: {problem}")
    sys.exit(1)
