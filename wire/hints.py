"""What an analyst may not have meant: remarks about a query that can be read, but perhaps not as it was meant."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from wire.clauses import CASE, TEXT, Query, Term, Word, terms

# A word in this part of all stories tells a press desk nothing.
COMMON = 0.05
_OUTSIDE_QUOTES = re.compile(r'["“„«][^"”“»]*["”“»]|(\S+)')
_OPERATORS = {"and": "AND", "or": "OR", "not": "NOT", "near": "NEAR/5"}
_FEW, _MANY = 2, 5
# Looking up how common a word is takes its time, and nobody reads more remarks.
_MOST_IN_CAPITALS, _MOST_LOOKED_UP = 5, 20


@dataclass(frozen=True, slots=True)
class Hint:
    """A remark, and where in the query it belongs; no place for what concerns all of it."""

    text: str
    position: int | None = None


def hints(query: str, parsed: Query, share: Callable[[Word], float]) -> list[Hint]:
    """The remarks about a query. `share` tells in which part of the stored items a word stands, 0 to 1."""
    return [*_small_operators(query), *_all_capitals(query, share), *_too_common(parsed, share)]


def _bare(query: str) -> list[tuple[str, int]]:
    """The words outside quotes, with their places."""
    return [(found.group(1).strip("()"), found.start(1)) for found in _OUTSIDE_QUOTES.finditer(query) if found.group(1)]


def _small_operators(query: str) -> Iterator[Hint]:
    bare = _bare(query)
    for word, position in bare[1:-1]:
        if word in _OPERATORS:
            yield Hint(f"“{word}” is looked for as a word. Did you mean {_OPERATORS[word]}?", position)


def _all_capitals(query: str, share: Callable[[Word], float]) -> Iterator[Hint]:
    """US also meets us, WHO also who: say so with how much, rather than switching silently (as Talkwalker does)."""
    places: dict[str, int] = {}
    for word, position in _bare(query):
        if _is_in_capitals(word):
            places.setdefault(word, position)
    for word, position in islice(places.items(), _MOST_IN_CAPITALS):
        met, cased = share(Word(word.lower())), share(Word(word, CASE))
        figures = f" ({met:.0%} of the stored stories against {cased:.0%})" if met > cased else ""
        yield Hint(f"{word} also meets {word.lower()}. Write case:{word} for the capitals alone{figures}.", position)


def _is_in_capitals(word: str) -> bool:
    is_short = word.isascii() and word.isalpha() and _FEW <= len(word) <= _MANY
    return is_short and word.isupper() and word not in ("AND", "OR", "NOT", "NEAR", "ONEAR", "ATLEAST")


def _too_common(parsed: Query, share: Callable[[Word], float]) -> Iterator[Hint]:
    for word in islice(dict.fromkeys(_single_words(parsed)), _MOST_LOOKED_UP):
        part = share(word)
        if part > COMMON:
            yield Hint(f"“{word.text}” stands in {part:.0%} of the stored stories; by itself it says little.")


def _single_words(parsed: Query) -> Iterator[Word]:
    for run, term in terms(parsed):
        if run == TEXT and isinstance(term, Term) and len(term.words) == 1:
            yield term.words[0]
