"""What is told of work when it is done: figures (`worker/figures.py`), and log lines that follow a story.

Lines carry the story's identity as the field `story`, from the poll that brought it to the deliveries that told of it.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from storage.outbox import Failure, Outgoing
from worker import figures

if TYPE_CHECKING:  # the scheduler carries notices and reads no feeds: parsers and numpy are 30 MB
    from worker.ingest import Kept
    from worker.polling import Polled

log = logging.getLogger("wirewatch.story")


def polled(some: "Iterable[Polled]") -> None:
    """Polls are over and what they brought is kept."""
    for one in some:
        if not one.feed.private:
            figures.POLLS.labels(one.outcome).inc()
            figures.POLL_SECONDS.observe(one.took)


def kept(what: "Kept") -> None:
    """Stories are kept, their transaction committed."""
    keys = {telling.key for telling in what.told if not telling.is_private}
    new, revised = keys & what.new.keys(), keys & what.revised.keys()
    for outcome, count in (("new", len(new)), ("revised", len(revised)), ("known", len(keys - new - revised))):
        figures.STORIES.labels(outcome).inc(count)
    figures.GAPS.inc(what.gaps)
    figures.MATCHED.inc(len(what.met))
    for key in new:
        log.debug("story %s is new", key, extra={"story": key})
    for key in revised:
        log.debug("story %s was revised", key, extra={"story": key})
    for key, rules in what.met.items():
        log.info("story %s met %s", key, _named(rules), extra={"story": key, "rules": list(rules)})


def _named(rules: Sequence[int]) -> str:
    return ("rule " if len(rules) == 1 else "rules ") + ", ".join(map(str, rules))


def read(outcomes: Mapping[str, str]) -> None:
    """Pages were read; why not, by their stories' identities, nothing where they were."""
    for key, error in outcomes.items():
        figures.PAGES.labels("failed" if error else "read").inc()
        log.debug("the page of story %s was %s", key, error or "read", extra={"story": key})


def sent(one: Outgoing, took: float, now: datetime) -> None:
    """A channel took a message."""
    figures.DELIVERIES.labels(one.to.kind, "sent").inc()
    figures.DELIVERY_SECONDS.observe(took)
    if one.to.kind == "canary":
        return
    for alert in one.message.alerts:
        figures.STORY_AGE.observe(max((now - alert.first_seen_at).total_seconds(), 0.0))
        about = {"story": alert.identity, "alert": alert.alert_id, "delivery": one.id, "channel": one.to.name}
        log.info("story %s was told to %s in delivery %s", alert.identity, one.to.name, one.id, extra=about)


def failed(one: Outgoing, failure: Failure) -> None:
    """A channel did not take a message; it is tried again, or given up."""
    outcome = "given up" if failure.due_at is None else "tried again"
    figures.DELIVERIES.labels(one.to.kind, outcome).inc()
    for key in {alert.identity for alert in one.message.alerts}:
        about = {"story": key, "delivery": one.id, "channel": one.to.name, "attempt": one.attempt}
        log.info("story %s did not reach %s: %s", key, one.to.name, outcome, extra=about)
