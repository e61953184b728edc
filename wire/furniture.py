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
_STOP = re.compile(r"[.!?。！？؟](?<=[^\n].)(?=\s)|\n")
_DIGITS = re.compile(r"\d+(?:[\s,.:/-]\d+)*")
_LONGEST = 100_000
# The last sentences hardly ever take more; so far from the end they are looked for first.
_TAIL = 1_500


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
    stop = _STOP.search(text, len(text) - _TAIL) if len(text) > _TAIL else None
    found = _last(text, stop.end()) if stop else []
    return (found if len(found) > _LAST else _last(text, 0))[1:]  # before them, or the first of all, stands the story


def _last(text: str, begin: int) -> list[Sentence]:
    """The last long sentences of a text that is looked at from here, and one more."""
    found: list[Sentence] = []
    for start, end in reversed(_borders(text, begin)):
        sentence = text[start:end]
        if len(sentence.split()) >= _FEWEST_WORDS:
            found.append(Sentence(start, end, _digest(sentence)))
            if len(found) > _LAST:
                break
    return found[::-1]


def _borders(text: str, start: int) -> list[tuple[int, int]]:
    """Where sentences begin and end; a line ends one too."""
    found = []
    for stop in _STOP.finditer(text, start):
        end = stop.start() if stop[0] == "\n" else stop.end()
        if end > start:
            found.append((start, end))
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
