"""What a rule would have met: over the stored items, by the rules' own engine. And what rules did meet, for health."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select
from sqlmodel import Session

from storage import items, listing, raising, rules, search
from storage.alerts import ALERT
from storage.items import ITEM
from storage.listing import Meeting
from storage.raising import Met
from storage.tables import Rule
from wire.clauses import CASE, Word, single
from wire.errors import QueryError
from wire.matcher import Matcher
from wire.query import Lists, parse
from wire.story import Match

# Fewer alerts than this are no habit to speak of.
_A_HABIT = 5
_TOO_MANY = 0.05
# Shares are told in per cent; so many stories tell them as well as all do.
_SAMPLE = 200


@dataclass(frozen=True, slots=True)
class BackTest:
    """What a query would have met among the items since a moment: all their ids, the newest in full, by day.

    `back_to`: it gave up there, having looked at as many as it was to.
    """

    met: list[int]
    newest: list[Meeting]
    by_day: dict[date, int]
    days: float
    back_to: datetime | None = None

    @property
    def a_day(self) -> float:
        """How many a day, over the time that was looked at."""
        return len(self.met) / self.days


@dataclass(frozen=True, slots=True)
class Health:
    """A rule that wants a look, and why."""

    rule: Rule
    why: str


def run(
    session: Session, query: str, *, since: datetime | None, now: datetime, newest: int = 10, most: int | None = None
) -> BackTest:
    """Holds a query against the items first seen since then, so many candidates at most. Raises QueryError."""
    looked = listing.Looked(most) if most else None
    parsed = parse(query, rules.word_lists(session))
    met: list[int] = []
    shown: list[Meeting] = []
    by_day: Counter[date] = Counter()
    for one in listing.meeting(session, Matcher.of(parsed), parsed, since=since, looked=looked):
        met.append(one.item_id)
        by_day[one.first_seen_at.date()] += 1
        if len(shown) < newest:
            shown.append(one)
    back_to = looked.back_to if looked and looked.is_cut_short else None
    return BackTest(met, shown, dict(sorted(by_day.items())), _days(session, back_to or since, now), back_to)


def _days(session: Session, since: datetime | None, now: datetime) -> float:
    """The time looked at: from then, or from the oldest item if that is later; an hour at the least."""
    oldest = session.execute(select(func.min(ITEM.c.first_seen_at))).scalar()
    begin = max(filter(None, (since, oldest)), default=now)
    return max((now - begin) / timedelta(days=1), 1 / 24)


def past(session: Session, rule: Rule, *, since: datetime | None) -> list[Met]:
    """The stored items that a rule would have met. It takes its time, so that no transaction that writes does it."""
    parsed = parse(rule.query, rules.word_lists(session))
    found = list(listing.meeting(session, Matcher.of(parsed), parsed, since=since))
    ids = [one.item_id for one in found]
    unread = {*items.unread(session, ids)}  # met by themselves once their page was read
    known = {key: version for key, version in items.versions_of(session, ids).items() if key not in unread}
    return [
        Met(
            one.item_id,
            known[one.item_id],
            rule.version,
            rule.query,
            Match(rule.id or 0, one.spans),
            shadow=rule.shadow,
            asked=True,
        )
        for one in found
        if one.item_id in known
    ]


def backfill(
    session: Session, rule: Rule, met: Sequence[Met], *, now: datetime, send: bool
) -> tuple[int, dict[int, list[int]]]:
    """Makes the alerts of what a rule met in the past; how many items that was, and the deliveries if asked.

    What was forgotten or changed since it was looked for is left out.
    """
    key = rule.id or 0
    there = items.versions_of(session, [one.item_id for one in met])
    met = [one for one in met if there.get(one.item_id) == one.version]
    channels = {key: rules.channels_by_rule(session).get(key, [])} if send else {}
    return len(met), raising.raise_alerts(session, met, channels=channels, claim=None, due_at=now, now=now)


def share(session: Session, word: Word) -> float:
    """In which part of the stored items a word stands, from 0 to 1; as it is written, by a sample of the newest."""
    total = items.count(session)
    parsed = single(word)
    narrowed = search.candidates(session, parsed)
    if not total or narrowed is None:
        return 0.0
    holding = int(session.execute(select(func.count()).select_from(ITEM).where(narrowed)).scalar_one())
    if word.kind == CASE:
        looked = listing.Looked(_SAMPLE)
        met = sum(1 for _ in listing.meeting(session, Matcher.of(parsed), parsed, looked=looked))
        holding = round(holding * met / max(looked.count, 1))
    return holding / total


def health(session: Session, now: datetime, *, days: int = 30) -> list[Health]:
    """Rules that never matched, match too much, or only ever match together with another, in the last days."""
    since = now - timedelta(days=days)
    active = {rule.id: rule for rule in rules.all_rules(session) if rule.enabled}
    counts = alerts_by_rule(session, since)
    total = items.count_public(session, since)
    found = []
    lists = rules.word_lists(session)
    for key, rule in active.items():
        if why := _unreadable(rule, lists):
            found.append(Health(rule, why))
        count = counts.get(key or 0, 0)
        if not count and rule.created_at < since:
            found.append(Health(rule, f"It met nothing in {days} days. Try `wirewatch rules test {rule.name!r}`."))
        if total and count >= _A_HABIT and count / total > _TOO_MANY:
            found.append(Health(rule, f"It met {count / total:.0%} of all stories in {days} days."))
    for row in session.execute(_companions(since)):
        if counts.get(row.rule_id, 0) == row.together >= _A_HABIT and row.rule_id in active and row.other in active:
            other = active[row.other].name
            found.append(Health(active[row.rule_id], f"All its {row.together} alerts were met by “{other}” too."))
    return found


def _unreadable(rule: Rule, lists: Lists) -> str:
    """What is wrong with a query that another version could read; nothing is with most."""
    try:
        parse(rule.query, lists)
    except QueryError as error:
        return f"It matches nothing, for its query cannot be read any more: {error}"
    return ""


def alerts_by_rule(session: Session, since: datetime) -> dict[int, int]:
    """How many stories each rule met since then, by rule id."""
    return {row.rule_id: row.alerts for row in session.execute(_counts(since))}


def _counts(since: datetime) -> Any:
    alerted = func.count(func.distinct(ALERT.c.item_id)).label("alerts")
    return select(ALERT.c.rule_id, alerted).where(ALERT.c.created_at >= since).group_by(ALERT.c.rule_id)


def _companions(since: datetime) -> Any:
    """For each two rules, on how many items they stand together."""
    other = ALERT.alias("other")
    together = func.count(func.distinct(ALERT.c.item_id)).label("together")
    same = and_(other.c.item_id == ALERT.c.item_id, other.c.rule_id != ALERT.c.rule_id)
    return (
        select(ALERT.c.rule_id, other.c.rule_id.label("other"), together)
        .join(other, same)
        .where(ALERT.c.created_at >= since)
        .group_by(ALERT.c.rule_id, other.c.rule_id)
        .order_by(ALERT.c.rule_id, other.c.rule_id)
    )
