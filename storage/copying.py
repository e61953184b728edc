"""An installation's rows, copied into another, empty database, whatever kind either is.

One consistent view of the source goes over in one transaction: all is there in the end, or nothing. What full-text
search holds is made anew from the stories, as the two kinds of database keep it differently.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, func, insert, select, text
from sqlalchemy.exc import DataError, IntegrityError
from sqlmodel import Session, SQLModel

from storage.database import Database
from storage.items import ITEM
from storage.search import index
from wire.errors import BadInput
from wire.markup import line

# Rows read and written at a time: some megabytes where stories are long.
_AT_ONCE = 1_000
Say = Callable[[str, int], None]


def copy(source: Database, target: Database, say: Say = lambda _table, _rows: None) -> dict[str, int]:
    """Copies all rows; how many, by table, counted on both sides. `say` hears of each table that is over.

    Raises BadInput when the target holds rows already, does not take one, or holds others in the end.
    """
    if source.url == target.url:
        raise BadInput("Both are the same database.")
    target.upgrade()
    with source.reading() as here, target.writing() as there:
        if full := _tables_with_rows(there):
            raise BadInput(f"{target.safe_url} holds rows already (in {', '.join(full[:3])}). Give an empty database.")
        for table in _tables():
            for rows in _portions(here, table):
                _write(there, table, rows)
            _go_on_counting(there, table)
            say(table.name, _count(here, table))
        say("words of stories", _index(here, there))
        counts = {table.name: (_count(here, table), _count(there, table)) for table in _tables()}
        if wrong := [name for name, (before, after) in counts.items() if before != after]:
            raise BadInput(f"The copy differs from what was copied, in {', '.join(wrong)}. Nothing was kept of it.")
    return {name: before for name, (before, _) in counts.items()}


def _tables() -> Sequence[Table]:
    """Each after those it refers to."""
    return SQLModel.metadata.sorted_tables


def _tables_with_rows(session: Session) -> list[str]:
    return [table.name for table in _tables() if session.execute(select(table).limit(1)).first()]


def _count(session: Session, table: Table) -> int:
    return int(session.execute(select(func.count()).select_from(table)).scalar_one())


def _portions(session: Session, table: Table) -> Iterator[list[dict[str, Any]]]:
    rows = session.execute(select(table).execution_options(yield_per=_AT_ONCE)).mappings()
    for some in rows.partitions():
        yield [dict(row) for row in some]


def _write(session: Session, table: Table, rows: list[dict[str, Any]]) -> None:
    try:
        session.execute(insert(table), rows)
    except (DataError, IntegrityError) as error:
        raise BadInput(f"A row of {table.name} was not taken: {line(str(error.orig))[:300]}") from error


def _go_on_counting(session: Session, table: Table) -> None:
    """PostgreSQL numbers new rows by a sequence, which has not seen these."""
    key = list(table.primary_key.columns)
    if session.get_bind().dialect.name != "postgresql" or len(key) > 1:
        return
    named: Mapping[str, str] = {"table": table.name, "key": key[0].name}
    if sequence := session.execute(text("SELECT pg_get_serial_sequence(:table, :key)"), named).scalar():
        last = session.execute(select(func.max(key[0]))).scalar()
        if last is not None:
            session.execute(text("SELECT setval(CAST(:name AS regclass), :last)"), {"name": sequence, "last": last})


def _index(here: Session, there: Session) -> int:
    """The words of those stories that were in the index."""
    indexed = text("SELECT rowid FROM item_search WHERE rowid > :after ORDER BY rowid LIMIT :most")
    after = count = 0
    while some := here.execute(indexed, {"after": after, "most": _AT_ONCE}).scalars().all():
        rows = here.execute(select(ITEM.c.id, ITEM.c.title, ITEM.c.text).where(ITEM.c.id.in_(some)))
        index(there, [(row.id, row.title, row.text) for row in rows])
        count, after = count + len(some), some[-1]
    return count
