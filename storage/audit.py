"""Who changed what, a line each, written in the change's own transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col
from sqlmodel import select as select_model

from storage.tables import Change


def record(
    session: Session,
    who: str,
    what: str,
    about: str,
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    now: datetime,
) -> None:
    """A line: of what stood before and stands after only what differs."""
    session.add(Change(at=now, who=who, what=what, about=about, before=dict(before), after=dict(after)))
    session.flush()


def newest(session: Session, *, limit: int, before: int | None = None) -> Sequence[Change]:
    """The newest changes first; with `before` (a number) only older ones."""
    query = select_model(Change).order_by(col(Change.id).desc()).limit(limit)
    return session.exec(query if before is None else query.where(col(Change.id) < before)).all()
