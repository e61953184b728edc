"""SECURITY.md names a test for each answer: each is there."""

import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (HOUSE / "SECURITY.md").read_text())
PLACES = re.findall(
    r"`((?:wire|storage|worker|scheduler|desk|service|docs)/[\w/.]+)`", (HOUSE / "SECURITY.md").read_text()
)


def test_there_are_answers() -> None:
    assert len(NAMED) > 30


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED)))
def test_the_test_that_proves_an_answer_is_there(path: str, name: str) -> None:
    assert f"def {name}(" in (HOUSE / path).read_text()


@pytest.mark.parametrize("place", sorted(set(PLACES)))
def test_the_place_of_an_answer_is_there(place: str) -> None:
    assert (HOUSE / place).exists()
