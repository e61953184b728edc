"""Where we may connect to. Asked for every socket, with the very address it will connect to.

A name can answer with a public address when it is checked and a private one when it is used, and a redirect can
lead anywhere; so nothing is checked before. aiohttp makes each socket through `Guard.socket`, after it resolved
the name and before it connects: there we look.
"""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from wire.errors import BadInput

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_EMBEDDING = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))  # NAT64; IPv4-compatible

# Where web servers listen; other ports belong to other services, which a feed's address must not reach.
DEFAULT_PORTS = frozenset({80, 443, 8000, 8080, 8443})
_LAST_PORT = 65_535


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


def parse_ports(written: str) -> frozenset[int]:
    """Ports as `80, 443`. Raises BadInput naming the one that is none."""
    found = [part.strip() for part in written.split(",") if part.strip()]
    for part in found:
        if not part.isdecimal() or not 0 < int(part) <= _LAST_PORT:
            raise BadInput(f"“{part}” is no port. Write numbers from 1 to {_LAST_PORT}, as 80,443.")
    return frozenset(map(int, found))


@dataclass(frozen=True, slots=True)
class Guard:
    """Networks and ports that are allowed. A network that is allowed expressly is so at each of its ports."""

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = DEFAULT_PORTS

    def socket(self, address_info: Any) -> socket.socket:
        """Makes a socket for aiohttp's connector; raises ForbiddenAddress for one to where it must not go."""
        family, kind, protocol, _, address = address_info
        self.check(address[0], address[1])
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    def check(self, host: str, port: int) -> None:
        """Raises ForbiddenAddress for an address or port that is not allowed."""
        if not permitted(host, self.networks):
            raise ForbiddenAddress(f"{host} is not a public address")
        if port not in self.ports and not _among(host, self.networks):
            raise ForbiddenAddress(f"port {port} is not one of those that are asked")

    async def by_name(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """A middleware for sessions behind a proxy, where names are the proxy's to look up and numbers are not."""
        url = request.url
        try:
            self.check(socket.inet_ntoa(socket.inet_aton(url.host or "")), url.port or 0)
        except ForbiddenAddress:
            raise
        except OSError:  # no IPv4 address, in none of the spellings there are
            self._check_name(url.host or "", url.port or 0)
        return await handler(request)

    def _check_name(self, host: str, port: int) -> None:
        if ":" in host:
            self.check(host, port)
        elif host.rstrip(".").lower() == "localhost" or host.rstrip(".").lower().endswith(".localhost"):
            self.check("127.0.0.1", port)
        elif port not in self.ports:
            raise ForbiddenAddress(f"port {port} is not one of those that are asked")


def permitted(written: str, allowed: Iterable[Network]) -> bool:
    """Whether an address, as the resolver gave it, is public or expressly allowed."""
    address = _read(written)
    return _among(written, allowed) or (address.is_global and not address.is_multicast and not address.is_reserved)


def _among(written: str, networks: Iterable[Network]) -> bool:
    address = _read(written)
    return any(address.version == network.version and address in network for network in networks)


def _read(written: str) -> Address:
    return _unwrapped(ipaddress.ip_address(written.split("%", maxsplit=1)[0]))


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
