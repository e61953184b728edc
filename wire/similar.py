"""The same story in other words: copies that were re-headlined, cut short, footed, corrected or updated.

Two stories are held against each other by their sketches (wire/sketch.py): a copy holds most of the shorter one's.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

# Sketches are compared when stories lie no further apart: a column that returns every year is another story each time.
WINDOW = timedelta(hours=72)
_CONTAINED = 0.6
FEWEST_SHARED = 4


def is_copy(shared: int, one: int, other: int) -> bool:
    """Whether two stories are one in other words, by how many shingles they share and how many each has."""
    return shared >= FEWEST_SHARED and shared >= _CONTAINED * min(one, other)


def are_near(one: datetime | None, other: datetime | None) -> bool:
    """Whether two stories' own dates allow them to be one; a story without a date may be anybody's copy."""
    return one is None or other is None or abs(one - other) <= WINDOW


def clusters(
    shared: Mapping[int, Mapping[int, int]], sizes: Mapping[int, int], dates: Mapping[int, datetime | None]
) -> Iterable[tuple[int, int]]:
    """(item, the earlier item it copies best), for items by number with how many shingles they share with others."""
    for item, others in sorted(shared.items()):
        copies = [
            (count, -other)
            for other, count in others.items()
            if other < item and is_copy(count, sizes[item], sizes[other]) and are_near(dates[item], dates[other])
        ]
        if copies:
            yield item, -max(copies)[1]
