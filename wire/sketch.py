"""A sketch of a story: numbers of which copies of it have most, whatever headline or foot they were given.

They are the 5-word shingles whose hash is a multiple of 8 (Broder's "mod m" sampling, 1997): any two texts keep or drop
the same shingles. Five words, not three: templated earnings stories about different companies share half of their
runs of three.
"""

import re
from functools import lru_cache
from itertools import islice
from zlib import crc32

import numpy as np

from wire.chunks import MOST_STORIES

_ONE_IN = 8
# The start of a text tells it from others; a book need not be kept whole.
_MOST_SHINGLES = 150
_RUN = 5
_IDEOGRAM = r"\u2e80-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAM}]|[^\W{_IDEOGRAM}]+")
# The same for ASCII, where bytes are letters: what is no part of a word becomes a blank.
_NO_WORD = bytes(sign for sign in range(128) if not _WORD.match(chr(sign)))
_TO_BLANKS = bytes.maketrans(_NO_WORD, b" " * len(_NO_WORD))
_MIX = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio, an odd number without pattern
_63_BITS = (1 << 63) - 1
# Bits 20 to 22 of the product are those that tell a multiple of 8 once it is shifted; they depend on lower bits alone.
_SAMPLE = np.uint64((_ONE_IN - 1) << 20)
_LOW_MIX = np.uint64(_MIX & ((_ONE_IN << 20) - 1))
# A shingle's number is its words' in base 31: five hashes of 32 bits fit into 64.
_31, _961 = np.uint64(31), np.uint64(961)


@lru_cache(maxsize=MOST_STORIES)
def sketch(title: str, text: str) -> frozenset[int]:
    """The sampled shingles of a story as numbers of 63 bits, the same on every machine."""
    hashes = np.fromiter(map(crc32, _words(f"{title}\n{text}")), np.uint64)
    if len(hashes) < _RUN:
        return frozenset()
    pairs = hashes[:-1] * _31 + hashes[1:]
    fives = (pairs[:-3] * _961 + pairs[2:-1]) * _31 + hashes[4:]
    # All is done on the whole array but for the long product, which is for the sample alone.
    sampled: list[int] = fives[fives * _LOW_MIX & _SAMPLE == 0].tolist()
    return frozenset(islice(dict.fromkeys(five * _MIX >> 20 & _63_BITS for five in sampled), _MOST_SHINGLES))


def _words(text: str) -> list[bytes]:
    """The words of a text without their case, as bytes."""
    if text.isascii():
        return text.lower().encode().translate(_TO_BLANKS).split()
    return [word.encode("utf-8", "replace") for word in _WORD.findall(text.casefold())]
