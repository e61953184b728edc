"""Many rules, one story: which rules it meets, and with which words.

The story is read once and each of its words looked up once. The terms found give the few rules that could match: a
rule waits on the rarest set of terms it cannot do without. Each of those is decided exactly, by a compiled closure.
Rules are added and removed in place.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from wire import places
from wire.clauses import FACT_FIELDS, TEXT, And, AtLeast, In, Near, Not, Or, Query, Slop, Term, run_of, single, terms
from wire.garbage import nothing_is_garbage
from wire.places import GAP, View
from wire.query import Lists, parse
from wire.rarity import commonness
from wire.story import Fields, Match, Span
from wire.text import Reading
from wire.vocabulary import Vocabulary

# Where each term begins in a story, by the term's number, ascending.
Begins = Mapping[int, list[int]]
Holds = Callable[[Begins, int], bool]
# Enough to show why; a word that stands a thousand times in a story explains nothing more.
_MOST_SPANS = 50


@dataclass(slots=True)
class _Rule:
    """A rule as the engine keeps it: `certain` when any of the terms it waits on suffices.

    What decides the others is compiled when a story first asks, which for most rules is never.
    """

    rule_id: int
    query: Query
    waits_on: list["_Term"]
    certain: bool
    holds: Holds | None = None


@dataclass(slots=True)
class _Term:
    """A term in use: how many rules use it, and which rules wait on it, by id.

    Rules that finding it decides are `certain`; the others `possible`. Most terms have one kind of them or none.
    """

    run: str
    term: Term
    number: int
    used: int = 0
    certain: set[int] | None = None
    possible: set[int] | None = None

    def await_by(self, rule: _Rule) -> None:
        if rule.certain:
            self.certain = self.certain or set()
            self.certain.add(rule.rule_id)
        else:
            self.possible = self.possible or set()
            self.possible.add(rule.rule_id)

    def forget(self, rule: _Rule) -> None:
        waiting = self.certain if rule.certain else self.possible
        if waiting:
            waiting.discard(rule.rule_id)


# So many that a pass of the garbage collector over them is felt: it takes a third of the time.
_MANY = 5_000


def adding(count: int) -> AbstractContextManager[None]:
    """While many rules are added: nothing of a rule is garbage before it is removed. A few come without ceremony."""
    return nothing_is_garbage() if count >= _MANY else nullcontext()


class Matcher:
    """Rules ready to be held against stories. `add` replaces a rule of the same id; `remove` forgets one."""

    def __init__(self, rules: Iterable[tuple[int, str]] = (), lists: Lists | None = None) -> None:
        self._vocabularies: dict[str, Vocabulary] = {TEXT: Vocabulary()}
        self._terms: dict[tuple[str, Term], _Term] = {}
        self._by_number: list[_Term] = []
        self._rules: dict[int, _Rule] = {}
        given = list(rules)
        with adding(len(given)):
            parsed = [(rule_id, parse(text, lists)) for rule_id, text in given]
            for rule_id, query in parsed:
                self.add(rule_id, query)

    @classmethod
    def of(cls, query: Query) -> "Matcher":
        """An engine for one query, as rule 0."""
        matcher = cls()
        matcher.add(0, query)
        return matcher

    def __len__(self) -> int:
        return len(self._rules)

    def add(self, rule_id: int, query: Query) -> None:
        """A new rule, or a new query for one there is."""
        if rule_id in self._rules:
            self.remove(rule_id)
        waits_on = self._plant(query, TEXT)
        rule = self._rules[rule_id] = _Rule(rule_id, query, waits_on, _any_suffices(query))
        for term in waits_on:
            term.await_by(rule)

    def remove(self, rule_id: int) -> None:
        """Forgets a rule and the terms nobody else uses."""
        rule = self._rules.pop(rule_id)
        for number in rule.waits_on:
            number.forget(rule)
        for key in terms(rule.query):
            self._drop(key)

    def met(self, story: Fields) -> list[int]:
        """The ids of the rules this story meets, ascending."""
        return self._met(*self._begins(story))

    def match(self, story: Fields) -> list[Match]:
        """The rules this story meets, by rule id, each with the words that met it and where they stand."""
        begins, title_words = self._begins(story)
        met = self._met(begins, title_words)
        if not met:
            return []
        view, sheet = self._view(begins, title_words), Sheet(story)
        return [Match(rule_id, sheet.spans(self._rules[rule_id].query, view)) for rule_id in met]

    def view(self, story: Fields) -> View:
        """A story as a query sees it, for terms of these rules."""
        return self._view(*self._begins(story))

    def _met(self, begins: Begins, title_words: int) -> list[int]:
        met: set[int] = set()
        possible: set[int] = set()
        for number in begins:
            waiting = self._by_number[number]
            if waiting.certain:
                met |= waiting.certain
            if waiting.possible:
                possible |= waiting.possible
        for rule_id in possible:
            rule = self._rules[rule_id]
            if rule.holds is None:
                rule.holds = self._compile(rule.query, TEXT)
            if rule.holds(begins, title_words):
                met.add(rule_id)
        return sorted(met)

    def _begins(self, story: Fields) -> tuple[dict[int, list[int]], int]:
        begins: dict[int, list[int]] = defaultdict(list)
        title_words = self._vocabularies[TEXT].find(story.title, 0, begins)
        self._vocabularies[TEXT].find(story.text, title_words + GAP, begins)
        for run, vocabulary in self._vocabularies.items():
            if run != TEXT:
                base = 0
                for value in story.fact(run).split("\n"):  # a phrase stands in one tag, not in two that follow
                    base += vocabulary.find(value, base, begins) + GAP
        begins.default_factory = None  # type: ignore[attr-defined]
        return begins, title_words

    def _view(self, begins: Begins, title_words: int) -> View:
        return View(lambda run, term: begins.get(self._terms[run, term].number, []), title_words)

    def _plant(self, query: Query, scope: str) -> list[_Term]:
        """Gives each term of a query its number; returns terms of which a matching story holds at least one.

        None where it can do without each: `x OR NOT y`.
        """
        match query:
            case Term():
                return [self._use(run_of(scope), query)]
            case And(parts):
                return _rarest([self._plant(part, scope) for part in parts])
            case Or(parts):
                return _any_of([self._plant(part, scope) for part in parts])
            case Not(part):
                self._plant(part, scope)
                return []
            case In(name, part):
                return self._plant(part, name)
            case AtLeast(_, part):
                return self._plant(part, scope)
            case Near(left, right):
                return _rarest([self._plant(left, scope), self._plant(right, scope)])
            case Slop(words):
                return _rarest([self._plant(single(word), scope) for word in words])

    def _use(self, run: str, term: Term) -> _Term:
        """One more use of a term, which gets a number at its first."""
        used = self._terms.get((run, term))
        if used is None:
            used = self._terms[run, term] = _Term(run, term, len(self._by_number))
            self._by_number.append(used)
            if run not in self._vocabularies:
                self._vocabularies[run] = Vocabulary()
            self._vocabularies[run].add(used.number, term)
        used.used += 1
        return used

    def _drop(self, key: tuple[str, Term]) -> None:
        used = self._terms[key]
        used.used -= 1
        if not used.used:
            self._vocabularies[used.run].remove(used.number, used.term)
            del self._terms[key]

    def _compile(self, query: Query, scope: str) -> Holds:
        """A closure that decides a query from what was found; the common shapes without a detour."""
        match query:
            case Term() if scope not in ("title", "lead", "body"):
                number = self._terms[run_of(scope), query].number
                return lambda begins, _: number in begins
            case Term() if scope == "title":
                number = self._terms[TEXT, query].number
                return lambda begins, title: number in begins and begins[number][0] < title
            case Not(part):
                refused = self._compile(part, scope)
                return lambda begins, title: not refused(begins, title)
            case In(name, part):
                return self._compile(part, name)
            case And(parts):
                return self._all(parts, scope)
            case Or(parts):
                return self._any(parts, scope)
            case _:
                needed = frozenset(self._terms[key].number for key in _needed(query, scope))
                return lambda begins, title: (
                    begins.keys() >= needed and places.holds(query, self._view(begins, title), scope)
                )

    def _all(self, parts: Iterable[Query], scope: str) -> Holds:
        numbers, others = self._split(parts, scope)
        if not others:
            return lambda begins, _: begins.keys() >= numbers

        def holds(begins: Begins, title: int) -> bool:
            if not begins.keys() >= numbers:
                return False
            for other in others:  # noqa: SIM110 -- a loop is a third quicker than all() of a generator
                if not other(begins, title):
                    return False
            return True

        return holds

    def _any(self, parts: Iterable[Query], scope: str) -> Holds:
        numbers, others = self._split(parts, scope)
        if not others:
            return lambda begins, _: not numbers.isdisjoint(begins)
        return lambda begins, title: not numbers.isdisjoint(begins) or any(other(begins, title) for other in others)

    def _split(self, parts: Iterable[Query], scope: str) -> tuple[frozenset[int], list[Holds]]:
        """The parts that hold as soon as their term is found anywhere, as numbers; and the others compiled."""
        plain: set[int] = set()
        others: list[Holds] = []
        for part in parts:
            if isinstance(part, Term) and scope not in ("title", "lead", "body"):
                plain.add(self._terms[run_of(scope), part].number)
            else:
                others.append(self._compile(part, scope))
        return frozenset(plain), others


class Sheet:
    """A story laid out as runs of words, to say where in the original a place stands."""

    def __init__(self, story: Fields) -> None:
        self._story = story
        self._readings: dict[str, Reading] = {}

    def spans(self, query: Query, view: View, scope: str = TEXT) -> tuple[Span, ...]:
        """Where the words stand that made a query hold, in the order of the story."""
        spans = {self._span(run, place, view.title_words) for run, place in places.shown(query, view, scope)}
        return tuple(sorted(spans, key=_in_order))[:_MOST_SPANS]

    def _span(self, run: str, place: places.Place, title_words: int) -> Span:
        name, first, last = run, *place
        if run == TEXT:
            name = "title" if first < title_words else "text"
            base = 0 if name == "title" else title_words + GAP
            first, last = first - base, last - base
        else:
            first, last = self._without_gaps(name, first), self._without_gaps(name, last)
        reading = self._reading(name)
        start, end = reading.spans[first][0], reading.spans[last][1]
        return Span(name, start, end, reading.text[start:end])

    def _without_gaps(self, name: str, place: int) -> int:
        """A place among the words of a fact's values, of which each begins a gap behind the one before."""
        before = base = 0
        for value in self._story.fact(name).split("\n"):
            count = len(Reading(value).raws)
            if place < base + count:
                break
            before, base = before + count, base + count + GAP
        return before + place - base

    def _reading(self, name: str) -> Reading:
        if name not in self._readings:
            self._readings[name] = Reading(self._story.fact(name))
        return self._readings[name]


def _in_order(span: Span) -> tuple[int, str, int, int]:
    return ("title", "text", *FACT_FIELDS).index(span.field), span.field, span.start, span.end


def _rarest(each: list[list[_Term]]) -> list[_Term]:
    """Of parts that must all hold, the one that is best waited on."""
    required = [terms for terms in each if terms]
    return min(required, key=_commonness) if len(required) > 1 else required[0] if required else []


def _commonness(either: list[_Term]) -> float:
    return sum([commonness(one.term) for one in either])


def _any_of(each: list[list[_Term]]) -> list[_Term]:
    """Of parts one of which must hold, all; but `x OR NOT y` also holds without x, and so requires nothing."""
    return [term for terms in each for term in terms] if all(each) else []


def _needed(query: Query, scope: str) -> Iterator[tuple[str, Term]]:
    """Terms of which a matching story holds every one: what rules most stories out before any place is looked at."""
    match query:
        case Term():
            yield run_of(scope), query
        case Slop(words):
            yield from ((run_of(scope), single(word)) for word in words)
        case Near(left, right):
            yield from _needed(left, scope)
            yield from _needed(right, scope)
        case AtLeast(_, part):
            yield from _needed(part, scope)
        case _:
            return


def _any_suffices(query: Query) -> bool:
    """Whether finding any required term anywhere in the story is all there is to decide."""
    if isinstance(query, Term):
        return True
    parts = query.parts if isinstance(query, Or) else (query,)
    return all(isinstance(part, Term) for part in parts)
