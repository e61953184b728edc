"""Sentences that a source puts under everything it writes: legal notes, calls to subscribe.

Nobody is alerted on them: a sentence seen in five stories of one source, and in a quarter of all, is passed over in
the next. Numbers do not tell sentences apart ("© 2026", "Call 800 555").
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from wire.chunks import MOST_STORIES
from wire.identity import digest

SEEN_IN = 5
# ... and in so large a part of all its stories: a filings wire says "Departure of Directors" often, and means it.
OFTEN = 0.25
# Shorter ones are chance ("He declined to comment."), and a reader of news writes them anew each time.
_FEWEST_WORDS = 4
# Furniture stands at the end of a story; what comes before, and a story's first sentence always, is the story.
_LAST = 6
_STOP = re.compile(r"[.!?。！？؟](?=\s)|\n")
_DIGITS = re.compile(r"\d+(?:[\s,.:/-]\d+)*")
_LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class Sentence:
    """Where a sentence stands in a text, and what tells it from others."""

    start: int
    end: int
    digest: str


@lru_cache(maxsize=MOST_STORIES)
def sentences(text: str) -> Sequence[Sentence]:
    """The sentences at a text's end that are long enough to be told from others."""
    if len(text) > _LONGEST:
        return ()
    found: list[Sentence] = []
    for start, end in reversed(_borders(text)):
        sentence = text[start:end]
        if len(sentence.split()) < _FEWEST_WORDS:
            continue
        if len(found) == _LAST:
            return found[::-1]
        found.append(Sentence(start, end, _digest(sentence)))
    return found[-2::-1]  # all were looked at, and the first of them is the story


def _borders(text: str) -> list[tuple[int, int]]:
    """Where sentences begin and end; a line ends one too."""
    found, start = [], 0
    for stop in _STOP.finditer(text):
        end = stop.start() if stop[0] == "\n" else stop.end()
        if end > start + (stop[0] != "\n"):
            found.append((start, end))
            start = stop.end()
        elif stop[0] == "\n":
            start = stop.end()
    return [*found, (start, len(text))]


def _digest(sentence: str) -> str:
    return digest(" ".join(_DIGITS.sub("0", sentence.casefold()).split()))[:16]


def known(found: Sequence[Sentence], furniture: Collection[str]) -> list[list[int]]:
    """Where furniture stands, as [start, end]."""
    return [[one.start, one.end] for one in found if one.digest in furniture]


def without(text: str, places: Sequence[Sequence[int]]) -> str:
    """The text with blanks where furniture stands, so that all else stays where it is."""
    for start, end in places:
        text = text[:start] + " " * (min(end, len(text)) - start) + text[end:]
    return text
