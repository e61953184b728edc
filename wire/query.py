"""The rule language: from what an analyst types to a tree that can be matched.

    either = all { "OR" all }            AND and OR at one level need parentheses
    all    = maybe { ["AND"] maybe }     a blank means AND
    maybe  = [ "NOT" | "-" ] term
    term   = word | '"' words '"' | "(" either ")"

Operators are in capitals, so that "and" inside a name stays a word. A word with a hyphen or apostrophe is a phrase.
Every refusal is a sentence with the place where reading stopped.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wire.errors import QueryError
from wire.text import words

# A rule longer than this was pasted by mistake; deeper than this nobody can read. Both bound the work of a match.
LONGEST = 4_000
DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Term:
    """One word, or several that must follow each other, folded."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Query", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Query", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Query"


Query = Term | And | Or | Not


@dataclass(frozen=True, slots=True)
class _Lexeme:
    kind: str  # word, phrase, (, ), AND, OR, NOT, -, end
    text: str
    position: int


_QUOTES = '"“”„«»'
_LEXEME = re.compile(rf"\s*(?:([()])|([{_QUOTES}])|(-)(?=\S)|([^\s(){_QUOTES}]+))")
_CLOSING = re.compile(f"[{_QUOTES}]")


def parse(query: str) -> Query:
    """The tree of a query. Raises QueryError with a sentence and the position of the trouble."""
    try:
        return _parse(query)
    except QueryError as error:
        raise QueryError(str(error), error.position, query) from None


def _parse(query: str) -> Query:
    if len(query) > LONGEST:
        raise QueryError(f"The query is {len(query):,} characters long; at most {LONGEST:,} can be read.", LONGEST)
    tree = _Parser(list(_lexemes(query))).whole()
    if not _has_positive(tree):
        raise QueryError("Say at least one thing a story must hold; this query only says what it must not.", 0)
    return tree


def _lexemes(query: str) -> Iterator[_Lexeme]:
    place = 0
    while found := _LEXEME.match(query, place):
        bracket, quote, minus, word = found.groups()
        start = found.start(found.lastindex or 0)
        place = found.end()
        if quote:
            closing = _CLOSING.search(query, place)
            if not closing:
                raise QueryError("These quotes are never closed. Add the second quote.", start)
            yield _Lexeme("phrase", query[place : closing.start()], start)
            place = closing.end()
        elif word:
            yield _Lexeme(word if word in ("AND", "OR", "NOT") else "word", word, start)
        else:
            yield _Lexeme(bracket or minus, found.group().strip(), start)
    yield _Lexeme("end", "", len(query))


class _Parser:
    """Recursive descent; each method reads one line of the grammar above."""

    def __init__(self, lexemes: list[_Lexeme]) -> None:
        self._lexemes = lexemes
        self._place = 0
        self._depth = 0

    @property
    def _next(self) -> _Lexeme:
        return self._lexemes[self._place]

    def _take(self, *kinds: str) -> _Lexeme | None:
        lexeme = self._next
        if lexeme.kind not in kinds:
            return None
        self._place += 1
        return lexeme

    def whole(self) -> Query:
        if self._next.kind == "end":
            raise QueryError("The query is empty. Type a word, or a phrase in quotes.", 0)
        tree = self._either()
        if closing := self._take(")"):
            raise QueryError("This bracket closes nothing. Remove it or open one before it.", closing.position)
        return tree

    def _either(self) -> Query:
        first, joined = self._all()
        parts = [first]
        while operator := self._take("OR"):
            part, also_joined = self._all()
            parts.append(part)
            joined = joined or also_joined
            if joined:
                raise QueryError(_MIXED, operator.position)
        return Or(tuple(parts)) if len(parts) > 1 else first

    def _all(self) -> tuple[Query, bool]:
        """What stands between two ORs, and whether an AND (written or a blank) joins it outside brackets."""
        parts = [self._maybe()]
        while self._next.kind not in ("OR", ")", "end"):
            self._take("AND")
            parts.append(self._maybe())
        return (And(tuple(parts)), True) if len(parts) > 1 else (parts[0], False)

    def _maybe(self) -> Query:
        if self._take("NOT", "-"):
            return Not(self._maybe_bounded(self._maybe))
        return self._term()

    def _term(self) -> Query:
        lexeme = self._next
        if word := self._take("word", "phrase"):
            return _term(word)
        if opening := self._take("("):
            tree = self._maybe_bounded(self._either)
            if not self._take(")"):
                raise QueryError("This bracket is never closed. Add the closing one.", opening.position)
            return tree
        raise QueryError(_missing(lexeme), lexeme.position)

    def _maybe_bounded(self, read: Callable[[], Query]) -> Query:
        self._depth += 1
        if self._depth > DEEPEST:
            raise QueryError(f"The query is nested more than {DEEPEST} deep.", self._next.position)
        tree = read()
        self._depth -= 1
        return tree


_MIXED = (
    "AND and OR stand side by side (a blank is an AND), which can be read in two ways. "
    "Write (a OR b) AND c, or a OR (b AND c)."
)


def _term(lexeme: _Lexeme) -> Term:
    found = tuple(words(lexeme.text))
    if not found:
        raise QueryError(f"There is no letter or digit in {lexeme.text!r} to look for.", lexeme.position)
    return Term(found)


def _missing(lexeme: _Lexeme) -> str:
    if lexeme.kind == "end":
        return "The query stops where a word should follow."
    if lexeme.kind == ")":
        return "There is nothing between these brackets, or a word is missing before this one."
    return f"{lexeme.text} needs a word on both sides. To look for the word itself, put it in quotes."


def _has_positive(query: Query) -> bool:
    """Whether a story must hold something to match: without it every other story on earth would."""
    match query:
        case Term():
            return True
        case And(parts):
            return any(map(_has_positive, parts))
        case Or(parts):
            return all(map(_has_positive, parts))
        case Not():
            return False
