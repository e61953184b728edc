"""What comes, as it comes: server-sent events (WHATWG HTML, 9.2) of stories and alerts, to many readers at once.

One look at the database every half second serves all readers. Rows are not seen in the order of their numbers: a
transaction that took a number first can end last. So each look begins below the newest row, at the mark beneath which
everything was written long ago, and an event carries that mark as its id. Who comes back with it as `Last-Event-ID`
gets what came since again, a few events among it perhaps for the second time; none is left out.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from desk.answers import alerts as alert_answers
from desk.answers import stories as story_answers
from storage import inbox, items, listing, rules
from storage.database import Database
from wire.clauses import Query
from wire.matcher import Matcher
from wire.query import parse
from wire.story import Fields

_LOOK_EVERY = 0.5
# No transaction that keeps stories takes so long.
_SETTLED_AFTER = timedelta(seconds=10)
# A reader that falls so far behind is let go; it comes back with its last event's id.
_MOST_WAITING = 2_000
_MOST_AT_ONCE = 500
# Proxies end connections that say nothing for half a minute or so.
_STILL_HERE_EVERY = 15.0
STORY, ALERT_RAISED = "item", "alert"


@dataclass(frozen=True, slots=True)
class Marks:
    """Beneath which numbers every story and every alert was told."""

    story: int
    alert: int

    def __str__(self) -> str:
        return f"{self.story}.{self.alert}"


def marks(written: str) -> Marks | None:
    """Marks as an event's id has them; None when that is none of ours."""
    story, _, alert = written.strip().partition(".")
    longest = 18
    if not (story.isascii() and story.isdecimal() and alert.isascii() and alert.isdecimal()):
        return None
    return Marks(int(story), int(alert)) if max(len(story), len(alert)) <= longest else None


@dataclass(frozen=True, slots=True)
class Happening:
    """A story or an alert that came: its number, what is told of it, what filters ask of it."""

    kind: str
    number: int
    told: str
    facts: dict[str, Any]
    story: Fields | None = None

    def event(self, mark: Marks) -> str:
        """As it goes out."""
        return f"id: {mark}\nevent: {self.kind}\ndata: {self.told}\n\n"


@dataclass(frozen=True, slots=True)
class Filter:
    """What a reader wants to hear of; what is empty asks for nothing. `query` is matched on stories alone."""

    kinds: frozenset[str] = frozenset({STORY, ALERT_RAISED})
    provider: str = ""
    language: str = ""
    kind: str = ""
    rule: str = ""
    feed_id: int | None = None
    query: Query | None = None
    matcher: Matcher | None = None

    def wants(self, one: Happening) -> bool:
        """Whether it is told to this reader."""
        if one.kind not in self.kinds:
            return False
        for name in ("provider", "language", "kind"):
            wanted = getattr(self, name)
            if wanted and one.facts.get(name) != wanted:
                return False
        if self.rule and self.rule not in one.facts["rules"]:
            return False
        if self.feed_id is not None and self.feed_id not in one.facts["feeds"]:
            return False
        return self.matcher is None or (one.story is not None and any(self.matcher.match(one.story)))


def asked(session: Session, query: str, **said: Any) -> Filter:
    """A filter as it was asked for. Raises QueryError."""
    parsed = parse(query, rules.word_lists(session)) if query else None
    return Filter(query=parsed, matcher=Matcher.of(parsed) if parsed else None, **said)


@dataclass
class _Seen:
    """The numbers that were told lately, and the mark beneath which nothing can come any more."""

    mark: int
    at: dict[int, datetime] = field(default_factory=dict)

    def new(self, numbers: Sequence[int], now: datetime) -> list[int]:
        """Those that were not told yet, upwards; moves the mark over what is settled."""
        fresh = sorted(number for number in numbers if number not in self.at)
        self.at.update(dict.fromkeys(fresh, now))
        settled = [number for number, at in self.at.items() if now - at > _SETTLED_AFTER]
        if settled:
            self.mark = max(self.mark, *settled)
            self.at = {number: at for number, at in self.at.items() if number > self.mark}
        return fresh


class Hub:
    """Looks for all readers, while there are any."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock
        self._readers: dict[asyncio.Queue[Happening | None], Filter] = {}
        self._looking: asyncio.Task[None] | None = None
        self._stories = self._alerts = _Seen(0)
        self._ended = False

    async def listen(self, wanted: Filter, since: Marks | None) -> AsyncIterator[str]:
        """Events for one reader, from now on or from what it heard last; ends when it falls behind, or with us."""
        queue: asyncio.Queue[Happening | None] = asyncio.Queue(_MOST_WAITING)
        if self._looking is None or self._looking.done():
            await run_in_threadpool(self._begin)
            self._looking = asyncio.create_task(self._look_on())
        self._readers[queue] = wanted
        try:
            yield f"retry: 2000\nid: {since or self._mark}\n\n"
            told: set[tuple[str, int]] = set()
            if since:
                for one in await run_in_threadpool(self._since, since, wanted):
                    told.add((one.kind, one.number))
                    yield one.event(since)
            while not self._ended:
                try:
                    async with asyncio.timeout(_STILL_HERE_EVERY):
                        came = await queue.get()
                except TimeoutError:
                    yield f"id: {self._mark}\n: still here\n\n"
                    continue
                if came is None:
                    return
                if (came.kind, came.number) not in told:
                    yield came.event(self._mark)
        finally:
            self._readers.pop(queue, None)

    def close(self) -> None:
        """Lets all readers go."""
        self._ended = True
        for queue in self._readers:
            with contextlib.suppress(asyncio.QueueFull):
                queue.put_nowait(None)
        if self._looking:
            self._looking.cancel()

    @property
    def readers(self) -> int:
        return len(self._readers)

    @property
    def _mark(self) -> Marks:
        return Marks(self._stories.mark, self._alerts.mark)

    def _begin(self) -> None:
        with self._database.reading() as session:
            self._stories, self._alerts = _Seen(items.highest(session)), _Seen(inbox.highest(session))

    async def _look_on(self) -> None:
        while self._readers or not self._ended:
            await asyncio.sleep(_LOOK_EVERY)
            if not self._readers:
                return
            for one in await run_in_threadpool(self._look):
                self._tell(one)

    def _tell(self, one: Happening) -> None:
        for queue, wanted in list(self._readers.items()):
            if not wanted.wants(one):
                continue
            try:
                queue.put_nowait(one)
            except asyncio.QueueFull:
                self._let_go(queue)

    def _let_go(self, queue: asyncio.Queue[Happening | None]) -> None:
        self._readers.pop(queue, None)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def _look(self) -> list[Happening]:
        now = self._clock()
        with self._database.reading() as session:
            stories = self._stories.new(items.above(session, self._stories.mark), now)
            alerts = self._alerts.new(inbox.above(session, self._alerts.mark), now)
            return [*_stories(session, stories[-_MOST_AT_ONCE:]), *_alerts(session, alerts[-_MOST_AT_ONCE:])]

    def _since(self, since: Marks, wanted: Filter) -> list[Happening]:
        """What a reader missed, so much of it as it can take."""
        with self._database.reading() as session:
            stories = items.above(session, since.story)[-_MOST_AT_ONCE:]
            alerts = inbox.above(session, since.alert)[-_MOST_AT_ONCE:]
            missed = [*_stories(session, stories), *_alerts(session, alerts)]
        return [one for one in missed if wanted.wants(one)]


def _stories(session: Session, numbers: Sequence[int]) -> Iterator[Happening]:
    """Stories as they are told, upwards."""
    if not numbers:
        return
    offered, feeds = items.facts(session, numbers), items.carried_by(session, numbers)
    for listed in reversed(listing.by_ids(session, numbers)):
        line = story_answers.story_line(listed)
        facts = {name: getattr(line, name) for name in ("provider", "language", "kind", "rules")}
        facts["feeds"] = feeds.get(line.id, [])
        yield Happening(STORY, line.id, line.model_dump_json(), facts, offered[line.id])


def _alerts(session: Session, numbers: Sequence[int]) -> Iterator[Happening]:
    """Alerts as they are told, upwards."""
    if not numbers:
        return
    page = alert_answers.page(
        session, inbox.Wanted(), limit=len(numbers), before=max(numbers) + 1, after=min(numbers) - 1
    )
    wanted = {*numbers}
    for line in reversed(page.alerts):
        if line.id in wanted and not line.shadow:
            facts = {"provider": line.provider, "kind": line.kind, "rules": [line.rule], "feeds": []}
            yield Happening(ALERT_RAISED, line.id, line.model_dump_json(), facts)
