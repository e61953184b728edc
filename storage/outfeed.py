"""Alerts as feeds, out the other way: the token in their addresses, and what is in them."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from sqlalchemy import select
from sqlmodel import Session

from storage import alerts, rules
from storage.alerts import ALERT, RULE
from storage.database import insert
from storage.tables import Setting, table
from wire.message import Alert

SETTING = table(Setting)
_TOKEN = "atom token"  # noqa: S105 -- its name
_MOST = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """An alert and when it was raised."""

    alert: Alert
    at: datetime


def token(session: Session, *, renew: bool = False) -> str:
    """The secret part of the addresses, made when there is none."""
    found = session.execute(select(SETTING.c.value).where(SETTING.c.name == _TOKEN)).scalar()
    if found and not renew:
        return str(found)
    made = secrets.token_urlsafe(24)
    statement = insert(session, SETTING).values(name=_TOKEN, value=made)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": made}))
    return made


def is_token(session: Session, given: str) -> bool:
    """Whether this is the token; an empty one never is."""
    found = session.execute(select(SETTING.c.value).where(SETTING.c.name == _TOKEN)).scalar() or ""
    return bool(found) and hmac.compare_digest(str(found).encode(), given.encode())


def address(base: str, token: str, rule: str = "") -> str:
    """Where the feed of all alerts is, or that of a rule."""
    return f"{base.rstrip('/')}/alerts.atom?token={token}" + (f"&rule={quote(rule, safe='')}" if rule else "")


def entries(session: Session, rule: str = "") -> list[Entry]:
    """The newest alerts first; with `rule` (a name) only that one's. Raises BadInput when there is no such rule."""
    wanted = select(ALERT.c.id, ALERT.c.created_at).join(RULE, RULE.c.id == ALERT.c.rule_id)
    wanted = wanted.where(RULE.c.private.is_(False), ALERT.c.shadow.is_(False))
    if rule:
        wanted = wanted.where(ALERT.c.rule_id == rules.find(session, rule).id)
    at = {row.id: row.created_at for row in session.execute(wanted.order_by(ALERT.c.id.desc()).limit(_MOST))}
    found = alerts.these(session, list(at))
    return sorted((Entry(one, at[one.alert_id]) for one in found), key=lambda one: -one.alert.alert_id)
