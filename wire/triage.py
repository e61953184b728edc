"""Is an alert told now, later with others, or not at all, and why? The reason stands on its delivery. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from wire.hours import Digest, Quiet

# A rule surges when it meets so many stories in an hour, and so many times its usual.
SURGE_FEWEST, SURGE_TIMES = 20, 10
SURGE_LASTS = timedelta(hours=1)
# What it usually meets is what it met in these days; a rule younger than a day has no habit yet.
HABIT, YOUNG = timedelta(days=7), timedelta(days=1)
# Of what comes in bulk (a feed's first poll, an import, the past of a rule) so many are told one by one.
BULK_FEWEST = 4


class Reason(StrEnum):
    """Why a delivery is held. What is in `LATER` is told in time; the rest only when a person asks for it."""

    OLD = "old"
    VERSION = "version"
    COPY = "copy"
    REMOVED = "removed"
    PAUSED = "paused"
    BULK = "bulk"
    SURGE = "surge"
    DIGEST = "digest"
    QUIET = "quiet"
    BUDGET = "budget"


LATER = frozenset({Reason.PAUSED, Reason.BULK, Reason.SURGE, Reason.DIGEST, Reason.QUIET, Reason.BUDGET})


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """How a rule wants to be told."""

    name: str
    digest: Digest | None
    zone: tzinfo
    urgent: bool = False
    tells_old: bool = False
    surging_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChannelTerms:
    """How a channel wants to be told, and until when its budget is spent, if it is."""

    quiet: Quiet | None
    zone: tzinfo
    paused_because: str = ""
    spent_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """An alert to be told to a channel.

    `age` is how old the story was when it was first seen; `told` names the alert that told the channel of the same
    story by the same rule, with `copy` when that was another item; `news` is what this one adds to that: a kind.
    """

    rule: RuleTerms
    channel: ChannelTerms
    age: timedelta | None = None
    told: int | None = None
    copy: bool = False
    news: str = ""
    bulk: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Told now if there is no reason; else held, for ever or `until` then, and `note` says why."""

    reason: str = ""
    note: str = ""
    until: datetime | None = None

    @property
    def is_now(self) -> bool:
        return not self.reason

    @property
    def is_later(self) -> bool:
        return self.reason in LATER


NOW = Verdict()


def judge(case: Case, *, max_age: timedelta, now: datetime) -> Verdict:
    """First whether it is told at all, then when."""
    rule, channel = case.rule, case.channel
    if case.told is not None and not case.news:
        how = "told already, of another copy" if case.copy else "told already, in another version"
        return Verdict(Reason.COPY if case.copy else Reason.VERSION, f"held: this story was {how} (alert {case.told})")
    if case.age is not None and case.age > max_age and not rule.tells_old:
        return Verdict(Reason.OLD, f"held: old, the story was {_long(case.age)} old when it was first seen")
    if channel.paused_because:
        return _paused(channel)
    if case.bulk:
        return Verdict(Reason.BULK, "held: it came with many at once; told in one digest", now)
    if rule.surging_until and rule.surging_until > now and not rule.urgent:
        return Verdict(Reason.SURGE, _until("the rule surges", rule.surging_until, rule.zone), rule.surging_until)
    if rule.digest:
        when = rule.digest.next(now, rule.zone)
        return Verdict(Reason.DIGEST, _until(f"“{rule.name}” is told in a digest", when, rule.zone), when)
    return admit(channel, urgent=rule.urgent, now=now)


def admit(channel: ChannelTerms, *, urgent: bool, now: datetime) -> Verdict:
    """Whether a channel may be told at this moment: asked of each message, also of those that were held till now."""
    if channel.paused_because:
        return _paused(channel)
    if urgent:
        return NOW
    if channel.quiet and (until := channel.quiet.until(now, channel.zone)):
        return Verdict(Reason.QUIET, _until("quiet hours", until, channel.zone), until)
    if channel.spent_until and channel.spent_until > now:
        return Verdict(
            Reason.BUDGET, _until("the budget is spent", channel.spent_until, channel.zone), channel.spent_until
        )
    return NOW


def _paused(channel: ChannelTerms) -> Verdict:
    return Verdict(Reason.PAUSED, f"held: the channel is paused. {channel.paused_because}")


def surges(*, last_hour: int, before: int, hours: float) -> bool:
    """Whether a rule jumps: by its alerts in the last hour, and those in so many hours before that."""
    if hours < YOUNG / timedelta(hours=1):
        return False
    return last_hour >= max(SURGE_FEWEST, SURGE_TIMES * before / hours)


def _until(why: str, when: datetime, where: tzinfo) -> str:
    local = when.astimezone(where)
    return f"held: {why}; told in one digest from {local:%Y-%m-%d %H:%M} {local.tzname()}"


def _long(age: timedelta) -> str:
    return f"{age.days} days" if age >= timedelta(days=2) else f"{age / timedelta(hours=1):.0f} hours"
