"""What scripts and commands would do, seen without running any of them.

Everything here is a reading of text: it finds the usual, and may be wrong about the unusual.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

PACKAGES = {
    "curl": "curl ca-certificates",
    "wget": "wget ca-certificates",
    "git": "git ca-certificates",
    "vim": "vim-tiny",
    "vi": "vim-tiny",
    "nano": "nano",
    "jq": "jq",
    "python3": "python3",
    "pip3": "python3-pip",
    "ip": "iproute2",
    "ss": "iproute2",
    "bridge": "iproute2",
    "tc": "iproute2",
    "ping": "iputils-ping",
    "nc": "netcat-openbsd",
    "dig": "bind9-dnsutils",
    "nslookup": "bind9-dnsutils",
    "host": "bind9-host",
    "traceroute": "traceroute",
    "tcpdump": "tcpdump",
    "nmap": "nmap",
    "netstat": "net-tools",
    "ifconfig": "net-tools",
    "route": "net-tools",
    "iptables": "iptables",
    "nft": "nftables",
    "ps": "procps",
    "top": "procps",
    "free": "procps",
    "pgrep": "procps",
    "pkill": "procps",
    "watch": "procps",
    "uptime": "procps",
    "killall": "psmisc",
    "pstree": "psmisc",
    "less": "less",
    "man": "man-db",
    "tree": "tree",
    "file": "file",
    "make": "make",
    "gcc": "gcc libc6-dev",
    "sudo": "sudo",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
    "openssl": "openssl",
    "rsync": "rsync",
    "zip": "zip",
    "unzip": "unzip",
    "xz": "xz-utils",
    "bzip2": "bzip2",
    "lsof": "lsof",
    "strace": "strace",
    "bc": "bc",
    "crontab": "cron",
    "nginx": "nginx-light",
    "apache2": "apache2",
    "envsubst": "gettext-base",
    "envdir": "daemontools",
    "tmux": "tmux",
    "sqlite3": "sqlite3",
    "docker": "docker-cli",
    "docker-compose": "docker-compose",
}
"""Commands that Debian's smallest system lacks, and the packages that bring them."""

NETWORK_TOOLS = frozenset({"ip", "bridge", "tc", "iptables", "nft", "ifconfig", "route"})
"""What needs power over the machine's own network to be of use."""

EDITORS = frozenset({"vim", "vi", "nano", "less", "man", "top", "htop", "watch", "emacs"})
"""What waits for a person, who is not there when a solution is typed."""

_CLUSTER = ("kubectl", "k", "helm", "kubeadm", "crictl", "etcdctl", "k3s", "minikube", "oc")
_MACHINE = [
    "systemctl",
    "journalctl",
    "service",
    "timedatectl",
    "hostnamectl",
    "loginctl",
    "reboot",
    "shutdown",
    "modprobe",
    "mount",
    "umount",
    "losetup",
    "swapon",
    "swapoff",
    "fdisk",
    "parted",
    "mkswap",
    "lvcreate",
    "pvcreate",
    "vgcreate",
    "snap",
    "update-grub",
    "insmod",
    "ufw",
    "firewall-cmd",
]
_ABSENT = {
    **dict.fromkeys(_CLUSTER, "needs a Kubernetes cluster"),
    **dict.fromkeys(_MACHINE, "needs a machine of its own, and a container is none"),
    **dict.fromkeys(("podman", "buildah", "skopeo", "nerdctl"), "is not there; docker may be"),
}

_BEGINNINGS = frozenset(
    [
        "then",
        "do",
        "else",
        "elif",
        "if",
        "while",
        "until",
        "time",
        "exec",
        "nohup",
        "sudo",
        "command",
        "env",
        "!",
        "xargs",
        "eval",
    ]
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=\S*")
_ENDS = re.compile(r"\|\||&&|[;|&(){}\n`]|\$\(")
_DOWNLOADS = (
    (re.compile(r"\bapt(-get)?\s+(-\S+\s+)*(install|update|upgrade|full-upgrade)\b"), "packages"),
    (
        re.compile(
            r"\b(curl|wget)\b[^\n;|&]{0,300}?\bhttps?://(?!(localhost|127\.|0\.0\.0\.0|\$))"
        ),
        "files",
    ),
    (re.compile(r"\bpip3?\s+(install|download)\b"), "Python packages"),
    (re.compile(r"\b(npm|yarn|pnpm)\s+(install|i|ci|add)\b"), "packages for Node.js"),
    (re.compile(r"\bgit\s+clone\s+(-\S+\s+)*(https?|git|ssh)"), "a repository"),
    (re.compile(r"\b(snap|brew|dnf|yum|apk|gem|cargo)\s+(install|add)\b"), "packages"),
    (re.compile(r"\bgo\s+(install|get)\b"), "Go modules"),
    (re.compile(r"\bdocker(-|\s+)compose\s+(-\S+\s+)*(up|pull|run|build)\b"), "images"),
)
_WITH_VALUE = frozenset(
    [
        "-p",
        "-v",
        "-e",
        "-w",
        "-u",
        "-h",
        "-l",
        "-m",
        "--publish",
        "--volume",
        "--env",
        "--workdir",
        "--user",
        "--hostname",
        "--label",
        "--memory",
        "--name",
        "--network",
        "--net",
        "--mount",
        "--entrypoint",
        "--restart",
        "--cpus",
        "--env-file",
        "--add-host",
        "--ip",
        "--dns",
        "--cap-add",
        "--cap-drop",
        "--link",
        "--log-driver",
        "--log-opt",
        "--network-alias",
        "--pid",
        "--platform",
        "--security-opt",
        "--tmpfs",
        "--ulimit",
        "--volumes-from",
        "--expose",
        "--device",
        "--cpu-shares",
    ]
)
_RUN = re.compile(r"\bdocker\s+(?:container\s+)?(?:run|create)\s+(?P<rest>[^\n;|&]*)")
_PULL = re.compile(r"\bdocker\s+(?:image\s+)?pull\s+(?:-\S+\s+)*(?P<image>[\w./:@-]+)")
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(?P<image>[\w./:@-]+)", re.MULTILINE)
_HARMLESS = re.compile(r"(exit\s+0|true|:|(echo|printf|sleep)\b[^;&|`]*|clear|date)\s*;?")
_SETTING = re.compile(
    r"(set\s+[-+]\w+|set\s+-o\s+pipefail|shopt\b.*|export\s+\w+=.*|[A-Za-z_]\w*=[^$`(]*)"
)
_CAN_FAIL = re.compile(
    r"\bset\s+-\w*e|\berrexit\b|\bexit\s+(?!0\b)\S|\bfalse\b|\breturn\s+[^0\s]|\bkill\b|^#!.*\s-\w*e"
    r"|\$\{\w+:\?|\bset\s+-\w*u|\bnounset\b",
    re.MULTILINE,
)
_INTERPRETERS = ("bash", "sh", "dash", "python3", "python", "perl")
_STATE = re.compile(r"^\s*(cd|export|alias|source|\.|PS1=|PROMPT_COMMAND=)\b", re.MULTILINE)
_WRITES = re.compile(r"(?<![0-9&<-])>>?\s*(?!&|/dev/null|/dev/stderr)(?P<file>[^\s;|&)]+)")


def code_lines(script: str) -> list[str]:
    """The lines that do something: no comments, no blank ones."""
    stripped = (line.strip() for line in script.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def proves_nothing(script: str) -> str:
    """Why a verify script succeeds whatever the learner does; empty where it may fail."""
    lines = code_lines(script)
    if not lines:
        return "it is empty"
    if all(_HARMLESS.fullmatch(line) or _SETTING.fullmatch(line) for line in lines):
        return f"all that it does is `{lines[-1]}`"
    if _CAN_FAIL.search(script):
        return ""
    if _HARMLESS.fullmatch(lines[-1]):
        return f"it always ends with `{lines[-1]}`, and nothing before ends it"
    if lines[-1] == "fi" and _branches_are_harmless(lines):
        return "each of its branches ends well"
    return ""


def _branches_are_harmless(lines: list[str]) -> bool:
    """Whether the last command of each branch of the last ``if`` cannot fail."""
    begin = max((n for n, line in enumerate(lines) if re.match(r"if\b", line)), default=len(lines))
    inner = lines[begin:]
    ends = [n for n, line in enumerate(inner) if re.match(r"(else|elif|fi)\b", line)]
    return bool(ends) and all(_HARMLESS.fullmatch(inner[n - 1]) for n in ends)


def writes(script: str) -> list[str]:
    """Files that a script writes by a redirection."""
    found = (m["file"].strip("\"'") for line in code_lines(script) for m in _WRITES.finditer(line))
    return sorted({name for name in found if name.startswith(("/", "~", "$", "."))})


def changes_its_shell(script: str) -> bool:
    """Whether a script sets what only its own shell keeps: directory, variables, aliases."""
    return _STATE.search(script) is not None


def interpreter(script: str) -> str:
    """What a script is run with: what its first line says, where that is known, else bash."""
    first = script.splitlines()[0] if script else ""
    words = first.removeprefix("#!").split() if first.startswith("#!") else []
    names = [word.rpartition("/")[2] for word in words]
    name = next((name for name in names if name in _INTERPRETERS), "bash")
    return "python3" if name == "python" else name


def called(script: str) -> set[str]:
    """The names of the commands in a script, as far as they stand where commands begin."""
    return set(_called(script))


def _called(script: str) -> Iterator[str]:
    for part in _ENDS.split("\n".join(code_lines(script))):
        for word in part.split():
            name = word.strip("\"'").rpartition("/")[2]
            if word in _BEGINNINGS:
                yield name
            elif not _ASSIGNMENT.fullmatch(word) and not word.startswith("-"):
                yield name
                break


def packages(names: Iterable[str]) -> list[str]:
    """The Debian packages that bring these commands; those of every Debian are not named."""
    return sorted({p for name in names for p in PACKAGES.get(name, "").split()})


def absent(names: Iterable[str]) -> dict[str, str]:
    """The commands that can do nothing in a lab → why."""
    return {name: _ABSENT[name] for name in sorted(names) if name in _ABSENT}


def downloads(script: str) -> list[str]:
    """What a script fetches from the internet, in words."""
    text = "\n".join(code_lines(script))
    return sorted({what for pattern, what in _DOWNLOADS if pattern.search(text)})


def images(script: str) -> list[str]:
    """Images that a script starts, pulls or builds on; those that it builds are not left out."""
    text = "\n".join(code_lines(script)).replace("\\\n", " ")
    found = {m["image"] for pattern in (_PULL, _FROM) for m in pattern.finditer(text)}
    found |= {image for m in _RUN.finditer(text) if (image := _image(m["rest"].split()))}
    return sorted(name for name in found if name != "scratch" and "$" not in name)


def built(script: str) -> set[str]:
    """The names that a script gives to images that it builds."""
    tags = re.findall(
        r"\bdocker\s+(?:image\s+)?build\b[^\n;|&]{0,300}?(?:-t|--tag)[\s=]+(\S+)", script
    )
    return set(tags) | {tag.removesuffix(":latest") for tag in tags}


def _image(words: list[str]) -> str:
    """The image among the words after ``docker run``."""
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in _WITH_VALUE
        else:
            return word.strip("\"'") if re.fullmatch(r"[\"']?[\w./:@-]+[\"']?", word) else ""
    return ""
