"""The words and phrases of all rules, ready to be found in a story at one look-up a word.

A story's word, as written, leads to an entry: the rules' words it counts as, the terms that are just that word, and
the nodes of the phrase trie it opens. Entries are made when a word is first seen and then kept; adding or removing a
term mends the entries it concerns, so that rules come and go without anything being built anew.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from wire.clauses import CASE, PREFIX, STEM, Term, Word
from wire.query import FEWEST_LETTERS
from wire.text import as_written, forms, stem

# Words as written that are remembered: the vocabulary of some months of news. Past it, memory begins anew.
_MOST_ENTRIES = 400_000


@dataclass(slots=True)
class Node:
    """A place in the trie of phrases: the terms that end here, and where each next word leads."""

    terms: list[int] = field(default_factory=list)
    next: dict[int, "Node"] = field(default_factory=dict)


@dataclass(slots=True)
class Entry:
    """What a word as written means to the rules. Empty `words` for the many that mean nothing."""

    words: list[int] = field(default_factory=list)
    terms: list[int] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class _Known:
    """A word of the rules: its number, the terms that are just it, the phrases it opens, the entries it is in."""

    number: int
    terms: list[int] = field(default_factory=list)
    node: Node | None = None
    entries: list[Entry] = field(default_factory=list)


class _Entries(dict[str, Entry]):
    """Entries by word as written, made when first asked for."""

    def __init__(self, vocabulary: "Vocabulary") -> None:
        super().__init__()
        self._vocabulary = vocabulary

    def __missing__(self, raw: str) -> Entry:
        entry = self[raw] = self._vocabulary.make(raw)
        return entry


class Vocabulary:
    """Terms by number, in one run of words. `add` and `remove` change it in place; `find` looks a run up."""

    def __init__(self) -> None:
        self._known: dict[Word, _Known] = {}
        self._patterns: dict[str, list[tuple[re.Pattern[str], _Known]]] = defaultdict(list)
        self._prefix_lengths: list[int] = []
        self._has = {CASE: False, STEM: False}
        self._forget()

    def _forget(self) -> None:
        self._entries = _Entries(self)
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
                entry.terms.append(number)
            return
        if first.node is None:
            first.node = Node()
            for entry in first.entries:
                entry.nodes.append(first.node)
        node = first.node
        for word in term.words[1:]:
            node = node.next.setdefault(self._word(word).number, Node())
        node.terms.append(number)

    def remove(self, number: int, term: Term) -> None:
        """Takes a term out. Its words stay known: they cost nothing and often come back."""
        first = self._known[term.words[0]]
        if len(term.words) == 1:
            first.terms.remove(number)
            for entry in first.entries:
                entry.terms.remove(number)
            return
        node = first.node
        for word in term.words[1:]:
            assert node is not None  # noqa: S101 -- what was added is there
            node = node.next[self._known[word].number]
        assert node is not None  # noqa: S101
        node.terms.remove(number)

    def find(self, raws: list[str], base: int, begins: dict[int, list[int]]) -> None:
        """Notes where each term begins in a run of words, counted from `base`, in ascending order."""
        if len(self._entries) > _MOST_ENTRIES:
            self._forget()
        entries = list(map(self._entries.__getitem__, raws))
        for place, entry in enumerate(entries):
            if entry.words:
                for number in entry.terms:
                    begins[number].append(base + place)
                if entry.nodes:
                    for number in _ending(entries, place, entry.nodes):
                        begins[number].append(base + place)

    def make(self, raw: str) -> Entry:
        """The entry of a word that was not seen before."""
        entry = Entry()
        for form in forms(raw):
            if form not in self._by_form:
                self._by_form[form] = []
                self._by_start.setdefault(form[:FEWEST_LETTERS], []).append(form)
            self._by_form[form].append(entry)
        self._by_letters.setdefault(as_written(raw), []).append(entry)
        for known in self._counted_as(raw):
            _join(entry, known)
        return entry

    def _counted_as(self, raw: str) -> Iterator[_Known]:
        """The rules' words that a word as written counts as."""
        for form in forms(raw):
            yield from filter(None, (self._known.get(word) for word in self._lookups(form)))
            patterns = self._patterns.get(form[:FEWEST_LETTERS], ())
            yield from (known for pattern, known in patterns if pattern.fullmatch(form))
        if self._has[CASE] and (known := self._known.get(Word(as_written(raw), CASE))):
            yield known

    def _lookups(self, form: str) -> Iterator[Word]:
        yield Word(form)
        for length in self._prefix_lengths:
            if length > len(form):
                break
            yield Word(form[:length], PREFIX)
        if self._has[STEM]:
            yield Word(stem(form), STEM)

    def _word(self, word: Word) -> _Known:
        if word in self._known:
            return self._known[word]
        known = self._known[word] = _Known(len(self._known))
        for entry in self._concerned(word, known):
            _join(entry, known)
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


def _join(entry: Entry, known: _Known) -> None:
    """A word as written counts as a word of the rules; told once, though two of its forms may say so."""
    if known.number not in entry.words:
        entry.words.append(known.number)
        entry.terms.extend(known.terms)
        if known.node is not None:
            entry.nodes.append(known.node)
        known.entries.append(entry)


def _ending(entries: list[Entry], place: int, level: list[Node]) -> Iterator[int]:
    """The phrases that begin at a place, whose first word opened these nodes."""
    while level:
        place += 1
        if place >= len(entries) or not (words := entries[place].words):
            return
        level = [node.next[word] for node in level for word in words if word in node.next]
        for node in level:
            yield from node.terms
