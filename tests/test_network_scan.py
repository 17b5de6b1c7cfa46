"""What the checks of `network-scan` read out of a report, and whom they hold it to be aimed at."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from scenarios.network_scan import nmap_xml, scope

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE nmaprun>\n'
DONE = '<runstats><finished time="1" elapsed="0.15" exit="success"/></runstats>'
WEB = """<host><status state="up" reason="arp-response"/>
<address addr="198.18.2.3" addrtype="ipv4"/><address addr="02:42:C6:12:02:03" addrtype="mac"/>
<hostnames><hostname name="web" type="user"/><hostname name="web.office" type="PTR"/></hostnames>
<ports><extraports state="closed" count="2"/>
<port protocol="tcp" portid="8080"><state state="open" reason="syn-ack"/></port></ports></host>"""
INFO = '<scaninfo type="syn" protocol="tcp" numservices="3" services="79-80,8080"/>'
OWN = [IPv4Network("198.18.1.0/24"), IPv4Network("198.18.2.0/24"), scope.LOOPBACK]


def report(inner: str, args: str = "nmap -oX - web") -> str:
    """A whole report with these elements in it."""
    return f'{HEAD}<nmaprun scanner="nmap" args="{args}" start="7">{inner}{DONE}</nmaprun>'


def test_a_report_is_read() -> None:
    """Ports with a line of their own and ports that were summed up both have a state."""
    found = nmap_xml.parse(report(INFO + WEB))
    assert found.kinds == {"syn"}
    assert found.ports == {79, 80, 8080}
    assert found.hosts[0].names == {"web", "web.office"}
    assert found.hosts[0].open == {8080}
    assert found.state("198.18.2.3", 8080) == "open"
    assert found.state("198.18.2.3", 80) == "closed"
    assert found.state("198.18.2.3", 443) == ""
    assert found.state("198.18.2.4", 80) == ""
    assert (found.start, found.elapsed) == (7, 0.15)


def test_ports_in_several_other_states_are_in_none() -> None:
    """Where the rest was partly closed and partly filtered, nothing is said of a single one."""
    two = WEB.replace("<port ", '<extraports state="filtered" count="1"/><port ', 1)
    assert nmap_xml.parse(report(INFO + two)).state("198.18.2.3", 80) == ""


def test_a_host_that_is_down_is_not_there() -> None:
    """With ``-v`` nmap lists hosts that are down as well."""
    down = WEB.replace('state="up"', 'state="down"')
    assert nmap_xml.parse(report(INFO + down)).host("198.18.2.3") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("Nmap scan report for web", "not XML: Nmap scan"),
        (report(INFO + WEB)[:400], "breaks off"),
        ("<page/>", "something else than nmap"),
        (report(WEB).replace(DONE, ""), "did not come to its end"),
        (report(WEB).replace("success", "error"), "did not come to its end"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><nmaprun args="&a;"/>', "entity a"),
    ],
)
def test_anything_else_is_told_apart(text: str, said: str) -> None:
    """A file that is no finished report of nmap is named for what it is."""
    with pytest.raises(nmap_xml.BadReportError, match=said):
        nmap_xml.parse(text)


@pytest.mark.parametrize(
    ("args", "aimed"),
    [
        ("nmap -oX /data/a.xml web", ["web"]),
        ("nmap -sS -Pn -p 80,443 web db", ["web", "db"]),
        ("nmap -p- -T4 -T 4 --top-ports 10 --top-ports=10 web", ["web"]),
        ("nmap web -oA /data/all --exclude db", ["web"]),
        ('nmap -oX "/data/my web.xml" web', ["web"]),
        ("nmap -iR 100", ["-iR"]),
        ("nmap -oX it's web", ["web"]),
    ],
)
def test_targets_are_what_is_left_of_a_command_line(args: str, aimed: list[str]) -> None:
    """Options and their values are no targets, wherever they stand."""
    assert list(scope.targets(args)) == aimed


@pytest.mark.parametrize(
    "target",
    [
        "web",
        "web.office",
        "web/24",
        "localhost",
        "127.0.0.1",
        "198.18.2.3",
        "198.18.2.0/24",
        "198.18.2.0/28",
        "198.18.2.1-20",
        "198.18.2.*",
        "198.18.2.2,4",
        "198.18.2.-",
    ],
)
def test_what_is_the_labs_own(target: str) -> None:
    """Names, addresses, subnets and ranges within a subnet of the lab."""
    assert scope.inside(target, OWN, {"office"})


@pytest.mark.parametrize(
    "target",
    [
        "scanme.example.org",
        "web.example",
        "web/16",
        "192.0.2.1",
        "198.18.3.1",
        "198.18.0.0/16",
        "198.18.1-2.1",
        "198.18.2.0/23",
        "198.18.*.1",
        "300.1.1.1",
        "fe80::1",
        "-iR",
        "",
    ],
)
def test_what_is_not(target: str) -> None:
    """One address beyond the lab's subnets is one too many."""
    assert not scope.inside(target, OWN, {"office"})


def test_strays_are_tried_or_found() -> None:
    """A target that gave no host counts, and so does a host that a name has led to."""
    elsewhere = WEB.replace("198.18.2.3", "192.0.2.9")
    found = nmap_xml.parse(report(elsewhere, "nmap -iR 9 web 192.0.2.0/30"))
    wanted = ["-iR", "192.0.2.0/30", "192.0.2.9"]
    assert scope.strays(found, ["198.18.1.0/24"], ["office"]) == wanted


@pytest.mark.parametrize(
    ("target", "is_whole"),
    [
        ("198.18.2.0/24", True),
        ("198.18.2.1-254", True),
        ("198.18.2.*", True),
        ("web/24", True),
        ("198.18.2.0/25", False),
        ("198.18.2.2,4", False),
        ("198.18.1.0/24", False),
        ("web", False),
        ("db printer web", False),
    ],
)
def test_a_subnet_is_scanned_as_a_whole(target: str, is_whole: bool) -> None:  # noqa: FBT001
    """Some of its machines are not all of them, however many of them answered."""
    assert scope.whole(f"nmap -p 80 -oA /data/x {target}", "198.18.2.0/24") is is_whole


def test_a_report_without_an_end_tells_its_targets() -> None:
    """Whom a scan was aimed at stands at its beginning, so a scan of half the world is seen."""
    cut = report(INFO + WEB * 3, "nmap -oX - 192.0.0.0/8")[:-300]
    assert list(scope.targets(nmap_xml.begun(cut).args)) == ["192.0.0.0/8"]
    assert scope.strays(nmap_xml.begun(cut), ["198.18.1.0/24"], ["office"]) == ["192.0.0.0/8"]
    assert nmap_xml.begun("hello").args == ""
