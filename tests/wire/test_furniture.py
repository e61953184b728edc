from hypothesis import given
from hypothesis import strategies as st

from wire.furniture import _last, known, sentences, without

TEXT = "A story of today. It says a few things more.\nCall 800 555 for our offers now\nShort."


def test_sentences_are_told_by_their_words_but_not_by_their_numbers() -> None:
    found = sentences(TEXT)
    assert [TEXT[one.start : one.end].strip() for one in found] == [
        "It says a few things more.", "Call 800 555 for our offers now",
    ]  # fmt: skip
    assert sentences("A story of its own.\nCall 12 for OUR offers  now")[0].digest == found[1].digest


def test_furniture_leaves_blanks_so_that_all_else_stays_in_its_place() -> None:
    found = sentences(TEXT)
    masked = without(TEXT, known(found, {found[1].digest}))
    assert len(masked) == len(TEXT)
    assert "offers" not in masked
    assert masked.index("Short.") == TEXT.index("Short.")


def test_only_a_storys_end_can_be_furniture() -> None:
    text = " ".join(f"The {number}th sentence of them is short." for number in ("fif", "six", "seven")) * 9
    assert len(sentences(text)) == 6
    assert sentences("A story of a single sentence.") == []


@given(st.lists(st.sampled_from(["four words of it", "short", ".", ". ", "\n", "? ", " ", "。", "x" * 300])))
def test_looking_at_the_end_first_finds_what_looking_at_all_finds(parts: list[str]) -> None:
    text = "".join(parts * 9)
    assert list(sentences(text)) == _last(text, 0)[1:]
