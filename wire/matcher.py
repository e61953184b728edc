"""Many rules, one story: which rules it meets, and with which words.

The story is read once. Each of its words is looked up once in a trie of the rules' terms; the terms found give the
few rules that could match (a rule waits on the rarest set of terms it cannot do without), and each of those is
decided exactly. Title and text are read as one run of words with a break between, so that no phrase spans both.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from wire.query import And, Not, Or, Query, Term, parse
from wire.story import Match, Span
from wire.text import Reading, forms

# Where each term of the rules was found in a story: the positions of its first word.
Hits = Mapping[Term, list[int]]
# Enough to show why; a word that stands a thousand times in a story explains nothing more.
_MOST_SPANS = 50


@dataclass(frozen=True, slots=True)
class CompiledRule:
    rule_id: int
    query: Query
    holds: Callable[[Hits], bool]


@dataclass(slots=True)
class _Node:
    """A place in the trie of terms: the terms that end here, and where each next word leads."""

    terms: list[Term] = field(default_factory=list)
    next: dict[str, "_Node"] = field(default_factory=dict)


class Matcher:
    """Rules ready to be held against stories. Build it from (rule id, query text) pairs; it never changes."""

    def __init__(self, rules: Iterable[tuple[int, str]]) -> None:
        self._root = _Node()
        self._waiting: dict[Term, list[CompiledRule]] = defaultdict(list)
        for rule_id, text in rules:
            self._add(rule_id, parse(text))

    def _add(self, rule_id: int, query: Query) -> None:
        for term in _terms(query):
            node = self._root
            for word in term.words:
                node = node.next.setdefault(word, _Node())
            if term not in node.terms:
                node.terms.append(term)
        rule = CompiledRule(rule_id, query, _compile(query))
        for term in _required(query):
            self._waiting[term].append(rule)

    def match(self, title: str, text: str) -> list[Match]:
        """The rules this story meets, by rule id, each with the words that met it and where they stand."""
        story = _Story(title, text)
        hits = self._hits(story)
        candidates = {rule.rule_id: rule for term in hits for rule in self._waiting.get(term, ())}
        return [
            Match(rule.rule_id, story.spans(rule.query, hits))
            for _, rule in sorted(candidates.items())
            if rule.holds(hits)
        ]

    def _hits(self, story: "_Story") -> dict[Term, list[int]]:
        hits: dict[Term, list[int]] = {}
        first = self._root.next
        for place, word_forms in enumerate(story.forms):
            for form in word_forms:
                if (node := first.get(form)) is not None:
                    for term in self._ending(node, story.forms, place):
                        hits.setdefault(term, []).append(place)
        return hits

    @staticmethod
    def _ending(node: _Node, story: list[tuple[str, ...]], place: int) -> set[Term]:
        """The terms that begin at a place, whose first word led to `node`."""
        found: set[Term] = set()
        level = [node]
        while level:
            for reached in level:
                found.update(reached.terms)
            place += 1
            following = story[place] if place < len(story) else ()
            level = [reached.next[form] for reached in level for form in following if form in reached.next]
        return found


class _Story:
    """A story's words as one run: the title's, a break no phrase can cross, the text's."""

    def __init__(self, title: str, text: str) -> None:
        self._places: list[tuple[str, Reading, int] | None] = []
        self.forms: list[tuple[str, ...]] = []
        for name, source in (("title", title), ("text", text)):
            self._append(name, Reading(source))

    def _append(self, name: str, reading: Reading) -> None:
        for index, raw in enumerate(reading.raws):
            if word_forms := forms(raw):
                self.forms.append(word_forms)
                self._places.append((name, reading, index))
        self.forms.append(())
        self._places.append(None)

    def spans(self, query: Query, hits: Hits) -> tuple[Span, ...]:
        """Where the words stand that made a query hold, in the order of the story."""
        found = {(place, len(term.words)) for term in _shown(query, hits) for place in hits.get(term, [])[:_MOST_SPANS]}
        return tuple(self._span(place, length) for place, length in sorted(found))[:_MOST_SPANS]

    def _span(self, place: int, length: int) -> Span:
        first, last = self._places[place], self._places[place + length - 1]
        assert first is not None  # noqa: S101 -- a break has no forms, so no term begins or ends on one
        assert last is not None  # noqa: S101
        name, reading, index = first
        start, end = reading.spans[index][0], reading.spans[last[2]][1]
        return Span(name, start, end, reading.text[start:end])


def _compile(query: Query) -> Callable[[Hits], bool]:
    match query:
        case Term():
            return lambda hits: query in hits
        case Not(part):
            refused = _compile(part)
            return lambda hits: not refused(hits)
        case And(parts):
            every = [_compile(part) for part in parts]
            return lambda hits: all(holds(hits) for holds in every)
        case Or(parts):
            any_of = [_compile(part) for part in parts]
            return lambda hits: any(holds(hits) for holds in any_of)


def _terms(query: Query) -> Iterator[Term]:
    match query:
        case Term():
            yield query
        case Not(part):
            yield from _terms(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _terms(part)


def _required(query: Query) -> frozenset[Term]:
    """Terms of which a matching story holds at least one, the rarest set there is; none if it needs none."""
    match query:
        case Term():
            return frozenset({query})
        case And(parts):
            return min(filter(None, map(_required, parts)), key=_commonness, default=frozenset())
        case Or(parts):
            each = [_required(part) for part in parts]
            # `x OR NOT y` also holds without x: it requires nothing.
            return frozenset[Term]().union(*each) if all(each) else frozenset()
        case Not():
            return frozenset()


def _commonness(terms: frozenset[Term]) -> float:
    """A guess at how often one of these stands in a story: long words and phrases are rare."""
    return sum(1 / sum(map(len, term.words)) ** 2 for term in terms)


def _shown(query: Query, hits: Hits) -> Iterator[Term]:
    """The terms that made a query hold: those of its branches that hold, none of what it refuses."""
    match query:
        case Term():
            yield query
        case And(parts) | Or(parts):
            for part in parts:
                if _compile(part)(hits):
                    yield from _shown(part, hits)
        case Not():
            return
