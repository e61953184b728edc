"""Rules that jump: told of once, and their stories hourly until it is over."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlmodel import Session

from storage import notices
from storage.alerts import ALERT, RULE
from storage.work import row_count
from wire import triage
from wire.triage import ChannelTerms, RuleTerms


def announce(
    session: Session,
    rules: Mapping[int, RuleTerms],
    channels: Mapping[int, Sequence[int]],
    quiet: Mapping[int, ChannelTerms],
    now: datetime,
) -> dict[int, RuleTerms]:
    """A rule that jumps to many times its usual is announced once; its stories follow in a digest an hour.

    Whoever writes the rule's row first announces it, to quiet channels when they wake. It is over when an hour after
    the last digest brought no jump. Returns the terms of the rules that begin to surge, or go on.
    """
    found: dict[int, RuleTerms] = {}
    for key, terms in sorted(rules.items()):
        last_hour = _alerts_of(session, key, now - timedelta(hours=1), now)
        if (terms.surging_until and terms.surging_until > now) or last_hour < triage.SURGE_FEWEST:
            continue
        wanted = select(RULE.c.created_at, RULE.c.surging_from, RULE.c.private).where(RULE.c.id == key)
        row = session.execute(wanted).one()
        if row.private:
            continue
        goes_on = terms.surging_until is not None and terms.surging_until > now - triage.SURGE_LASTS
        # What goes on for more than a day is becoming the rule's habit.
        begun = max(row.surging_from, now - triage.YOUNG) if goes_on else now - timedelta(hours=1)
        since = max(row.created_at, begun - triage.HABIT)
        span = max((begun - since) / timedelta(hours=1), 0.0)
        before = _alerts_of(session, key, since, begun)
        if not triage.surges(last_hour=last_hour, before=before, hours=span):
            continue
        until = now + triage.SURGE_LASTS
        mine = update(RULE).where(RULE.c.id == key, or_(RULE.c.surging_until.is_(None), RULE.c.surging_until <= now))
        first = row_count(session.execute(mine.values(surging_until=until, surging_from=begun))) == 1
        found[key] = replace(terms, surging_until=until)
        if first and not goes_on:
            later = {one: end for one in channels[key] if (end := _quiet_until(quiet.get(one), now))}
            text = _surge(terms.name, last_hour, before / span)
            notices.tell(session, f"surge of rule {key}", text, channels[key], now=now, later=later, is_over=True)
    return found


def _quiet_until(channel: ChannelTerms | None, now: datetime) -> datetime | None:
    return channel.quiet.until(now, channel.zone) if channel and channel.quiet else None


def _surge(name: str, last_hour: int, usual: float) -> str:
    return (
        f"The rule “{name}” met {last_hour} stories in the last hour; it usually meets {usual:.1f} an hour. "
        "They come in one digest an hour until it is over."
    )


def _alerts_of(session: Session, rule_id: int, begin: datetime, end: datetime) -> int:
    counted = select(func.count()).select_from(ALERT)
    mine = (ALERT.c.rule_id == rule_id, ALERT.c.bulk.is_(False))
    wanted = counted.where(*mine, ALERT.c.created_at > begin, ALERT.c.created_at <= end)
    return int(session.execute(wanted).scalar_one())
