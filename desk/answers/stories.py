"""Stories: in lists, and one whole."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from sqlmodel import Session

from desk.answers.base import Answer, Part, Piece, parts_of, pieces_of
from storage import alerts, feeds, items, listing, rules
from storage.listing import Listed, Wanted
from storage.tables import Item
from wire.explain import Explanation, explain
from wire.message import matched_words, passage_pieces, pieces
from wire.query import parse
from wire.revision import difference
from wire.story import Span


class StoryLine(Answer):
    """A story in a list: its title and a passage, in pieces, marked where a search's words stand."""

    id: int
    identity: str
    wire: str
    story_id: str
    provider: str
    url: str
    title: str
    title_pieces: list[Piece]
    passage: list[Piece]
    language: str
    kind: str
    state: str
    version: int
    published_at: datetime | None
    first_seen_at: datetime
    rules: list[str]
    feeds: int


class Stories(Answer):
    """A page of stories, the newest first. `next` asks for the page after it, as `before`; null at the end.

    `back_to`: the search was cut short there, and goes on with `next`.
    """

    items: list[StoryLine]
    next: int | None
    back_to: datetime | None


class Carrier(Answer):
    """A feed that carried a story, and when it was seen there first."""

    feed: int
    title: str
    url: str
    seen_at: datetime


class Alike(Answer):
    """The same story in other words."""

    id: int
    title: str
    provider: str


class Version(Answer):
    """How a version differs from the one before it."""

    version: int
    kind: str
    at: datetime
    title: str
    changes: list[Part]


class Met(Answer):
    """A rule that met a story: the alert, the version of the story, the words."""

    alert: int
    rule: str
    version: int
    matched: list[str]


class Story(Answer):
    """A story with all that is known of it. `delay` is the time from its publication until it was seen, in seconds."""

    id: int
    identity: str
    wire: str
    story_id: str
    wire_date: date | None
    provider: str
    provider_code: str
    url: str
    title: str
    author: str
    text: str
    title_pieces: list[Piece]
    text_pieces: list[Piece]
    language: str
    kind: str
    state: str
    version: int
    published_at: datetime | None
    date_doubtful: bool
    first_seen_at: datetime
    read_at: datetime | None
    delay: float | None
    tags: list[str]
    enclosures: list[dict[str, Any]]
    carriers: list[Carrier]
    alike: list[Alike]
    versions: list[Version]
    met: list[Met]


class Clause(Answer):
    """A clause of a rule held against a story: whether it holds, why, the words, its own clauses."""

    clause: str
    holds: bool
    why: str
    words: list[str]
    parts: list["Clause"]


class Why(Answer):
    """Why a rule meets a story, or by which clause it does not."""

    rule: str
    item: int
    holds: bool
    failure: str
    clauses: Clause


def wanted(
    session: Session,
    *,
    query: str = "",
    feed: str = "",
    rule: str = "",
    provider: str = "",
    language: str = "",
    kind: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Wanted:
    """Which stories, as people ask: feed and rule by number or name. Raises NotThere."""
    return Wanted(
        query=query,
        feed_id=feeds.find(session, feed).id if feed else None,
        rule_id=rules.find(session, rule).id if rule else None,
        provider=provider,
        language=language,
        kind=kind,
        since=since,
        until=until,
    )


def stories(session: Session, which: Wanted, *, limit: int, before: int | None = None) -> Stories:
    """A page of stories. Raises QueryError."""
    return _page(listing.page(session, which, limit=limit, below=before))


def many(session: Session, which: Wanted, *, limit: int, before: int | None = None) -> Stories:
    """The same for who takes them all along, and can wait for each page. Raises QueryError."""
    return _page(listing.page(session, which, limit=limit, below=before, patience=listing.PATIENT))


def _page(page: listing.Page) -> Stories:
    return Stories(items=[story_line(one) for one in page.items], next=page.below, back_to=page.back_to)


def story_line(one: Listed) -> StoryLine:
    """A story as lists, exports and the stream have it."""
    item = one.item
    named = ("id", "identity", "wire", "story_id", "provider", "url", "title", "language", "kind", "state", "version")
    return StoryLine.model_construct(
        **{name: getattr(item, name) for name in named},
        title_pieces=pieces_of(pieces(item.title, one.spans, "title")),
        passage=pieces_of(passage_pieces(item.text, one.spans)),
        published_at=item.published_at,
        first_seen_at=item.first_seen_at,
        rules=list(one.rules),
        feeds=one.feeds,
    )


def story(session: Session, item: Item) -> Story:
    """A story with all that is known of it."""
    key = item.id or 0
    met = alerts.of_item(session, key)
    spans = [Span(**span) for row in met if row.version == item.version for span in row.matches]
    told = item.model_dump(exclude={"feed_id", "cluster", "furniture", "private"})
    delay = (item.first_seen_at - item.published_at).total_seconds() if item.published_at else None
    return Story(
        **told,
        title_pieces=pieces_of(pieces(item.title, spans, "title")),
        text_pieces=pieces_of(pieces(item.text, spans, "text")),
        delay=delay,
        carriers=[
            Carrier(feed=row.feed_id, title=row.title, url=row.url, seen_at=row.seen_at)
            for row in items.carriers(session, key)
        ],
        alike=[
            Alike(id=one.id or 0, title=one.title, provider=one.provider) for one in items.cluster_of(session, item)
        ],
        versions=_versions(items.versions(session, key), item),
        met=[
            Met(
                alert=row.id,
                rule=row.rule,
                version=row.version,
                matched=matched_words(Span(**span) for span in row.matches),
            )
            for row in met
        ],
    )


def _versions(former: Sequence[Any], item: Item) -> list[Version]:
    """How each version came from the one before it, the newest first."""
    told = [(one.version, one.kind, one.title, one.text, one.replaced_at) for one in former]
    told.append((item.version, item.kind, item.title, item.text, item.first_seen_at))
    found = [
        Version(
            version=version,
            kind=kind,
            at=replaced_at,
            title=title,
            changes=parts_of(difference(f"{was_title}\n{was_text}", f"{title}\n{text}")),
        )
        for (_, _, was_title, was_text, replaced_at), (version, kind, title, text, _) in pairwise(told)
    ]
    return found[::-1]


def why(session: Session, item: Item, which_rule: str) -> Why:
    """Holds a rule against a story, clause by clause. Raises NotThere."""
    rule = rules.find(session, which_rule)
    key = item.id or 0
    parsed = parse(rule.query, rules.word_lists(session))
    told = explain(parsed, items.facts(session, [key])[key])
    failure = told.first_failure
    return Why(
        rule=rule.name,
        item=key,
        holds=told.holds,
        failure="" if failure is None else f"{failure.clause} {failure.why}",
        clauses=_clause(told),
    )


def _clause(told: Explanation) -> Clause:
    return Clause(
        clause=told.clause,
        holds=told.holds,
        why=told.why,
        words=matched_words(told.spans),
        parts=[_clause(part) for part in told.parts],
    )
