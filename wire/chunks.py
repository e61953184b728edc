"""What stands between two blanks, worked out once and remembered: news are written with the same words every day.

No word spans a blank, so a text's words are its chunks' words; and splitting at blanks is much quicker than finding
words. Remembering is for speed alone: whoever forgets everything works it out again.
"""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# The words of some thousand stories, most of which come again in the next. Past it, memory begins anew.
MOST = 100_000
# Longer ones are addresses, or of scripts without blanks, and never come twice.
LONGEST = 40
# What was worked out of so many whole stories is remembered too: it is done before a transaction and used in it.
MOST_STORIES = 1_000


class Chunks(dict[str, T]):
    """What `work` makes of a chunk, punctuation and all; asked for as a dictionary is."""

    def __init__(self, work: Callable[[str], T]) -> None:
        super().__init__()
        self._work = work

    def __missing__(self, chunk: str) -> T:
        found = self._work(chunk)
        if len(chunk) <= LONGEST:
            self[chunk] = found
        return found

    def of(self, text: str) -> list[T]:
        """What is made of each chunk of a text, in their order."""
        if len(self) > MOST:
            self.clear()
        return list(map(self.__getitem__, text.split()))
