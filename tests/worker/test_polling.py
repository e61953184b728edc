"""A batch of feeds: what of it is read, and when, while a portion of it is being written."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from storage.feeds import FeedToPoll
from tests.helpers import LOOPBACK, NOON, Server, item, rss
from worker import polling
from worker.fetch import Answer, Limits, fetch, open_session
from worker.guard import Guard
from worker.polling import Polled

ENTRIES = 100


def feed(number: int, url: str) -> FeedToPoll:
    return FeedToPoll(number, url, "", False, 60, 60, 3600, "", "", "", "[]", 0)


@asynccontextmanager
async def portions(batch: list[FeedToPoll]) -> AsyncIterator[AsyncIterator[list[Polled]]]:
    async with open_session("test", Guard(LOOPBACK), per_host=0) as session:
        yield polling.poll_all(session, batch, Limits(seconds=5), now=NOON)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses whose answers were read, in order."""
    found: list[str] = []
    original = polling.read_answer

    def noted(one: FeedToPoll, answer: Answer) -> Polled:
        found.append(one.url)
        return original(one, answer)

    monkeypatch.setattr(polling, "read_answer", noted)
    return found


def test_one_portion_is_read_ahead_and_the_other_answers_wait_as_they_came(
    server: Server, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes slowly does not have all documents of a batch in memory."""
    monkeypatch.setattr(polling, "_PATIENCE", 60.0)  # so that a busy machine makes no smaller ones
    paths = [f"/{number}.xml" for number in range(20)]
    server.pages |= {path: rss(*[item(1110000000 + number) for number in range(ENTRIES)]) for path in paths}
    batch = [feed(number, server.url(path)) for number, path in enumerate(paths)]

    arrived: list[str] = []

    async def noted(session: aiohttp.ClientSession, url: str, limits: Limits, **how: Any) -> Answer:
        answer = await fetch(session, url, limits, **how)
        arrived.append(url)
        if len(arrived) == len(batch):
            all_arrived.set()
        return answer

    monkeypatch.setattr(polling, "fetch", noted)
    all_arrived = asyncio.Event()

    async def go() -> list[int]:
        sizes = []
        async with portions(batch) as coming:
            async for portion in coming:
                sizes.append(sum(len(one.document.entries) for one in portion if one.document))
                await all_arrived.wait()
                for _ in range(100):  # whatever can be done now is
                    await asyncio.sleep(0)
                assert len(read) == min(3 * (len(sizes) + 1), len(batch))
        return sizes

    assert asyncio.run(asyncio.wait_for(go(), 20)) == [300, 300, 300, 300, 300, 300, 200]
    assert len(set(read)) == len(batch)


def test_what_no_reader_can_bear_breaks_its_own_feed_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.pages |= {"/a.xml": rss(item(1)), "/b.xml": rss(item(2))}
    original = polling.read_answer

    def stumbling(one: FeedToPoll, answer: Answer) -> Polled:
        if one.url.endswith("/a.xml"):
            raise RuntimeError("nobody thought of this")
        return original(one, answer)

    monkeypatch.setattr(polling, "read_answer", stumbling)

    async def go() -> list[Polled]:
        async with portions([feed(1, server.url("/a.xml")), feed(2, server.url("/b.xml"))]) as coming:
            return [one async for portion in coming for one in portion]

    outcomes = {one.feed.id: (one.outcome, one.error) for one in asyncio.run(go())}
    assert outcomes == {1: ("failed", "It could not be polled: RuntimeError."), 2: ("read", "")}
    assert "nobody thought of this" in caplog.text
