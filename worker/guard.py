"""Where we may connect to. Asked for every socket, with the very address it will connect to.

A name can answer with a public address when it is checked and a private one when it is used, and a redirect can
lead anywhere; so nothing is checked before. aiohttp makes each socket through `socket_factory`, after it resolved
the name and before it connects: there we look.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import Any

from wire.errors import BadInput

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_EMBEDDING = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))  # NAT64; IPv4-compatible


class ForbiddenAddress(OSError):
    """An address on this machine or in a private network, which no feed has business in."""


def parse_networks(written: str) -> tuple[Network, ...]:
    """Networks as `10.0.0.0/8, 192.168.1.5`. Raises BadInput naming the one that is none."""
    found = []
    for part in filter(None, (part.strip() for part in written.split(","))):
        try:
            found.append(ipaddress.ip_network(part, strict=False))
        except ValueError as error:
            raise BadInput(f"“{part}” is no network. Write it like 10.0.0.0/8 or 192.168.1.5.") from error
    return tuple(found)


def socket_factory(allowed: Iterable[Network]) -> Callable[[Any], socket.socket]:
    """Makes sockets for aiohttp's connector, and refuses those to forbidden addresses."""
    networks = tuple(allowed)

    def make(address_info: Any) -> socket.socket:
        family, kind, protocol, _, address = address_info
        if not permitted(address[0], networks):
            raise ForbiddenAddress(f"{address[0]} is not a public address")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return make


def permitted(written: str, allowed: Iterable[Network]) -> bool:
    """Whether an address, as the resolver gave it, is public or expressly allowed."""
    address = _unwrapped(ipaddress.ip_address(written.split("%", maxsplit=1)[0]))
    if any(address.version == network.version and address in network for network in allowed):
        return True
    return address.is_global and not address.is_multicast and not address.is_reserved


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, in each of the ways there are to put it there."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if inner := address.ipv4_mapped or address.sixtofour:
        return inner
    if address.teredo:
        return address.teredo[1]
    if any(address in network for network in _EMBEDDING) and int(address) > 1:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
