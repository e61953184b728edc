"""What was told becomes what is kept: items, sightings, versions, matches, alerts and deliveries, in one transaction.

Polled entries, pages read and imported files all come through here, so that a story is kept, matched and alerted on
the same way whatever brought it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlmodel import Session

from storage import items, raising, readings, search
from storage.feeds import FeedToPoll
from storage.items import Known, NewStory, Seen
from storage.raising import MAX_AGE, Met
from wire.address import same_site
from wire.furniture import sentences
from wire.revision import fingerprint, is_another, is_revised
from wire.sketch import sketch
from wire.story import Story
from worker.matching import Standing, match_all, match_carried
from worker.recognition import recognised, told_apart
from worker.rulebook import Rules
from worker.telling import StillThere, Telling


@dataclass(frozen=True, slots=True)
class Turn:
    """What one transaction works with: the moment, the rules, and under which claim new work is handed on."""

    now: datetime
    rules: Rules
    claim: str
    lease_ends: datetime
    max_age: timedelta = MAX_AGE


@dataclass(slots=True)
class Kept:
    """What came of it: the items new and revised, and the work to be sent on after the commit.

    `met` are the rules that a story met, by its identity; `notes` what a person should know of a feed, by its number.
    """

    told: list[Telling] = field(default_factory=list)
    new: dict[str, int] = field(default_factory=dict)
    revised: dict[str, int] = field(default_factory=dict)
    pages: list[int] = field(default_factory=list)
    deliveries: dict[int, list[int]] = field(default_factory=dict)
    met: dict[str, list[int]] = field(default_factory=dict)
    gaps: int = 0
    notes: dict[int, str] = field(default_factory=dict)


def keep(session: Session, tellings: Iterable[Telling], turn: Turn, still_there: StillThere | None = None) -> Kept:
    """Keeps what is new, revises what has changed, matches both, and writes the alerts.

    1. What is known? 2. Keep the rest; the constraint decides. 3. Who said something else than before?
    4. Note who carries what. 5. Pages to be read wait; all else is matched now. `still_there` are the marks of further
    stories that the same documents hold, unchanged.
    """
    told = list(tellings)
    known = items.known(session, [telling.key for telling in told])
    kept = Kept()
    told = told_apart(told, known, kept.notes)
    told = kept.told = recognised(session, told, known, still_there or {}, kept.notes)
    first = _first_of_each(told)
    known |= items.known(session, first.keys() - known.keys())
    new = items.keep(session, [_new(telling) for key, telling in first.items() if key not in known], now=turn.now)
    known |= items.known(session, first.keys() - known.keys() - new.keys())  # kept by another worker this moment

    said = _said_before(session, told, known)
    each = _first_of_each_feed(told)
    _retell(session, each, known, said)
    changed = _changed(each, known, said)
    _note_sightings(session, each, {key: one.id for key, one in known.items()} | new, said, turn.now)
    kept.new = new
    _ask_for_pages(session, kept, [*(first[key] for key in new), *changed.values()], known, turn)
    kept.revised = {key: known[key].id for key, telling in changed.items() if not telling.page}
    standing = [
        *(Standing(new[key], 1, first[key]) for key in new if not first[key].page),
        *_revise_all(session, changed, known, turn.now),
    ]
    carried = _carried_on([one for one in each if one.key not in kept.revised], known, said)
    met = [
        *match_all(session, standing, each, turn.rules, turn.now),
        *match_carried(session, carried, turn.rules),
    ]
    kept.met = rules_by_story(met, {one.item_id: one.telling.key for one in standing if not one.telling.is_private})
    kept.deliveries = raise_alerts(session, met, turn)
    return kept


def prepare(told: Iterable[Telling]) -> None:
    """Reads stories as keeping them will: what is worked out here is found again there, and makes nobody wait."""
    for telling in told:
        story = telling.story
        search.words(story.title, story.text)
        if not telling.page:  # of the others the page's words are read, when they are there
            sentences(story.text)
            sketch(story.title, story.text)


def _first_of_each(told: Sequence[Telling]) -> dict[str, Telling]:
    """One telling a story: the first, but one with a page to read before one without."""
    first: dict[str, Telling] = {}
    for telling in told:
        if telling.key not in first or (telling.page and not first[telling.key].page):
            first[telling.key] = telling
    return first


def _new(telling: Telling) -> NewStory:
    feed_id = telling.feed.id if telling.feed else None
    return NewStory(telling.story, feed_id, unread=bool(telling.page), private=telling.is_private)


# What each feed last said of each item, as a digest, by (item id, feed id).
Said = Mapping[tuple[int, int], str]


def _said_before(session: Session, told: Sequence[Telling], known: Mapping[str, Known]) -> Said:
    """What the tellings' feeds said of the known items among them; of a new one nobody said anything."""
    of_known = [telling for telling in told if telling.key in known]
    feed_ids = sorted({telling.feed.id for telling in of_known if telling.feed})
    return items.sightings(session, sorted({known[telling.key].id for telling in of_known}), feed_ids)


def _changed(told: Sequence[Telling], known: Mapping[str, Known], said: Said) -> dict[str, Telling]:
    """The tellings that say something else than the same feed said before, by identity.

    Two feeds that carry a story in different words, as they all do, revise nothing: only who changes his own words
    does. Only the feed that brought a story first, or one of the story's own site, is believed. A story whose page
    is still to be read gets its words from there.
    """
    of_known = [telling for telling in told if telling.key in known]
    changed: dict[str, Telling] = {}
    for telling in of_known:
        item = known[telling.key]
        before = said.get((item.id, telling.feed.id)) if telling.feed else None
        if item.state != items.UNREAD and _says_something_new(telling, item, before):
            changed.setdefault(telling.key, telling)
    return changed


def _retell(session: Session, told: Sequence[Telling], known: Mapping[str, Known], said: Said) -> None:
    """Stories whose page is still to be read follow their feed's words: they may be all there will ever be."""
    for telling in sorted(told, key=lambda one: one.key):
        item = known.get(telling.key)
        if not item or item.state != items.UNREAD or not telling.feed or not telling.entry:
            continue
        before = said.get((item.id, telling.feed.id))
        if before and before != fingerprint(telling.entry) and _is_believed(telling.feed, item):
            items.retell(session, item, telling.story)


def _says_something_new(telling: Telling, item: Known, before: str | None) -> bool:
    """`before` is the digest of what this feed said of it last; nothing when it did not carry it."""
    if not telling.feed or not telling.entry:
        return is_revised(item, telling.story)
    if before is None:  # a feed whose pages are read meets a story known only by another feed's first words
        return bool(telling.page) and item.read_at is None
    if before == fingerprint(telling.entry) or not _is_believed(telling.feed, item):
        return False
    return bool(telling.page) or is_revised(item, telling.story)


def _first_of_each_feed(told: Sequence[Telling]) -> list[Telling]:
    """A story that stands twice in one feed: the first counts."""
    first = {(telling.key, telling.feed.id if telling.feed else None): telling for telling in reversed(told)}
    return list(reversed(first.values()))


def _is_believed(feed: FeedToPoll, item: Known) -> bool:
    return feed.id == item.feed_id or same_site(feed.url, item.url)


def _note_sightings(
    session: Session, told: Sequence[Telling], ids: Mapping[str, int], said: Said, now: datetime
) -> None:
    seen = {
        (ids[telling.key], telling.feed.id): Seen(
            ids[telling.key],
            telling.feed.id,
            telling.entry.guid,
            telling.entry.url,
            telling.entry.title,
            fingerprint(telling.entry),
        )
        for telling in told
        if telling.feed and telling.entry
    }
    items.see(session, [one for key, one in seen.items() if said.get(key) != one.digest], now)


def _ask_for_pages(
    session: Session, kept: Kept, tellings: Sequence[Telling], known: Mapping[str, Known], turn: Turn
) -> None:
    pages = {kept.new.get(telling.key) or known[telling.key].id: telling for telling in tellings if telling.page}
    asked = [(item_id, telling.page, telling.is_bulk) for item_id, telling in pages.items()]
    readings.ask(session, asked, claim=turn.claim, due_at=turn.lease_ends)
    kept.pages = sorted(pages)


def _revise_all(
    session: Session, changed: Mapping[str, Telling], known: Mapping[str, Known], now: datetime
) -> Iterable["Standing"]:
    for key, telling in sorted(changed.items(), key=lambda one: known[one[0]].id):
        if not telling.page:
            item, story = known[key], telling.story
            whole = replace(story, title=story.title or item.title, text=story.text or item.text)
            anew = _is_told_anew(session, item, whole)
            version = items.revise(session, item, whole, now)
            yield Standing(item.id, version, replace(telling, story=whole), anew=anew)


def _is_told_anew(session: Session, item: Known, story: Story) -> bool:
    """Whether a page was used again for something it never said before; headlines that take turns are no news."""
    if min(len(item.text.split()), len(story.text.split())) < _ENOUGH_WORDS or not is_another(item, story):
        return False
    return all(is_another(former, story) for former in items.versions(session, item.id))


# Of fewer words nothing can be said.
_ENOUGH_WORDS = 5


def _carried_on(told: Sequence[Telling], known: Mapping[str, Known], said: Said) -> list[tuple[Known, Telling]]:
    """The kept stories that a further feed carries now."""
    kept = ((known[one.key], one, one.feed) for one in told if one.key in known and one.feed and not one.is_private)
    return [(item, one) for item, one, feed in kept if item.state != items.UNREAD and (item.id, feed.id) not in said]


def rules_by_story(met: Iterable[Met], keys: Mapping[int, str]) -> dict[str, list[int]]:
    """The numbers of the rules that were met, by the story's identity; `keys` are those of the items."""
    found: dict[str, list[int]] = {}
    for one in met:
        if one.item_id in keys:
            found.setdefault(keys[one.item_id], []).append(one.match.rule_id)
    return found


def raise_alerts(session: Session, met: Sequence[Met], turn: Turn) -> dict[int, list[int]]:
    """Writes the alerts; the deliveries to be sent, by channel."""
    return raising.raise_alerts(
        session,
        met,
        channels=turn.rules.channels,
        claim=turn.claim,
        due_at=turn.lease_ends,
        now=turn.now,
        max_age=turn.max_age,
    )
