"""The same story in other words: copies that were re-headlined, cut short, footed, corrected or updated.

A sketch is the set of 5-word shingles whose hash is a multiple of 8 (Broder's "mod m" sampling, 1997): any two texts
keep or drop the same shingles. A copy holds most of the shorter text's sketch. Five words, not three: templated
earnings stories about different companies share half of their runs of three.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zlib import crc32

_WORDS = 5
_ONE_IN = 8
# Sketches are compared when stories lie no further apart: a column that returns every year is another story each time.
WINDOW = timedelta(hours=72)
_CONTAINED = 0.6
_FEWEST_SHARED = 4
# The start of a text tells it from others; a book need not be kept whole.
_MOST_SHINGLES = 150
_IDEOGRAM = r"\u2e80-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAM}]|[^\W{_IDEOGRAM}]+")
_MIX = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio, an odd number without pattern
_63_BITS = (1 << 63) - 1


def sketch(title: str, text: str) -> frozenset[int]:
    """The sampled shingles of a story as numbers of 63 bits, the same on every machine."""
    hashes = [crc32(word.encode("utf-8", "replace")) for word in _WORD.findall(f"{title}\n{text}".casefold())]
    found = set()
    for first, second, third, fourth, fifth in zip(
        hashes, hashes[1:], hashes[2:], hashes[3:], hashes[4:], strict=False
    ):
        mixed = ((((first * 31 + second) * 31 + third) * 31 + fourth) * 31 + fifth) * _MIX >> 20
        if mixed % _ONE_IN == 0:
            found.add(mixed & _63_BITS)
            if len(found) == _MOST_SHINGLES:
                break
    return frozenset(found)


def is_copy(shared: int, one: int, other: int) -> bool:
    """Whether two stories are one in other words, by how many shingles they share and how many each has."""
    return shared >= _FEWEST_SHARED and shared >= _CONTAINED * min(one, other)


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
