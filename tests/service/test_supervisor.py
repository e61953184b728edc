"""Who counts as dead though it lives."""

import time
from datetime import timedelta

import pytest

from service.supervisor import Child, Supervisor
from storage.database import Database


@pytest.mark.parametrize(
    ("there", "since", "why"), [(True, 1_000.0, "shown no work"), (False, 1_000.0, ""), (True, 10.0, "")]
)
def test_nobody_is_taken_for_dead_while_there_is_no_broker(
    sqlite: Database, there: bool, since: float, why: str
) -> None:
    child = Child("scheduler", [], beat="scheduler", started_at=time.monotonic() - 1_000)
    one = Supervisor([child], environment={}, database=sqlite, stall_after=timedelta(seconds=75), ready=lambda: there)
    one._broker_was_there, one._broker_since = there, time.monotonic() - since
    found = one._stalled(child)
    assert why in found
    assert bool(found) == bool(why)
