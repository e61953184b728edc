"""The words and phrases of all rules, ready to be found in a story at one look-up a word.

A story's word, as written, leads to an entry: the rules' words it counts as, the terms that are just that word, and
the nodes of the phrase trie it opens. Entries are made when a word is first seen and kept until a term comes or goes:
rules change now and then, stories are read all day.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wire.chunks import Chunks, chunked
from wire.clauses import CASE, EXACT, PREFIX, STEM, Term, Word
from wire.query import FEWEST_LETTERS
from wire.text import Reading, as_written, forms, plain_word, stem


@dataclass(slots=True)
class Node:
    """A place in the trie of phrases: the terms that end here, and where each next word leads.

    Most nodes lead nowhere and most lead nobody past them, so both are made when needed.
    """

    terms: list[int] | None = None
    next: dict[int, "Node"] | None = None

    def after(self, word: int) -> "Node":
        """The node a word leads to, made if it is not there."""
        if self.next is None:
            self.next = {}
        if word not in self.next:
            self.next[word] = Node()
        return self.next[word]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a word as written means to the rules: their words it counts as, and what these are or open."""

    words: Sequence[int] = ()
    terms: Sequence[int] = ()
    nodes: Sequence[Node] = ()


_NOTHING = Entry()


@dataclass(slots=True)
class _Known:
    """A word of the rules: its number, the terms that are just it, the phrases it opens."""

    number: int
    terms: list[int] = field(default_factory=list)
    node: Node | None = None


# The words of some thousand stories: to most there is nothing to remember but that they mean nothing.
_MOST_REMEMBERED = 80_000
# What a chunk holds: nothing that matters (the most, and then nothing more need be touched), a word that does, or
# other than one word.
Chunk = Entry | tuple[Entry, ...] | None


class Vocabulary:
    """Terms by number, in one run of words. `add` and `remove` change it in place; `find` looks a run up."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], _Known] = {}
        self._patterns: dict[str, list[tuple[re.Pattern[str], _Known]]] = defaultdict(list)
        self._prefix_lengths: list[int] = []
        self._has = {CASE: False, STEM: False}
        self._chunks: Chunks[Chunk] = Chunks(self._read, most=_MOST_REMEMBERED)

    def add(self, number: int, term: Term) -> None:
        """Gives a term its number."""
        self._chunks.clear()
        first = self._word(term.words[0])
        if len(term.words) == 1:
            first.terms.append(number)
            return
        node = first.node = first.node or Node()
        for word in term.words[1:]:
            node = node.after(self._word(word).number)
        node.terms = [*(node.terms or ()), number]

    def remove(self, number: int, term: Term) -> None:
        """Takes a term out. Its words stay known: they cost nothing and often come back."""
        self._chunks.clear()
        first = self._known[term.words[0]]
        if len(term.words) == 1:
            first.terms.remove(number)
            return
        node = first.node
        for word in term.words[1:]:
            assert node is not None  # noqa: S101 -- what was added is there
            assert node.next is not None  # noqa: S101
            node = node.next[self._known[word].number]
        assert node is not None  # noqa: S101
        node.terms = [one for one in node.terms or () if one != number] or None

    def find(self, text: str, base: int, begins: dict[int, list[int]]) -> int:
        """Notes where each term begins in a text, in words counted from `base`, ascending; how many words there are."""
        entries = _flat(self._chunks.of(chunked(text)))
        for place, entry in enumerate(entries):
            if entry is not None:
                for number in entry.terms:
                    begins[number].append(base + place)
                if entry.nodes:
                    for number in _ending(entries, place, entry.nodes):
                        begins[number].append(base + place)
        return len(entries)

    def _read(self, chunk: str) -> Chunk:
        """What a chunk holds."""
        word = plain_word(chunk)
        if word and word != chunk:
            return self._chunks[word]
        entries = tuple(map(self._entry, (word,) if word else Reading(chunk).raws))
        if len(entries) == 1:
            return entries[0] if entries[0].words else None
        return entries

    def _entry(self, raw: str) -> Entry:
        """What a word as written means; each of the rules' words once, though two of its forms may say so."""
        found = {known.number: known for known in self._counted_as(raw)}
        if not found:
            return _NOTHING
        terms = tuple([number for known in found.values() for number in known.terms])
        return Entry(tuple(found), terms, tuple([known.node for known in found.values() if known.node]))

    def _counted_as(self, raw: str) -> Iterator[_Known]:
        """The rules' words that a word as written counts as."""
        for form in forms(raw):
            for word in self._lookups(form):
                if known := self._known.get(word):
                    yield known
            patterns = self._patterns.get(form[:FEWEST_LETTERS], ())
            yield from (known for pattern, known in patterns if pattern.fullmatch(form))
        if self._has[CASE] and (known := self._known.get((as_written(raw), CASE))):
            yield known

    def _lookups(self, form: str) -> list[tuple[str, str]]:
        """The words of rules that a form may count as: plain pairs, which equal them and are made much quicker."""
        found = [(form, EXACT), *[(form[:length], PREFIX) for length in self._prefix_lengths if length <= len(form)]]
        return [*found, (stem(form), STEM)] if self._has[STEM] else found

    def _word(self, word: Word) -> _Known:
        if (there := self._known.get(word)) is not None:
            return there
        known = self._known[word] = _Known(len(self._known))
        match word.kind:
            case "prefix":
                self._prefix_lengths = sorted({*self._prefix_lengths, len(word.text)})
            case "pattern":
                pattern = re.compile(re.escape(word.text).replace(r"\?", ".").replace(r"\*", ".*"), re.DOTALL)
                self._patterns[word.text[:FEWEST_LETTERS]].append((pattern, known))
            case "case" | "stem":
                self._has[word.kind] = True
        return known


def _flat(read: list[Chunk]) -> list[Entry | None]:
    """An entry a word: the few chunks of other than one word are opened, the runs between them taken as they are."""
    flat: list[Entry | None] = []
    start = 0
    for place, chunk in enumerate(read):
        if chunk is not None and type(chunk) is tuple:
            flat += read[start:place]  # type: ignore[arg-type]
            flat += chunk
            start = place + 1
    flat += read[start:]  # type: ignore[arg-type]
    return flat


def _ending(entries: list[Entry | None], place: int, level: Sequence[Node]) -> Iterator[int]:
    """The phrases that begin at a place, whose first word opened these nodes."""
    while level:
        place += 1
        following = entries[place] if place < len(entries) else None
        if following is None or not (words := following.words):
            return
        level = [node.next[word] for node in level if node.next for word in words if word in node.next]
        for node in level:
            if node.terms:
                yield from node.terms
