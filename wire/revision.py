"""Has a story changed since it was kept, or does it only look so?"""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Protocol

from wire.identity import digest
from wire.kinds import CORRECTION, UPDATE, WITHDRAWAL, kind_of
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
    """Whether a telling makes a new version of a kept story: another headline, or words in its text that are new.

    Blanks, case, punctuation and links do not; less text neither, nor a word or two that were lost or come back, as
    happens where a page links them. A number, or a word that turns a sentence round, always does.
    """
    title = _words(told.title)
    return bool(title and title != _words(kept.title)) or _has_new_words(kept.text, told.text)


_LINK = re.compile(r"(?:https?://|www\.)[!-~]+")
# Scripts that write no blanks between words: a sign of theirs is a word here.
_UNSPACED = r"\u0e00-\u0e7f\u2e80-\u9fff\uf900-\ufaff"
# A sign or currency belongs to the number behind it.
_WORD = re.compile(rf"[{_UNSPACED}]|(?<!\w)[-+−$€£¥](?=\d)[^\W{_UNSPACED}]+|[^\W{_UNSPACED}]+")
_RUN = 3
# A page that links a name can lose that many words of it; in a text of a line or two each word counts.
_LOST = 2
_LONG_ENOUGH = 30
# Words that turn a sentence round are never taken for lost.
_TURNING = frozenset({
    "no", "not", "t", "cannot", "never", "none", "neither", "nor", "non", "without", "nobody", "nothing",
    "nicht", "kein", "keine", "ne", "pas", "nunca", "sin", "لا", "لم", "لن", "ليس", "غير", "بدون",
})  # fmt: skip


def _has_new_words(before: str, now: str) -> bool:
    """Told by counting words, which takes time by the length of the texts alone, whatever is in them."""
    was, has = _words(before), _words(now)
    if not has or was == has or _is_start(has, was):
        return False
    if len(has) >= _RUN and not _runs(has) - _runs(was):
        return False
    come, gone = Counter(has) - Counter(was), Counter(was) - Counter(has)
    if not come and not gone:  # the same words in another order: who beat whom
        return True
    if any(map(_tells_much, (*come, *gone))):
        return True
    if len(has) >= _LONG_ENOUGH and _are_lost(list(come.elements()), list(gone.elements())):
        return False
    return bool(come)


def _words(text: str) -> list[str]:
    return _WORD.findall(_LINK.sub(" ", text).casefold())


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[place : place + _RUN]) for place in range(len(words) - _RUN + 1)}


def _is_start(start: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether a text is the beginning of a longer one, maybe cut within a word, as feeds cut them."""
    last = len(start) - 1
    if len(start) > len(whole) or list(start[:last]) != list(whole[:last]):
        return False
    return start[last] == whole[last] or (whole[last].startswith(start[last]) and not _tells_much(start[last]))


def _tells_much(word: str) -> bool:
    return word in _TURNING or any(sign.isdigit() for sign in word)


def _are_lost(come: Sequence[str], gone: Sequence[str]) -> bool:
    """Whether words only got lost where a page links them, or came back from there."""
    if not gone:
        return len(come) <= _LOST
    few, many = sorted((come, gone), key=len)
    return len(few) == 1 < len(many) <= _LOST + 1 and _is_rest_of(few[0], "".join(many))


def _is_rest_of(rest: str, whole: str) -> bool:
    """Whether a word is what stays of others when the middle is lost: `Cabon` of `Cabinet on`."""
    pairs = enumerate(zip(rest, whole, strict=False))
    start = next((place for place, (one, other) in pairs if one != other), len(rest))
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
    was, has = _pieces(before, now)
    first = next((place for place, (one, other) in enumerate(zip(was, has, strict=False)) if one != other), -1)
    if first < 0:
        first = min(len(was), len(has))
    last = 0
    while last < min(len(was), len(has)) - first and was[-1 - last] == has[-1 - last]:
        last += 1
    middle = _changes(was[first : len(was) - last], has[first : len(has) - last])
    around = [("=", " ".join(was[:first])), *middle, ("=", " ".join(was[len(was) - last :]))]
    return [(sign, words) for sign, words in around if words]


def shortened(words: str, around: int) -> str:
    """What stayed between two changes: so many words at either end of it, enough to find the place."""
    found = words.split()
    return words if len(found) <= 2 * around else " ".join([*found[:around], "…", *found[-around:]])


# Setting two texts side by side takes time by the product of their lengths, and more where words repeat.
_MOST_PAIRS = 400 * 400


def _pieces(before: str, now: str) -> tuple[list[str], list[str]]:
    was, has = before.split(), now.split()
    return (was, has) if len(was) * len(has) <= _MOST_PAIRS else (before.splitlines(), now.splitlines())


def _changes(was: Sequence[str], has: Sequence[str]) -> list[tuple[str, str]]:
    if len(was) * len(has) > _MOST_PAIRS:
        return [("-", " ".join(was)), ("+", " ".join(has))]
    found: list[tuple[str, str]] = []
    for kind, first, last, start, end in SequenceMatcher(None, was, has, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(("=", " ".join(was[first:last])))
            continue
        found += [(sign, " ".join(part)) for sign, part in (("-", was[first:last]), ("+", has[start:end])) if part]
    return found


# A version tells its readers something new when it has so many runs of words more, and a third of what it had.
_ADDED_FEWEST, _ADDED = 30, 1 / 3
_TOLD_ANEW = frozenset({CORRECTION, UPDATE, WITHDRAWAL})


def news(told: Kept, now: Kept, *, copy: bool = False) -> str:
    """What a telling adds to the one somebody was told: a correction, an update, a withdrawal; or nothing.

    The wire says it itself, or it shows: another number or a turn in the headline, or much that is new. What a `copy`
    under another id says differently is its author's way of telling; only what it is called counts.
    """
    kind = kind_of(now.title, now.text)
    if kind in _TOLD_ANEW and (kind != kind_of(told.title, told.text) or (not copy and now.title != told.title)):
        return kind
    if copy:
        return ""
    was, has = _words(told.title), _words(now.title)
    come, gone = Counter(has) - Counter(was), Counter(was) - Counter(has)
    if any(map(_tells_much, (*come, *gone))):
        return UPDATE
    before, after = _runs(_words(told.text)), _runs(_words(now.text))
    return UPDATE if len(after - before) >= max(_ADDED_FEWEST, _ADDED * len(before)) else ""
