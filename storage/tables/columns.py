"""What columns and indices are made of."""

from datetime import UTC, datetime
from typing import cast

from sqlalchemy import BigInteger, DateTime, Dialect, Index, Integer, Table, TypeDecorator, text
from sqlmodel import SQLModel

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself in INTEGER columns only


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of those rows alone for which this holds, on either kind of database."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware and UTC on both sides of the database. A naive one is refused, for it is no moment."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def table(model: type[SQLModel]) -> Table:
    """The Core table behind a model, for statements that carry a batch."""
    return cast("Table", model.__table__)  # type: ignore[attr-defined]
