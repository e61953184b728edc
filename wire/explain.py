"""Why a rule met a story, or the first clause by which it did not. For the command line and the pages."""

from dataclasses import dataclass

from wire import places
from wire.clauses import (
    FACT_FIELDS,
    TEXT,
    And,
    AtLeast,
    In,
    Near,
    Not,
    Or,
    Query,
    Slop,
    Term,
    has_places,
    single,
    written,
)
from wire.matcher import Matcher, Sheet
from wire.places import View
from wire.story import Fields, Span


@dataclass(frozen=True, slots=True)
class Explanation:
    """One clause of a rule held against a story: whether it holds, a sentence why, and its own parts."""

    clause: str
    holds: bool
    why: str
    spans: tuple[Span, ...]
    parts: tuple["Explanation", ...] = ()

    @property
    def first_failure(self) -> "Explanation | None":
        """The first clause that decided against the rule, as deep down as it can be named; None if the rule holds."""
        if self.holds:
            return None
        failures = [part.first_failure for part in self.parts if not part.holds]
        return next((failure for failure in failures if failure), self)


def explain(query: Query, story: Fields) -> Explanation:
    """Holds each clause of a query against a story."""
    return _explain(query, Matcher.of(query).view(story), Sheet(story), TEXT)


def _explain(query: Query, view: View, sheet: Sheet, scope: str) -> Explanation:
    holds = places.holds(query, view, scope)
    inner = query.field if isinstance(query, In) else scope
    parts = tuple(_explain(part, view, sheet, inner) for part in _clauses(query))
    return Explanation(
        clause=written(query),
        holds=holds,
        why=_why(query, holds, view, scope),
        spans=sheet.spans(query.part if isinstance(query, Not) else query, view, scope),
        parts=parts,
    )


def _clauses(query: Query) -> tuple[Query, ...]:
    """The parts that can be judged by themselves. A NOT's cannot: that its part fails is no failure of the rule."""
    match query:
        case And(parts):
            return parts
        case Or(parts) if not has_places(query):
            return parts
        case In(_, part):
            return (part,)
        case _:
            return ()


def _why(query: Query, holds: bool, view: View, scope: str) -> str:
    where = _where(scope)
    match query:
        case And(parts):
            return "all of it holds" if holds else f"{_failing(parts, view, scope)} of {len(parts)} clauses fail"
        case Or():
            return "one of its parts holds" if holds else f"none of them stands in {where}"
        case Not(part):
            return f"{written(part)} does not stand in {where}" if holds else f"{written(part)} stands in {where}"
        case In(field, _):
            return f"it holds in {_where(field)}" if holds else f"it does not hold in {_where(field)}"
        case AtLeast(times, part):
            return f"stands {len(places.places(part, view, scope))} times in {where}; {times} are asked for"
        case Near() | Slop() if not holds:
            return _why_not_near(query, view, scope)
        case Term() | Near() | Slop():
            return f"stands in {where}" if holds else f"does not stand in {where}"


def _failing(parts: tuple[Query, ...], view: View, scope: str) -> int:
    return sum(not places.holds(part, view, scope) for part in parts)


def _why_not_near(query: Near | Slop, view: View, scope: str) -> str:
    """Whether the words are missing, or there and too far apart."""
    sides: tuple[Query, ...] = (query.left, query.right) if isinstance(query, Near) else tuple(map(single, query.words))
    missing = [written(side) for side in sides if not places.places(side, view, scope)]
    if missing:
        return f"{missing[0]} does not stand in {_where(scope)}"
    far = query.within if isinstance(query, Near) else query.extra
    order = ", in this order" if isinstance(query, Near) and query.ordered else ""
    return f"all of it stands in {_where(scope)}, but nowhere with at most {far} words between{order}"


def _where(scope: str) -> str:
    if scope in FACT_FIELDS:
        return f"the story's {scope}"
    return {TEXT: "the story", "title": "the title", "lead": "the lead", "body": "the body"}[scope]
