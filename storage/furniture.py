"""Which sentences a source puts under everything it writes: learnt from its stories, as they come."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlmodel import Session

from storage.database import chunks, delete_some, insert
from storage.items import ITEM
from storage.tables import Sentence as Row
from storage.tables import table
from wire import furniture
from wire.furniture import Sentence

SENTENCE = table(Row)
# A sentence of furniture comes back within days; one that did not is forgotten.
_KEPT_FOR = timedelta(days=30)
# The row that counts all stories of a source.
_ALL = ""
_MUCH = 200
_FORGOTTEN_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Spoken:
    """An item's sentences and whose they are. `again` when they are of a later version: they do not count twice."""

    item_id: int
    source: str
    sentences: Sequence[Sentence]
    again: bool = False


def learn(session: Session, spoken: Sequence[Spoken], now: datetime) -> dict[int, list[list[int]]]:
    """Counts sentences, and notes on each item where its source's furniture stands; returned by item id.

    What counts is what was seen before these.
    """
    known = _known(session, spoken)
    _count(session, spoken, now)
    found = {one.item_id: furniture.known(one.sentences, known[one.source]) for one in spoken}
    for item_id, places in sorted(found.items()):
        if places:
            session.execute(update(ITEM).where(ITEM.c.id == item_id).values(furniture=places))
    return found


def _known(session: Session, spoken: Sequence[Spoken]) -> Mapping[str, set[str]]:
    known: dict[str, set[str]] = defaultdict(set)
    by_source: dict[str, set[str]] = defaultdict(set)
    for one in spoken:
        by_source[one.source].update(sentence.digest for sentence in one.sentences)
    for source, digests in by_source.items():
        of_source = select(SENTENCE.c.digest).where(SENTENCE.c.source == source)
        told = select(SENTENCE.c.stories).where(SENTENCE.c.source == source, SENTENCE.c.digest == _ALL)
        least = max(float(furniture.SEEN_IN), furniture.OFTEN * (session.execute(told).scalar() or 0))
        for some in chunks(sorted(digests)):
            often = of_source.where(SENTENCE.c.digest.in_(some), SENTENCE.c.stories >= least)
            known[source].update(session.execute(often).scalars())
    return known


def _count(session: Session, spoken: Sequence[Spoken], now: datetime) -> None:
    counts = Counter(
        (one.source, digest)
        for one in spoken
        if not one.again
        for digest in {_ALL, *(part.digest for part in one.sentences)}
    )
    if not counts:
        return
    statement = insert(session, SENTENCE)
    more = {"stories": SENTENCE.c.stories + statement.excluded.stories, "seen_at": now}
    session.execute(
        statement.on_conflict_do_update(index_elements=["source", "digest"], set_=more),
        [
            {"source": source, "digest": digest, "stories": count, "seen_at": now}
            for (source, digest), count in sorted(counts.items())
        ],
    )


def forget_old(session: Session, now: datetime) -> bool:
    """A batch of sentences that have not come back for a month; whether there may be more."""
    return delete_some(session, SENTENCE, SENTENCE.c.seen_at < now - _KEPT_FOR, _FORGOTTEN_AT_ONCE)


class Halving:
    """Of each source that told much, what is long ago counts for half.

    So a new foot of theirs is learnt after some dozens of stories, not after thousands.
    """

    def __init__(self) -> None:
        self._sources: list[str] | None = None

    def __call__(self, session: Session, _now: datetime) -> bool:
        """The next source; whether there are more."""
        if self._sources is None:
            much = select(SENTENCE.c.source).where(SENTENCE.c.digest == _ALL, SENTENCE.c.stories > _MUCH)
            self._sources = list(session.execute(much).scalars())
        elif self._sources:
            of_one = update(SENTENCE).where(SENTENCE.c.source == self._sources.pop())
            session.execute(of_one.values(stories=SENTENCE.c.stories // 2))
        return bool(self._sources)
