"""Which sentences a source puts under everything it writes: learnt from its stories, as they come."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlmodel import Session

from storage.database import chunks, insert
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


def forget_old(session: Session, now: datetime) -> None:
    """Sentences that have not come back for a month. Of sources that told much, what is long ago counts for half.

    So a new foot of theirs is learnt after some dozens of stories, not after thousands.
    """
    session.execute(delete(SENTENCE).where(SENTENCE.c.seen_at < now - _KEPT_FOR))
    much = select(SENTENCE.c.source).where(SENTENCE.c.digest == _ALL, SENTENCE.c.stories > _MUCH)
    for source in session.execute(much).scalars().all():
        halved = update(SENTENCE).where(SENTENCE.c.source == source)
        session.execute(halved.values(stories=SENTENCE.c.stories // 2))
