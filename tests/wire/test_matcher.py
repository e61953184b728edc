"""The engine against the language's definition, and rules that come and go."""

import random
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire import brute
from wire.matcher import Matcher
from wire.query import parse
from wire.story import Fields

LISTS = {"names": ["Bel Dor", "Ari*", "fen"]}
# Few enough that they meet often; prefixes, stems and cases of each other; phrases and Arabic among them.
WORDS = [
    "ari",
    "Arid",
    "ARIDNESS",
    "bel",
    "Bel",
    "BEL",
    "dor",
    "dor's",
    "fen",
    "merging",
    "mergers",
    "merge",
    "U.S.",
    "لبنان",
    "بلبنان",
    "C++",
    "x-ray",
]


def met(query: str, text: str, title: str = "", **facts: str) -> bool:
    return Matcher([(1, query)], LISTS).met(Fields(title, text, **facts)) == [1]


def test_no_phrase_spans_title_and_text() -> None:
    assert not met('"power grid"', "grid failure", title="More power")
    assert not met("power NEAR/5 grid", "grid failure", title="More power")
    assert not met('"power grid"~5', "grid failure", title="More power")
    assert met("power AND grid", "grid failure", title="More power")


def test_no_phrase_spans_two_tags_or_two_feeds() -> None:
    assert not met('tag:"east africa"', "", tag="Middle East\nAfrica")
    assert not met('feed:"news oman"', "", feed="UAE News\nOman")
    (match,) = Matcher([(1, 'tag:"east asia" OR tag:africa')]).match(
        Fields("", "", tag="Middle East\nAfrica\nEast Asia")
    )
    assert [(span.words, span.start) for span in match.spans] == [("Africa", 12), ("East Asia", 19)]


def test_a_story_that_says_the_same_over_and_over_costs_no_more_than_others() -> None:
    matcher = Matcher([(1, "aa NEAR/100 bb NEAR/100 cc NEAR/100 dd")])
    began = time.process_time()
    (match,) = matcher.match(Fields("", "aa bb cc dd " * 5_000))
    assert match.spans
    assert time.process_time() - began < 10  # it took minutes


def test_spans_are_the_words_as_they_stand() -> None:
    query = 'Fastiv AND ("nuclear plant" OR drones) NOT tea'
    (match,) = Matcher([(7, query)]).match(Fields("Strike on FASTIV", "The nuclear  plant lost power; no coffee."))
    assert match.rule_id == 7
    assert [(span.field, span.words) for span in match.spans] == [("title", "FASTIV"), ("text", "nuclear  plant")]


@pytest.mark.parametrize(
    ("query", "text", "shown"),
    [
        ("(a AND x) OR b", "a b", ["b"]),
        ("oil NEAR/2 price", "oil is here. The price of oil rose", ["price", "oil"]),
        ('"oil price"~2', "price of oil, and far away more oil", ["price", "oil"]),
        ("ATLEAST/2 (oil OR gas)", "oil and gas", ["oil", "gas"]),
        ("lead:oil", f"oil {'word ' * 80} oil", ["oil"]),
        ("merg*", "a merger", ["merger"]),
        ("source:reuters AND oil", "oil", ["oil", "Reuters"]),
        ("Ukraine", "Ukraine's", ["Ukraine's"]),
    ],
)
def test_only_what_made_the_rule_hold_is_shown(query: str, text: str, shown: list[str]) -> None:
    (match,) = Matcher([(1, query)]).match(Fields("", text, source="Reuters"))
    assert [span.words for span in match.spans] == shown


def test_many_rules_give_each_its_own_match() -> None:
    matcher = Matcher([(number, f"word{number}") for number in range(1000)])
    assert matcher.met(Fields("", "word3 word999 word5 word3")) == [3, 5, 999]


LEAVES = st.sampled_from(
    ["ari", "bel", "dor", "fen", "merge", "ari*", "mer*", "mer?e", "case:Bel", "case:BEL", "stem:merging", "stem:ari",
     '"bel dor"', '"ari bel dor"', '"bel bel"', '"dor mer*"', "us", "لبنان", "C++", "x-ray", "list:names", 'case:"Bel dor"']
)  # fmt: skip
PLACES = st.recursive(
    LEAVES | st.sampled_from(['"ari bel"~2', '"bel dor bel"~3', '"ari* dor"~1', '"dor dor"~4']),
    lambda part: (
        st.tuples(part, part, st.integers(1, 5)).map(lambda p: f"({p[0]} NEAR/{p[2]} {p[1]})")
        | st.tuples(part, part, st.integers(1, 5)).map(lambda p: f"({p[0]} ONEAR/{p[2]} {p[1]})")
        | st.tuples(part, part).map(lambda p: f"({p[0]} OR {p[1]})")
    ),
    max_leaves=4,
)
COUNTED = PLACES | st.tuples(st.integers(1, 4), PLACES).map(lambda p: f"ATLEAST/{p[0]} {p[1]}")


def join(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        st.tuples(part, part).map(lambda p: f"({p[0]} AND {p[1]})")
        | st.tuples(part, part).map(lambda p: f"({p[0]} OR {p[1]})")
        | st.tuples(part, part).map(lambda p: f"({p[0]} NOT {p[1]})")
        | st.tuples(part, part, part).map(lambda p: f"({p[0]} AND ({p[1]} OR (dor NOT {p[2]})))")
    )


FIELDED = st.tuples(
    st.sampled_from(["title", "lead", "body", "source", "author", "lang", "url", "tag", "feed"]),
    st.recursive(COUNTED, join, max_leaves=3).map(lambda text: f"({text})"),
).map(":".join)
QUERIES = st.recursive(COUNTED | FIELDED, join, max_leaves=5)
TEXTS = st.lists(st.sampled_from([*WORDS, "-", "."]), max_size=14).map(" ".join)
FACTS = st.lists(TEXTS, max_size=3).map("\n".join)
STORIES = st.builds(
    Fields, title=TEXTS, text=TEXTS, source=FACTS, author=TEXTS, lang=TEXTS, url=TEXTS, tag=FACTS, feed=FACTS
)


@settings(max_examples=100, deadline=None)
@given(st.lists(QUERIES, min_size=1, max_size=6), STORIES)
def test_the_engine_agrees_with_the_definition(queries: list[str], fields: Fields) -> None:
    matches = Matcher(enumerate(queries), LISTS).match(fields)
    story = brute.Story(fields)
    assert [match.rule_id for match in matches] == [
        n for n, query in enumerate(queries) if brute.holds(parse(query, LISTS), story)
    ]
    for span in (span for match in matches for span in match.spans):
        assert fields.fact(span.field)[span.start : span.end] == span.words


def generated(dice: random.Random, count: int) -> list[str]:
    """Rules of every operator, by dice: two thousand of them see what hypothesis's small worlds do not."""
    vocabulary = [f"w{number}" for number in range(120)]

    def word() -> str:
        return dice.choice([*vocabulary, *WORDS[:14]])

    def leaf() -> str:
        leaves: list[Callable[[], str]] = [
            word, lambda: f'"{word()} {word()}"', lambda: f'"{word()} {word()} {word()}"~{dice.randint(1, 9)}',
            lambda: f"{word()} NEAR/{dice.randint(1, 9)} {word()}", lambda: f"{word()} ONEAR/{dice.randint(1, 9)} ({word()} OR {word()})",
            lambda: f"ATLEAST/{dice.randint(1, 3)} {word()}", lambda: f"title:{word()}", lambda: f"lead:({word()} OR {word()})",
            lambda: f"body:{word()}", lambda: f"source:{word()}", lambda: f"tag:{word()}", lambda: f"case:{word()}",
            lambda: f"stem:{word()}", lambda: dice.choice(["w10*", "w11?", "mer*", "ari*"]), lambda: "list:names",
        ]  # fmt: skip
        return dice.choice(leaves)()

    def query(depth: int) -> str:
        if depth == 0 or dice.random() < 0.3:
            return f"({leaf()})"
        left, right = query(depth - 1), query(depth - 1)
        return dice.choice([f"({left} AND {right})", f"({left} OR {right})", f"({left} NOT {right})"])

    return [query(dice.randint(0, 3)) for _ in range(count)]


def story_of(dice: random.Random) -> Fields:
    vocabulary = [f"w{number}" for number in range(120)]

    def text(most: int) -> str:
        chosen = [
            dice.choice(vocabulary) if dice.random() < 0.8 else dice.choice(WORDS) for _ in range(dice.randint(1, most))
        ]
        return " ".join(chosen)

    return Fields(text(8), text(90 if dice.random() < 0.04 else 14), source=text(2), tag=text(4))


def test_two_hundred_stories_and_two_thousand_rules_agree_with_the_definition() -> None:
    dice = random.Random(2026)
    queries = generated(dice, 2_000)
    parsed = [parse(query, LISTS) for query in queries]
    matcher = Matcher(enumerate(queries), LISTS)
    total = 0
    for fields in [story_of(dice) for _ in range(200)]:
        story = brute.Story(fields)
        expected = [number for number, query in enumerate(parsed) if brute.holds(query, story)]
        assert matcher.met(fields) == expected
        total += len(expected)
    assert total > 4_000


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), QUERIES | st.none()), max_size=12), st.lists(STORIES, min_size=1, max_size=3)
)
def test_rules_that_come_change_and_go_leave_nothing_behind(
    changes: list[tuple[int, str | None]], stories: list[Fields]
) -> None:
    """After any changes, with stories read in between, the engine is as one built anew."""
    matcher, standing = Matcher(), dict[int, str]()
    for number, query in changes:
        matcher.met(stories[0])
        if query is not None:
            matcher.add(number, parse(query, LISTS))
            standing[number] = query
        elif number in standing:
            matcher.remove(number)
            del standing[number]
    fresh = Matcher(sorted(standing.items()), LISTS)
    assert len(matcher) == len(fresh)
    for story in stories:
        assert matcher.met(story) == fresh.met(story)


@pytest.mark.parametrize(
    "text", ["1\ufe0f\u20e3 \u2139\ufe0fInfo crude oil rose", "中 \u2139\ufe0fInfo oil", "中/ℹ️Info ـ oil"]
)
def test_what_is_shown_is_what_was_found_whatever_scripts_and_signs_stand_before_it(text: str) -> None:
    [match] = Matcher([(1, "oil")]).match(Fields(title="", text=text))
    assert [span.words for span in match.spans] == ["oil"]
