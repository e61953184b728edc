"""What is written together, alone, and again."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy.exc import DataError, OperationalError

from storage.database import Trouble, trouble
from worker.process import _together_or_alone


@dataclass
class One:
    name: str
    error: str = ""


class Refused(Exception):
    """What a driver raises, with PostgreSQL's code."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def refused(sqlstate: str | None) -> OperationalError:
    return OperationalError("INSERT", {}, Refused(sqlstate))


def as_broken(one: One, error: Exception) -> One:
    return One(one.name, error=type(error).__name__)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refused("40P01"), Trouble.AGAIN), (refused("40001"), Trouble.AGAIN), (refused("08006"), Trouble.AWAY),
        (refused("57P01"), Trouble.AWAY), (refused(None), Trouble.AWAY), (refused("54000"), Trouble.DATA),
        (DataError("INSERT", {}, Refused("22021")), Trouble.DATA), (ValueError(), Trouble.DATA),
    ],
)  # fmt: skip
def test_trouble_is_told_apart(error: Exception, kind: Trouble) -> None:
    assert trouble(error) == kind


def test_transactions_that_stand_in_each_others_way_are_tried_again_unchanged() -> None:
    tried: list[list[str]] = []

    def write(some: Sequence[One]) -> str:
        tried.append([one.error for one in some])
        if len(tried) < 3:
            raise refused("40P01")
        return "written"

    assert _together_or_alone([One("a")], write, as_broken) == ["written"]
    assert tried == [[""]] * 3


def test_the_one_that_breaks_a_batch_gets_its_error_and_the_others_are_kept() -> None:
    def write(some: Sequence[One]) -> list[tuple[str, str]]:
        if any(one.name == "bad" and not one.error for one in some):
            raise ValueError
        return [(one.name, one.error) for one in some]

    written = _together_or_alone([One("a"), One("bad"), One("b")], write, as_broken)
    assert written == [[("a", "")], [("bad", "ValueError")], [("b", "")]]


def test_a_database_that_is_away_is_raised() -> None:
    def write(_: Sequence[One]) -> str:
        raise refused("08006")

    with pytest.raises(OperationalError):
        _together_or_alone([One("a"), One("b")], write, as_broken)
