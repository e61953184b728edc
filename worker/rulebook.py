"""The rules as this process last read them, and whether they still stand."""

from dataclasses import dataclass

from sqlmodel import Session

from storage import rules
from wire.matcher import Matcher
from wire.story import Match


@dataclass(frozen=True, slots=True)
class Rules:
    """One state of the rules: what matches, which version and words each has, and whom it alerts."""

    revision: int
    matcher: Matcher
    versions: dict[int, tuple[int, str]]
    channels: dict[int, list[int]]

    def match(self, title: str, text: str) -> list[Match]:
        return self.matcher.match(title, text)


class Rulebook:
    """Rules are read anew when their counter has moved; asking costs one row in the transaction at hand."""

    def __init__(self) -> None:
        self._rules: Rules | None = None

    def current(self, session: Session) -> Rules:
        """The rules as they stand in this transaction."""
        revision = rules.revision(session)
        if self._rules is None or self._rules.revision != revision:
            active = [(rule.id or 0, rule.version, rule.query) for rule in rules.active(session)]
            self._rules = Rules(
                revision,
                Matcher((rule_id, query) for rule_id, _, query in active),
                {rule_id: (version, query) for rule_id, version, query in active},
                rules.channels_by_rule(session),
            )
        return self._rules
