"""Rules: as they stand, checked, tried on the stories of the past."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlmodel import Session

from desk.answers.base import Answer, Piece, pieces_of
from desk.shapes import RuleFacts, of_rule
from storage import backtest, rules
from storage.tables import Rule
from wire.errors import NotThere, QueryError
from wire.hints import hints
from wire.message import matched_words, passage_pieces, pieces
from wire.query import parse


class RuleLine(RuleFacts):
    """A rule as it stands. `alerts` counts those of the last thirty days; `health` says what wants a look."""

    id: int
    version: int
    created_at: datetime
    updated_at: datetime
    surging_until: datetime | None
    alerts: int
    health: list[str]


class Rules(Answer):
    """All rules, by name."""

    rules: list[RuleLine]


class Check(Answer):
    """Whether a query can be read; if not, why and at which character, counted from 0. Hints on what was not meant."""

    good: bool
    error: str
    position: int | None
    hints: list[str]


class TriedStory(Answer):
    """A story of the past that a query meets."""

    id: int
    first_seen_at: datetime
    matched: list[str]
    title: str
    title_pieces: list[Piece]
    passage: list[Piece]


class Day(Answer):
    """How many stories of a day."""

    day: date
    stories: int


class Tried(Answer):
    """A query held against the stories of the past; beside a rule: which it gains and loses (numbers of stories).

    `back_to`: it looked no further back than there, for it would have taken too long.
    """

    met: int
    a_day: float
    by_day: list[Day]
    back_to: datetime | None
    newest: list[TriedStory]
    against: str
    gained: list[int]
    lost: list[int]


_DAYS = 30
# A trial must be over in about a second, whatever is typed.
_MOST_LOOKED, _MOST_TOLD = 5_000, 1_000


def health(session: Session, now: datetime) -> dict[int, list[str]]:
    """What wants a look of which rule, by rule id."""
    sick: dict[int, list[str]] = {}
    for one in backtest.health(session, now, days=_DAYS):
        sick.setdefault(one.rule.id or 0, []).append(one.why)
    return sick


def all_rules(session: Session, now: datetime, sick: Mapping[int, list[str]]) -> Rules:
    """All rules, by name; `sick` is what wants a look."""
    counts = backtest.alerts_by_rule(session, now - timedelta(days=_DAYS))
    names = rules.channel_names(session)
    found = [
        rule_line(one, names.get(one.id or 0, []), counts.get(one.id or 0, 0), sick.get(one.id or 0, []))
        for one in rules.all_rules(session)
    ]
    return Rules(rules=sorted(found, key=lambda one: one.name))


def rule(session: Session, which: str, now: datetime) -> RuleLine:
    """A rule by its name or number. Raises NotThere."""
    row = rules.find(session, which)
    counts = backtest.alerts_by_rule(session, now - timedelta(days=_DAYS))
    return rule_line(row, rules.channel_names(session).get(row.id or 0, []), counts.get(row.id or 0, 0), [])


def rule_line(row: Rule, to: list[str], alerts: int, health: list[str]) -> RuleLine:
    return RuleLine(
        **of_rule(row, to).model_dump(),
        id=row.id or 0,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        surging_until=row.surging_until,
        alerts=alerts,
        health=health,
    )


def check(session: Session, query: str) -> Check:
    """Whether a query can be read, and what was perhaps not meant."""
    try:
        parsed = parse(query, rules.word_lists(session))
    except QueryError as error:
        return Check(good=False, error=str(error), position=error.position, hints=[])
    found = [one.text for one in hints(query, parsed, lambda word: backtest.share(session, word))]
    return Check(good=True, error="", position=None, hints=found)


def tried(
    session: Session, query: str, now: datetime, *, since: datetime | None, against: str = "", limit: int = 20
) -> Tried:
    """Holds a query against the stories first seen since then. Raises QueryError; NotThere for `against`."""
    saved = rules.find(session, against).query if against else ""
    told = backtest.run(session, query, since=since, now=now, newest=limit, most=_MOST_LOOKED)
    since = told.back_to or since
    other = {*backtest.run(session, saved, since=since, now=now, most=_MOST_LOOKED).met} if saved else set()
    met = {*told.met}
    return Tried(
        met=len(told.met),
        a_day=round(told.a_day, 2),
        by_day=_days(told.by_day, since, now),
        back_to=told.back_to,
        newest=[
            TriedStory(
                id=one.item_id,
                first_seen_at=one.first_seen_at,
                matched=matched_words(one.spans),
                title=one.story.title,
                title_pieces=pieces_of(pieces(one.story.title, one.spans, "title")),
                passage=pieces_of(passage_pieces(one.story.text, one.spans)),
            )
            for one in told.newest
        ],
        against=against,
        gained=sorted(met - other, reverse=True)[:_MOST_TOLD] if saved else [],
        lost=sorted(other - met, reverse=True)[:_MOST_TOLD] if saved else [],
    )


_MOST_DAYS = 366


def _days(by_day: dict[date, int], since: datetime | None, now: datetime) -> list[Day]:
    """Each day of the time, those without stories too: a gap in a chart would look like none."""
    first = since.date() if since else min(by_day, default=now.date())
    first = max(first, now.date() - timedelta(days=_MOST_DAYS))
    days = (first + timedelta(days=number) for number in range((now.date() - first).days + 1))
    return [Day(day=day, stories=by_day.get(day, 0)) for day in days]


def lists(session: Session) -> dict[str, list[str]]:
    """The lists with their spellings, by name."""
    return rules.word_lists(session)


def the_list(session: Session, name: str) -> list[str]:
    """A list's spellings. Raises NotThere."""
    found = rules.word_lists(session).get(name)
    if found is None:
        raise NotThere(f"There is no list “{name}”. `wirewatch lists list` shows them.")
    return found
