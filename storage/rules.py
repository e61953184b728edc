"""Rules and the channels they alert. Every change bumps a counter, by which workers see it at once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy import insert as plain_insert
from sqlmodel import Session, col
from sqlmodel import select as select_model

from storage.database import insert
from storage.tables import Channel, Counter, Rule, RuleChannel, table
from wire.errors import BadInput
from wire.query import parse

COUNTER = table(Counter)
RULE_CHANNEL = table(RuleChannel)


def add(session: Session, name: str, query: str, channels: Sequence[Channel], *, now: datetime) -> Rule:
    """A new rule that alerts these channels. Raises QueryError for its query, BadInput if the name is taken."""
    parse(query)
    if not name.strip() or name.isdigit():
        raise BadInput("A rule's name needs a letter: a bare number would be mistaken for the rule's own.")
    rule = session.exec(select_model(Rule).where(Rule.name == name)).one_or_none()
    if rule and rule.removed_at is None:
        raise BadInput(f"There is a rule “{name}” already. Choose another name, or remove that one first.")
    if rule is None:
        rule = Rule(name=name, query=query, created_at=now, updated_at=now)
    else:  # a name that was removed comes back as the rule's next version: its old alerts stay its own
        rule.sqlmodel_update(
            {
                "query": query,
                "version": rule.version + 1,
                "updated_at": now,
                "removed_at": None,
                "enabled": True,
            }
        )
    session.add(rule)
    session.flush()
    _connect(session, rule, channels)
    _changed(session)
    return rule


def _connect(session: Session, rule: Rule, channels: Sequence[Channel]) -> None:
    session.execute(delete(RULE_CHANNEL).where(RULE_CHANNEL.c.rule_id == rule.id))
    if channels:
        session.execute(
            plain_insert(RULE_CHANNEL),
            [{"rule_id": rule.id, "channel_id": channel.id} for channel in channels],
        )


def find(session: Session, which: str) -> Rule:
    """The rule of this name or number."""
    fits = Rule.id == int(which) if which.isdigit() else Rule.name == which
    rule = session.exec(select_model(Rule).where(fits, col(Rule.removed_at).is_(None))).one_or_none()
    if rule is None:
        raise BadInput(f"No rule is “{which}”. `wirewatch rules list` shows them.")
    return rule


def all_rules(session: Session) -> Sequence[Rule]:
    return session.exec(select_model(Rule).where(col(Rule.removed_at).is_(None)).order_by(col(Rule.id))).all()


def remove(session: Session, rule: Rule, now: datetime) -> None:
    """The rule matches no more; its alerts stay."""
    rule.sqlmodel_update({"removed_at": now, "enabled": False})
    _changed(session)


def revision(session: Session) -> int:
    """A number that grows with every change of a rule."""
    return session.execute(select(COUNTER.c.number).where(COUNTER.c.name == "rules")).scalar() or 0


def active(session: Session) -> list[Rule]:
    """The rules that are to be matched."""
    wanted = select_model(Rule).where(col(Rule.enabled), col(Rule.removed_at).is_(None)).order_by(col(Rule.id))
    return list(session.exec(wanted))


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


def _changed(session: Session) -> None:
    statement = insert(session, COUNTER).values(name="rules", number=1)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"number": COUNTER.c.number + 1}))


def bump(session: Session) -> None:
    """Tells the workers to read the rules anew: a channel they alert has come or gone."""
    session.execute(update(COUNTER).where(COUNTER.c.name == "rules").values(number=COUNTER.c.number + 1))
