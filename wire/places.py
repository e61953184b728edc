"""Where the parts of a query stand in a story, and by that whether it holds. The exact meaning of the language.

A story is runs of words: its title and body are one run with a gap between, so that nothing spans both; each fact
about it (source, author, …) is a run of its own. A place is (first word, last word), counted in its run.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate, islice

from wire.clauses import TEXT, And, AtLeast, In, Near, Not, Or, Query, Slop, Term, Word, run_of, single

# Wider than any NEAR or ~ may reach.
GAP = 1_000
# A lead says what a story is about (Factiva's first words, Meltwater's ingress).
LEAD_WORDS = 60
# Where a story says the same words over and over, so many of their pairs count: more tell nobody anything.
_MOST_PAIRS = 1_000

Place = tuple[int, int]


@dataclass(slots=True)
class View:
    """A story as a query sees it: where each term begins, by (run, term), and where the title ends."""

    begins: Callable[[str, Term], list[int]]
    title_words: int
    # What was found of each NEAR, which those around it ask for again.
    near: dict[tuple[int, str], list[Place]] = field(default_factory=dict)

    def within(self, scope: str, places: list[Place]) -> list[Place]:
        """Those of the places that lie in a field wholly."""
        body = self.title_words + GAP
        match scope:
            case "title":
                return [place for place in places if place[0] < self.title_words]
            case "body":
                return [place for place in places if place[0] >= body]
            case "lead":
                return [place for place in places if place[0] >= body and place[1] < body + LEAD_WORDS]
            case _:
                return places


def holds(query: Query, view: View, scope: str = TEXT) -> bool:
    """Whether a story meets a query."""
    match query:
        case And(parts):
            return all(holds(part, view, scope) for part in parts)
        case Or(parts):
            return any(holds(part, view, scope) for part in parts)
        case Not(part):
            return not holds(part, view, scope)
        case In(field, part):
            return holds(part, view, field)
        case AtLeast(times, part):
            return len(places(part, view, scope)) >= times
        case Near():
            return next(iter(pairs(query, view, scope)), None) is not None
        case _:
            return bool(places(query, view, scope))


def places(query: Query, view: View, scope: str = TEXT) -> list[Place]:
    """Where a word, a phrase, or an OR or NEAR of them stands: each place once, in order."""
    match query:
        case Term(words):
            length = len(words) - 1
            return view.within(scope, [(start, start + length) for start in view.begins(run_of(scope), query)])
        case Slop(words, extra):
            return _runs(words, len(words) + extra, view, scope)
        case Or(parts):
            return sorted({place for part in parts for place in places(part, view, scope)})
        case Near():
            found = view.near.get((id(query), scope))
            if found is None:
                found = sorted({_hull(pair) for pair in islice(pairs(query, view, scope), _MOST_PAIRS)})
                view.near[id(query), scope] = found
            return found
        case _:
            raise TypeError(f"{type(query).__name__} stands nowhere; the parser lets none here")


def pairs(near: Near, view: View, scope: str) -> Iterable[tuple[Place, Place]]:
    """The places of left and right that are near enough to each other and do not overlap."""
    lefts, rights = places(near.left, view, scope), places(near.right, view, scope)
    yield from _followed(lefts, rights, near.within)
    if not near.ordered:
        yield from ((left, right) for right, left in _followed(rights, lefts, near.within))


def _followed(firsts: list[Place], seconds: list[Place], within: int) -> Iterable[tuple[Place, Place]]:
    """Each first with the seconds that begin after it with at most that many words between."""
    starts = [start for start, _ in seconds]
    for first in firsts:
        for index in range(bisect_right(starts, first[1]), bisect_right(starts, first[1] + within + 1)):
            yield first, seconds[index]


def _hull(pair: tuple[Place, Place]) -> Place:
    return min(pair[0][0], pair[1][0]), max(pair[0][1], pair[1][1])


def _runs(words: tuple[Word, ...], longest: int, view: View, scope: str) -> list[Place]:
    """The shortest runs that hold all the words (one given twice: twice), if they are not too long.

    Each run begins and ends with a word that it needs: taking either away breaks it.
    """
    wanted = Counter(words)
    stands = {word: [start for start, _ in places(single(word), view, scope)] for word in wanted}
    if any(len(stands[word]) < times for word, times in wanted.items()):
        return []
    found: set[Place] = set()
    for start in sorted({start for starts in stands.values() for start in starts}):
        ends = [_nth(stands[word], start, times) for word, times in wanted.items()]
        if None not in ends:
            end = max(end for end in ends if end is not None)
            if end - start < longest:
                found.add((start, end))
    return sorted(run for run in found if not any(_inside(other, run) for other in found))


def _nth(starts: list[int], begin: int, times: int) -> int | None:
    """Where a word stands for the n-th time from a place on."""
    index = bisect_left(starts, begin) + times - 1
    return starts[index] if index < len(starts) else None


def _inside(inner: Place, outer: Place) -> bool:
    return inner != outer and outer[0] <= inner[0] and inner[1] <= outer[1]


def shown(query: Query, view: View, scope: str = TEXT) -> Iterable[tuple[str, Place]]:
    """The words that made a query hold, as (run, place): those of the branches that hold, none of what it refuses."""
    match query:
        case And(parts) | Or(parts):
            for part in parts:
                if holds(part, view, scope):
                    yield from shown(part, view, scope)
        case In(field, part):
            yield from shown(part, view, field)
        case AtLeast(_, part):
            yield from shown(part, view, scope)
        case Near():
            yield from _shown_near(query, view, scope)
        case Slop(words):
            runs = places(query, view, scope)
            for word in dict.fromkeys(words):
                yield from _only_in(runs, places(single(word), view, scope), scope)
        case Term():
            yield from ((run_of(scope), place) for place in places(query, view, scope))
        case Not():
            return


def _shown_near(near: Near, view: View, scope: str) -> Iterable[tuple[str, Place]]:
    """The words of both sides that lie in a place where they are near each other, however deep they were nested."""
    hulls = places(near, view, scope)
    for side in (near.left, near.right):
        yield from _only_in(hulls, [place for _, place in shown(side, view, scope)], scope)


def _only_in(outer: list[Place], inner: Iterable[Place], scope: str) -> Iterable[tuple[str, Place]]:
    """Those of the inner places that lie within one of the outer, which are in order."""
    starts = [start for start, _ in outer]
    farthest = list(accumulate((end for _, end in outer), max))
    for place in inner:
        before = bisect_right(starts, place[0])
        if before and place[1] <= farthest[before - 1]:
            yield run_of(scope), place
