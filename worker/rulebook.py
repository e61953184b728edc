"""The rules as this process last read them, kept up with what has changed since."""

import logging
from dataclasses import dataclass, field

from sqlmodel import Session

from storage import rules
from storage.tables import Rule
from wire.clauses import terms
from wire.errors import QueryError
from wire.matcher import Matcher, adding
from wire.query import Lists, parse
from wire.story import Fields, Match
from worker import figures

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Rules:
    """The rules as they stand: what matches, which version and words each has, whom it alerts, which only record.

    `private` is the canary's, for which no other story is meant, and whose story is for no other; `of_feeds` are those
    that ask which feeds carry a story.
    """

    matcher: Matcher = field(default_factory=Matcher)
    versions: dict[int, tuple[int, str]] = field(default_factory=dict)
    channels: dict[int, list[int]] = field(default_factory=dict)
    shadows: set[int] = field(default_factory=set)
    private: set[int] = field(default_factory=set)
    of_feeds: set[int] = field(default_factory=set)

    def match(self, story: Fields) -> list[Match]:
        with figures.MATCH_SECONDS.time():
            return self.matcher.match(story)

    def take(self, rule: Rule, lists: Lists) -> None:
        """Adds, replaces or forgets one rule in place."""
        key = rule.id or 0
        if key in self.versions:
            self.matcher.remove(key)
            del self.versions[key]
        self.shadows.discard(key)
        self.private.discard(key)
        self.of_feeds.discard(key)
        if rule.enabled and rule.removed_at is None:
            try:
                query = parse(rule.query, lists)
            except QueryError as error:  # written by another version; without it all others go on
                log.warning("the rule “%s” cannot be read, and matches nothing: %s", rule.name, error)
                return
            self.matcher.add(key, query)
            if any(run == "feed" for run, _ in terms(query)):
                self.of_feeds.add(key)
            self.versions[key] = (rule.version, rule.query)
            if rule.shadow:
                self.shadows.add(key)
            if rule.private:
                self.private.add(key)


class Rulebook:
    """Asks a counter in the transaction at hand, and reads only the rules that changed since it was asked last."""

    def __init__(self) -> None:
        self._rules = Rules()
        self._revision = -1

    def current(self, session: Session) -> Rules:
        """The rules as they stand in this transaction."""
        revision = rules.revision(session)
        if revision != self._revision:
            lists, changed = rules.word_lists(session), rules.changed_since(session, self._revision)
            with adding(len(changed)):
                for rule in changed:
                    self._rules.take(rule, lists)
            self._rules.channels = rules.channels_by_rule(session)
            self._revision = revision
        return self._rules
