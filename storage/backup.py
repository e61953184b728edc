"""A copy of a SQLite database, made while it is in use and looked at before it counts.

SQLite's own backup takes what stands at one moment (sqlite.org/backup.html), and nobody waits for it. That moment is
held on to while it copies: it would begin anew whenever somebody else has written, and never come to an end.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from storage.database import Database
from storage.files import whole
from wire.errors import BadInput

# Some megabytes at a time, so that Ctrl-C is heard.
_PAGES = 2_000
_COUNTED = ("item", "feed", "rule", "alert", "delivery")


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was opened and found whole: its size in bytes, and how many rows of each kind are in it."""

    size: int
    rows: dict[str, int]


def back_up(database: Database, to: Path, *, replace: bool = False) -> Backup:
    """Copies the database into a file that is there whole or not at all. Raises BadInput."""
    url = make_url(database.url)
    if url.get_backend_name() != "sqlite":
        raise BadInput(
            "PostgreSQL is backed up by its own tools: pg_dump --format=custom --file wirewatch.dump "
            "and WIREWATCH_DATABASE_URL; README.md has the whole recipe."
        )
    source = Path(url.database or "")
    if to.exists() and not replace:
        raise BadInput(f"{to} is there already. Give another name, or --replace.")
    if to.exists() and to.samefile(source):
        raise BadInput(f"{to} is the database itself. Give another name.")
    try:
        with whole(to) as copy:
            _copy(source, copy)
            return _examined(copy)
    except (OSError, sqlite3.Error) as error:
        raise BadInput(f"{to} could not be written: {getattr(error, 'strerror', None) or error}.") from error


def _copy(source: Path, copy: Path) -> None:
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(copy)) as here:
        there.execute("BEGIN")
        there.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        there.backup(here, pages=_PAGES)
        here.execute("PRAGMA journal_mode = DELETE")  # one file, not three


def _examined(copy: Path) -> Backup:
    """Opens a copy as a restored one would be. Raises BadInput where it is damaged."""
    with closing(sqlite3.connect(copy)) as here:
        told = str(here.execute("PRAGMA integrity_check(1)").fetchone()[0])
        if told != "ok":
            raise BadInput(
                f"The copy is damaged, and so perhaps the database: {told}. `wirewatch doctor` looks closer."
            )
        rows = {
            name: int(here.execute(f"SELECT count(*) FROM {name}").fetchone()[0])  # noqa: S608
            for name in _COUNTED
        }
    return Backup(copy.stat().st_size, rows)
