"""Where we connect to: asked of the very address, in all its spellings."""

import asyncio
import ipaddress
import socket
from typing import Any

import pytest
from aiohttp import web

from tests.helpers import LOOPBACK, Server, rss
from wire.errors import BadInput, PollFailed
from worker.fetch import Answer, Limits, fetch, open_session
from worker.guard import Guard, Network, parse_networks, permitted

FORBIDDEN = (
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
    "fd12:3456::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1",
    "64:ff9b::a00:1", "::7f00:1", "2001:db8::1", "2001:0:53aa:64c:0:0:80ff:fffe",
)  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not permitted(address, ())


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
def test_what_is_public_is_permitted(address: str) -> None:
    assert permitted(address, ())


def test_a_network_can_be_allowed() -> None:
    networks = parse_networks("10.0.0.0/8, 192.168.1.5")
    assert permitted("10.9.8.7", networks)
    assert permitted("::ffff:10.9.8.7", networks)
    assert permitted("192.168.1.5", networks)
    assert not permitted("192.168.1.6", networks)
    with pytest.raises(BadInput, match="“tennis” is no network"):
        parse_networks("10.0.0.0/8, tennis")


def get(url: str, allowed: tuple[Network, ...] = (), limits: Limits | None = None) -> Answer:
    async def go() -> Answer:
        async with open_session("test", Guard(tuple(allowed))) as session:
            return await fetch(session, url, limits or Limits(seconds=5))

    return asyncio.run(go())


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_no_spelling_of_this_machine_is_reached(server: Server, host: str) -> None:
    with pytest.raises(PollFailed):
        get(f"http://{host}:{server.port}/feed")
    assert server.asked == []


def resolving(monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[str]]) -> None:
    """Names lead where the test says: each look-up takes the next answer, the last one stays."""
    real = socket.getaddrinfo

    def look_up(host: str, port: Any, *arguments: Any, **named: Any) -> Any:
        if host in answers:
            found = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port))]
        return real(host, port, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_a_name_that_leads_to_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    resolving(monkeypatch, {"wire.example": ["127.0.0.1"]})
    with pytest.raises(PollFailed, match="not a public address"):
        get(f"http://wire.example:{server.port}/feed")
    assert server.asked == []


def test_a_redirect_is_checked_like_a_first_address(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """The first hop is allowed (127.0.0.1), the second leads to 127.0.0.2, which is not."""

    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"http://inner.example:{server.port}/secret"})

    server.pages["/feed"] = away
    server.pages["/secret"] = "secret"
    resolving(monkeypatch, {"inner.example": ["127.0.0.2"]})
    with pytest.raises(PollFailed, match=r"127\.0\.0\.2 is not a public address"):
        get(server.url("/feed"), (ipaddress.ip_network("127.0.0.1/32"),))
    assert [path for _, path, _ in server.asked] == ["/feed"]


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("file:///etc/passwd", "no way on"),
        ("javascript:1", "no way on"),
        ("/feed", "no way on"),
        ("/loop", "More than 5"),
    ],
)
def test_a_redirect_that_leads_nowhere_ends(server: Server, location: str, says: str) -> None:
    async def away(request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": location})

    async def loop(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"/loop?{len(server.asked)}"})

    server.pages |= {"/feed": away, "/loop": loop}
    with pytest.raises(PollFailed, match=says):
        get(server.url("/feed"), LOOPBACK)


def test_a_redirect_to_another_page_is_followed_and_told(server: Server) -> None:
    async def away(request: web.Request) -> web.Response:
        return web.Response(status=308, headers={"Location": "/new"})

    server.pages |= {"/old": away, "/new": rss()}
    assert get(server.url("/old"), LOOPBACK).url == server.url("/new")
