"""What a batch of polls leaves behind: stories kept, and on each feed its state, its next time and a line a poll."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from storage import feeds, polls, subscriptions
from storage.feeds import Carried, Quiet
from storage.work import still_claimed
from wire import cadence, courtesy
from wire.address import host_of, is_usual
from wire.entries import to_story
from wire.identity import guid_mark, identify_all, link_mark, story_mark
from wire.story import Document
from worker import ingest
from worker.ingest import Kept, Turn
from worker.polling import GONE, Polled
from worker.telling import Telling

# A redirect that is said to be for good is believed when it was said this often in a row: some are mistakes.
_BELIEVED_AFTER = 3
_GONE = "The server says that this feed is gone for good (410). Remove it, or resume it if you know better."
_CUT_SHORT = "The answer ends in the middle; it is asked for again in full."


# Entries that were cut out before parsing, for they stood so in the feed's last document, by the digest of their bytes.
Unchanged = Mapping[str, Carried]


@dataclass(frozen=True, slots=True)
class Told:
    """What a feed told, and what of its document stood in the last one too."""

    tellings: Sequence[Telling]
    unchanged: Unchanged


def tellings(polled: Sequence[Polled], now: datetime) -> dict[int, Told]:
    """What feeds told, by their numbers, ready to be kept: what can be done before a transaction makes others wait."""
    unchanged = {one.feed.id: _unchanged(one) for one in polled}
    told = {one.feed.id: _tellings(one, unchanged[one.feed.id], now) for one in polled}
    ingest.prepare([telling for some in told.values() for telling in some])
    return {key: Told(some, unchanged[key]) for key, some in told.items()}


def write(
    session: Session,
    polled: Sequence[Polled],
    told: Mapping[int, Told],
    turn: Turn,
    *,
    claim: str,
    dice: cadence.Dice,
    subscribe: bool = False,
) -> Kept:
    """Writes what a batch brought, in the caller's transaction. Feeds whose claim was lost meanwhile are left out.

    With `subscribe` the hubs that feeds name will be asked to push.
    """
    ids = [one.feed.id for one in polled]
    columns = (feeds.FEED.c.id, feeds.FEED.c.pushed_at)
    mine = {row.id: row.pushed_at for row in still_claimed(session, feeds.FEED, ids, claim, *columns)}
    ours = [one for one in polled if one.feed.id in mine]
    unchanged = {one.feed.id: told[one.feed.id].unchanged for one in ours}
    still_there = {feed_id: {carried.story for carried in some.values()} for feed_id, some in unchanged.items()}
    kept = ingest.keep(session, [telling for one in ours for telling in told[one.feed.id].tellings], turn, still_there)
    told_by = _by_feed(kept.told)
    desk = _Desk(session, turn.now, claim, dice, subscribe=subscribe)
    for one in ours:
        desk.note(one, told_by[one.feed.id], unchanged[one.feed.id], kept)
        if subscribe and one.hub:
            subscriptions.want(session, one.feed.id, one.hub, turn.now)
    desk.finish()
    # Whose hub rang while it was being polled is polled again: the answer may be older than the news.
    feeds.poll_again(session, [one.feed.id for one in ours if mine[one.feed.id] != one.feed.pushed_at], turn.now)
    return kept


def _unchanged(polled: Polled) -> Unchanged:
    if not polled.document:
        return {}
    before = {carried.piece: carried for carried in polled.feed.carried if carried.piece}
    return {digest: before[digest] for digest in polled.document.digests if digest in before}


def _tellings(polled: Polled, unchanged: Unchanged, now: datetime) -> list[Telling]:
    if not polled.document:
        return []
    document, feed = polled.document, polled.feed
    cut_out = [unchanged[digest] for digest in document.digests if digest in unchanged]
    identities = identify_all(document.entries, str(feed.id), [(one.guid, one.link) for one in cut_out])
    title = feed.title or document.title
    return [
        Telling(to_story(entry, identity, now=now, language=document.language), feed, entry, title)
        for entry, identity in zip(document.entries, identities, strict=True)
    ]


def _by_feed(told: Sequence[Telling]) -> dict[int, list[Telling]]:
    found: dict[int, list[Telling]] = defaultdict(list)
    for telling in told:
        if telling.feed:
            found[telling.feed.id].append(telling)
    return found


class _Desk:
    """Where the outcomes of one batch are noted; those that brought nothing all at once at the end."""

    def __init__(self, session: Session, now: datetime, claim: str, dice: cadence.Dice, *, subscribe: bool) -> None:
        self._session, self._now, self._claim, self._dice, self._subscribe = session, now, claim, dice, subscribe
        self._quiet: list[Quiet] = []
        self._lines: list[dict[str, Any]] = []

    def note(self, polled: Polled, told: Sequence[Telling], unchanged: Unchanged, kept: Kept) -> None:
        """One poll: its feed's new state and its line."""
        line = _line(polled, self._now)
        if polled.held:
            self._change(polled, {"due_at": self._now + timedelta(seconds=polled.wait or 0)})
        elif polled.error:
            self._change(polled, self._after_failure(polled))
        elif polled.document is not None:
            news = _news(polled, _carried(polled.document, told, unchanged), told, kept)
            self._change(polled, self._after_reading(polled, polled.document, news) | self._moved(polled, line))
            kept.gaps += news.gap
            line |= news.counts | {"note": kept.notes.get(polled.feed.id, "") or line["note"]}
            if polled.document.cut_short:
                line["note"] = _CUT_SHORT
        elif polled.answer and (polled.answer.moved_to or polled.feed.moved_to):
            changes = {"failures": 0, "last_error": "", **self._after_nothing(polled)}
            self._change(polled, changes | self._moved(polled, line))
        else:
            self._quiet.append(Quiet(polled.feed.id, **self._after_nothing(polled)))
        self._lines.append(line)

    def finish(self) -> None:
        feeds.finish_quiet(self._session, self._claim, self._now, self._quiet)
        polls.record_polls(self._session, self._lines)

    def _change(self, polled: Polled, changes: Mapping[str, Any]) -> None:
        feeds.finish(self._session, polled.feed.id, self._claim, self._now, changes)

    def _after_failure(self, polled: Polled) -> dict[str, Any]:
        failures = polled.feed.failures + 1
        wait = cadence.after_failure(polled.feed.interval, failures, polled.feed.bounds, self._dice)
        if polled.wait is not None:
            wait = max(wait, polled.wait)
        if polled.resting and polled.wait:
            feeds.rest_host(self._session, polled.resting, self._now + timedelta(seconds=polled.wait))
        gone = {"enabled": False, "paused_because": _GONE} if polled.status == GONE else {}
        return gone | {
            "due_at": self._now + timedelta(seconds=wait),
            "failures": failures,
            "last_status": polled.status,
            "last_error": polled.error,
        }

    def _after_nothing(self, polled: Polled) -> dict[str, Any]:
        feed, answer, is_full = polled.feed, polled.answer, polled.is_full
        interval = cadence.steer(feed.interval, feed.bounds, shared=1.0)
        return {
            "due_at": self._due(polled, interval),
            "interval": interval,
            "last_status": polled.status or 0,
            "etag": answer.etag if answer and is_full else feed.etag,
            "last_modified": answer.last_modified if answer and is_full else feed.last_modified,
            "full_at": self._now if is_full else feed.full_at,
        }

    def _after_reading(self, polled: Polled, document: Document, news: "_News") -> dict[str, Any]:
        """Validators are kept in the transaction that keeps the stories; before it, a crash would lose these for good.

        Of an answer cut short none are kept, or "not modified" would keep us from the rest of it.
        """
        feed, answer = polled.feed, polled.answer
        interval = cadence.steer(feed.interval, feed.bounds, shared=news.shared, window=len(news.carried))
        whole = answer is not None and not document.cut_short
        changes = {
            "title": feed.title or document.title,
            "due_at": self._due(polled, interval),
            "interval": interval,
            "etag": answer.etag if answer and whole else "",
            "last_modified": answer.last_modified if answer and whole else "",
            "full_at": self._now if whole else None,
            "body_digest": polled.body_digest if whole else "",
            # An empty answer tells nothing of what came and went: the next is held against the last that had entries.
            "carried": news.carried or list(feed.carried),
            "pace": asdict(polled.pace),
            "failures": 0,
            "last_status": polled.status,
            "last_error": "",
        }
        return changes | ({"last_new_at": self._now} if news.new else {})

    def _due(self, polled: Polled, interval: float) -> datetime:
        if self._subscribe and polled.feed.pushed_until and polled.feed.pushed_until > self._now:
            interval = polled.feed.max_interval  # what its hub pushes need not be asked for; but hubs forget
        steered = self._now + timedelta(seconds=cadence.next_poll(interval, self._dice))
        return courtesy.welcome(
            steered,
            asked=self._now,
            fresh=courtesy.freshness(polled.answer.headers) if polled.answer else 0.0,
            pace=polled.pace,
            longest=polled.feed.max_interval,
        )

    def _moved(self, polled: Polled, line: dict[str, Any]) -> dict[str, Any]:
        """What a redirect for good changes on the feed; one that was said often enough makes it the feed's address."""
        feed, target = polled.feed, polled.answer.moved_to if polled.answer else ""
        if not is_usual(target):
            return {"moved_to": "", "moved_times": 0}
        times = feed.moved_times + 1 if target == feed.moved_to else 1
        if times < _BELIEVED_AFTER or (feed.headers and host_of(target) != host_of(feed.url)):
            return {"moved_to": target, "moved_times": times}
        if other := feeds.at_address(self._session, target):
            line["note"] = f"It moved for good to {target}, which is watched as feed {other} already."
            return {"moved_to": target, "moved_times": times}
        line["note"] = f"It moved for good from {feed.url}."
        return {"url": target, "host": host_of(target), "moved_to": "", "moved_times": 0}


@dataclass(frozen=True, slots=True)
class _News:
    """How a document compares with the feed's last: `shared` is the part of it that was there, None at first."""

    carried: list[Carried]
    new: int
    revised: int
    shared: float | None

    @property
    def gap(self) -> bool:
        """Nothing in common with the last poll: what came and went between was missed."""
        return self.shared == 0.0

    @property
    def counts(self) -> dict[str, Any]:
        return {"entries": len(self.carried), "new": self.new, "revised": self.revised, "gap": self.gap}


def _news(polled: Polled, carried: list[Carried], told: Sequence[Telling], kept: Kept) -> _News:
    keys = {telling.key for telling in told}
    before = {one.story for one in polled.feed.carried}
    shared = sum(one.story in before for one in carried) / len(carried) if carried and before else None
    return _News(carried, len(keys & kept.new.keys()), len(keys & kept.revised.keys()), shared)


def _carried(document: Document, told: Sequence[Telling], unchanged: Unchanged) -> list[Carried]:
    """All entries of a document in their order: those parsed as they were told, the others as they were before."""
    parsed = iter(told)
    pieces = document.digests or ("",) * len(told)
    return [unchanged.get(piece) or _as_carried(piece, next(parsed)) for piece in pieces]


def _as_carried(piece: str, telling: Telling) -> Carried:
    assert telling.entry  # noqa: S101 -- what a feed tells comes of an entry
    return Carried(piece, story_mark(telling.key), link_mark(telling.entry), guid_mark(telling.entry))


def _line(polled: Polled, now: datetime) -> dict[str, Any]:
    return {
        "feed_id": polled.feed.id,
        "at": now,
        "took": polled.took,
        "outcome": polled.outcome,
        "status": polled.status,
        "bytes": polled.size,
        "entries": 0,
        "new": 0,
        "revised": 0,
        "gap": False,
        "error": polled.error,
        "note": "",
    }
