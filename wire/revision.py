"""Has a story changed since it was kept, or does it only look so?"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Protocol

from wire.identity import digest
from wire.story import Entry, Story


class Kept(Protocol):
    """A story as it was kept."""

    @property
    def title(self) -> str: ...

    @property
    def text(self) -> str: ...


def fingerprint(entry: Entry) -> str:
    """What this feed said of a story. Dates are left out: feeds move them without touching a word."""
    return digest(entry.title, entry.text)


def is_revised(kept: Kept, told: Story) -> bool:
    """Whether a telling makes a new version of a kept story: some of its words must be new.

    Blanks, case, punctuation and links do not; less text neither, nor a word or two that were lost or come back, as
    happens where a page links them.
    """
    return _has_new_words(kept.title, told.title, lost=0) or _has_new_words(kept.text, told.text, lost=_LOST)


_LINK = re.compile(r"https?://\S+|www\.\S+")
_WORD = re.compile(r"\w+")
# Runs of words that are looked for before words are set side by side: most texts that differ at all differ in none.
_RUN = 3
# A page that links a name can lose that many words of it; in a text of a line or two each word counts.
_LOST = 2
_LONG_ENOUGH = 30
# Setting texts side by side takes time by the product of their lengths. Of longer ones, fresh runs are counted.
_MOST_WORDS = 3_000
_MOST_FRESH = 2 * _RUN * _LOST
# Words that turn a sentence round are never taken for lost.
_TURNING = frozenset(["no", "not", "never", "none", "nicht", "kein", "ne", "pas", "non", "nunca", "لا", "لم", "ليس"])


def _has_new_words(before: str, now: str, *, lost: int) -> bool:
    was, has = _words(before), _words(now)
    if not has or was == has:
        return False
    fresh = _runs(has) - _runs(was)
    if not fresh and len(has) >= _RUN:
        return False
    if len(was) + len(has) > _MOST_WORDS:
        return len(fresh) > _MOST_FRESH
    lost = lost if len(has) >= _LONG_ENOUGH else 0
    has = has[:-1] if _is_cut(was, has) else has
    return any(_is_new(gone, come, lost) for gone, come in _changes(was, has))


def _is_cut(was: Sequence[str], has: Sequence[str]) -> bool:
    """Whether a text ends within a word of the longer one, as feeds cut them."""
    place = len(has) - 1
    return 0 < place < len(was) and has[-1] != was[place] and was[place].startswith(has[-1]) and not has[-1].isdigit()


def _words(text: str) -> list[str]:
    return _WORD.findall(_LINK.sub(" ", text).casefold())


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[place : place + _RUN]) for place in range(len(words) - _RUN + 1)}


def _changes(was: Sequence[str], has: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    for kind, first, last, start, end in SequenceMatcher(None, was, has, autojunk=False).get_opcodes():
        if kind != "equal":
            yield was[first:last], has[start:end]


def _is_new(gone: Sequence[str], come: Sequence[str], lost: int) -> bool:
    """Whether these words for those say something else."""
    if not come or _is_rest_of("".join(come), "".join(gone)) or _is_rest_of("".join(gone), "".join(come)):
        return False
    if not gone and len(come) <= lost:
        return any(word in _TURNING or word.isdigit() for word in come)
    return True


def _is_rest_of(rest: str, whole: str) -> bool:
    """Whether a word is what stays of others when the middle is lost: `Cabon` of `Cabinet on`."""
    if not 0 < len(rest) < len(whole) or rest.isdigit():
        return rest == whole
    start = next(
        (place for place, (one, other) in enumerate(zip(rest, whole, strict=False)) if one != other), len(rest)
    )
    return whole.endswith(rest[start:]) and 0 < start < len(rest)


# Two stories under one id share at most this part of their headlines' words, and no run of words of their texts.
_KIN = 0.25


def is_another(kept: Kept, told: Story) -> bool:
    """Whether a telling under a kept story's id is not that story at all: an id that was used again."""
    was, has = set(_words(kept.title)), set(_words(told.title))
    if not was or not has or len(was & has) > _KIN * min(len(was), len(has)):
        return False
    return not _runs(_words(kept.text)) & _runs(_words(told.text))


def difference(before: str, now: str) -> list[tuple[str, str]]:
    """How one text became another, to be read: ("=", words kept), ("-", words gone), ("+", words come), in order."""
    was, has = before.split(), now.split()
    if len(was) + len(has) > _MOST_WORDS:
        was, has = before.splitlines(), now.splitlines()
    found: list[tuple[str, str]] = []
    for kind, first, last, start, end in SequenceMatcher(None, was, has, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(("=", " ".join(was[first:last])))
            continue
        found += [(sign, " ".join(part)) for sign, part in (("-", was[first:last]), ("+", has[start:end])) if part]
    return found
