import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.matcher import Matcher
from wire.query import And, Not, Or, Query, Term, parse
from wire.text import Reading, forms


def met(query: str, text: str, title: str = "") -> bool:
    return bool(Matcher([(1, query)]).match(title, text))


@pytest.mark.parametrize(
    ("query", "text", "meets"),
    [
        ("drones", "653 drones and 51 missiles", True),
        ("drone", "653 drones", False),
        ("ai", "rain and crisis", False),
        ('"nuclear plant"', "a nuclear power plant", False),
        ('"nuclear plant"', "the Nuclear\nPlant", True),
        ("Fastiv AND (drones OR missiles)", "drones over FASTIV", True),
        ("Fastiv AND (drones OR missiles)", "drones over Kyiv", False),
        ("apple NOT pie", "apple pie", False),
        ("apple NOT pie", "an apple a day", True),
        ("a AND (x OR (b NOT c))", "a b", True),
        ("a AND (x OR (b NOT c))", "a b c", False),
        ("zelensky", "Zelensky's words", True),
        ("Straße", "die STRASSE", True),
        ("L'Oréal", "an l’oreal shop", True),
        ("中国", "在中国的", True),
        ("لبنان", "أزمة بلبنان", True),
    ],
)
def test_a_rule_meets_what_it_says(query: str, text: str, *, meets: bool) -> None:
    assert met(query, text) is meets


def test_no_phrase_spans_title_and_text() -> None:
    assert not met('"power grid"', "grid failure", title="More power")
    assert met("power AND grid", "grid failure", title="More power")


def test_spans_are_the_words_as_they_stand() -> None:
    (match,) = Matcher([(7, 'Fastiv AND ("nuclear plant" OR drones) NOT tea')]).match(
        "Strike on FASTIV", "The nuclear  plant lost power; no coffee."
    )
    assert match.rule_id == 7
    assert [(span.field, span.words) for span in match.spans] == [("title", "FASTIV"), ("text", "nuclear  plant")]


def test_only_the_branch_that_held_is_shown() -> None:
    (match,) = Matcher([(1, "(a AND x) OR b")]).match("", "a b")
    assert [span.words for span in match.spans] == ["b"]


def test_many_rules_give_each_its_own_match() -> None:
    matcher = Matcher([(number, f"word{number}") for number in range(1000)])
    assert [match.rule_id for match in matcher.match("", "word3 word999 word5 word3")] == [3, 5, 999]


ALPHABET = ("a", "b", "c", "d")
QUERIES = st.recursive(
    st.sampled_from(ALPHABET)
    | st.lists(st.sampled_from(ALPHABET), min_size=2, max_size=3).map(lambda w: f'"{" ".join(w)}"'),
    lambda part: (
        st.tuples(part, part).map(lambda two: f"({two[0]} AND {two[1]})")
        | st.tuples(part, part).map(lambda two: f"({two[0]} OR {two[1]})")
        | st.tuples(part, part).map(lambda two: f"({two[0]} NOT {two[1]})")
        | st.tuples(part, part).map(lambda two: f"({two[0]} AND ({two[1]} OR (a NOT d)))")
    ),
    max_leaves=8,
)
TEXTS = st.lists(st.sampled_from((*ALPHABET, "e")), max_size=12).map(" ".join)


def by_definition(query: Query, title: str, text: str) -> bool:
    """The language's meaning, spelt out and slow."""
    match query:
        case Term(words):
            return any(
                any(
                    all(word in spelt for word, spelt in zip(words, run[at:], strict=False))
                    for at in range(len(run) - len(words) + 1)
                )
                for run in ([forms(raw) for raw in Reading(source).raws] for source in (title, text))
            )
        case And(parts):
            return all(by_definition(part, title, text) for part in parts)
        case Or(parts):
            return any(by_definition(part, title, text) for part in parts)
        case Not(part):
            return not by_definition(part, title, text)


@settings(max_examples=300)
@given(st.lists(QUERIES, min_size=1, max_size=6), TEXTS, TEXTS)
def test_the_engine_agrees_with_the_definition(queries: list[str], title: str, text: str) -> None:
    found = {match.rule_id for match in Matcher(enumerate(queries)).match(title, text)}
    assert found == {number for number, query in enumerate(queries) if by_definition(parse(query), title, text)}
