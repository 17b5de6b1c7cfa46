# shellcheck shell=bash
# What the scripts behind `make start`, `make test` and `make check` share.
# Written for bash 3.2 and newer: macOS has no other.
#
# Every phase prints one line, keeps a log, and is never silent for more than a second:
# a terminal sees a clock and the last line of the log, a pipe gets a line each second.

set -u

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LOGS=$ROOT/.cache/logs
VENV=$ROOT/.venv
LAB=$VENV/bin/lab
SOCKET=${LABRUNNER_SOCKET:-/var/run/docker.sock}
ENGINE_LOG=${LABRUNNER_ENGINE_LOG:-/var/log/labrunner-dockerd.log}
ENGINE_WAIT=60 # seconds for an engine to come up
JOB=           # the process group of the phase under way
WIDTH=$( (stty size </dev/tty) 2>/dev/null | cut -d ' ' -f 2)
[ "${WIDTH:-0}" -ge 40 ] || WIDTH=80

mkdir -p "$LOGS"

# --- saying things ------------------------------------------------------------------------

# die WHAT HAPPENED [WHAT TO DO]...: two or more lines on standard error, exit 3
die() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    shift
    [ $# -eq 0 ] || printf '    %s\n' "$@" >&2
    exit 3
}

has() { command -v "$1" >/dev/null 2>&1; }

is_root() { [ "$(id -u)" -eq 0 ]; }

is_debian() { has apt-get && has dpkg; }

# terminal: whether progress may be drawn in place
terminal() { [ -t 2 ] && [ "${TERM:-dumb}" != dumb ]; }

# last_line LOG: its last line that says something, cut so that the whole fits the terminal
last_line() {
    local room=$((WIDTH - 36))
    tail -n 5 "$1" 2>/dev/null | LC_ALL=C tr -c '\n -~' ' ' | grep '[^ ]' | tail -n 1 |
        cut -c "1-$room"
}

stop_job() {
    trap - INT TERM HUP
    if [ -n "$JOB" ] && kill -- "-$JOB" 2>/dev/null; then
        wait "$JOB" 2>/dev/null
    fi
    printf '\ninterrupted; run the same command again to go on\n' >&2
    exit 130
}
trap stop_job INT TERM HUP

# spin TICK: a mark that turns
spin() {
    local marks='-\|/'
    printf '%s' "${marks:$(($1 % 4)):1}"
}

# phase TITLE COMMAND...: run the command with its output in a log; exit 3 when it fails
phase() {
    local title=$1 log began code ticks=0 said=0 elapsed line=
    shift
    log=$LOGS/$(printf '%s' "$title" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9-').log
    began=$SECONDS
    set -m # a process group of its own, so that an interrupt ends all of it
    "$@" >"$log" 2>&1 </dev/null &
    JOB=$!
    set +m
    while kill -0 "$JOB" 2>/dev/null; do
        elapsed=$((SECONDS - began))
        if terminal; then
            [ $((ticks % 5)) -ne 0 ] || line=$(last_line "$log")
            printf '\r\033[K%s   %s, %s s  %s' "$(spin "$ticks")" "$title" "$elapsed" "$line" >&2
        elif [ "$elapsed" -gt "$said" ]; then
            said=$elapsed
            line=$(last_line "$log")
            printf '... %s, %s s%s\n' "$title" "$elapsed" "${line:+: $line}" >&2
        fi
        ticks=$((ticks + 1))
        sleep 0.1
    done
    wait "$JOB"
    code=$?
    JOB=
    ! terminal || printf '\r\033[K' >&2
    if [ "$code" -eq 0 ]; then
        printf 'ok  %s (%s s)\n' "$title" "$((SECONDS - began))" >&2
        return 0
    fi
    printf 'FAILED  %s (%s s, exit code %s); the last lines of %s:\n' \
        "$title" "$((SECONDS - began))" "$code" "$log" >&2
    tail -n 15 "$log" | sed 's/^/    /' >&2
    exit 3
}

# --- packages of Debian and Ubuntu --------------------------------------------------------

# install PACKAGE...: with apt-get; where that fails once, after reading its lists anew and
# finishing what an earlier interrupt left half done
install() {
    local options=(-y --no-install-recommends -o DPkg::Use-Pty=0 -o DPkg::Lock::Timeout=120)
    export DEBIAN_FRONTEND=noninteractive
    apt-get install "${options[@]}" "$@" && return 0
    dpkg --configure -a
    apt-get update && apt-get install "${options[@]}" "$@"
}

# --- Python -------------------------------------------------------------------------------

# find_python: sets PYTHON to one that is new enough, or to nothing
find_python() {
    local candidate
    PYTHON=
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            PYTHON=$candidate
            return 0
        fi
    done
    return 1
}

# python_ready: there is a Python, and it can make environments
python_ready() { find_python && "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; }

prepare_python() {
    python_ready && return 0
    if ! is_debian; then
        die "Python 3.11 or newer with venv is missing" \
            "macOS: brew install python; Fedora: dnf install python3"
    fi
    is_root || die "Python 3.11 or newer with venv is missing" \
        "sudo apt-get install python3 python3-venv"
    phase "Installing Python" install python3 python3-venv
    python_ready || die "the Python of this system is older than 3.11" \
        "use Debian 12, Ubuntu 24.04 or newer, or install Python 3.11"
}

# stamp KIND: what an environment of this kind is made from
stamp() {
    printf '%s: %s\n' "$1" "$(place)"
    cksum <"$ROOT/pyproject.toml"
    grep '^__version__' "$ROOT/labrunner/__init__.py"
}

# place: what an environment cannot be moved away from
place() { printf '%s with %s' "$ROOT" "$("$PYTHON" --version 2>&1)"; }

make_venv() {
    if ! grep -qF ": $(place)" "$VENV/stamp" 2>/dev/null; then
        echo "making $VENV with $PYTHON"
        "$PYTHON" -m venv --clear "$VENV" || return
    fi
    if [ "$1" = dev ]; then
        # pip reads dependency groups from 25.1 on only; the ones around are older
        "$PYTHON" -c 'import sys, tomllib
for name in tomllib.load(open(sys.argv[1], "rb"))["dependency-groups"]["dev"]:
    print(name)' "$ROOT/pyproject.toml" >"$VENV/dev.txt" || return
        set -- -r "$VENV/dev.txt"
    else
        set --
    fi
    "$VENV/bin/python" -m pip install --disable-pip-version-check --progress-bar off \
        --editable "$ROOT" "$@"
}

# prepare_venv run|dev: what the tests need holds all that running needs, not the reverse
prepare_venv() {
    local kind=$1 wanted
    prepare_python
    for wanted in dev "$kind"; do
        if [ -x "$LAB" ] && [ "$(stamp "$wanted")" = "$(cat "$VENV/stamp" 2>/dev/null)" ]; then
            printf 'ok  Python environment\n' >&2
            return 0
        fi
    done
    phase "Python environment" make_venv "$kind"
    stamp "$kind" >"$VENV/stamp"
}

# --- the Docker engine --------------------------------------------------------------------

# answers: whether the engine answers; what it said is in $ANSWER
answers() {
    local patience=()
    if has docker; then
        ! has timeout || patience=(timeout 20)
        ANSWER=$(${patience[@]+"${patience[@]}"} docker version --format '{{.Server.Version}}' 2>&1)
        return
    fi
    [ -n "${PYTHON:-}" ] || find_python || return 1
    ANSWER=$("$PYTHON" - "${DOCKER_HOST:-unix://$SOCKET}" 2>&1 <<'END'
import http.client, json, socket, sys
kind, _, address = sys.argv[1].partition("://")
if kind != "unix":
    sys.exit("only unix sockets can be asked without the docker command")
connection = http.client.HTTPConnection("localhost", timeout=20)
connection.sock = socket.socket(socket.AF_UNIX)
try:
    connection.sock.connect(address)
    connection.request("GET", "/version")
    print(json.load(connection.getresponse())["Version"])
except OSError as error:
    sys.exit(error.strerror or str(error))
END
    )
}

# prepare_engine: an engine answers when this returns
prepare_engine() {
    if ! answers; then
        case $ANSWER in
        *ermission\ denied*)
            die "you may not use the Docker engine" \
                "sudo usermod -aG docker \"\$USER\", then log in again" ;;
        esac
        [ -z "${DOCKER_HOST:-}" ] || die "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST" \
            "start it, or unset DOCKER_HOST"
        [ "$(uname -s)" = Linux ] || die "no Docker engine answers" \
            "macOS: brew install --cask docker, then start Docker; or colima, or OrbStack" \
            "Windows: install Docker Desktop and run this inside WSL"
        has dockerd || install_engine
        # its installation may have started it
        answers || start_engine
    fi
    printf 'ok  Docker engine %s\n' "$ANSWER" >&2
}

install_engine() {
    is_debian || die "no Docker engine is installed" \
        "Fedora: sudo dnf install moby-engine; Arch: sudo pacman -S docker; then start it" \
        "others: https://docs.docker.com/engine/install/"
    is_root || die "no Docker engine is installed" \
        "sudo apt-get install docker.io && sudo usermod -aG docker \"\$USER\", then log in again" \
        "or let this script do it: sudo $0"
    phase "Installing docker.io" install docker.io iptables
}

start_engine() {
    is_root || die "the Docker engine does not run" "sudo systemctl start docker"
    if [ -d /run/systemd/system ]; then
        phase "Starting Docker" systemctl start docker
    else
        phase "Starting Docker" launch_engine
    fi
    answers || die "the Docker engine was started but does not answer: $ANSWER"
}

# launch_engine: dockerd without systemd; it outlives this script
launch_engine() {
    local pid deadline=$((SECONDS + ENGINE_WAIT))
    set +m # in a group of its own setsid would fork, and $! would not be the engine
    mount_cgroups
    drop_stale /var/run/docker.pid dockerd
    drop_stale /var/run/docker/containerd/containerd.pid containerd
    if pid=$(cat /var/run/docker.pid 2>/dev/null); then
        echo "dockerd is coming up already, process $pid"
    else
        # a session of its own: neither Ctrl-C here nor the end of make reaches it
        setsid dockerd >"$ENGINE_LOG" 2>&1 </dev/null &
        pid=$!
    fi
    while ! answers; do
        if ! kill -0 "$pid" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
            echo "dockerd did not come up; from $ENGINE_LOG:"
            grep -v 'level=info' "$ENGINE_LOG" | tail -n 8
            return 1
        fi
        sleep 0.1
    done
}

# drop_stale PIDFILE NAME: an engine that was killed leaves the file, and its number may by now
# be another process, which the next engine would take for itself
drop_stale() {
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 0
    # a zombie has no command line any more
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q "$2" || rm -f "$1"
}

# mount_cgroups: what systemd does at boot, where nothing did
mount_cgroups() {
    local name
    ! grep -q ' cgroup2\{0,1\} ' /proc/mounts || return 0
    # version 2 alone, or the controllers of version 1
    if ! grep -q '^cpu[[:space:]]' /proc/cgroups 2>/dev/null || ! grep -q 'cgroup$' /proc/filesystems; then
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
        return
    fi
    mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
    grep -v '^#' /proc/cgroups | while read -r name _; do
        mkdir -p "/sys/fs/cgroup/$name"
        mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name" || rmdir "/sys/fs/cgroup/$name"
    done
}

# --- the page -----------------------------------------------------------------------------

PAGE=$ROOT/site/page
STATIC=$ROOT/labrunner/web/static

# node_ready: there is a Node that is new enough, and npm
node_ready() {
    has npm && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null
}

# page_stamp: what the built page is made from
page_stamp() {
    (cd "$PAGE" && find . -path ./node_modules -prune -o -type f -print | LC_ALL=C sort |
        while read -r file; do cksum "$file"; done)
}

page_ready() {
    [ -f "$STATIC/index.html" ] && [ "$(page_stamp)" = "$(cat "$ROOT/.cache/page.stamp" 2>/dev/null)" ]
}

# install_packages: into site/page/node_modules, where they are not there yet; stays in site/page
install_packages() {
    cd "$PAGE" || return
    [ "$(cksum <package-lock.json)" != "$(cat node_modules/stamp 2>/dev/null)" ] || return 0
    npm ci --ignore-scripts --no-audit --no-fund || return
    cksum <package-lock.json >node_modules/stamp
}

make_page() { install_packages && npm run --silent check && npm run --silent build; }

prepare_node() {
    node_ready && return 0
    if ! is_debian; then
        die "Node 18 or newer with npm is missing; the page is built with it" \
            "macOS: brew install node; Fedora: dnf install nodejs npm"
    fi
    is_root || die "Node 18 or newer with npm is missing; the page is built with it" \
        "sudo apt-get install nodejs npm"
    phase "Installing Node" install nodejs npm
    node_ready || die "the Node of this system is older than 18" \
        "use Debian 12, Ubuntu 24.04 or newer, or install Node 18"
}

# prepare_page: the built page is there when this returns
prepare_page() {
    if page_ready; then
        printf 'ok  Page\n' >&2
        return 0
    fi
    prepare_node
    phase "Page" make_page
    page_stamp >"$ROOT/.cache/page.stamp"
}

# --- the browser --------------------------------------------------------------------------

# find_browser: a Chromium that tests can drive
find_browser() { has chromium || has chromium-browser || has google-chrome; }

prepare_browser() {
    find_browser && return 0
    is_debian || die "no Chromium is installed; tests drive the page in it" \
        "Fedora: sudo dnf install chromium; macOS: brew install --cask chromium"
    is_root || die "no Chromium is installed; tests drive the page in it" \
        "sudo apt-get install chromium"
    phase "Installing Chromium" install chromium
}
