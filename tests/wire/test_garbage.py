"""The collector rests while something is loaded, and works again whatever came of it."""

import gc
from collections.abc import Iterator

import pytest

from wire.garbage import nothing_is_garbage


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_what_is_made_meanwhile_is_never_looked_at_again() -> None:
    before = gc.get_freeze_count()
    with nothing_is_garbage():
        assert not gc.isenabled()
        made: list[list[int]] = [[] for _ in range(1_000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(made)


def test_it_works_again_when_loading_failed() -> None:
    with pytest.raises(ImportError), nothing_is_garbage():
        raise ImportError
    assert gc.isenabled()


def test_who_keeps_it_off_finds_it_off() -> None:
    gc.disable()
    with nothing_is_garbage():
        pass
    assert not gc.isenabled()
