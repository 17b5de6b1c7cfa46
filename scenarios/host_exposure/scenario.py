"""One host, and every way by which it and its containers are open to others.

Two networks, a published page, three services of the host itself, and a LAN with a laptop
on it. The laptop is played by a container without a network, from which a cable (a veth
pair) leads to the host's interface ``lan0``; the engine knows nothing of it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from labrunner import Container, Image, Limits, Network, Port, Ready, Scenario

from .cells import icc_off
from .common import ADMIN, OWN, PAGE, STATUS, WEB, digits, lan_address, leftover
from .firewall import after_dnat, docker_user, from_the_lan, net_admin
from .host_services import host_services
from .views import audit, eavesdrop, host_mode

if TYPE_CHECKING:
    from labrunner import Lab

ASK = (
    "while :; do "
    'curl -s -m 1 -o /dev/null -H "Authorization: Bearer $(cat /tmp/token)" http://stock:8000/; '
    "sleep 0.3; done"
)
"""What clerk does all day."""

HOST = """
laptop=$1 own=$2 its=$3 admin=$4 status=$5 leftover=$6 word=$7
in_laptop() { nsenter -t "$laptop" -n "$@"; }
ip link add lan0 type veth peer name eth0 netns "$laptop"
ip address add "$own/24" dev lan0
ip link set lan0 up
in_laptop ip address add "$its/24" dev eth0
in_laptop ip link set eth0 up
for page in admin status leftover; do mkdir -p "/root/$page"; done
echo "Page of the administrator. Number $word." >/root/admin/index.html
echo "All is well with this host." >/root/status/index.html
echo "Test server, to be switched off on Friday." >/root/leftover/index.html
busybox httpd -p "127.0.0.1:$admin" -h /root/admin
busybox httpd -p "0.0.0.0:$status" -h /root/status
busybox httpd -p "0.0.0.0:$leftover" -h /root/leftover
"""
"""The LAN and the services of the host, which no container is."""


def furnish(lab: Lab) -> None:
    """Lay the cable to the laptop, start the host's services, write pages and token."""
    jobs = (host_side, stock_page, token, names)
    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(job, lab) for job in jobs]:
            done.result()


def host_side(lab: Lab) -> None:
    """What is on the host itself."""
    laptop = lab.container("laptop")
    words = (
        str(laptop.pid if laptop else 0),
        *(lan_address(lab), lan_address(lab, 20)),
        *(str(ADMIN), str(STATUS), str(leftover(lab))),
        digits(lab, "admin"),
    )
    made = lab.run_on_host(["sh", "-e", "-c", HOST, "sh", *words])
    if made.code:
        raise RuntimeError(f"the LAN was not made: {made.err.strip()}")


def stock_page(lab: Lab) -> None:
    """A page that differs in every lab."""
    text = f"What we have in stock: {digits(lab, 'stock')} boxes.\n"
    write(lab, "stock", "/srv/index.html", text)


def token(lab: Lab) -> None:
    """What clerk shows at stock's door."""
    write(lab, "clerk", "/tmp/token", digits(lab, "token", 10))  # noqa: S108


def names(lab: Lab) -> None:
    """The laptop knows the host by its name."""
    write(lab, "laptop", "/etc/hosts", f"{lan_address(lab)} lab-host\n")


def write(lab: Lab, container: str, path: str, text: str) -> None:
    """Add text to a file in a container; a page is begun anew."""
    arrow = ">>" if path == "/etc/hosts" else ">"
    lab.exec(container, ["sh", "-c", f'printf %s "$1" {arrow} "$2"', "sh", text, path])


scenario = Scenario(
    name="host-exposure",
    networks=(Network("office"), Network("guests")),
    images=(Image("site:1", "images/site"), Image("agent:1", "images/agent")),
    containers=(
        Container("stock", "site:1", ("office",), ready=Ready(PAGE)),
        Container("web", "site:1", ("office",), ports=(Port(PAGE, WEB, "0.0.0.0"),)),  # noqa: S104
        Container("clerk", "tools:1", ("office",), ("sh", "-c", ASK)),
        Container("guest", "tools:1", ("guests",), ("sleep", "infinity")),
        # root of its own machine: it may set its own routes
        Container("laptop", "tools:1", (), ("nc", "-lk", str(OWN)), cap_add=("NET_ADMIN",)),
    ),
    # it edits the firewall of the host
    hosts=("sandbox",),
    limits=Limits(memory="1g", disk="256m"),
    setup=furnish,
    checks={
        "host-mode": host_mode,
        "eavesdrop": eavesdrop,
        "audit": audit,
        "icc-off": icc_off,
        "host-services": host_services,
        "docker-user": docker_user,
        "after-dnat": after_dnat,
        "from-the-lan": from_the_lan,
        "net-admin": net_admin,
    },
)
