"""Many rules, one story: which rules it meets, and with which words.

The story is read once and each of its words looked up once. The terms found give the few rules that could match: a
rule waits on the rarest set of terms it cannot do without. Each of those is decided exactly, by a compiled closure.
Rules are added and removed in place.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from wire import places
from wire.clauses import FACT_FIELDS, TEXT, And, AtLeast, In, Near, Not, Or, Query, Slop, Term, run_of, single, terms
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


@dataclass(slots=True, eq=False)
class _Rule:
    """A rule as the engine keeps it: `holds` is None when any of the terms it waits on suffices."""

    rule_id: int
    query: Query
    waits_on: list[int]
    holds: Holds | None


@dataclass(slots=True)
class _Term:
    """A term in use: how many rules use it, and which rules wait on it."""

    run: str
    term: Term
    used: int = 0
    certain: list[_Rule] = field(default_factory=list)
    possible: list[_Rule] = field(default_factory=list)


class Matcher:
    """Rules ready to be held against stories. `add` replaces a rule of the same id; `remove` forgets one."""

    def __init__(self, rules: Iterable[tuple[int, str]] = (), lists: Lists | None = None) -> None:
        self._vocabularies: dict[str, Vocabulary] = {TEXT: Vocabulary()}
        self._numbers: dict[tuple[str, Term], int] = {}
        self._terms: dict[int, _Term] = {}
        self._rules: dict[int, _Rule] = {}
        self._next = 0
        for rule_id, text in rules:
            self.add(rule_id, parse(text, lists))

    def __len__(self) -> int:
        return len(self._rules)

    def add(self, rule_id: int, query: Query) -> None:
        """A new rule, or a new query for one there is."""
        if rule_id in self._rules:
            self.remove(rule_id)
        for run, term in terms(query):
            self._use(run, term)
        required = {self._numbers[key] for key in _required(query)}
        rule = _Rule(rule_id, query, sorted(required), None if _any_suffices(query) else self._compile(query, TEXT))
        for number in rule.waits_on:
            waiting = self._terms[number]
            (waiting.possible if rule.holds else waiting.certain).append(rule)
        self._rules[rule_id] = rule

    def remove(self, rule_id: int) -> None:
        """Forgets a rule and the terms nobody else uses."""
        rule = self._rules.pop(rule_id)
        for number in rule.waits_on:
            waiting = self._terms[number]
            (waiting.possible if rule.holds else waiting.certain).remove(rule)
        for key in terms(rule.query):
            self._drop(key)

    def met(self, story: Fields) -> list[int]:
        """The ids of the rules this story meets, ascending."""
        begins, title_words = self._begins(story)
        return [rule.rule_id for rule in self._met(begins, title_words)]

    def match(self, story: Fields) -> list[Match]:
        """The rules this story meets, by rule id, each with the words that met it and where they stand."""
        begins, title_words = self._begins(story)
        met = self._met(begins, title_words)
        if not met:
            return []
        view, sheet = self._view(begins, title_words), Sheet(story)
        return [Match(rule.rule_id, sheet.spans(rule.query, view)) for rule in met]

    def view(self, story: Fields) -> View:
        """A story as a query sees it, for terms of these rules."""
        return self._view(*self._begins(story))

    def _met(self, begins: Begins, title_words: int) -> list[_Rule]:
        met: set[_Rule] = set()
        possible: set[_Rule] = set()
        for number in begins:
            waiting = self._terms[number]
            met.update(waiting.certain)
            possible.update(waiting.possible)
        met.update(rule for rule in possible if rule.holds and rule.holds(begins, title_words))
        return sorted(met, key=lambda rule: rule.rule_id)

    def _begins(self, story: Fields) -> tuple[dict[int, list[int]], int]:
        begins: dict[int, list[int]] = defaultdict(list)
        title = Reading(story.title).raws
        self._vocabularies[TEXT].find(title, 0, begins)
        self._vocabularies[TEXT].find(Reading(story.text).raws, len(title) + GAP, begins)
        for run, vocabulary in self._vocabularies.items():
            if run != TEXT:
                vocabulary.find(Reading(story.fact(run)).raws, 0, begins)
        begins.default_factory = None  # type: ignore[attr-defined]
        return begins, len(title)

    def _view(self, begins: Begins, title_words: int) -> View:
        return View(lambda run, term: begins.get(self._numbers[run, term], []), title_words)

    def _use(self, run: str, term: Term) -> None:
        number = self._numbers.get((run, term))
        if number is None:
            number = self._numbers[run, term] = self._next
            self._next += 1
            self._terms[number] = _Term(run, term)
            self._vocabularies.setdefault(run, Vocabulary()).add(number, term)
        self._terms[number].used += 1

    def _drop(self, key: tuple[str, Term]) -> None:
        number = self._numbers[key]
        used = self._terms[number]
        used.used -= 1
        if not used.used:
            self._vocabularies[used.run].remove(number, used.term)
            del self._terms[number], self._numbers[key]

    def _compile(self, query: Query, scope: str) -> Holds:
        """A closure that decides a query from what was found; the common shapes without a detour."""
        match query:
            case Term() if scope not in ("title", "lead", "body"):
                number = self._numbers[run_of(scope), query]
                return lambda begins, _: number in begins
            case Term() if scope == "title":
                number = self._numbers[TEXT, query]
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
                return lambda begins, title: places.holds(query, self._view(begins, title), scope)

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
                plain.add(self._numbers[run_of(scope), part])
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
        reading = self._reading(name)
        start, end = reading.spans[first][0], reading.spans[last][1]
        return Span(name, start, end, reading.text[start:end])

    def _reading(self, name: str) -> Reading:
        if name not in self._readings:
            self._readings[name] = Reading(self._story.fact(name))
        return self._readings[name]


def _in_order(span: Span) -> tuple[int, str, int, int]:
    return ("title", "text", *FACT_FIELDS).index(span.field), span.field, span.start, span.end


def _required(query: Query, scope: str = TEXT) -> frozenset[tuple[str, Term]]:
    """Terms of which a matching story holds at least one, the rarest set there is; none if it needs none."""
    match query:
        case Term():
            return frozenset({(run_of(scope), query)})
        case Slop(words):
            return _rarest(_required(single(word), scope) for word in words)
        case Near(left, right):
            return _rarest(_required(side, scope) for side in (left, right))
        case In(name, part):
            return _required(part, name)
        case AtLeast(_, part):
            return _required(part, scope)
        case And(parts):
            return _rarest(_required(part, scope) for part in parts)
        case Or(parts):
            each = [_required(part, scope) for part in parts]
            # `x OR NOT y` also holds without x: it requires nothing.
            return frozenset[tuple[str, Term]]().union(*each) if all(each) else frozenset()
        case Not():
            return frozenset()


def _rarest(sets: Iterable[frozenset[tuple[str, Term]]]) -> frozenset[tuple[str, Term]]:
    return min(filter(None, sets), key=lambda one: sum(commonness(term) for _, term in one), default=frozenset())


def _any_suffices(query: Query) -> bool:
    """Whether finding any required term anywhere in the story is all there is to decide."""
    parts = query.parts if isinstance(query, Or) else (query,)
    return all(isinstance(part, Term) for part in parts)
