"""What is remembered of words, and for how long."""

from collections import Counter

import pytest

from wire.chunks import LONGEST, Chunks


@pytest.fixture
def worked() -> Counter[str]:
    """How often each chunk was worked out."""
    return Counter()


def memory(worked: Counter[str]) -> Chunks[str]:
    """A memory of three."""

    def work(chunk: str) -> str:
        worked[chunk] += 1
        return chunk.upper()

    return Chunks(work, most=3)


def test_a_chunk_is_worked_out_once(worked: Counter[str]) -> None:
    remembered = memory(worked)
    assert remembered.of(["oil", "up", "oil"]) == ["OIL", "UP", "OIL"]
    assert worked == Counter(oil=1, up=1)


def test_what_comes_again_is_remembered_and_what_does_not_is_forgotten(worked: Counter[str]) -> None:
    remembered = memory(worked)
    for text in ("the a b c", "the d e f", "the g h i", "the a"):
        assert remembered.of(text.split()) == text.upper().split()
    assert worked["the"] == 1
    assert worked["a"] == 2
    assert len(remembered) <= 4


def test_whoever_forgets_works_it_out_again(worked: Counter[str]) -> None:
    remembered = memory(worked)
    remembered.of(["a", "b", "c", "d"])
    remembered.of(["a"])
    remembered.clear()
    remembered.of(["a", "b"])
    assert worked == Counter(a=2, b=2, c=1, d=1)


def test_what_never_comes_twice_is_not_kept(worked: Counter[str]) -> None:
    remembered = memory(worked)
    address = "https://example.com/" + "a" * LONGEST
    assert remembered.of([address]) == [address.upper()]
    assert not remembered
