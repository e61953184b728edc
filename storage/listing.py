"""Stories as people look for them: the newest first, filtered, held against a query, in pages that can be linked to.

A page is found by walking down the numbers of items from where the last one ended: through the search index, a
rule's alerts or a feed's sightings where one of them is asked for, else through the items. So each page costs a page,
wherever in the store it lies.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, exists, func, literal_column, select
from sqlmodel import Session

from storage import rules, search
from storage.alerts import ALERT, RULE
from storage.database import chunks
from storage.items import ITEM, SIGHTING, facts
from wire.clauses import Query
from wire.matcher import Matcher
from wire.query import parse
from wire.story import Fields, Span

# Items held against a query together: enough to be quick, few enough that a search for the newest five stays small.
_AT_ONCE = 200
_FIRST, _LARGEST = 40, 1_000
# A page gives up looking for more after so many stories, and says how far it came: it must not take a second.
# Holding a story against a query takes a millisecond or two.
_MOST_MATCHED, _MOST_FILTERED = 20, 20_000
# Who takes all of them along can wait for a portion.
PATIENT = 1_000
_ABOVE_ALL = 2**62
# Numbers and times rise together, but for workers that keep at the same moment: so many around a time are looked at.
_AROUND = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which stories; what is empty asks for nothing. `since` and `until` bound when they were first seen."""

    query: str = ""
    feed_id: int | None = None
    rule_id: int | None = None
    provider: str = ""
    language: str = ""
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A story in a list: its row, the names of rules that met it, how many feeds carry it, where the query stands."""

    item: Row[Any]
    rules: tuple[str, ...]
    feeds: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some stories. `below` is where the next page begins, None when there is none.

    `back_to` says how far was looked, where a page is short because its filters meet little.
    """

    items: list[Listed]
    below: int | None
    back_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Meeting:
    """A stored item that meets a query, what it offers, and where the words stand that met it."""

    item_id: int
    first_seen_at: datetime
    story: Fields
    spans: tuple[Span, ...]


def page(
    session: Session,
    wanted: Wanted,
    *,
    limit: int,
    below: int | None = None,
    above: int = 0,
    patience: int = _MOST_MATCHED,
) -> Page:
    """Stories numbered below and above these numbers, the newest first. Raises QueryError.

    `patience`: so many are held against a query before it gives up.
    """
    parsed = parse(wanted.query, rules.word_lists(session)) if wanted.query else None
    matcher = Matcher.of(parsed) if parsed else None
    most = patience if parsed else _MOST_FILTERED
    found: list[tuple[int, tuple[Span, ...]]] = []
    looked, last = 0, below or _ABOVE_ALL
    for some in _portions(session, wanted, parsed, last, above, largest=patience // 2 if parsed else _LARGEST):
        for item_id, spans in _met(session, matcher, _fitting(session, wanted, some)):
            if len(found) == limit:
                return Page(_listed(session, found), found[-1][0])
            found.append((item_id, spans))
        looked, last = looked + len(some), some[-1]
        if looked >= most:
            back_to = session.execute(select(ITEM.c.first_seen_at).where(ITEM.c.id == last)).scalar()
            return Page(_listed(session, found), last, back_to)
    return Page(_listed(session, found), None)


def every(session: Session, wanted: Wanted, *, most: int) -> Iterator[Listed]:
    """All stories that fit, the newest first, so many at most: however far back they lie. Raises QueryError."""
    below: int | None = None
    while most:
        found = page(session, wanted, limit=min(most, _AT_ONCE), below=below, patience=PATIENT)
        yield from found.items
        most -= len(found.items)
        if found.below is None:
            return
        below = found.below


def by_ids(session: Session, item_ids: Sequence[int]) -> list[Listed]:
    """These stories as a list shows them, the newest first."""
    return _listed(session, [(item_id, ()) for item_id in sorted(item_ids, reverse=True)])


@dataclass
class Looked:
    """How far back a search came: when the oldest story that it looked at was seen, and whether it ended there."""

    most: int
    count: int = 0
    back_to: datetime | None = None
    is_cut_short: bool = False


def meeting(
    session: Session, matcher: Matcher, query: Query, *, since: datetime | None = None, looked: Looked | None = None
) -> Iterator[Meeting]:
    """The stored items that a query meets, exactly as a rule of the same words would, the newest first.

    The index narrows them down, the rules' own engine decides. `matcher` holds just this query. With `looked` no more
    than so many are held against it, and it says how far that came.
    """
    wanted = Wanted(since=since)
    for some in _portions(session, wanted, query, _ABOVE_ALL, 0):
        fitting = select(ITEM.c.id, ITEM.c.first_seen_at).where(ITEM.c.id.in_(some), *_conditions(wanted))
        seen = {row.id: row.first_seen_at for row in session.execute(fitting)}
        for part in chunks(sorted(seen, reverse=True), _AT_ONCE):
            if looked and looked.count >= looked.most:
                looked.is_cut_short = True
                return
            if looked:
                looked.count, looked.back_to = looked.count + len(part), seen[part[-1]]
            offered = facts(session, part)
            for item_id in part:
                for match in matcher.match(offered[item_id]):
                    yield Meeting(item_id, seen[item_id], offered[item_id], match.spans)


def providers(session: Session, most: int) -> list[str]:
    """The names of providers, in their order."""
    return _different(session, ITEM.c.provider, most)


def languages(session: Session, most: int) -> list[str]:
    """The languages of stories, in their order."""
    return _different(session, ITEM.c.language, most)


def _different(session: Session, column: Column[str], most: int) -> list[str]:
    """The different values of an indexed column: one step down its index for each, not one for each story."""
    steps = select(func.min(column).label("value")).where(column > "").cte("steps", recursive=True)
    further = select(func.min(column)).where(column > steps.c.value).scalar_subquery()
    steps = steps.union_all(select(further).where(steps.c.value.is_not(None)))
    found = select(steps.c.value).where(steps.c.value.is_not(None)).limit(most)
    return list(session.execute(found).scalars())


def _portions(
    session: Session, wanted: Wanted, query: Query | None, below: int, above: int, *, largest: int = _LARGEST
) -> Iterator[Sequence[int]]:
    """Numbers of items that may fit, downwards, in growing portions."""
    above, below = _between(session, wanted, above, below)
    most = min(_FIRST, largest)
    while True:
        some = _portion(session, wanted, query, below, most)
        within = [item_id for item_id in some if item_id > above]
        if within:
            yield within
        if len(some) < most or len(within) < len(some):
            return
        below, most = some[-1], min(most * 4, largest)


def _portion(session: Session, wanted: Wanted, query: Query | None, below: int, most: int) -> Sequence[int]:
    found = search.portion(session, query, below=below, most=most) if query else None
    if found is not None:
        return found
    column = ITEM.c.id
    conditions = _conditions(wanted)
    if wanted.rule_id is not None:
        column, conditions = ALERT.c.item_id, [ALERT.c.rule_id == wanted.rule_id]
    elif wanted.feed_id is not None:
        column, conditions = SIGHTING.c.item_id, [SIGHTING.c.feed_id == wanted.feed_id]
    downwards: Select[Any] = select(column).where(*conditions, column < below).order_by(column.desc()).limit(most)
    return session.execute(downwards.distinct() if column is ALERT.c.item_id else downwards).scalars().all()


def _between(session: Session, wanted: Wanted, above: int, below: int) -> tuple[int, int]:
    """The same bounds, drawn closer by when stories were first seen."""
    seen = ITEM.c.first_seen_at
    if wanted.since:
        first = select(ITEM.c.id).where(seen >= wanted.since).order_by(seen).limit(_AROUND).subquery()
        lowest = session.execute(select(func.min(first.c.id))).scalar()
        above = max(above, _ABOVE_ALL if lowest is None else lowest - 1)
    if wanted.until:
        last = select(ITEM.c.id).where(seen <= wanted.until).order_by(seen.desc()).limit(_AROUND).subquery()
        below = min(below, (session.execute(select(func.max(last.c.id))).scalar() or 0) + 1)
    return above, below


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    named = {name: getattr(wanted, name) for name in ("provider", "language", "kind")}
    conditions = [ITEM.c.private.is_(False), *(ITEM.c[name] == value for name, value in named.items() if value)]
    if wanted.kind:
        conditions.append(ITEM.c.kind != literal_column("''"))  # as its index says it, so that it is used
    if wanted.since:
        conditions.append(ITEM.c.first_seen_at >= wanted.since)
    if wanted.until:
        conditions.append(ITEM.c.first_seen_at <= wanted.until)
    if wanted.feed_id is not None:
        conditions.append(exists().where(SIGHTING.c.item_id == ITEM.c.id, SIGHTING.c.feed_id == wanted.feed_id))
    if wanted.rule_id is not None:
        conditions.append(exists().where(ALERT.c.item_id == ITEM.c.id, ALERT.c.rule_id == wanted.rule_id))
    return conditions


def _fitting(session: Session, wanted: Wanted, some: Sequence[int]) -> Sequence[int]:
    fitting = select(ITEM.c.id).where(ITEM.c.id.in_(some), *_conditions(wanted)).order_by(ITEM.c.id.desc())
    return session.execute(fitting).scalars().all()


def _met(session: Session, matcher: Matcher | None, item_ids: Sequence[int]) -> Iterator[tuple[int, tuple[Span, ...]]]:
    """Those of these items that meet the query, and where."""
    if matcher is None:
        yield from ((item_id, ()) for item_id in item_ids)
        return
    for some in chunks(item_ids, _AT_ONCE):
        offered = facts(session, some)
        for item_id in some:
            yield from ((item_id, match.spans) for match in matcher.match(offered[item_id]))


def _listed(session: Session, found: Sequence[tuple[int, tuple[Span, ...]]]) -> list[Listed]:
    ids = [item_id for item_id, _ in found]
    rows = {row.id: row for row in session.execute(select(*_SHOWN).where(ITEM.c.id.in_(ids)))}
    named: dict[int, list[str]] = defaultdict(list)
    met = select(ALERT.c.item_id, RULE.c.name).join(RULE, RULE.c.id == ALERT.c.rule_id).distinct()
    for row in session.execute(met.where(ALERT.c.item_id.in_(ids)).order_by(RULE.c.name)):
        named[row.item_id].append(row.name)
    carried = select(SIGHTING.c.item_id, func.count().label("feeds")).where(SIGHTING.c.item_id.in_(ids))
    feeds = {row.item_id: row.feeds for row in session.execute(carried.group_by(SIGHTING.c.item_id))}
    return [Listed(rows[key], tuple(named[key]), feeds.get(key, 0), spans) for key, spans in found if key in rows]


_SHOWN = [
    ITEM.c[name]
    for name in (
        "id", "identity", "wire", "story_id", "provider", "url", "title", "text", "language", "kind", "state",
        "version", "published_at", "first_seen_at",
    )
]  # fmt: skip
