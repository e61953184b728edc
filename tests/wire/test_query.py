"""The clauses a query becomes; what each means is in test_language and test_matcher."""

import pytest

from wire.clauses import And, AtLeast, In, Near, Not, Or, Query, Slop, Term, Word, written
from wire.query import lists_called, parse


def term(*words: str, kind: str = "exact") -> Term:
    return Term(tuple(Word(word, kind) for word in words))


@pytest.mark.parametrize(
    ("query", "parsed"),
    [
        ("Fastiv", term("fastiv")),
        ("«nuclear plant»", term("nuclear", "plant")),
        ("a b", And((term("a"), term("b")))),
        ("a OR b OR c", Or((term("a"), term("b"), term("c")))),
        ("a AND NOT b", And((term("a"), Not(term("b"))))),
        ("(a b) OR c", Or((And((term("a"), term("b"))), term("c")))),
        ("((a))", term("a")),
        ("a NEAR/3 b ONEAR/2 c", Near(Near(term("a"), term("b"), 3, False), term("c"), 2, True)),
        ("-a NEAR/3 b c", And((Not(Near(term("a"), term("b"), 3, False)), term("c")))),
        ('"b a"~4', Slop((Word("b"), Word("a")), 4)),
        ('"a"~4', term("a")),
        ("ATLEAST/2 a b", And((AtLeast(2, term("a")), term("b")))),
        ("title:a b", And((In("title", term("a")), term("b")))),
        ("title: a", And((term("title"), term("a")))),
        ("case:US", term("US", kind="case")),
        ("stem:mergers", term("merger", kind="stem")),
        ("anti-corrupt*", Term((Word("anti"), Word("corrupt", "prefix")))),
        ("wom?n", term("wom?n", kind="pattern")),
        ("what?", term("what")),
        ("10:30", term("10", "30")),
        ("https://example.org/a", term("https", "example", "org", "a")),
        ("Fastiv:", term("fastiv")),
        ("list:one", term("x", "y")),
        ("list:two a", And((Or((term("x"), term("y"))), term("a")))),
        ("Title:a b", And((In("title", term("a")), term("b")))),
        ("Fastiv:a", term("fastiv", "a")),
        ("a OR“b”", Or((term("a"), term("b")))),
        ("x" * 300, term("x" * 200)),
    ],
)
def test_a_query_is_read(query: str, parsed: Query) -> None:
    assert parse(query, {"one": ["x y"], "two": ["x", "y"]}) == parsed


@pytest.mark.parametrize(
    "query",
    ["a", '"a b"', "(a AND NOT (b OR c))", "oil ONEAR/2 (price OR cost)", 'title:"power grid*"', "ATLEAST/3 (a OR b)",
     '"a b"~5', "case:US", 'case:"Business Objects"', "merg*", "wom?n*"],
)  # fmt: skip
def test_what_is_written_back_is_read_the_same(query: str) -> None:
    assert written(parse(query)) == query
    assert parse(written(parse(query))) == parse(query)


def test_the_lists_a_query_calls_are_known() -> None:
    assert lists_called('list:one AND (b OR list:two) AND "list:three"') == {"one", "two"}
