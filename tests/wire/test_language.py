"""docs/LANGUAGE.md, row by row: what is written there is so."""

import html
import re
from pathlib import Path

import pytest

from wire.clauses import Word
from wire.errors import QueryError
from wire.hints import hints
from wire.matcher import Matcher
from wire.query import DEEPEST, LONGEST, parse
from wire.story import Fields

TEXT = (Path(__file__).parents[2] / "docs" / "LANGUAGE.md").read_text(encoding="utf-8")
LISTS = {"zelensky": ["Zelensky", "Zelenskyy", "Zelenskiy"]}


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading; a query is what stands between its backticks."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [[row[0].strip("`"), *map(html.unescape, row[1:])] for row in rows]


def met(query: str, story: Fields) -> bool:
    return Matcher([(1, query)], LISTS).met(story) == [1]


@pytest.mark.parametrize(("query", "meets", "not_meets"), [*table("What it says, by example"), *table("Spellings")])
def test_a_query_meets_what_the_table_says(query: str, meets: str, not_meets: str) -> None:
    assert met(query, Fields("", meets))
    assert met(query, Fields(meets, ""))
    assert not met(query, Fields("", not_meets))


@pytest.mark.parametrize(("query", "_where", "meets"), table("Where it looks"))
def test_a_field_is_looked_at_alone(query: str, _where: str, meets: str) -> None:
    name = query.split(":", maxsplit=1)[0]
    field = {"lead": "text", "body": "text"}.get(name, name)
    empty = {"title": "", "text": ""}
    assert met(query, Fields(**(empty | {field: meets})))
    other = "text" if field != "text" else "title"
    assert not met(query, Fields(**(empty | {other: meets})))


@pytest.mark.parametrize(("query", "at", "says"), table("What is refused"))
def test_a_refusal_says_why_and_where(query: str, at: str, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(query, LISTS)
    assert str(caught.value) == says
    assert caught.value.position == int(at)
    assert caught.value.query == query


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("a" * (LONGEST + 1), "4,001 characters"),
        ("(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1), "nested more than 50"),
        ("a OR b AND c", "side by side"),
        ("a NOT b OR c", "side by side"),
        ("a OR NOT b", "at least one thing"),
        ("title:(NOT a)", "at least one thing"),
        ("OR b", "OR needs a word"),
        ("a NEAR/3", "stops where a word"),
        ("a *", "three letters"),
        ('a ""', "no letter or digit"),
    ],
)
def test_other_refusals_too(query: str, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        parse(query, LISTS)


@pytest.mark.parametrize(("query", "at", "says"), table("What is remarked"))
def test_a_hint_is_given(query: str, at: str, says: str) -> None:
    (hint,) = hints(query, parse(query), lambda _: 0.0)
    assert (hint.text, hint.position) == (says, int(at))


def test_however_many_capitals_there_are_few_are_looked_up() -> None:
    asked: list[Word] = []

    def share(word: Word) -> float:
        asked.append(word)
        return 0.0

    query = " ".join(f"{first}{second}" for first in "ABCDEFGH" for second in "KLMNPQRS")
    assert len(hints(f"{query} {query}", parse(f"{query} {query}"), share)) == 5
    assert len(asked) == 2 * 5 + 20


@pytest.mark.parametrize("query", ['"rock or roll" AND band', "a AND b", 'drones OR (UK AND "or")', "NASAs"])
def test_no_hint_where_none_is_due(query: str) -> None:
    assert [hint for hint in hints(query, parse(query), lambda _: 0.0) if "also meets" not in hint.text] == []


def test_a_common_word_is_pointed_out() -> None:
    (hint,) = hints("government", parse("government"), lambda _: 0.2)
    assert "stands in 20% of the stored stories" in hint.text
