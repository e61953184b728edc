"""Real feeds that nobody here wrote, where they are at hand: every file read, every wire polled, every series played."""

import contextlib
import csv
import itertools
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from scheduler.loop import Scheduler
from storage import feeds, items, polls
from storage.database import Database
from storage.items import ITEM, SIGHTING, VERSION
from tests.helpers import Clock, Server
from wire.cadence import Bounds
from wire.entries import parse
from wire.errors import NotAFeed
from wire.identity import identify_all
from wire.story import Document
from worker.process import Process

BOUNDS = Bounds(60, 3600)


def rows(shared: Path, *folders: str) -> Iterator[dict[str, str]]:
    with (shared / "feeds" / "INDEX.tsv").open() as index:
        for row in csv.DictReader(index, delimiter="\t"):
            if not folders or row["path"].split("/")[0] in folders:
                yield row


def body(shared: Path, row: dict[str, str]) -> bytes:
    return (shared / "feeds" / row["path"]).read_bytes()


@lru_cache(maxsize=2_000)
def document(path: Path) -> Document | None:
    """A file of the corpus, parsed once; None for what is no feed. Each takes a second at most."""
    start = time.perf_counter()
    try:
        found = parse(path.read_bytes())
    except NotAFeed:
        found = None
    assert time.perf_counter() - start < 1 * SLOWNESS, path
    return found


@pytest.fixture(scope="module", autouse=True)
def _forget() -> Iterator[None]:
    """A million values held would slow down every test that comes after."""
    yield
    document.cache_clear()


# Feeds whose count differs from feedparser's alone, and why.
EXCEPTIONS: dict[str, str] = {}
# A machine that runs other tests beside may be so many times slower than one at rest.
SLOWNESS = 3


def test_every_file_is_read_with_as_many_entries_as_feedparser_finds(shared: Path) -> None:
    differing = {}
    for row in rows(shared):
        found = document(shared / "feeds" / row["path"])
        count, expected = len(found.entries) if found else 0, int(row["entries_feedparser_6.0.14"] or 0)
        if row["kind"] == "jsonfeed":
            expected = len(json.loads(body(shared, row)).get("items", []))
        if count != expected and row["path"] not in EXCEPTIONS:
            differing[row["path"]] = (count, expected)
    assert differing == {}


def test_pruned_parsing_equals_full_parsing_over_every_file(shared: Path, tell: Callable[[str], None]) -> None:
    dice, cut, whole, differing = random.Random(1), Counter[str](), Counter[str](), []
    for row in rows(shared):
        full = document(shared / "feeds" / row["path"])
        if row["kind"] == "jsonfeed" or full is None:
            continue
        folder = row["path"].split("/")[0]
        whole[folder] += 1
        cut[folder] += bool(full.digests)
        seen = {digest for digest in full.digests if dice.random() < dice.choice((0.2, 0.9, 1.0))}
        left = [one for one, digest in zip(full.entries, full.digests, strict=False) if digest not in seen]
        if full.digests and list(parse(body(shared, row), seen=seen).entries) != left:
            differing.append(row["path"])
    shares = ", ".join(f"{folder} {cut[folder]} of {whole[folder]}" for folder in sorted(whole))
    tell(f"feeds where the cut is used: {shares}")
    assert differing == []
    assert cut["wire"] > 0.9 * whole["wire"]


def serve(server: Server, shared: Path, chosen: list[dict[str, str]]) -> None:
    server.pages.update({f"/{row['path']}": body(shared, row) for row in chosen})


def work(scheduler: Scheduler, process: Process, sent: list[Any]) -> None:
    scheduler.round()
    while sent:
        task, _, arguments = sent.pop(0)
        if task != "beat":
            getattr(process, task)(*arguments)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_captured_wire_is_polled_and_nothing_is_kept_twice(
    shared: Path, database: Database, server: Server, process: Process, clock: Clock, sent: list[Any]
) -> None:
    chosen = list(rows(shared, "wire"))
    serve(server, shared, chosen)
    with database.writing() as session:
        for row in chosen:
            feeds.add(session, server.url(f"/{row['path']}"), now=clock(), bounds=BOUNDS)
    scheduler = Scheduler(database, clock, process.config.lease, stopwatch=lambda: 0.0)
    work(scheduler, process, sent)
    with database.reading() as session:
        counts, failed = {}, {}
        for feed in feeds.watched(session):
            (poll,) = polls.polls_of(session, feed.id or 0, 5)
            counts[feed.url.removeprefix(server.base)[1:]] = poll.entries
            if feed.last_error:
                failed[feed.url] = feed.last_error
        kept = items.count(session)
        titles = Counter((item.url, item.title) for item in items.newest(session, limit=10_000) if item.url)
    assert failed == {}
    assert counts == {row["path"]: int(row["entries_feedparser_6.0.14"]) for row in chosen}
    assert [one for one, count in titles.items() if count > 1] == []
    clock.tick(4000)
    work(scheduler, process, sent)
    with database.reading() as session:
        assert items.count(session) == kept


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_series_of_real_polls_revise_and_never_double(
    shared: Path,
    database: Database,
    server: Server,
    process: Process,
    clock: Clock,
    sent: list[Any],
    tell: Callable[[str], None],
) -> None:
    """Every series at once, poll after poll: an error page is a failure that ends, an edit a version."""
    series: dict[str, list[bytes]] = {}
    for row in sorted(rows(shared, "series"), key=lambda row: row["path"]):
        series.setdefault(str(Path(row["path"]).parent), []).append(body(shared, row))
    with database.writing() as session:
        for name in series:
            feeds.add(session, server.url(f"/{name}"), now=clock(), bounds=BOUNDS)
    scheduler = Scheduler(database, clock, process.config.lease, stopwatch=lambda: 0.0)
    outcomes: dict[str, list[str]] = {name: [] for name in series}
    for number in itertools.count():
        playing = {name: bodies[number] for name, bodies in series.items() if number < len(bodies)}
        if not playing:
            break
        server.pages = {f"/{name}": content for name, content in playing.items()}
        clock.tick(90_000)
        work(scheduler, process, sent)
        with database.reading() as session:
            for feed in feeds.watched(session):
                name = feed.url.removeprefix(server.base)[1:]
                if name in playing:
                    outcomes[name].append(feed.last_error)
    failures = Counter({name: sum(map(bool, found)) for name, found in outcomes.items()})
    pages = Counter(str(Path(row["path"]).parent) for row in rows(shared, "series") if row["kind"] == "html")
    assert +failures == pages
    assert {error.split(".")[0] for found in outcomes.values() for error in found if error} == {
        "The answer is a web page, not a feed"
    }
    assert {found[-1] for found in outcomes.values()} == {""}
    with database.reading() as session:
        twice = [key for key, count in _same_story(session).items() if count > 1]
        numbers = {feed.url.removeprefix(server.base)[1:]: str(feed.id) for feed in feeds.watched(session)}
        versions = _headline_versions(session)
    assert twice == []
    of_feed = [_headline_edits(bodies, numbers[name]) for name, bodies in series.items()]
    edits = sum((Counter({key: count for key, count in one.items() if count}) for one in of_feed), Counter[str]())
    carried = Counter(key for one in of_feed for key in one)
    alone = {key for key, count in carried.items() if count == 1}
    tell(f"series of real polls: {edits.total()} edited headlines of {len(edits)} stories, {versions.total()} versions")
    assert {key: versions[key] for key in alone} == {key: edits[key] for key in alone}
    # What two feeds of a site edit alike is one version.
    assert versions <= edits


def _headline_edits(bodies: list[bytes], feed: str) -> Counter[str]:
    """How often each story's headline was another than when its feed last told it, by identity; often never."""
    last: dict[str, list[str]] = {}
    edits = Counter[str]()
    for content in bodies:
        with contextlib.suppress(NotAFeed):
            entries = parse(content).entries
            told = zip(identify_all(entries, feed), entries, strict=True)
            first = {identity.key: entry for identity, entry in reversed(list(told))}
            for key, entry in first.items():
                words = re.findall(r"\w+", entry.title.casefold())
                edits[key] += bool(words) and key in last and last[key] != words
                last[key] = words or last.get(key, [])
    return edits


def _headline_versions(session: Any) -> Counter[str]:
    """How often each story's headline was changed by a version, by identity."""
    told: dict[str, list[str]] = {}
    former = select(ITEM.c.identity, VERSION.c.title).join(VERSION, VERSION.c.item_id == ITEM.c.id)
    for row in session.execute(former.order_by(VERSION.c.version)):
        told.setdefault(row.identity, []).append(row.title)
    for row in session.execute(select(ITEM.c.identity, ITEM.c.title)):
        if row.identity in told:
            told[row.identity].append(row.title)
    words = {key: [re.findall(r"\w+", title.casefold()) for title in titles] for key, titles in told.items()}
    return +Counter({key: sum(one != other for one, other in itertools.pairwise(all_)) for key, all_ in words.items()})


def _same_story(session: Any) -> Counter[tuple[int, str, str]]:
    found = session.execute(
        select(SIGHTING.c.feed_id, ITEM.c.url, ITEM.c.title).join(ITEM, ITEM.c.id == SIGHTING.c.item_id)
    )
    return Counter((row.feed_id, row.url, row.title) for row in found)
