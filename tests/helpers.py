"""What several tests need: a web server on loopback that keeps score, and waiting for the thing itself."""

import asyncio
import ipaddress
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape

from aiohttp import web

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def wait_until(holds: Callable[[], object], seconds: float = 20.0, what: str = "") -> None:
    """Returns as soon as it holds; fails the test when it does not in time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or holds}")
        pause.wait(0.03)


@dataclass
class Clock:
    """A clock that moves when told."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Server:
    """Pages by path, on loopback; `asked` is every request that came, in order."""

    port: int = 0
    pages: dict[str, Handler | bytes | str] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"{self.base}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path, dict(request.headers)))
        self.bodies.append(await request.read())
        page = self.pages.get(request.path)
        if page is None:
            return web.Response(status=404)
        if callable(page):
            return await page(request)
        return web.Response(body=page if isinstance(page, bytes) else page.encode())


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> int:
    """The first of so many ports of loopback in a row that nobody listens at."""
    while True:
        first = free_port()
        with ExitStack() as stack:
            try:
                for place in range(count):
                    stack.enter_context(socket.create_server(("127.0.0.1", first + place)))
            except OSError:
                continue
            return first


@contextmanager
def serving(application: web.Application, hosts: Sequence[str] = ("127.0.0.1",)) -> Iterator[int]:
    """A web application on one free port of these addresses of loopback, in a thread of its own."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> int:
        await runner.setup()
        port = 0
        for host in hosts:
            await web.TCPSite(runner, host, port).start()
            port = int(runner.addresses[0][1])
        return port

    port = asyncio.run_coroutine_threadsafe(start(), loop).result(10)

    async def end() -> None:
        await runner.cleanup()
        unfinished = asyncio.all_tasks() - {asyncio.current_task()}
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def rss(*items: dict[str, str], title: str = "A wire", before: str = "") -> bytes:
    """A feed of these items; the keys are the elements' names."""
    body = "".join(
        "<item>" + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in item.items()) + "</item>"
        for item in items
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title>{before}{body}</channel></rss>'.encode()


def item(number: int, title: str = "", text: str = "", **more: str) -> dict[str, str]:
    """An entry of a MENAFN feed, as `rss` takes it."""
    return {
        "title": title or f"Story {number}",
        "link": f"https://menafn.com/{number}/Story&src=RSS",
        "guid": f"https://menafn.com/{number}/Story",
        "description": text or f"(MENAFN - Gulf Ledger)What happened in story {number} ...",
        **more,
    }


def plain(number: int, title: str, text: str = "", **more: str) -> dict[str, str]:
    """An entry of a feed that numbers nothing but its guids."""
    return {
        "title": title,
        "guid": f"id-{number}",
        "link": f"https://example.org/{number}",
        "description": text,
        **more,
    }
