"""The way out: headers of a feed's own, robots, a proxy, ports, what a server says that it was not asked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict

from tests.helpers import LOOPBACK, NOON, Server, rss
from wire.errors import PollFailed
from wire.websub import Hub, advertised
from worker.bounded import TookTooLong, bounded
from worker.fetch import Answer, Limits, fetch, open_session
from worker.guard import Guard
from worker.robots import Robots

ALLOWED = Guard(LOOPBACK)


def get(url: str, *, guard: Guard = ALLOWED, proxy: str = "", limits: Limits | None = None, **how: Any) -> Answer:
    async def go() -> Answer:
        async with open_session("test", guard, proxy=proxy) as session:
            return await fetch(session, url, limits or Limits(seconds=5), **how)

    return asyncio.run(go())


def redirect(status: int, location: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def away(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": location})

    return away


def test_a_feeds_own_headers_go_to_its_own_server_alone(server: Server) -> None:
    server.pages |= {
        "/a": redirect(302, "/b"),
        "/b": redirect(302, f"http://localhost:{server.port}/c"),
        "/c": rss(),
    }
    get(server.url("/a"), headers={"X-Key": "secret"})
    assert [headers.get("X-Key") for _, _, headers in server.asked] == ["secret", "secret", None]


def test_only_a_chain_of_redirects_for_good_moves_a_feed(server: Server) -> None:
    server.pages |= {"/a": redirect(301, "/b"), "/b": redirect(308, "/c"), "/x": redirect(301, "/y"), "/c": rss()}
    server.pages["/y"] = redirect(307, "/c")
    assert get(server.url("/a")).moved_to == server.url("/c")
    assert get(server.url("/x")).moved_to == ""
    assert get(server.url("/c")).moved_to == ""


def test_a_redirects_address_is_kept_as_it_is_asked_for(server: Server) -> None:
    server.pages |= {"/a": redirect(302, "/é?x=1%20|"), "/é": rss()}
    assert get(server.url("/a")).url == server.url("/%C3%A9?x=1%20%7C")


def test_a_header_that_comes_in_several_lines_is_read_whole(server: Server) -> None:
    async def linked(_: web.Request) -> web.StreamResponse:
        links = ['</api>; rel="https://api.example/"', '</hub>; rel="hub"', '</self>; rel="self"']
        return web.Response(body=rss(), headers=CIMultiDict([("Link", link) for link in links]))

    server.pages["/a"] = linked
    answer = get(server.url("/a"))
    assert advertised(answer.body or b"", url=answer.url, link_header=answer.headers["link"]) == Hub(
        server.url("/hub"), server.url("/self")
    )


def test_not_modified_that_was_not_asked_for_is_a_failure(server: Server) -> None:
    async def nothing(request: web.Request) -> web.StreamResponse:
        return web.Response(status=304)

    server.pages["/a"] = nothing
    with pytest.raises(PollFailed, match="asked for everything"):
        get(server.url("/a"))
    assert get(server.url("/a"), etag='"1"').body is None


def test_a_port_that_is_none_of_the_webs_is_not_asked(server: Server) -> None:
    guard = Guard((), frozenset({server.port}))
    with pytest.raises(PollFailed, match="not a public address"):
        get(server.url("/a"), guard=guard)
    with pytest.raises(OSError, match="port 25 is not one"):
        Guard().check("93.184.216.34", 25)
    Guard().check("93.184.216.34", 443)
    assert server.asked == []


def test_a_proxy_is_what_is_asked_and_numbers_are_still_refused(server: Server) -> None:
    server.pages["/feed"] = rss()
    proxy = server.base
    answer = get("http://wire.example/feed", guard=Guard(), proxy=proxy)
    assert answer.status == 200
    assert server.asked[0][2]["Host"] == "wire.example"
    for forbidden in ("http://127.0.0.1/", "http://0x7f.1/", "http://2130706433/", "http://[::1]/", "http://localhost/",
                      "http://10.1:80/", "http://wire.example:25/"):  # fmt: skip
        with pytest.raises(PollFailed, match=r"not a public address|is not one of those"):
            get(forbidden, guard=Guard(), proxy=proxy)
    assert len(server.asked) == 1


def test_robots_are_asked_once_a_day_and_obeyed(server: Server) -> None:
    server.pages["/robots.txt"] = "User-agent: *\nDisallow: /private/*.html$\nAllow: /"

    async def go() -> list[str]:
        said = []
        async with open_session("Wirewatch/0.1 (x)", ALLOWED) as session:
            robots = Robots(session, Limits(), "Wirewatch/0.1 (x)")
            for path in ("/open", "/private/a.html", "/private/a.txt"):
                try:
                    await robots.check(server.url(path), NOON)
                    said.append("")
                except PollFailed as error:
                    said.append(str(error))
        return said

    assert asyncio.run(go()) == ["", "The site's robots.txt asks not to read this page.", ""]
    assert len(server.asked) == 1


def test_a_site_without_robots_allows_all_and_one_in_trouble_nothing(server: Server) -> None:
    async def check() -> None:
        async with open_session("Wirewatch", ALLOWED) as session:
            await Robots(session, Limits(), "Wirewatch").check(server.url("/a"), NOON)

    asyncio.run(check())
    server.pages["/robots.txt"] = _in_trouble
    with pytest.raises(PollFailed, match="could not be had"):
        asyncio.run(check())


async def _in_trouble(request: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


def test_a_busy_parser_is_stopped_though_it_catches_everything() -> None:
    def stubborn() -> None:
        turns = 0
        while True:
            try:
                turns += 1
            except Exception:  # noqa: BLE001 -- this is what some parsers do
                turns -= 1

    for _ in range(20):
        with pytest.raises(TookTooLong, match=r"longer than 0\.02 seconds"):
            bounded(stubborn, 0.02)
    assert bounded(lambda: "done", 5) == "done"


def test_work_that_ends_at_its_bound_either_returns_or_took_too_long() -> None:
    def just_so() -> int:
        return sum(range(3_000))

    ended = set()
    for turn in range(2_000):
        try:
            ended.add(bounded(just_so, 1e-6 * (turn % 200 + 1)) > 0)
        except TookTooLong:
            ended.add(False)
    assert True in ended
