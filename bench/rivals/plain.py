"""The honest least: asyncio, aiohttp, feedparser as it comes, sqlite3. No rules, no versions, no alerts, no search.

Each feed's validators are kept, an entry is kept once a feed by its guid, and each feed is a transaction.
"""

import asyncio
import io
import sqlite3
import sys
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path

import aiohttp
import feedparser

from bench import rivals

_AT_ONCE = 100
_TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE feed (id INTEGER PRIMARY KEY, url TEXT, etag TEXT, modified TEXT);
CREATE TABLE item (
    feed INTEGER, guid TEXT, link TEXT, title TEXT, text TEXT, published TEXT, PRIMARY KEY (feed, guid)
);
"""


class Plain:
    """Feeds in a database, and how to poll them all."""

    def __init__(self, folder: Path, addresses: Sequence[str]) -> None:
        self._database = sqlite3.connect(folder / "plain.db", isolation_level=None)
        self._database.executescript(_TABLES)
        rows = [(address, "", "") for address in addresses]
        self._database.executemany("INSERT INTO feed (url, etag, modified) VALUES (?, ?, ?)", rows)

    def poll(self) -> None:
        asyncio.run(self._poll_all())

    async def _poll_all(self) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)
        feeds = self._database.execute("SELECT id, url, etag, modified FROM feed").fetchall()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)) as session:
            await asyncio.gather(*(self._poll(session, gate, feed) for feed in feeds))

    async def _poll(
        self, session: aiohttp.ClientSession, gate: asyncio.Semaphore, row: tuple[int, str, str, str]
    ) -> None:
        feed, url, etag, modified = row
        conditions = {"If-None-Match": etag, "If-Modified-Since": modified}
        headers = {name: value for name, value in conditions.items() if value}
        async with gate, session.get(url, headers=headers) as answer:
            if answer.status != HTTPStatus.OK:
                return
            body = await answer.read()
            said = answer.headers
        parsed = feedparser.parse(io.BytesIO(body), response_headers={"content-type": said.get("Content-Type", "")})
        rows = [
            (feed, entry.get("id") or entry.get("link"), entry.get("link"), entry.get("title"), _text(entry),
             entry.get("published"))
            for entry in parsed.entries
        ]  # fmt: skip
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR IGNORE INTO item VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._database.execute(
                "UPDATE feed SET etag = ?, modified = ? WHERE id = ?",
                (said.get("ETag", ""), said.get("Last-Modified", ""), feed),
            )


def _text(entry: feedparser.FeedParserDict) -> str:
    content = entry.get("content")
    return str(content[0].value if content else entry.get("summary", ""))


def _start(addresses: Sequence[str]) -> Callable[[], None]:
    return Plain(Path(sys.argv[1]), addresses).poll


if __name__ == "__main__":
    rivals.serve(_start)
