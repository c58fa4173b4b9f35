"""Finds addresses: of mail, and of machines on the internet."""

import ipaddress
import re

from components.feedback.capture.detector import Detector

LOCAL = r"A-Za-z0-9._%+'\-À-ɏͰ-ӿ"
"""What people have before the @. No scripts that are written without spaces: the sentence before would go as well."""

EMAIL = re.compile(
    rf"(?P<local>[{LOCAL}]{{1,64}}+)@(?:[\w-]{{1,63}}\.){{1,8}}"
    r"(?:xn--[A-Za-z0-9-]{1,59}|[A-Za-z]{2,24}|[^\W\d_A-Za-z]{2,24})"
)

# Not behind a letter and a slash: Chrome/120.0.0.0 is a version.
IPV4 = re.compile(r"(?<![\w.])(?<![A-Za-z][/-])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d|-[A-Za-z])", re.ASCII)
NUMBERED = re.compile(r"(?:version|release|firmware|driver|build|section|chapter|clause|§|rev|ver)[.:]?\s?\Z", re.I)
"""What stands before four numbers that are no address."""

# It begins as the addresses in use do. `a::b` is a name in C++, `1::2` a slice in Python.
IPV6 = re.compile(
    r"(?<![\w:.])(?:[23Ff][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}|::[Ff]{4}:)"
    r"(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?![\w:]|\.\d)"
)
IPV4_HINT = re.compile(r"\d\.\d{1,3}\.\d")


def _someone_s_email(match: re.Match[str]) -> bool:
    """git@github.com and the like are in every question about git, and nobody's."""
    return match["local"] != "git"


def _someone_s_ipv4(match: re.Match[str]) -> bool:
    """Whether it is an address, and not one that every machine has."""
    try:
        first = ipaddress.IPv4Address(match[0]).packed[0]
    except ValueError:
        return False
    before = match.string[max(0, match.start() - 12) : match.start()]
    return first not in (0, 127, 255) and not NUMBERED.search(before)


def _ipv6(match: re.Match[str]) -> bool:
    try:
        return not ipaddress.IPv6Address(match[0]).is_multicast
    except ValueError:
        return False


EMAILS = (Detector("email", EMAIL, _someone_s_email, hints=("@",)),)
IPS = (Detector("ip", IPV6, _ipv6), Detector("ip", IPV4, _someone_s_ipv4))
