"""What stands between two blanks, worked out once and remembered: news are written with the same words every day.

No word spans a blank, so a text's words are its chunks' words; and splitting at blanks is much quicker than finding
words. Remembering is for speed alone: whoever forgets everything works it out again.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

# The words of some thousand stories. Past it, what came is put aside, and of it is taken up what comes again.
MOST = 40_000
# Longer ones are addresses, or of scripts without blanks, and never come twice.
LONGEST = 40
# What was worked out of so many whole stories is remembered too: it is done before a transaction and used in it.
MOST_STORIES = 500


class Chunks(dict[str, T]):
    """What `work` makes of a chunk, punctuation and all; asked for as a dictionary is."""

    def __init__(self, work: Callable[[str], T]) -> None:
        super().__init__()
        self._work = work
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

    def of(self, text: str) -> list[T]:
        """What is made of each chunk of a text, in their order."""
        return self._of(text.split())

    def of_each(self, text: str) -> list[T]:
        """The same, but of a chunk that comes again only where it comes first."""
        return self._of(dict.fromkeys(text.split()))

    def _of(self, chunks: Iterable[str]) -> list[T]:
        if len(self) > MOST:
            self._aside = dict(self)
            super().clear()
        return list(map(self.__getitem__, chunks))
