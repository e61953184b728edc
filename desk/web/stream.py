"""What comes, as it comes: server-sent events (WHATWG HTML, 9.2) of stories and alerts, to many readers at once.

One look at the database every half second serves all readers. Rows are not seen in the order of their numbers: a
transaction that took a number first can end last. So each look begins below the newest row, at the mark beneath which
everything was written long ago, and an event carries that mark as its id. Who comes back with it as `Last-Event-ID`
gets what came since again, a few events among it perhaps for the second time; none is left out.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from desk.answers import alerts as alert_answers
from desk.answers import stories as story_answers
from storage import inbox, items, listing, rules
from storage.database import Database
from wire.matcher import Matcher
from wire.query import parse
from wire.story import Fields

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.5
# No transaction that keeps stories takes so long.
_SETTLED_AFTER = timedelta(seconds=10)
# So many numbers below the newest something may still be on its way when the first look is taken.
_UNSETTLED = 100
# A reader that falls so far behind is let go; it comes back with its last event's id.
_MOST_WAITING = 2_000
_MOST_AT_ONCE = 500
# Numbers alone are cheap, and those that were told a moment ago are among them.
_MOST_ABOVE = 50_000
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

    def at_least(self, other: "Marks") -> "Marks":
        """The higher of both, each by itself."""
        return Marks(max(self.story, other.story), max(self.alert, other.alert))


def marks(written: str) -> Marks | None:
    """Marks as an event's id has them; None when that is none of ours."""
    story, _, alert = written.strip().partition(".")
    longest = 18
    if not (story.isascii() and story.isdecimal() and alert.isascii() and alert.isdecimal()):
        return None
    return Marks(int(story), int(alert)) if max(len(story), len(alert)) <= longest else None


def newest(session: Session) -> Marks:
    """The marks as of now: who begins to listen there hears of what comes from now on."""
    return Marks(items.highest(session), inbox.highest(session))


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
    """What a reader wants to hear of; what is empty asks for nothing."""

    kinds: frozenset[str] = frozenset({STORY, ALERT_RAISED})
    provider: str = ""
    language: str = ""
    kind: str = ""
    rule: str = ""
    feed_id: int | None = None
    matcher: Matcher | None = None

    @property
    def asks_of_words(self) -> bool:
        """Whether a story whose page is still to be read could fit later."""
        return bool(self.matcher or self.rule or self.kind)

    def wants(self, one: Happening) -> bool:
        """Whether it is told to this reader."""
        if one.kind not in self.kinds or (self.asks_of_words and one.facts.get("unread")):
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
    return Filter(matcher=Matcher.of(parsed) if parsed else None, **said)


@dataclass
class _Seen:
    """The numbers that were told lately, and the mark beneath which nothing can come any more."""

    mark: int
    at: dict[int, datetime] = field(default_factory=dict)

    @property
    def newest(self) -> int:
        """The highest of all."""
        return max([self.mark, *self.at])

    def copy(self) -> "_Seen":
        return _Seen(self.mark, dict(self.at))

    def new(self, numbers: Sequence[int], now: datetime, most: int) -> list[int]:
        """Those that were not told yet, upwards, so many at most; moves the mark over what is settled."""
        fresh = sorted(number for number in numbers if number not in self.at)[:most]
        self.at.update(dict.fromkeys(fresh, now))
        settled = [number for number, at in self.at.items() if now - at > _SETTLED_AFTER]
        if settled:
            self.mark = max(self.mark, *settled)
            self.at = {number: at for number, at in self.at.items() if number > self.mark}
        return fresh


class _Reader:
    """Somebody who listens: what for, and what waits for them, each with the mark it was told at."""

    def __init__(self, wanted: Filter) -> None:
        self.wanted = wanted
        self.waiting: asyncio.Queue[tuple[Happening, Marks] | None] = asyncio.Queue(_MOST_WAITING)

    def tell(self, one: Happening, mark: Marks) -> bool:
        """Whether it could be told; who falls too far behind gets nothing more."""
        try:
            self.waiting.put_nowait((one, mark))
        except asyncio.QueueFull:
            self.let_go()
            return False
        return True

    def let_go(self) -> None:
        """Nothing more comes."""
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


class Hub:
    """Looks for all readers, while there are any."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock
        self._readers: set[_Reader] = set()
        self._looking: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()
        self._stories = self._alerts = _Seen(0)
        # Stories that were told, but whose page was not read yet.
        self._unread: set[int] = set()

    @property
    def readers(self) -> int:
        return len(self._readers)

    async def listen(
        self, wanted: Filter, since: Marks | None, may_still: Callable[[], bool] = lambda: True
    ) -> AsyncIterator[str]:
        """Events for one reader, from now on or from what it heard last.

        Ends when it falls behind, and when it may not listen any more, which is asked every now and then.
        """
        reader = await self._join(wanted)
        asked_at = monotonic()
        try:
            # Whoever comes back is told nothing again that was there before it first came.
            begun = since or Marks(self._stories.newest, self._alerts.newest)
            yield f"retry: 2000\nid: {begun}\n\n"
            if since:
                async for event in self._missed(since, wanted):
                    yield event
            while True:
                if monotonic() - asked_at > _STILL_HERE_EVERY:
                    asked_at = monotonic()
                    if not await run_in_threadpool(may_still):
                        return
                try:
                    async with asyncio.timeout(_STILL_HERE_EVERY):
                        came = await reader.waiting.get()
                except TimeoutError:
                    yield f"id: {self._mark.at_least(begun)}\nevent: mark\ndata: {{}}\n\n"
                    continue
                if came is None:
                    return
                yield came[0].event(came[1].at_least(begun))
        finally:
            self._readers.discard(reader)

    def close(self) -> None:
        """Lets all readers go."""
        for reader in self._readers:
            reader.let_go()
        if self._looking:
            self._looking.cancel()

    @property
    def _mark(self) -> Marks:
        return Marks(self._stories.mark, self._alerts.mark)

    async def _join(self, wanted: Filter) -> _Reader:
        reader = _Reader(wanted)
        async with self._beginning:
            if self._looking is None or self._looking.done():
                await run_in_threadpool(self._begin)
                self._looking = asyncio.create_task(self._look_on())
            self._readers.add(reader)
        return reader

    def _begin(self) -> None:
        now = self._clock()
        with self._database.reading() as session:
            last = newest(session)
            story, alert = max(last.story - _UNSETTLED, 0), max(last.alert - _UNSETTLED, 0)
            lately = items.above(session, story, _UNSETTLED)
            self._stories, self._unread = _Seen(story, dict.fromkeys(lately, now)), {*items.unread(session, lately)}
            self._alerts = _Seen(alert, dict.fromkeys(inbox.above(session, alert, _UNSETTLED), now))

    async def _look_on(self) -> None:
        """Looks until nobody listens. A look that fails is told to the log; the next one finds what it missed."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if not self._readers:
                return
            try:
                found = await run_in_threadpool(self._look, list(self._readers))
            except Exception:
                log.exception("what comes could not be looked at just now")
                continue
            for one, mark, readers in found:
                for reader in readers:
                    if reader in self._readers and not reader.tell(one, mark):
                        self._readers.discard(reader)

    def _look(self, readers: Sequence[_Reader]) -> list[tuple[Happening, Marks, list[_Reader]]]:
        """What came, and who wants it: decided here, in a thread, for a query can be long."""
        now, mark = self._clock(), self._mark
        stories, alerts = self._stories.copy(), self._alerts.copy()
        with self._database.reading() as session:
            new = stories.new(items.above(session, mark.story, _MOST_ABOVE), now, _MOST_AT_ONCE)
            raised = alerts.new(inbox.above(session, mark.alert, _MOST_ABOVE), now, _MOST_AT_ONCE)
            unread = {*items.unread(session, sorted(self._unread))}
            read = list(_stories(session, sorted(self._unread - unread)))
            found = [*_stories(session, new), *_alerts(session, raised)]
        unread |= {one.number for one in found if one.kind == STORY and one.facts["unread"]}
        of_words = [reader for reader in readers if reader.wanted.asks_of_words]
        concerned = [*((one, of_words) for one in read), *((one, readers) for one in found)]
        told = [(one, mark, [reader for reader in some if reader.wanted.wants(one)]) for one, some in concerned]
        self._stories, self._alerts, self._unread = stories, alerts, {*sorted(unread)[-_MOST_AT_ONCE:]}
        return told

    async def _missed(self, since: Marks, wanted: Filter) -> AsyncIterator[str]:
        """What a reader missed, upwards, in portions: however much it is, it costs a portion at a time.

        It goes up to the newest; what ends late beneath that comes with what is told to all.
        """
        settled, begun = self._mark, since
        while True:
            found, reached = await run_in_threadpool(self._portion, since)
            mark = Marks(min(since.story, settled.story), min(since.alert, settled.alert)).at_least(begun)
            for one in found:
                if wanted.wants(one):
                    yield one.event(mark)
            if reached == since:
                return
            since = reached

    def _portion(self, since: Marks) -> tuple[list[Happening], Marks]:
        """Some of what lies above a mark, and how far up it reaches."""
        with self._database.reading() as session:
            stories = items.above(session, since.story, _MOST_AT_ONCE)
            alerts = inbox.above(session, since.alert, _MOST_AT_ONCE)
            found = [*_stories(session, stories), *_alerts(session, alerts)]
        return found, Marks(max([since.story, *stories]), max([since.alert, *alerts]))


def _stories(session: Session, numbers: Sequence[int]) -> Iterator[Happening]:
    """Stories as they are told, upwards."""
    if not numbers:
        return
    offered, feeds = items.facts(session, numbers), items.carried_by(session, numbers)
    for listed in reversed(listing.by_ids(session, numbers)):
        line = story_answers.story_line(listed)
        facts = {name: getattr(line, name) for name in ("provider", "language", "kind", "rules")}
        facts |= {"feeds": feeds[line.id], "unread": line.state == items.UNREAD}
        yield Happening(STORY, line.id, line.model_dump_json(), facts, offered[line.id])


def _alerts(session: Session, numbers: Sequence[int]) -> Iterator[Happening]:
    """Alerts as they are told, upwards, with the facts of their stories."""
    if not numbers:
        return
    page = alert_answers.page(session, inbox.Wanted(ids=tuple(numbers)), limit=len(numbers))
    lines = [line for line in reversed(page.alerts) if not line.shadow]
    told_of = sorted({line.item for line in lines})
    offered, feeds = items.facts(session, told_of), items.carried_by(session, told_of)
    for line in lines:
        story = offered[line.item]
        facts = {"provider": line.provider, "language": story.lang, "kind": line.kind, "rules": [line.rule]}
        yield Happening(ALERT_RAISED, line.id, line.model_dump_json(), {**facts, "feeds": feeds[line.item]}, story)
