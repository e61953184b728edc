"""Whose hand changes something: every change that a person makes goes through one, and leaves an audit line."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from desk.shapes import Facts, for_eyes
from storage import audit

NOTHING: Mapping[str, Any] = {}
# Of two who make the same thing at once the database takes one.
CROSSED = "Somebody else did just this at the same moment. Look, and try again."


@dataclass(frozen=True, slots=True)
class Hand:
    """Who changes something, in which transaction, and when."""

    session: Session
    now: datetime
    who: str

    def note(
        self,
        what: str,
        about: str,
        before: Facts | Mapping[str, Any] = NOTHING,
        after: Facts | Mapping[str, Any] = NOTHING,
    ) -> None:
        """Writes the audit line. Of two states only what differs is told, and nothing that is secret."""
        was, has = _plain(before), _plain(after)
        names = {*was, *has}
        if was and has:
            names = {name for name in names if was.get(name) != has.get(name)}
            if not names:
                return
        shown = [{name: value for name, value in for_eyes(one).items() if name in names} for one in (was, has)]
        audit.record(self.session, self.who, what, about, before=shown[0], after=shown[1], now=self.now)


def _plain(facts: Facts | Mapping[str, Any]) -> dict[str, Any]:
    return facts.model_dump() if isinstance(facts, Facts) else dict(facts)
