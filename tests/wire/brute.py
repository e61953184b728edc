"""The rule language by its definition, slow and plain, to hold the engine against. Shares nothing with it but the
clauses and the words' spellings: every place is found by looking at every run of words."""

import re
from collections import Counter
from functools import cache

from wire.clauses import And, AtLeast, In, Near, Not, Or, Query, Slop, Term, Word
from wire.story import Fields
from wire.text import Reading, as_written, forms, stem

Place = tuple[str, int, int]


class Story:
    """Each field as runs of words as written: one, or one for each value of a fact; the lead is the body's first sixty."""

    def __init__(self, fields: Fields) -> None:
        names = ("source", "author", "lang", "url", "tag", "feed")
        self.found: dict[tuple[str, Query], set[Place]] = {}
        self.title, self.text = Reading(fields.title).raws, Reading(fields.text).raws
        self.facts = {name: [Reading(value).raws for value in getattr(fields, name).split("\n")] for name in names}

    def runs(self, scope: str) -> list[tuple[str, list[str]]]:
        if scope == "default":
            return [("title", self.title), ("text", self.text)]
        if scope == "title":
            return [("title", self.title)]
        if scope == "body":
            return [("text", self.text)]
        if scope == "lead":
            return [("text", self.text[:60])]
        return [(f"{scope} {number}", run) for number, run in enumerate(self.facts[scope])]


@cache
def is_word(raw: str, word: Word) -> bool:
    match word.kind:
        case "exact":
            return word.text in forms(raw)
        case "prefix":
            return any(form.startswith(word.text) for form in forms(raw))
        case "pattern":
            pattern = "".join("." if sign == "?" else ".*" if sign == "*" else re.escape(sign) for sign in word.text)
            return any(re.fullmatch(pattern, form, re.DOTALL) for form in forms(raw))
        case "case":
            return as_written(raw) == word.text
        case _:
            return any(stem(form) == word.text for form in forms(raw))


def places(query: Query, story: Story, scope: str) -> set[Place]:
    """Looked for once a story: rules share many of their parts."""
    if (scope, query) not in story.found:
        story.found[scope, query] = _places(query, story, scope)
    return story.found[scope, query]


def _places(query: Query, story: Story, scope: str) -> set[Place]:
    match query:
        case Term(words):
            return {
                (name, start, start + len(words) - 1)
                for name, run in story.runs(scope)
                for start in range(len(run) - len(words) + 1)
                if all(is_word(run[start + step], word) for step, word in enumerate(words))
            }
        case Slop(words, extra):
            found = {
                (name, start, end)
                for name, run in story.runs(scope)
                for counts in [[([is_word(raw, word) for raw in run], times) for word, times in Counter(words).items()]]
                for start in range(len(run))
                for end in range(start, min(len(run), start + len(words) + extra))
                if all(sum(fits[start : end + 1]) >= times for fits, times in counts)
            }
            return {
                (name, start, end)
                for name, start, end in found
                if (name, start + 1, end) not in found and (name, start, end - 1) not in found
            }
        case Or(parts):
            return set().union(*(places(part, story, scope) for part in parts))
        case Near(left, right, within, ordered):
            return {
                (a[0], min(a[1], b[1]), max(a[2], b[2]))
                for a in places(left, story, scope)
                for b in places(right, story, scope)
                if a[0] == b[0] and (0 <= b[1] - a[2] - 1 <= within or (not ordered and 0 <= a[1] - b[2] - 1 <= within))
            }
        case _:
            raise TypeError(query)


def holds(query: Query, story: Story, scope: str = "default") -> bool:
    match query:
        case And(parts):
            return all(holds(part, story, scope) for part in parts)
        case Or(parts):
            return any(holds(part, story, scope) for part in parts)
        case Not(part):
            return not holds(part, story, scope)
        case In(field, part):
            return holds(part, story, field)
        case AtLeast(times, part):
            return len(places(part, story, scope)) >= times
        case _:
            return bool(places(query, story, scope))
