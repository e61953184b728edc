"""What a query is made of, as frozen values, and how each is written."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

EXACT, PREFIX, PATTERN, CASE, STEM = "exact", "prefix", "pattern", "case", "stem"
# Where words stand: in the story's own text, and in what is said about it.
TEXT = "text"
TEXT_FIELDS = ("title", "lead", "body")
FACT_FIELDS = ("source", "author", "lang", "url", "tag", "feed")


class Word(NamedTuple):
    """One word as a query means it: a folded form, a beginning, a pattern with `?`, a stem, or letters as written."""

    text: str
    kind: str = EXACT


class Term(NamedTuple):
    """One word, or several that must follow each other."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Slop:
    """All these words in any order, in a run that holds at most `extra` other words."""

    words: tuple[Word, ...]
    extra: int


@dataclass(frozen=True, slots=True)
class Near:
    """Left and right with at most `within` words between them; `ordered` wants left first."""

    left: "Query"
    right: "Query"
    within: int
    ordered: bool


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A part that stands in the story that many times."""

    times: int
    part: "Query"


@dataclass(frozen=True, slots=True)
class In:
    """A part that is looked for in one field only."""

    field: str
    part: "Query"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Query", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Query", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Query"


Query = Term | Slop | Near | AtLeast | In | And | Or | Not


def run_of(scope: str) -> str:
    """The run of words a field is part of: title, lead and body are one, each fact is its own."""
    return scope if scope in FACT_FIELDS else TEXT


def single(word: Word) -> Term:
    """A word by itself."""
    return Term((word,))


def terms(query: Query, scope: str = TEXT) -> Iterator[tuple[str, Term]]:
    """Everything that must be looked up to decide a query: (run, term), repeated where the query repeats it."""
    match query:
        case Term():
            yield run_of(scope), query
        case Slop(words):
            for word in words:
                yield run_of(scope), single(word)
        case In(field, part):
            yield from terms(part, field)
        case Not(part) | AtLeast(_, part):
            yield from terms(part, scope)
        case Near(left, right):
            yield from terms(left, scope)
            yield from terms(right, scope)
        case And(parts) | Or(parts):
            for part in parts:
                yield from terms(part, scope)


def is_positive(query: Query) -> bool:
    """Whether a story must hold something to match: without it every other story on earth would."""
    match query:
        case And(parts):
            return any(map(is_positive, parts))
        case Or(parts):
            return all(map(is_positive, parts))
        case Not():
            return False
        case In(_, part):
            return is_positive(part)
        case Term() | Slop() | Near() | AtLeast():
            return True


def has_places(query: Query) -> bool:
    """Whether a part stands at places that can be counted and compared: words, phrases, OR and NEAR of them."""
    match query:
        case Term() | Slop() | Near():
            return True
        case Or(parts):
            return all(map(has_places, parts))
        case _:
            return False


def written(query: Query) -> str:
    """A part of a query as a person would type it."""
    match query:
        case Term(words):
            return _quoted(words)
        case Slop(words, extra):
            return f'"{" ".join(word.text for word in words)}"~{extra}'
        case Near(left, right, within, ordered):
            return f"{written(left)} {'ONEAR' if ordered else 'NEAR'}/{within} {written(right)}"
        case AtLeast(times, part):
            return f"ATLEAST/{times} {written(part)}"
        case In(field, part):
            return f"{field}:{written(part)}"
        case And(parts):
            return f"({' AND '.join(map(written, parts))})"
        case Or(parts):
            return f"({' OR '.join(map(written, parts))})"
        case Not(part):
            return f"NOT {written(part)}"


def _quoted(words: tuple[Word, ...]) -> str:
    text = " ".join(f"{word.text}*" if word.kind == PREFIX else word.text for word in words)
    modifier = f"{words[0].kind}:" if words[0].kind in (CASE, STEM) else ""
    return f'{modifier}"{text}"' if len(words) > 1 else f"{modifier}{text}"
