"""What was met becomes alerts and deliveries, in the transaction that keeps its story; and the flood is held back.

Facts are gathered here, `wire/triage.py` judges, and its reason is written on each delivery.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, update
from sqlmodel import Session

from storage import surges
from storage.alerts import ALERT, CHANNEL, DELIVERY, RULE
from storage.database import chunks, insert
from storage.history import record
from storage.items import ITEM, VERSION
from wire import hours, triage
from wire.revision import news
from wire.story import Match
from wire.triage import NOW, Case, ChannelTerms, RuleTerms, Verdict

MAX_AGE = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Met:
    """A version of an item met a version of a rule.

    `anew`: its page was used again for something else, so that it is told to those who were told the former. `bulk`: it
    came with many that are no news of this moment, as a feed's first poll brings them. `asked`: a person asked for it.
    `carried`: it was kept before, and a further feed carries it now.
    """

    item_id: int
    version: int
    rule_version: int
    query: str
    match: Match
    shadow: bool = False
    anew: bool = False
    bulk: bool = False
    asked: bool = False
    carried: bool = False


@dataclass(frozen=True, slots=True)
class _Told:
    """An alert as later ones of its thread are held against it."""

    alert_id: int
    item_id: int
    version: int


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    text: str


@dataclass(slots=True)
class _New:
    """An alert about to be judged: its row, how it was met, and what it adds to what was told."""

    row: Row[Any]
    met: Met
    item: Row[Any]
    follows: _Told | None = None
    news: str = ""


@dataclass(slots=True)
class _Planned:
    """A delivery about to be written."""

    new: _New
    channel_id: int
    verdict: Verdict
    with_alert: int | None = None

    @property
    def alert_id(self) -> int:
        return int(self.new.row.id)


@dataclass(slots=True)
class _Budgets:
    """When the last messages went to each channel that has a budget, the newest first."""

    budgets: dict[int, hours.Budget] = field(default_factory=dict)
    times: dict[int, list[datetime]] = field(default_factory=dict)

    def spent_until(self, channel_id: int, now: datetime) -> datetime | None:
        budget, times = self.budgets.get(channel_id), self.times.get(channel_id, [])
        if budget is None or len(times) < budget.most:
            return None
        until = times[budget.most - 1] + budget.within
        return until if until > now else None

    def spend(self, channel_id: int, now: datetime) -> None:
        if channel_id in self.budgets:
            self.times.setdefault(channel_id, []).insert(0, now)


def raise_alerts(
    session: Session,
    met: Sequence[Met],
    *,
    channels: Mapping[int, Sequence[int]],
    claim: str | None,
    due_at: datetime,
    now: datetime,
    max_age: timedelta = MAX_AGE,
) -> dict[int, list[int]]:
    """Writes alerts not written before and a delivery to each channel of their rules; what is told now, by channel.

    That is claimed at once for whoever sends it on after the commit; the lease is the safety net. A shadow records and
    tells nobody. Rules that meet one story make one message a channel.
    """
    new = _insert_alerts(session, met, now)
    telling = [one for one in new if not one.row.shadow and channels.get(one.row.rule_id)]
    if not telling:
        return {}
    rules = _rule_terms(session, {one.row.rule_id for one in telling})
    terms = _channel_terms(session, {key for one in telling for key in channels[one.row.rule_id]})
    live = {one.row.rule_id for one in telling if not one.met.bulk and not one.met.asked}
    rules |= surges.announce(session, {key: rules[key] for key in live}, channels, terms, now)
    facts = _Facts(
        channels,
        rules,
        terms,
        spent_budgets(session, terms.keys(), now),
        _told(session, {one.row.thread for one in telling}),
        _bulk(telling, channels),
        max_age,
        now,
    )
    return _write(session, _plan(session, telling, facts), claim, due_at, now)


def _insert_alerts(session: Session, met: Sequence[Met], now: datetime) -> list[_New]:
    """The alerts that are new, each with its item, in the order of stories."""
    items = _items(session, [one.item_id for one in met])
    by_key = {(one.match.rule_id, one.item_id, one.version): one for one in met}
    rows = [
        {
            "rule_id": one.match.rule_id,
            "rule_version": one.rule_version,
            "query": one.query,
            "item_id": one.item_id,
            "version": one.version,
            "matches": [asdict(span) for span in one.match.spans],
            "shadow": one.shadow,
            "bulk": one.bulk or one.asked,
            "thread": items[one.item_id].thread,
            "created_at": now,
        }
        for one in sorted(met, key=lambda one: (one.match.rule_id, one.item_id))
    ]
    statement = insert(session, ALERT).on_conflict_do_nothing(index_elements=["rule_id", "item_id", "version"])
    named = ("id", "rule_id", "item_id", "version", "shadow", "thread")
    written = [
        row
        for some in chunks(rows, 500)
        for row in session.execute(statement.returning(*(ALERT.c[name] for name in named)), some)
    ]
    found = [_New(row, by_key[row.rule_id, row.item_id, row.version], items[row.item_id]) for row in written]
    return sorted(found, key=lambda one: (one.row.item_id, one.row.id))


def _items(session: Session, item_ids: Iterable[int]) -> dict[int, Row[Any]]:
    named = ("id", "version", "title", "text", "published_at", "wire_date", "first_seen_at", "cluster")
    thread = func.coalesce(ITEM.c.cluster, ITEM.c.id).label("thread")
    wanted = select(*(ITEM.c[name] for name in named), thread)
    rows = (row for some in chunks(sorted(set(item_ids))) for row in session.execute(wanted.where(ITEM.c.id.in_(some))))
    return {row.id: row for row in rows}


def _rule_terms(session: Session, rule_ids: Iterable[int]) -> dict[int, RuleTerms]:
    rows = session.execute(select(*RULE.c).where(RULE.c.id.in_(sorted(rule_ids))))
    return {
        row.id: RuleTerms(
            row.name, hours.digest(row.digest), hours.zone(row.zone), row.urgent, row.tells_old, row.surging_until
        )
        for row in rows
    }


def _channel_terms(session: Session, channel_ids: Iterable[int]) -> dict[int, ChannelTerms]:
    """Channels that were removed this moment are left out."""
    wanted = select(*CHANNEL.c).where(CHANNEL.c.id.in_(sorted(channel_ids)), CHANNEL.c.removed_at.is_(None))
    return {row.id: channel_terms(row) for row in session.execute(wanted)}


def channel_terms(row: Any, spent_until: datetime | None = None) -> ChannelTerms:
    """A channel's row as `wire/triage.py` judges by it."""
    return ChannelTerms(hours.quiet_hours(row.quiet), hours.zone(row.zone), row.paused_because, spent_until)


def spent_budgets(session: Session, channel_ids: Iterable[int], now: datetime) -> _Budgets:
    """How far the channels' budgets are spent. What waits to be sent counts as sent now."""
    wanted = select(CHANNEL.c.id, CHANNEL.c.budget).where(CHANNEL.c.id.in_(sorted(channel_ids)), CHANNEL.c.budget != "")
    found = _Budgets()
    for row in session.execute(wanted):
        budget = hours.budget(row.budget)
        if budget is None:
            continue
        sent = (
            select(DELIVERY.c.sent_at)
            .where(*_messages_to(row.id), DELIVERY.c.state == "sent")
            .where(DELIVERY.c.sent_at > now - budget.within, DELIVERY.c.sent_at <= now)  # not by a clock that was ahead
            .order_by(DELIVERY.c.sent_at.desc())
            .limit(budget.most)
        )
        waiting = select(func.count()).select_from(DELIVERY).where(*_messages_to(row.id), DELIVERY.c.state == "pending")
        times = [now] * int(session.execute(waiting).scalar_one()) + list(session.execute(sent).scalars())
        found.budgets[row.id], found.times[row.id] = budget, times
    return found


def _messages_to(channel_id: int) -> tuple[ColumnElement[bool], ...]:
    return (DELIVERY.c.channel_id == channel_id, DELIVERY.c.told_in.is_(None), DELIVERY.c.alert_id.is_not(None))


@dataclass(slots=True)
class _Facts:
    """All by which deliveries are judged. `told` and `budgets` grow with each that is told."""

    channels: Mapping[int, Sequence[int]]
    rules: Mapping[int, RuleTerms]
    terms: Mapping[int, ChannelTerms]
    budgets: _Budgets
    told: dict[tuple[int, int, int], _Told]
    bulk: set[int]
    max_age: timedelta
    now: datetime


def _plan(session: Session, telling: Sequence[_New], facts: _Facts) -> list[_Planned]:
    """Each story's deliveries to each channel, judged together: where one rule tells it now, all do, in one message."""
    planned: list[_Planned] = []
    by_item: dict[int, list[_New]] = defaultdict(list)
    for one in telling:
        by_item[one.row.item_id].append(one)
    for some in by_item.values():
        _follow(session, some, facts.told)
        for key in sorted({key for one in some for key in facts.channels[one.row.rule_id]} & facts.terms.keys()):
            to_channel = [one for one in some if key in facts.channels[one.row.rule_id]]
            mine = [_Planned(one, key, _verdict(one, key, facts)) for one in to_channel]
            if _together(mine):
                facts.budgets.spend(key, facts.now)
            for plan in mine:
                row = plan.new.row
                if plan.verdict.is_now or plan.verdict.is_later:
                    facts.told[row.rule_id, row.thread, key] = _Told(row.id, row.item_id, row.version)
            planned += mine
    return planned


def _together(planned: Sequence[_Planned]) -> bool:
    """Where one rule's alert is told now, those that would be told later are told with it."""
    leader = next((one for one in planned if one.verdict.is_now), None)
    if leader is None:
        return False
    for one in planned:
        if one is not leader and (one.verdict.is_now or one.verdict.is_later):
            one.verdict, one.with_alert = NOW, leader.alert_id
    return True


def _verdict(one: _New, channel_id: int, facts: _Facts) -> Verdict:
    before = None if one.met.anew else facts.told.get((one.row.rule_id, one.row.thread, channel_id))
    case = Case(
        facts.rules[one.row.rule_id],
        replace(facts.terms[channel_id], spent_until=facts.budgets.spent_until(channel_id, facts.now)),
        age=None if one.met.asked else _age(one.item, facts.now if one.met.carried else one.item.first_seen_at),
        told=before.alert_id if before else None,
        copy=before is not None and before.item_id != one.row.item_id,
        news=one.news,
        bulk=channel_id in facts.bulk and (one.met.bulk or one.met.asked),
    )
    return triage.judge(case, max_age=facts.max_age, now=facts.now)


def _age(item: Row[Any], seen_at: datetime) -> timedelta | None:
    """How old a story was when it was seen, by its own date."""
    date = item.published_at or (datetime.combine(item.wire_date, time.max, UTC) if item.wire_date else None)
    return seen_at - date if date else None


def _bulk(telling: Sequence[_New], channels: Mapping[int, Sequence[int]]) -> set[int]:
    """The channels that would be told too many stories of a bulk one by one."""
    stories: dict[int, set[int]] = defaultdict(set)
    for one in telling:
        if one.met.bulk or one.met.asked:
            for key in channels[one.row.rule_id]:
                stories[key].add(one.row.item_id)
    return {key for key, items in stories.items() if len(items) >= triage.BULK_FEWEST}


def _told(session: Session, threads: Iterable[int]) -> dict[tuple[int, int, int], _Told]:
    """The last alert of which a channel was told, or is about to be, by (rule, thread, channel)."""
    told = or_(
        DELIVERY.c.state.in_(("pending", "sent")),
        (DELIVERY.c.state == "held") & DELIVERY.c.reason.in_([str(one) for one in triage.LATER]),
    )
    wanted = (
        select(ALERT.c.id, ALERT.c.rule_id, ALERT.c.thread, ALERT.c.item_id, ALERT.c.version, DELIVERY.c.channel_id)
        .join(DELIVERY, DELIVERY.c.alert_id == ALERT.c.id)
        .where(told)
        .order_by(ALERT.c.id)
    )
    return {
        (row.rule_id, row.thread, row.channel_id): _Told(row.id, row.item_id, row.version)
        for some in chunks(sorted(threads))
        for row in session.execute(wanted.where(ALERT.c.thread.in_(some)))
    }


def _follow(session: Session, telling: Sequence[_New], told: Mapping[tuple[int, int, int], _Told]) -> None:
    """Sets each alert beside the one of its rule and thread that was told before, and notes what it adds to that."""
    last = {(rule_id, thread): one for (rule_id, thread, _), one in told.items()}
    for one in telling:
        one.follows = last.get((one.row.rule_id, one.row.thread))
        if one.follows and not one.met.anew:
            before = words_of(session, one.follows.item_id, one.follows.version)
            now = _Words(one.item.title, one.item.text)
            one.news = news(before, now, copy=one.follows.item_id != one.row.item_id) if before else ""
            session.execute(
                update(ALERT).where(ALERT.c.id == one.row.id).values(follows=one.follows.alert_id, kind=one.news)
            )


def words_of(session: Session, item_id: int, version: int) -> _Words | None:
    """An item's words as they stood in a version."""
    former = select(VERSION.c.title, VERSION.c.text).where(VERSION.c.item_id == item_id, VERSION.c.version == version)
    standing = select(ITEM.c.title, ITEM.c.text).where(ITEM.c.id == item_id)
    row = session.execute(former).one_or_none() or session.execute(standing).one_or_none()
    return _Words(row.title, row.text) if row else None


def _write(
    session: Session, planned: Sequence[_Planned], claim: str | None, due_at: datetime, now: datetime
) -> dict[int, list[int]]:
    """Those that lead a message first, then those that are told in it."""
    leading = _insert(session, [_row(one, None, claim, due_at, now) for one in planned if one.with_alert is None])
    rest = [
        _row(one, leading[one.with_alert, one.channel_id][0], claim, due_at, now)
        for one in planned
        if one.with_alert is not None
    ]
    written = leading | _insert(session, rest)
    held = [one for one in planned if not one.verdict.is_now]
    record(session, [(written[one.alert_id, one.channel_id][0], "held", one.verdict.note) for one in held], now)
    sent: dict[int, list[int]] = defaultdict(list)
    for (_, channel_id), (delivery_id, state) in leading.items():
        if state == "pending":
            sent[channel_id].append(delivery_id)
    return sent


def _row(one: _Planned, told_in: int | None, claim: str | None, due_at: datetime, now: datetime) -> dict[str, Any]:
    leads = one.verdict.is_now and told_in is None
    return {
        "alert_id": one.alert_id,
        "channel_id": one.channel_id,
        "told_in": told_in,
        "state": "pending" if one.verdict.is_now else "held",
        "reason": one.verdict.reason,
        "note": one.verdict.note,
        "due_at": due_at if leads else one.verdict.until,
        "claim": claim if leads else None,
        "attempts": 0,
        "created_at": now,
    }


def _insert(session: Session, rows: Sequence[dict[str, Any]]) -> dict[tuple[int, int], tuple[int, str]]:
    """(delivery id, state) by (alert id, channel id)."""
    columns = (DELIVERY.c.id, DELIVERY.c.alert_id, DELIVERY.c.channel_id, DELIVERY.c.state)
    return {
        (row.alert_id, row.channel_id): (row.id, row.state)
        for some in chunks(rows, 300)
        for row in session.execute(insert(session, DELIVERY).returning(*columns), some)
    }


def rules_told(session: Session, item_id: int) -> set[int]:
    """The rules that have told of an item's story to anybody."""
    thread = select(func.coalesce(ITEM.c.cluster, ITEM.c.id)).where(ITEM.c.id == item_id).scalar_subquery()
    wanted = select(ALERT.c.rule_id).where(ALERT.c.thread == thread, ALERT.c.shadow.is_(False)).distinct()
    return set(session.execute(wanted).scalars())
