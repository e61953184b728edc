"""The rule language: from what an analyst types to clauses that can be matched.

    either = all { "OR" all }                        AND and OR at one level need brackets
    all    = maybe { ["AND"] maybe }                 a blank means AND
    maybe  = [ "NOT" | "-" ] near
    near   = item { ("NEAR/"n | "ONEAR/"n) item }    at most n words between; ONEAR wants the order
    item   = field ":" item | "ATLEAST/"n item | "(" either ")" | phrase | word
    phrase = '"' words '"' [ "~" n ]                 ~n: in any order, with at most n other words among them
    field  = title lead body source author lang url tag feed, or case stem list

Operators are in capitals, so that "and" inside a name stays a word. A word with a hyphen or apostrophe is a phrase.
`*` ends a word of three letters or more, `?` stands for one letter after three. Every refusal is a sentence with the
place where reading stopped. docs/LANGUAGE.md shows each operator with examples that a test runs.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from wire.clauses import (
    CASE,
    FACT_FIELDS,
    PATTERN,
    PREFIX,
    STEM,
    TEXT_FIELDS,
    And,
    AtLeast,
    In,
    Near,
    Not,
    Or,
    Query,
    Slop,
    Term,
    Word,
    has_places,
    is_positive,
)
from wire.errors import QueryError
from wire.text import Reading, as_written, fold, stem, words

# A rule longer than this was pasted by mistake; deeper than this nobody can read. Both bound the work of a match.
LONGEST = 4_000
DEEPEST = 50
# Words further apart than this have nothing to do with each other; the engine's gap between title and body is larger.
FARTHEST = 100
# `a*` would look up half the dictionary for every word of every story.
FEWEST_LETTERS = 3

FIELDS = (*TEXT_FIELDS, *FACT_FIELDS)
MODIFIERS = (CASE, STEM, "list")
Lists = Mapping[str, Sequence[str]]

# A letter of Old Church Slavonic that no query holds: it stands for `?` while a word is cut and folded.
_ANY_LETTER = "ꙮ"
_QUOTES = '"“”„«»'
_LEXEME = re.compile(
    rf"""\s*(?:
        [{_QUOTES}](?P<phrase>[^{_QUOTES}]*)[{_QUOTES}](?:~(?P<slop>\d*))?
      | (?P<bracket>[()])
      | (?P<quote>[{_QUOTES}])
      | (?P<minus>-)(?=[^\s)])
      | (?P<operator>(?:(?:AND|OR|NOT)|(?:O?NEAR|ATLEAST)(?:/\d+)?)(?=[\s(){_QUOTES}]|$))
      | (?P<field>(?i:{"|".join((*FIELDS, *MODIFIERS))})|[a-z]++):(?=[^\s/])
      | (?P<word>[^\s(){_QUOTES}]+)
    )""",
    re.VERBOSE,
)
_ONE_TERM = re.compile(
    r"(?!AND$|OR$|NOT$|O?NEAR$|ATLEAST$)([A-Za-z0-9]{1,99})"
    r'|"([A-Za-z0-9]{1,99}(?: [A-Za-z0-9]{1,99}){0,9})"'
)
# Rules share their words: made once, they take less room and less time.
_exact = lru_cache(maxsize=200_000)(Word)
_ANY_QUOTE = re.compile(f"[{_QUOTES}]")


class _Lexeme(NamedTuple):
    kind: str  # word, phrase, field, (, ), AND, OR, NOT, NEAR, ONEAR, ATLEAST, end
    text: str
    position: int
    number: int | None = None


def parse(query: str, lists: Lists | None = None) -> Query:
    """The clauses of a query. `lists` gives the spellings behind `list:name`.

    Raises QueryError with a sentence and the position of the trouble.
    """
    if found := _ONE_TERM.fullmatch(query):  # half of all rules; the grammar says the same, five times as slowly
        word, phrase = found.groups()
        return Term(tuple(map(_exact, (word or phrase).lower().split())))
    try:
        return _parse(query, lists or {})
    except QueryError as error:
        raise QueryError(str(error), error.position, query) from None


def lists_called(query: str) -> set[str]:
    """The names of the lists a query calls."""
    lexemes = _lexemes(query)
    called = (after.text for field, after in pairwise(lexemes) if field.kind == "field" and field.text == "list")
    return set(called)


def is_spelling(text: str) -> bool:
    """Whether a text can stand in a list: one or more words."""
    try:
        _words(_Lexeme("phrase", text, 0))
    except QueryError:
        return False
    return not _ANY_QUOTE.search(text)


def _parse(query: str, lists: Lists) -> Query:
    if len(query) > LONGEST:
        raise QueryError(f"The query is {len(query):,} characters long; at most {LONGEST:,} can be read.", LONGEST)
    parser = _Parser(_lexemes(query), lists)
    parsed = parser.whole()
    if parser.negates and not is_positive(parsed):
        raise QueryError("Say at least one thing a story must hold; this query only says what it must not.", 0)
    return parsed


def _lexemes(query: str) -> list[_Lexeme]:
    lexemes = []
    for found in _LEXEME.finditer(query):  # nothing but blanks lies between two lexemes
        kind, index = found.lastgroup or "", found.lastindex or 0
        text, start, number = found[index], found.start(index), None
        if kind == "word":
            _refuse_look_alike(text, start)
        elif kind == "field":
            text = text.lower()
        elif kind == "operator":
            kind, _, digits = text.partition("/")
            number = int(digits) if digits else None
        elif kind == "phrase":
            start -= 1
        elif kind == "slop":
            kind, start, number = "phrase", found.start("phrase") - 1, _slop(text, start - 1)
            text = found["phrase"]
        elif kind == "minus":
            kind = "NOT"
        elif kind == "bracket":
            kind = text
        elif kind == "quote":
            raise QueryError("These quotes are never closed. Add the second quote.", start)
        lexemes.append(_Lexeme(kind, text, start, number))
    lexemes.append(_Lexeme("end", "", len(query)))
    return lexemes


def _refuse_look_alike(word: str, position: int) -> None:
    """What is nearly an operator would be looked for as a word, which nobody means."""
    if word.rstrip("/") != word and word[:-1] in ("NEAR", "ONEAR", "ATLEAST"):
        raise QueryError(f"The number stands right behind the stroke, as in {word}5.", position)
    if word[0] == "~" and word[1:].isdecimal():
        raise QueryError('The ~ stands right behind the quote, as in "oil price"~5.', position)
    if word[0] == "!" and word.strip("!"):
        raise QueryError("To refuse a word write NOT or - before it; to look for it, put it in quotes.", position)


def _slop(number: str, position: int) -> int:
    if not number:
        raise QueryError('Say how far apart after the ~, as in "oil price"~5.', position)
    return int(number)


class _Parser:
    """Recursive descent; each method reads one line of the grammar above."""

    def __init__(self, lexemes: list[_Lexeme], lists: Lists) -> None:
        self._lexemes = lexemes
        self._lists = lists
        self._place = 0
        self._depth = 0
        self._field = ""
        self.negates = False

    @property
    def _next(self) -> _Lexeme:
        return self._lexemes[self._place]

    def _take(self, *kinds: str) -> _Lexeme | None:
        lexeme = self._lexemes[self._place]
        if lexeme.kind not in kinds:
            return None
        self._place += 1
        return lexeme

    def whole(self) -> Query:
        if self._next.kind == "end":
            raise QueryError("The query is empty. Type a word, or a phrase in quotes.", 0)
        parsed = self._either()
        if closing := self._take(")"):
            raise QueryError("This bracket closes nothing. Remove it or open one before it.", closing.position)
        return parsed

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
        while self._lexemes[self._place].kind not in ("OR", ")", "end"):
            self._take("AND")
            parts.append(self._maybe())
        return (And(tuple(parts)), True) if len(parts) > 1 else (parts[0], False)

    def _maybe(self) -> Query:
        if self._lexemes[self._place].kind != "NOT":
            return self._near()
        self._place += 1
        self.negates = True
        return Not(self._near())

    def _near(self) -> Query:
        left = self._item()
        while (operator := self._lexemes[self._place]).kind in ("NEAR", "ONEAR"):
            self._place += 1
            within = _number(operator, f"Say how near, as in {operator.kind}/5.")
            right = self._item()
            if not (has_places(left) and has_places(right)):
                raise QueryError(_NEAR_WHAT, operator.position)
            left = Near(left, right, within, operator.kind == "ONEAR")
        return left

    def _item(self) -> Query:
        lexeme = self._lexemes[self._place]
        if lexeme.kind in ("word", "phrase"):
            self._place += 1
            return _words(lexeme)
        if self._take("field"):
            return self._deeper(lambda: self._of_field(lexeme))
        if self._take("ATLEAST"):
            return self._deeper(lambda: self._at_least(lexeme))
        if self._take("("):
            return self._deeper(lambda: self._bracketed(lexeme))
        raise QueryError(_missing(lexeme), lexeme.position)

    def _bracketed(self, opening: _Lexeme) -> Query:
        parsed = self._either()
        if not self._take(")"):
            raise QueryError("This bracket is never closed. Add the closing one.", opening.position)
        return parsed

    def _at_least(self, operator: _Lexeme) -> Query:
        times = _number(operator, "Say how often, as in ATLEAST/3 drones.")
        part = self._item()
        if not has_places(part):
            raise QueryError("ATLEAST counts a word, a phrase, or (a OR b), nothing else.", operator.position)
        return AtLeast(times, part)

    def _of_field(self, lexeme: _Lexeme) -> Query:
        if lexeme.text in (CASE, STEM):
            return self._modified(lexeme)
        if lexeme.text == "list":
            return self._listed(lexeme)
        if lexeme.text not in FIELDS:
            known = ", ".join((*FIELDS, *MODIFIERS))
            said = f"There is no field “{lexeme.text}”. There are {known}; or put it in quotes."
            raise QueryError(said, lexeme.position)
        if self._field:
            raise QueryError(f"“{lexeme.text}:” stands inside “{self._field}:”; one field at a time.", lexeme.position)
        self._field = lexeme.text
        part = self._item()
        self._field = ""
        return In(lexeme.text, part)

    def _modified(self, modifier: _Lexeme) -> Query:
        lexeme = self._take("word", "phrase")
        if not lexeme or lexeme.number is not None:
            raise QueryError(f"After “{modifier.text}:” there must be a word or a plain phrase.", modifier.position)
        if "*" in lexeme.text or "?" in lexeme.text.rstrip("?"):
            raise QueryError(f"After “{modifier.text}:” no * and no ? stands for letters.", lexeme.position)
        if modifier.text == CASE:
            found = tuple(Word(as_written(raw), CASE) for raw in Reading(lexeme.text).raws)
        else:
            found = tuple(Word(stem(word), STEM) for word in words(lexeme.text))
        return Term(_some(found, lexeme))

    def _listed(self, modifier: _Lexeme) -> Query:
        lexeme = self._take("word", "phrase")
        name = lexeme.text if lexeme else ""
        if name not in self._lists:
            there = ", ".join(sorted(self._lists)) or "none yet; `wirewatch lists set NAME SPELLING…` makes one"
            raise QueryError(f"There is no list “{name}”. There are: {there}.", modifier.position)
        spellings = tuple(_words(_Lexeme("phrase", spelling, modifier.position)) for spelling in self._lists[name])
        return Or(spellings) if len(spellings) > 1 else spellings[0]

    def _deeper(self, read: Callable[[], Query]) -> Query:
        self._depth += 1
        if self._depth > DEEPEST:
            raise QueryError(f"The query is nested more than {DEEPEST} deep.", self._next.position)
        parsed = read()
        self._depth -= 1
        return parsed


_MIXED = (
    "AND and OR stand side by side (a blank is an AND), which can be read in two ways. "
    "Write (a OR b) AND c, or a OR (b AND c)."
)
_NEAR_WHAT = "NEAR stands between words, phrases and (a OR b), not over AND, NOT, ATLEAST or fields."


def _words(lexeme: _Lexeme) -> Query:
    """The term of a word or phrase; a word cut by hyphens or apostrophes is a phrase."""
    if lexeme.text.isascii() and lexeme.text.replace(" ", "").isalnum():
        found = tuple(map(_exact, map(fold, lexeme.text.split())))  # the common case, without a detour
    else:
        chunks = lexeme.text.split() if lexeme.kind == "phrase" else (lexeme.text,)
        found = _some(tuple([word for chunk in chunks for word in _cut(chunk, lexeme.position)]), lexeme)
    if lexeme.number is None:
        return Term(found)
    return Slop(found, _within(lexeme.number, lexeme.position)) if len(found) > 1 else Term(found)


def _cut(chunk: str, position: int) -> Iterator[Word]:
    """The words of a piece without blanks, wildcards and all. A `?` at the end is a question, not a wildcard."""
    chunk = chunk.rstrip("?")
    whole = chunk.rstrip("*")
    if "*" in whole:
        raise QueryError("A * ends a word; it cannot stand inside or before one.", position)
    folded = [fold(raw) for raw in Reading(whole.replace("?", _ANY_LETTER)).raws]
    folded = [text for text in folded if text]
    if len(whole) < len(chunk) and not folded:
        raise QueryError("A * needs at least three letters before it.", position)
    for number, text in enumerate(folded, 1):
        ends_in_star = number == len(folded) and len(whole) < len(chunk)
        yield _wild(text, position, star=ends_in_star)


def _wild(text: str, position: int, *, star: bool) -> Word:
    if (star or _ANY_LETTER in text) and len(text.partition(_ANY_LETTER)[0]) < FEWEST_LETTERS:
        sign = "*" if star else "?"
        raise QueryError(f"A {sign} needs at least three letters before it.", position)
    if _ANY_LETTER in text:
        return Word(text.replace(_ANY_LETTER, "?") + ("*" if star else ""), PATTERN)
    return Word(text, PREFIX) if star else Word(text)


def _some(found: tuple[Word, ...], lexeme: _Lexeme) -> tuple[Word, ...]:
    if not found:
        raise QueryError(f"There is no letter or digit in “{lexeme.text}” to look for.", lexeme.position)
    return found


def _number(operator: _Lexeme, advice: str) -> int:
    if operator.number is None:
        raise QueryError(advice, operator.position)
    return _within(operator.number, operator.position)


def _within(number: int, position: int) -> int:
    if not 1 <= number <= FARTHEST:
        raise QueryError(f"The number must be from 1 to {FARTHEST}.", position)
    return number


def _missing(lexeme: _Lexeme) -> str:
    if lexeme.kind == "end":
        return "The query stops where a word should follow."
    if lexeme.kind == ")":
        return "There is nothing between these brackets, or a word is missing before this one."
    return f"{lexeme.text} needs a word on both sides. To look for the word itself, put it in quotes."
