"""Secrets at rest: columns whose values are sealed with the operator's key, where one was given (WIREWATCH_KEY).

Fernet of the cryptography library: AES-128-CBC and HMAC-SHA256, with the time (github.com/fernet/spec). The first key
seals, all of them open, so that a key can be changed. What was written before there was a key stays readable, until
`wirewatch db seal` writes it anew.
"""

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import JSON, Dialect, String, TypeDecorator, select, update
from sqlmodel import Session, SQLModel

from wire.errors import BadInput

_MARK = "sealed:"
_MAKE_ONE = "Make one with `wirewatch db new-key`."


class _Ring:
    """The keys of this process: what a column's type works with, as it has no other way to be told."""

    keys: MultiFernet | None = None
    seals: bool = True


def use(written: str) -> None:
    """Seals and opens with these keys, divided by commas, from now on; with none, seals nothing. Raises BadInput."""
    if not written:
        _Ring.keys = None
        return
    try:
        keys = [Fernet(one.strip()) for one in written.split(",") if one.strip()]
    except ValueError as error:
        raise BadInput(f"WIREWATCH_KEY is no key: 32 bytes in URL-safe base64. {_MAKE_ONE}") from error
    _Ring.keys = MultiFernet(keys)


def new_key() -> str:
    """A key, made anew."""
    return Fernet.generate_key().decode()


def _seal(value: str) -> str:
    if value and _Ring.keys and _Ring.seals:
        return _MARK + _Ring.keys.encrypt(value.encode()).decode()
    if value.startswith(_MARK):
        raise BadInput(f"A secret cannot begin with {_MARK}: it would be taken for one that is sealed already.")
    return value


def _open(value: str) -> str:
    if not value.startswith(_MARK):
        return value
    if _Ring.keys is None:
        raise BadInput("Secrets in the database are sealed: set WIREWATCH_KEY to the key they were sealed with.")
    try:
        return _Ring.keys.decrypt(value.removeprefix(_MARK).encode()).decode()
    except InvalidToken as error:
        raise BadInput("Secrets in the database are sealed with another key than WIREWATCH_KEY holds.") from error


class Sealed(TypeDecorator[str]):
    """A text that is sealed at rest."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else _seal(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else _open(value)


class SealedJson(TypeDecorator[Any]):
    """An object that is sealed at rest: a JSON string then. An empty one holds no secret."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        return _seal(json.dumps(value)) if value and _Ring.keys and _Ring.seals else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        return json.loads(_open(value)) if isinstance(value, str) else value


def reseal(session: Session, *, seals: bool = True) -> int:
    """Writes every secret anew, with the first key or in the clear; how many there are."""
    _Ring.seals = seals
    try:
        return _write_anew(session)
    finally:
        _Ring.seals = True


def _write_anew(session: Session) -> int:
    count = 0
    for table in SQLModel.metadata.sorted_tables:
        columns = [column for column in table.columns if isinstance(column.type, (Sealed, SealedJson))]
        if not columns:
            continue
        (key,) = table.primary_key.columns
        for row in session.execute(select(key, *columns)).all():
            values = {column.name: value for column, value in zip(columns, row[1:], strict=True) if value}
            if values:
                session.execute(update(table).where(key == row[0]).values(**values))
                count += len(values)
    return count


def check(session: Session) -> None:
    """Raises BadInput where secrets cannot be opened, so that it is said at the start. Large tables are not read."""
    for name in ("setting", "channel"):
        table = SQLModel.metadata.tables[name]
        for column in table.columns:
            if isinstance(column.type, Sealed):
                session.execute(select(column)).all()
