"""What happened to deliveries, in order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlmodel import Session

from storage.tables import DeliveryEvent, table

EVENT = table(DeliveryEvent)
_LONGEST = 500


def record(session: Session, happened: Sequence[tuple[int, str, str]], now: datetime) -> None:
    """Notes (delivery number, what happened, what was said of it) each."""
    rows = [{"delivery_id": key, "at": now, "what": what, "said": said[:_LONGEST]} for key, what, said in happened]
    if rows:
        session.execute(insert(EVENT), rows)


def of_deliveries(session: Session, delivery_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """What happened to these, the first first."""
    return session.execute(select(*EVENT.c).where(EVENT.c.delivery_id.in_(delivery_ids)).order_by(EVENT.c.id)).all()
