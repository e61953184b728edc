import pytest

from wire.explain import Explanation, explain
from wire.query import parse
from wire.story import Fields

STORY = Fields(
    "Strike on Fastiv", "Drones hit the nuclear power plant. The price of oil rose, and later gas.", lang="en"
)


def told(query: str) -> Explanation:
    return explain(parse(query), STORY)


def test_a_rule_that_meets_shows_its_branches_and_words() -> None:
    found = told("Fastiv AND (missiles OR drones) NOT Lviv")
    assert found.holds
    assert found.first_failure is None
    assert [(part.holds, [span.words for span in part.spans]) for part in found.parts] == [
        (True, ["Fastiv"]), (True, ["Drones"]), (True, []),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "clause", "why"),
    [
        ("Fastiv AND missiles", "missiles", "does not stand in the story"),
        ("Fastiv AND (missiles OR shells)", "(missiles OR shells)", "none of them stands in the story"),
        ("Fastiv NOT drones", "NOT drones", "drones stands in the story"),
        ('"nuclear plant"', '"nuclear plant"', "does not stand in the story"),
        ("oil NEAR/2 gas", "oil NEAR/2 gas", "all of it stands in the story, but nowhere with at most 2 words between"),
        ("oil ONEAR/2 price", "oil ONEAR/2 price",
         "all of it stands in the story, but nowhere with at most 2 words between, in this order"),
        ("oil NEAR/2 bread", "oil NEAR/2 bread", "bread does not stand in the story"),
        ('"gas oil"~1', '"gas oil"~1', "all of it stands in the story, but nowhere with at most 1 words between"),
        ("ATLEAST/2 drones", "ATLEAST/2 drones", "stands 1 times in the story; 2 are asked for"),
        ("title:drones", "drones", "does not stand in the title"),
        ("lang:ar AND drones", "ar", "does not stand in the story's lang"),
        ("body:(drones AND (Kyiv OR oil) AND shells)", "shells", "does not stand in the body"),
    ],
)  # fmt: skip
def test_a_rule_that_does_not_meet_names_the_first_clause_that_failed(query: str, clause: str, why: str) -> None:
    failure = told(query).first_failure
    assert failure is not None
    assert (failure.clause, failure.why) == (clause, why)
