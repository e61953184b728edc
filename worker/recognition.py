"""Guids that lie: made anew for old stories, or used again for new ones. Address and words tell which story it is."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session

from storage import items
from storage.feeds import FeedToPoll
from storage.items import Known
from wire.identity import normalise, renamed, story_mark
from wire.revision import fingerprint, is_another
from wire.story import Entry, Identity
from worker.telling import StillThere, Telling


def recognised(
    session: Session,
    told: Sequence[Telling],
    known: Mapping[str, Known],
    still_there: StillThere,
    notes: dict[int, str],
) -> list[Telling]:
    """Tellings under a new guid of stories their feed carried before, given back their old identity.

    Some sites make all guids anew each night. The same feed, address and words make the same story, unless the
    document still holds the old one too, or several entries share that address and those words.
    """
    strange: dict[int, Counter[tuple[str, str]]] = defaultdict(Counter)
    for telling in told:
        if telling.feed and telling.entry and telling.entry.url and telling.key not in known:
            strange[telling.feed.id][_mark(telling.entry)] += 1
    if not strange:
        return list(told)
    present = {(telling.feed.id, telling.key) for telling in told if telling.feed}
    old_names = {
        (feed_id, mark): (key, when)
        for feed_id, marks in strange.items()
        for mark, (key, when) in items.seen_at(session, feed_id, sorted({url for url, _ in marks})).items()
        if marks[mark] == 1 and (feed_id, key) not in present and story_mark(key) not in still_there.get(feed_id, ())
    }
    under_old_names = [_under_old_name(one, old_names) if one.key not in known else one for one in told]
    for telling, before in zip(under_old_names, told, strict=True):
        if telling.feed and telling.key != before.key:
            notes[telling.feed.id] = _MADE_ANEW
    return under_old_names


def told_apart(told: Sequence[Telling], known: Mapping[str, Known], notes: dict[int, str]) -> list[Telling]:
    """Tellings of another story under a kept story's guid, given a name of their own.

    A security page that keeps its guid for each new release would go unheard otherwise.
    """
    apart = []
    for telling in told:
        item = known.get(telling.key)
        if item and telling.entry and telling.feed and _is_used_again(telling, telling.entry, item):
            notes[telling.feed.id] = _USED_AGAIN
            telling = replace(telling, story=replace(telling.story, identity=renamed(telling.entry, telling.key)))  # noqa: PLW2901 -- the telling goes on under its new name
        apart.append(telling)
    return apart


def _is_used_again(telling: Telling, entry: Entry, item: Known) -> bool:
    if telling.story.identity.wire or not entry.guid:
        return False
    moved_on = bool(entry.url) and normalise(entry.url) != normalise(item.url)
    gap = entry.published_at - item.published_at if entry.published_at and item.published_at else timedelta(0)
    # At the same address it is the same item, whatever it says now: a version, and told anew.
    return (moved_on or (not entry.url and gap > _LATER_AT_LEAST)) and is_another(item, telling.story)


_MADE_ANEW = "Its ids were made anew for stories it carried before; they were recognised by address and words."
_USED_AGAIN = "It used an id again for another story, which is kept under its address or title."
# An edit of the same story moves its date by minutes or not at all.
_LATER_AT_LEAST = timedelta(hours=6)
_SAME_TIME = timedelta(hours=12)


def _mark(entry: Entry) -> tuple[str, str]:
    return entry.url, fingerprint(entry)


def _under_old_name(
    telling: Telling, old_names: Mapping[tuple[int, tuple[str, str]], tuple[str, datetime | None]]
) -> Telling:
    if not telling.feed or not telling.entry:
        return telling
    key, when = old_names.get((telling.feed.id, _mark(telling.entry)), ("", None))
    if not key or not _is_of_then(telling, telling.feed, key, when):
        return telling
    return replace(telling, story=replace(telling.story, identity=Identity(key)))


def _is_of_then(telling: Telling, feed: FeedToPoll, key: str, when: datetime | None) -> bool:
    """Whether a telling is of the old story's time: a warning that is given again has all its words anew."""
    now = telling.story.published_at
    if now and when:
        return abs(now - when) < _SAME_TIME
    return story_mark(key) in {one.story for one in feed.carried}
