"""Rules, the lists they call and the channels they alert. Every change moves a counter, by which workers see it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy import insert as plain_insert
from sqlmodel import Session, col
from sqlmodel import select as select_model
from sqlmodel.sql.expression import SelectOfScalar

from storage.database import insert
from storage.recall import recall
from storage.tables import Channel, Counter, Rule, RuleChannel, WordList, table
from storage.work import number
from wire import hours
from wire.errors import BadInput, NotThere, Taken
from wire.query import is_spelling, lists_called, parse

COUNTER = table(Counter)
RULE_CHANNEL = table(RuleChannel)
WORD_LIST = table(WordList)
_LIST_NAME = re.compile(r"[\w-]{1,60}")


@dataclass(frozen=True, slots=True)
class Terms:
    """How a rule wants to be told, as storage/tables.py has it; None leaves it as it is."""

    digest: str | None = None
    zone: str | None = None
    urgent: bool | None = None
    tells_old: bool | None = None


_AT_ONCE = {"digest": "", "zone": "UTC", "urgent": False, "tells_old": False}


def _checked(terms: Terms) -> dict[str, Any]:
    given = {name: value for name in Terms.__slots__ if (value := getattr(terms, name)) is not None}
    if terms.digest is not None:
        given["digest"] = terms.digest if hours.digest(terms.digest) else ""
    if terms.zone is not None:
        hours.zone(terms.zone)
    return given


def add(
    session: Session,
    name: str,
    query: str,
    channels: Sequence[Channel],
    *,
    now: datetime,
    shadow: bool = False,
    terms: Terms | None = None,
) -> Rule:
    """A new rule that alerts these channels. Raises QueryError for its query, BadInput if the name is taken."""
    said = _checked(terms or Terms())
    parse(query, word_lists(session))
    _refuse_name(name)
    rule = session.exec(select_model(Rule).where(Rule.name == name)).one_or_none()
    if rule and rule.removed_at is None:
        raise Taken(f"There is a rule “{name}” already. Change it with `wirewatch rules change`, or remove it first.")
    revision = _changed(session)
    if rule is None:
        rule = Rule(name=name, query=query, created_at=now, updated_at=now)
    else:  # a name that was removed comes back as the rule's next version: its old alerts stay its own
        rule.sqlmodel_update({"query": query, "version": rule.version + 1, "removed_at": None, "enabled": True})
    rule.sqlmodel_update({**_AT_ONCE, **said, "shadow": shadow, "updated_at": now, "changed": revision})
    session.add(rule)
    session.flush()
    _connect(session, rule, channels, now)
    return rule


def change(
    session: Session,
    rule: Rule,
    *,
    now: datetime,
    query: str | None = None,
    channels: Sequence[Channel] | None = None,
    shadow: bool | None = None,
    enabled: bool | None = None,
    terms: Terms | None = None,
) -> None:
    """Changes what is given. A new query makes a new version, and every alert says which version matched."""
    if query is not None and query != rule.query:
        parse(query, word_lists(session))
        rule.sqlmodel_update({"query": query, "version": rule.version + 1})
    rule.sqlmodel_update(_checked(terms or Terms()))
    if shadow and not rule.shadow:
        recall(session, rule.id or 0, None, "the rule tells nobody any more", now)
    if shadow is not None:
        rule.shadow = shadow
    if enabled is not None:
        rule.enabled = enabled
    if channels is not None:
        _connect(session, rule, channels, now)
    rule.sqlmodel_update({"updated_at": now, "changed": _changed(session)})


def rename(session: Session, rule: Rule, name: str) -> None:
    """Another name for the same rule. Raises BadInput."""
    _refuse_name(name)
    if session.exec(select_model(Rule).where(Rule.name == name)).first():
        raise Taken(f"There is a rule “{name}” already, or was one: its alerts go by that name.")
    rule.name = name


def _refuse_name(name: str) -> None:
    if not name.strip() or name.isdigit() or "\n" in name:
        raise BadInput("A rule's name needs a letter: a bare number would be mistaken for the rule's own.")


def _connect(session: Session, rule: Rule, channels: Sequence[Channel], now: datetime) -> None:
    mine, called = RULE_CHANNEL.c.rule_id == rule.id, {channel.id or 0 for channel in channels}
    former = {*session.execute(select(RULE_CHANNEL.c.channel_id).where(mine)).scalars()}
    session.execute(delete(RULE_CHANNEL).where(mine))
    if called:
        rows = [{"rule_id": rule.id, "channel_id": key} for key in sorted(called)]
        session.execute(plain_insert(RULE_CHANNEL), rows)
    if former - called:
        recall(session, rule.id or 0, former - called, "the rule does not alert this channel any more", now)


def word_lists(session: Session) -> dict[str, list[str]]:
    """The spellings behind `list:name`, by name."""
    return {one.name: one.spellings for one in session.exec(select_model(WordList).order_by(WordList.name))}


def set_list(session: Session, name: str, spellings: Sequence[str], *, now: datetime) -> list[str]:
    """Makes or changes a list, or removes it when there are no spellings; the names of the rules it changes.

    A rule that calls it gets a new version: it means something else now. Raises BadInput when a spelling cannot be
    looked for, or when the list goes and a rule still calls it.
    """
    if not _LIST_NAME.fullmatch(name):
        raise BadInput("A list's name is letters, digits, - and _, so that list:name can be typed without quotes.")
    for spelling in spellings:
        if not is_spelling(spelling):
            raise BadInput(f"“{spelling}” is no spelling: give words, as they would stand between quotes.")
    calling = [rule for rule in all_rules(session) if name in lists_called(rule.query)]
    if not spellings and calling:
        raise BadInput(f"The rule “{calling[0].name}” calls list:{name}. Change that first.")
    session.execute(delete(WORD_LIST).where(WORD_LIST.c.name == name))
    if spellings:
        session.add(WordList(name=name, spellings=list(spellings)))
    for rule in calling:
        rule.sqlmodel_update({"version": rule.version + 1, "updated_at": now, "changed": _changed(session)})
    return [rule.name for rule in calling]


def _there() -> SelectOfScalar[Rule]:
    """All but the removed ones and the canary's."""
    return select_model(Rule).where(col(Rule.removed_at).is_(None), col(Rule.private).is_(False))


def find(session: Session, which: str) -> Rule:
    """The rule of this name or number. Raises NotThere."""
    key = number(which, small=True)
    wanted = _there().where(Rule.name == which if key is None else Rule.id == key)
    rule = session.exec(wanted).one_or_none()
    if rule is None:
        raise NotThere(f"No rule is “{which}”. `wirewatch rules list` shows them.")
    return rule


def all_rules(session: Session) -> Sequence[Rule]:
    return session.exec(_there().order_by(col(Rule.id))).all()


def remove(session: Session, rule: Rule, now: datetime) -> None:
    """The rule matches no more; its alerts stay, and what waits to be told of them is held."""
    rule.sqlmodel_update({"removed_at": now, "enabled": False, "changed": _changed(session)})
    recall(session, rule.id or 0, None, "the rule was removed", now)


def revision(session: Session) -> int:
    """A number that grows with every change of a rule, a list or a channel."""
    return session.execute(select(COUNTER.c.number).where(COUNTER.c.name == "rules")).scalar() or 0


def changed_since(session: Session, revision: int) -> Sequence[Rule]:
    """The rules changed after this revision, those that are off or removed among them."""
    return session.exec(select_model(Rule).where(col(Rule.changed) > revision).order_by(col(Rule.id))).all()


def channels_by_rule(session: Session) -> dict[int, list[int]]:
    """Which channels each rule alerts: those that are neither removed nor switched off are told, others held."""
    rows = session.execute(
        select(RULE_CHANNEL.c.rule_id, RULE_CHANNEL.c.channel_id)
        .join(table(Channel), table(Channel).c.id == RULE_CHANNEL.c.channel_id)
        .where(table(Channel).c.removed_at.is_(None))
        .order_by(RULE_CHANNEL.c.rule_id, RULE_CHANNEL.c.channel_id)
    )
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(row.rule_id, []).append(row.channel_id)
    return found


def channel_names(session: Session) -> dict[int, list[str]]:
    """The names of the channels each rule alerts, by rule id."""
    by_id = {channel.id: channel.name for channel in session.exec(select_model(Channel))}
    return {rule: [by_id[channel] for channel in ids] for rule, ids in channels_by_rule(session).items()}


def _changed(session: Session) -> int:
    """Moves the counter, so that workers see that something changed; its new number."""
    statement = insert(session, COUNTER).values(name="rules", number=1)
    grown = statement.on_conflict_do_update(index_elements=["name"], set_={"number": COUNTER.c.number + 1})
    return int(session.execute(grown.returning(COUNTER.c.number)).scalar_one())


def bump(session: Session) -> None:
    """Tells the workers that a channel has come or gone."""
    _changed(session)
