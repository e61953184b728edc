import pytest

from wire.errors import QueryError
from wire.query import And, Not, Or, Term, parse


def term(*words: str) -> Term:
    return Term(words)


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("Fastiv", term("fastiv")),
        ('"nuclear plant"', term("nuclear", "plant")),
        ("“nuclear plant”", term("nuclear", "plant")),
        ("«nuclear plant»", term("nuclear", "plant")),
        ("Coca-Cola", term("coca", "cola")),
        ("a b", And((term("a"), term("b")))),
        ("a AND b", And((term("a"), term("b")))),
        ("a OR b OR c", Or((term("a"), term("b"), term("c")))),
        ("a NOT b", And((term("a"), Not(term("b"))))),
        ("a -b", And((term("a"), Not(term("b"))))),
        ("a AND NOT b", And((term("a"), Not(term("b"))))),
        ("a -(b OR c)", And((term("a"), Not(Or((term("b"), term("c"))))))),
        ("(a b) OR c", Or((And((term("a"), term("b"))), term("c")))),
        ("rock and roll", And((term("rock"), term("and"), term("roll")))),
        ('"OR"', term("or")),
        ("((a))", term("a")),
    ],
)
def test_a_query_is_read(query: str, tree: object) -> None:
    assert parse(query) == tree


@pytest.mark.parametrize(
    ("query", "position", "says"),
    [
        ("", 0, "empty"),
        ("   ", 0, "empty"),
        ('drones "power grid', 7, "quotes are never closed"),
        ("a AND (b", 6, "bracket is never closed"),
        ("a AND b)", 7, "closes nothing"),
        ("()", 1, "nothing between"),
        ("a OR b c", 2, "side by side"),
        ("a b OR c", 4, "side by side"),
        ("a AND", 5, "stops where a word"),
        ("a AND OR b", 6, "OR needs a word"),
        ("OR b", 0, "OR needs a word"),
        ("NOT a", 0, "at least one thing"),
        ("-a -b", 0, "at least one thing"),
        ("a OR NOT b", 0, "at least one thing"),
        ("!!!", 0, "no letter or digit"),
        ('a ""', 2, "no letter or digit"),
        ("(" * 60 + "a" + ")" * 60, 51, "nested more than 50"),
        ("a" * 4_001, 4_000, "4,001 characters"),
    ],
)
def test_a_query_that_cannot_be_read_says_why_and_where(query: str, position: int, says: str) -> None:
    with pytest.raises(QueryError, match=says) as caught:
        parse(query)
    assert caught.value.position == position
    assert caught.value.query == query
