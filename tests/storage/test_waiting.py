"""What waits is found by an index of its own: SQLite, which is told no figures, chooses the same for a million rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlmodel import Session

from storage import channels, feeds, held, outbox, polls, pulse, raising, retention
from storage.channels import Terms
from storage.database import Database
from tests.helpers import NOON

LEASE = timedelta(seconds=60)
MINUTE: dict[str, Any] = {"now": NOON, "lease": LEASE, "limit": 9, "claim": "x"}


@contextmanager
def asked(session: Session) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent meanwhile, with their values."""
    found: list[tuple[str, Any]] = []
    engine = session.get_bind()
    assert isinstance(engine, Engine)

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        found.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def plan(session: Session, do: Callable[[Session], Any]) -> str:
    """How SQLite would go about what this asks of it."""
    with asked(session) as found:
        do(session)
    driver = session.connection().connection.driver_connection
    assert driver
    return "\n".join(
        str(row[3])
        for statement, values in found
        if statement.startswith(("SELECT", "UPDATE", "DELETE"))
        for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    )


@pytest.mark.parametrize(
    ("do", "index"),
    [
        (lambda session: held.anything_to_release(session, NOON), "delivery_due"),
        (lambda session: held.release(session, NOON), "delivery_due"),
        (lambda session: held.heal(session, NOON), "delivery_paused"),
        (lambda session: held.hold(session, 1, "is paused", NOON), "delivery_waiting"),
        (lambda session: held.unpause(session, 1, NOON), "delivery_paused"),
        (lambda session: outbox.claim_due_deliveries(session, **MINUTE), "delivery_due"),
        (lambda session: raising.spent_budgets(session, [1], NOON), "delivery_waiting"),
        (lambda session: raising.spent_budgets(session, [1], NOON), "delivery_channel_sent"),
        (lambda session: feeds.claim_due_feeds(session, **MINUTE), "feed_due"),
        (lambda session: pulse.lag(session, NOON), "feed_due"),
        (lambda session: polls.quiet_beyond_habit(session, NOON), "poll_new"),
        (lambda session: retention._Items(timedelta(days=1))(session, NOON), "ix_item_first_seen_at"),
    ],
)
def test_what_waits_is_found_without_a_look_at_all_that_was(
    sqlite: Database, do: Callable[[Session], Any], index: str
) -> None:
    with sqlite.writing() as session:
        channels.add(session, "desk", "webhook", "http://127.0.0.1/", now=NOON, terms=Terms(budget="9/h"))
    sqlite.dispose()
    with sqlite.writing() as session:
        assert index in plan(session, do)


def test_deliveries_of_a_channel_are_listed_by_their_numbers(sqlite: Database) -> None:
    with sqlite.reading() as session:
        listed = text("SELECT * FROM delivery WHERE channel_id = 1 ORDER BY id DESC LIMIT 9")
        assert "delivery_channel " in plan(session, lambda session: session.execute(listed).all())
