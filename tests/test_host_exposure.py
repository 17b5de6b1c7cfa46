"""What the checks of `host-exposure` conclude, without an engine."""

from __future__ import annotations

import pytest

from scenarios.host_exposure import common, rules, views

RETURN = "-A DOCKER-USER -j RETURN"
BY_PORT = "-A DOCKER-USER -i lan0 -p tcp -m tcp --dport {port} -j DROP"
IN_INPUT = "-A INPUT -i lan0 -p tcp -m tcp --dport 8080 -j REJECT --reject-with tcp-reset"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], ""),
        ([RETURN], ""),
        ([BY_PORT.format(port=8000), RETURN], ""),
        ([BY_PORT.format(port=80801), RETURN], ""),
        ([RETURN, BY_PORT.format(port=8000)], "leaves the chain"),
        # where nothing returns before it, a rule at the end is as good as one at the top
        ([BY_PORT.format(port=8000)], ""),
        ([BY_PORT.format(port=8080), RETURN], "do not have the port 8080"),
        (["-A DOCKER-USER -p tcp -m multiport --dports 443,8080 -j DROP"], "do not have the port"),
        ([IN_INPUT, RETURN], "do not come by there"),
        ([IN_INPUT, RETURN, BY_PORT.format(port=8000)], "leaves the chain"),
        (["-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT", RETURN], ""),
        # asked of the connection, not of the packet: that is the right way
        (["-A DOCKER-USER -m conntrack --ctorigdstport 8080 -j DROP", RETURN], ""),
    ],
)
def test_a_rule_without_effect_is_explained(lines: list[str], told: str) -> None:
    """The reason that is seen in the firewall is named, and no other."""
    found = rules.misplaced("\n".join(["*filter", *lines, "COMMIT"]), 8080)
    assert told in found
    assert bool(told) == bool(found)


def test_cleared_rules_are_told_before_anything_else() -> None:
    """Where somebody may have cleared the chain, a leftover in INPUT is not the reason."""
    assert rules.gone(f"{IN_INPUT}\n{RETURN}", 8080) == "The rules in DOCKER-USER are gone."
    assert "leaves the chain" in rules.gone("\n".join([RETURN, BY_PORT.format(port=8000)]), 8080)


def test_only_this_address_is_meant() -> None:
    """A rule for web's address is found, not one for a longer address, nor one that lets pass."""
    rule = "-A DOCKER-USER -d 198.18.1.2/32 -i lan0 -j DROP"
    others = "-A DOCKER-USER -d 198.18.1.20/32 -j DROP\n-A DOCKER-USER -d 198.18.1.2/32 -j RETURN"
    assert rules.by_address(f"{others}\n{rule}", "198.18.1.2") == rule
    assert rules.by_address(others, "198.18.1.2") == ""


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("8080\n9100\n", {8080, 9100}),
        ("8080, 9100 9378", {8080, 9100, 9378}),
        ("Connection to 198.18.2.1 8080 port [tcp/http-alt] succeeded!", {8080}),
        ("198.18.2.1:9100", {9100}),
        ("9100/tcp open  jetdirect\n9200/tcp closed wap-wsp\n", {9100}),
        ("nc: connect to 198.18.2.1 port 8001 (tcp) failed: Connection refused", set()),
        ("nc: connect to 198.18.2.1 port 8001 (tcp) timed out", set()),
        ("80 443 7999 10000 80801", set()),
        ("", set()),
    ],
)
def test_a_list_of_ports_is_read_in_any_shape(text: str, ports: set[int]) -> None:
    """Numbers, what nc prints and what nmap prints; nothing that is shown as closed."""
    assert views.ports_in(text) == ports


def test_capabilities_are_read_from_a_process() -> None:
    """The effective ones count, not those that could be had."""
    status = "Name:\tnc\nCapPrm:\t00000000a80425fb\nCapEff:\t0000000000002000\nCapBnd:\tffff\n"
    assert common.effective(status) == 1 << common.NET_RAW
    with pytest.raises(ValueError, match="no capabilities"):
        common.effective("")
