"""One story in other words, and two stories in like words."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from bench.corpus import Corpus
from tests.helpers import NOON
from wire.similar import are_near, clusters, is_copy
from wire.sketch import sketch
from wire.story import Fields


def texts(count: int) -> list[Fields]:
    corpus = Corpus(random.Random(3))
    return [corpus.story() for _ in range(count)]


def is_same(one: frozenset[int], other: frozenset[int]) -> bool:
    return is_copy(len(one & other), len(one), len(other))


EDITS: dict[str, Callable[[Fields], tuple[str, str]]] = {
    "re-headlined": lambda one: ("Quite another headline", one.text),
    "footed": lambda one: (one.title, f"{one.text}\nLegal Disclaimer: MENAFN provides the information as is."),
    "cut short": lambda one: (one.title, one.text[: int(len(one.text) * 0.6)]),
    "corrected": lambda one: (f"CORRECTION: {one.title}", one.text.replace(" the ", " a ", 3)),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_copy_is_known_for_what_it_is(edit: str) -> None:
    stories = texts(60)
    found = [is_same(sketch(one.title, one.text), sketch(*EDITS[edit](one))) for one in stories]
    assert sum(found) == len(stories)


def test_other_stories_are_no_copies() -> None:
    sketches = [sketch(one.title, one.text) for one in texts(150)]
    assert not any(is_same(one, other) for place, one in enumerate(sketches) for other in sketches[:place])


def test_a_column_that_returns_is_another_story() -> None:
    assert are_near(NOON, NOON + timedelta(hours=71))
    assert not are_near(NOON, NOON - timedelta(days=365))
    year_apart = {1: NOON - timedelta(days=365), 2: NOON}
    assert list(clusters({2: {1: 50}}, {1: 50, 2: 50}, year_apart)) == []
    assert list(clusters({2: {1: 50}}, {1: 50, 2: 50}, dict.fromkeys((1, 2), NOON))) == [(2, 1)]


def test_a_sketch_is_the_same_everywhere_and_knows_other_scripts() -> None:
    assert sketch("Oil prices rise", "Oil prices rose on Tuesday after an attack on a refinery.") == frozenset(
        {6279437226503125648, 7840277833941054048}
    )
    assert sketch("", "石油価格が火曜日に上昇し、製油所への攻撃の後、三年ぶりの高値をつけた。" * 3)
