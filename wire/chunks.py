"""What stands between two blanks, worked out once and remembered: news are written with the same words every day.

No word spans a blank, so a text's words are its chunks' words; and splitting at blanks is much quicker than finding
words. Signs that are no part of any word count as blanks, so that most chunks are plain words. Remembering is for
speed alone: whoever forgets everything works it out again.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

# Signs that part words wherever they stand, and the commonest beyond ASCII; a full stop or comma does before a blank.
_PARTING = '!"%&()*-/:;<=>?@[\\]^_`{|}~'
_ASCII_TO_BLANKS = str.maketrans(dict.fromkeys(_PARTING, " "))
_COMMON_PARTING = '“”–—…-/()":;'
_ENDING = (". ", ", ")

# Longer ones are addresses, or of scripts without blanks, and never come twice.
LONGEST = 40
# What was worked out of so many whole stories is remembered too: it is done before a transaction and used in it.
MOST_STORIES = 500


def with_usual_apostrophes(text: str) -> str:
    """The same with the apostrophe that counts as a letter (ʼ, as Ukrainian has it) written as all others are."""
    return text if text.isascii() else text.replace("\u02bc", "’")


def chunked(text: str) -> list[str]:
    """The chunks of a text in their order, as far as they can be told quickly from what parts them."""
    if text.isascii():
        text = text.translate(_ASCII_TO_BLANKS)  # one pass; beyond ASCII a pass a sign is still ten times as quick
    else:
        text = with_usual_apostrophes(text)
        for sign in _COMMON_PARTING:
            text = text.replace(sign, " ")
    for end in _ENDING:
        text = text.replace(end, " ")
    return text.split()


class Chunks(dict[str, T]):
    """What `work` makes of a chunk, with the signs that are left in it; asked for as a dictionary is.

    Of more than `most` what came is put aside, and of that is taken up what comes again.
    """

    def __init__(self, work: Callable[[str], T], *, most: int) -> None:
        super().__init__()
        self._work, self._most = work, most
        self._aside: dict[str, T] = {}

    def __missing__(self, chunk: str) -> T:
        aside = self._aside  # another thread may put more aside meanwhile
        found = aside[chunk] if chunk in aside else self._work(chunk)
        if len(chunk) <= LONGEST:
            self[chunk] = found
        return found

    def clear(self) -> None:
        """Forgets everything."""
        super().clear()
        self._aside = {}

    def of(self, chunks: Iterable[str]) -> list[T]:
        """What is made of each of these chunks, in their order."""
        if len(self) > self._most:
            self._aside = dict(self)
            super().clear()
        return list(map(self.__getitem__, chunks))
