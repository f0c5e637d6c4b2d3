"""Public addresses: resolve host names, and tell public from private addresses."""

import ipaddress
import socket

import httpcore

from papers.fetching.results import describe_error

# Clouds serve credentials to their machines at these; the other such addresses are link-local.
_METADATA = frozenset({"168.63.129.16"})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_V4_COMPATIBLE = ipaddress.ip_network("::/96")


def is_public(address: str) -> bool:
    """Return whether a numeric IPv4 or IPv6 address is publicly routable.

    An IPv4 address embedded in IPv6 (mapped, compatible, 6to4, NAT64) counts as IPv4.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _embedded(ip)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local or ip.scope_id:
            return False
    return ip.is_global and not ip.is_multicast and address not in _METADATA


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in _NAT64 or ip in _V4_COMPATIBLE:
        return ipaddress.IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip.sixtofour


def resolve(host: str, port: int) -> list[str]:
    """Return the numeric addresses of a host name, in the order of preference."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host}: {describe_error(error)}") from error
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
