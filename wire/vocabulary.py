"""The words and phrases of all rules, ready to be found in a story at one look-up a word.

A story's word, as written, leads to an entry: the rules' words it counts as, the terms that are just that word, and
the nodes of the phrase trie it opens. Entries are made when a word is first seen and then kept; adding or removing a
term mends the entries it concerns, so that rules come and go without anything being built anew.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from wire import chunks
from wire.chunks import Chunks
from wire.clauses import CASE, EXACT, PREFIX, STEM, Term, Word
from wire.query import FEWEST_LETTERS
from wire.text import Reading, as_written, forms, stem


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


@dataclass(slots=True)
class Entry:
    """What a word as written means to the rules. Empty `words` for the many that mean nothing."""

    words: Sequence[int] = ()
    terms: Sequence[int] = ()
    nodes: Sequence[Node] = ()
    chunks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Known:
    """A word of the rules: its number, the terms that are just it, the phrases it opens, the entries it is in."""

    number: int
    terms: list[int] = field(default_factory=list)
    node: Node | None = None
    entries: list[Entry] = field(default_factory=list)


# What a chunk holds: nothing that matters (the most, and then nothing more need be touched), a word that does, or
# other than one word.
Chunk = Entry | tuple[Entry, ...] | None


class Vocabulary:
    """Terms by number, in one run of words. `add` and `remove` change it in place; `find` looks a run up.

    One that is `passing` serves a question or two and is thrown away: words seen are not noted for later mending, so
    all terms must be added before the first `find`.
    """

    def __init__(self, *, passing: bool = False) -> None:
        self._passing = passing
        self._known: dict[tuple[str, str], _Known] = {}
        self._patterns: dict[str, list[tuple[re.Pattern[str], _Known]]] = defaultdict(list)
        self._prefix_lengths: list[int] = []
        self._has = {CASE: False, STEM: False}
        self._forget()

    def _forget(self) -> None:
        self._chunks: Chunks[Chunk] = Chunks(self._read)
        self._entries: dict[str, Entry] = {}
        self._by_form: dict[str, list[Entry]] = {}
        self._by_start: dict[str, list[str]] = {}
        self._by_letters: dict[str, list[Entry]] = {}
        for known in self._known.values():
            known.entries.clear()

    def add(self, number: int, term: Term) -> None:
        """Gives a term its number."""
        first = self._word(term.words[0])
        if len(term.words) == 1:
            first.terms.append(number)
            for entry in first.entries:
                entry.terms = (*entry.terms, number)
            return
        if first.node is None:
            first.node = Node()
            for entry in first.entries:
                entry.nodes = (*entry.nodes, first.node)
        node = first.node
        for word in term.words[1:]:
            node = node.after(self._word(word).number)
        node.terms = [*(node.terms or ()), number]

    def remove(self, number: int, term: Term) -> None:
        """Takes a term out. Its words stay known: they cost nothing and often come back."""
        first = self._known[term.words[0]]
        if len(term.words) == 1:
            first.terms.remove(number)
            for entry in first.entries:
                entry.terms = tuple(one for one in entry.terms if one != number)
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
        if self._chunks.is_full:
            self._forget()
        entries = _flat(self._chunks.of(text))
        for place, entry in enumerate(entries):
            if entry is not None:
                for number in entry.terms:
                    begins[number].append(base + place)
                if entry.nodes:
                    for number in _ending(entries, place, entry.nodes):
                        begins[number].append(base + place)
        return len(entries)

    def _read(self, chunk: str) -> Chunk:
        """What a chunk holds, which is noted on each of its words: what they mean may change."""
        raws = (chunk,) if chunk.isascii() and chunk.isalnum() else Reading(chunk).raws
        entries = tuple(map(self._entry, raws))
        if len(chunk) <= chunks.LONGEST and not self._passing:
            for entry in entries:
                entry.chunks = (*entry.chunks, chunk)
        if len(entries) == 1:
            return entries[0] if entries[0].words else None
        return entries

    def _entry(self, raw: str) -> Entry:
        """The entry of a word as written."""
        if raw not in self._entries:
            self._entries[raw] = self._make(raw)
        return self._entries[raw]

    def _make(self, raw: str) -> Entry:
        entry = Entry()
        if not self._passing:
            self._note(raw, entry)
        for known in self._counted_as(raw):
            self._join(entry, known)
        return entry

    def _note(self, raw: str, entry: Entry) -> None:
        """By which words of later rules this entry would be concerned."""
        for form in forms(raw):
            if form not in self._by_form:
                self._by_form[form] = []
                self._by_start.setdefault(form[:FEWEST_LETTERS], []).append(form)
            self._by_form[form].append(entry)
        self._by_letters.setdefault(as_written(raw), []).append(entry)

    def _join(self, entry: Entry, known: _Known) -> None:
        """A word as written counts as a word of the rules; told once, though two of its forms may say so."""
        if known.number in entry.words:
            return
        entry.words = (*entry.words, known.number)
        entry.terms = (*entry.terms, *known.terms)
        if known.node is not None:
            entry.nodes = (*entry.nodes, known.node)
        known.entries.append(entry)
        for chunk in entry.chunks:
            if self._chunks[chunk] is None:
                self._chunks[chunk] = entry

    def _counted_as(self, raw: str) -> Iterator[_Known]:
        """The rules' words that a word as written counts as."""
        for form in forms(raw):
            for word in self._lookups(form):
                if known := self._known.get(word):
                    yield known
            patterns = self._patterns.get(form[:FEWEST_LETTERS], ())
            yield from (known for pattern, known in patterns if pattern.fullmatch(form))
        if self._has[CASE] and (known := self._known.get(Word(as_written(raw), CASE))):
            yield known

    def _lookups(self, form: str) -> list[tuple[str, str]]:
        """The words of rules that a form may count as: plain pairs, which equal them and are made much quicker."""
        found = [(form, EXACT), *[(form[:length], PREFIX) for length in self._prefix_lengths if length <= len(form)]]
        return [*found, (stem(form), STEM)] if self._has[STEM] else found

    def _word(self, word: Word) -> _Known:
        if (there := self._known.get(word)) is not None:
            return there
        known = self._known[word] = _Known(len(self._known))
        if self._entries or word.kind != EXACT:
            for entry in self._concerned(word, known):
                self._join(entry, known)
        return known

    def _concerned(self, word: Word, known: _Known) -> Iterator[Entry]:
        """The entries made already that count as a word new to the rules."""
        match word.kind:
            case "exact":
                return iter(self._by_form.get(word.text, ()))
            case "case":
                self._has[CASE] = True
                return iter(self._by_letters.get(word.text, ()))
            case "prefix":
                self._prefix_lengths = sorted({*self._prefix_lengths, len(word.text)})
                return self._of_forms(word.text[:FEWEST_LETTERS], lambda form: form.startswith(word.text))
            case "pattern":
                pattern = re.compile(re.escape(word.text).replace(r"\?", ".").replace(r"\*", ".*"), re.DOTALL)
                self._patterns[word.text[:FEWEST_LETTERS]].append((pattern, known))
                return self._of_forms(word.text[:FEWEST_LETTERS], lambda form: bool(pattern.fullmatch(form)))
            case _:
                self._has[STEM] = True
                forms_of_stem = [form for form in self._by_form if stem(form) == word.text]
                return (entry for form in forms_of_stem for entry in self._by_form[form])

    def _of_forms(self, start: str, fits: Callable[[str], bool]) -> Iterator[Entry]:
        return (entry for form in self._by_start.get(start, ()) if fits(form) for entry in self._by_form[form])


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
