"""The same story in other words: copies that were re-headlined, cut short, footed, corrected or updated.

A sketch is the set of 5-word shingles whose hash is a multiple of 8 (Broder's "mod m" sampling, 1997): any two texts
keep or drop the same shingles. A copy holds most of the shorter text's sketch. Five words, not three: templated
earnings stories about different companies share half of their runs of three.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain, islice, pairwise
from zlib import crc32

from wire.chunks import MOST_STORIES, Chunks

_ONE_IN = 8
# Sketches are compared when stories lie no further apart: a column that returns every year is another story each time.
WINDOW = timedelta(hours=72)
_CONTAINED = 0.6
FEWEST_SHARED = 4
# The start of a text tells it from others; a book need not be kept whole.
_MOST_SHINGLES = 150
_IDEOGRAM = r"\u2e80-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAM}]|[^\W{_IDEOGRAM}]+")
_MIX = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio, an odd number without pattern
_63_BITS = (1 << 63) - 1
# Bits 20 to 22 of the product, which are those that tell a multiple of 8 once it is shifted.
_SAMPLE = (_ONE_IN - 1) << 20
_LOW_MIX = _MIX & (_SAMPLE | (1 << 20) - 1)


@lru_cache(maxsize=MOST_STORIES)
def sketch(title: str, text: str) -> frozenset[int]:
    """The sampled shingles of a story as numbers of 63 bits, the same on every machine."""
    hashes = list(chain.from_iterable((*_HASHES.of(title), *_HASHES.of(text))))
    pairs = [first * 31 + second for first, second in pairwise(hashes)]
    fives = [(one * 961 + other) * 31 + last for one, other, last in zip(pairs, pairs[2:], hashes[4:], strict=False)]
    # Its lowest bits decide whether a shingle is in the sample: the whole product is for those alone.
    found = dict.fromkeys(five * _MIX >> 20 & _63_BITS for five in fives if not five * _LOW_MIX & _SAMPLE)
    return frozenset(islice(found, _MOST_SHINGLES))


def _hashed(part: str) -> tuple[int, ...]:
    """The hashes of the words between two blanks, mostly one."""
    return tuple([crc32(word.encode("utf-8", "replace")) for word in _WORD.findall(part.casefold())])


_HASHES = Chunks(_hashed)


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
