import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.chunks import chunked
from wire.text import Reading, fold, forms, forms_in, plain_word, words

# Letters, digits and signs of every kind the analyser tells apart, so that short texts hold them side by side: of an
# emoji the selector and the key around it, an Arabic stroke, a Greek mark that stands alone.
_SIGNS = (
    "aZéİ1ß.,'’!?:;()[]\"+#$@&_/*“–…- \u00adUS4中国ไท\u0301\n\tلبहि\u3000\u00a0\u200b\u200d"
    "\u2139\ufe0f\u20e3\u0640\u037a"
)


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("Straße", "STRASSE"),
        ("Łódź", "Lodz"),
        ("İstanbul", "istanbul"),
        ("Malmö", "malmo\u0308"),
        ("Ærø", "aero"),
        ("U.S.", "us"),
        ("U.S.A.", "USA"),
        ("Coca-Cola", "coca cola"),
        ("O’Neill", "O'Neill"),
        ("co\u00adoperate", "cooperate"),
        ("zero\u200bwidth", "zerowidth"),
        ("1,000", "1000"),
        ("Ａｐｐｌｅ", "apple"),
        ("𝗕𝗿𝗲𝗮𝗸𝗶𝗻𝗴", "breaking"),
        ("٢٠٢٥", "2025"),
        ("مُحَمَّد", "محمد"),
        ("إيران", "ايران"),
        ("مصـــر", "مصر"),
        ("ي", "ى"),
        ("Ёлка", "елка"),
        ("ﬁsh", "fish"),
    ],
)
def test_two_spellings_are_one_word(written: str, same: str) -> None:
    assert words(written) == words(same)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("C++ and C# in Q4.", ["c++", "and", "c#", "in", "q4"]),
        ("$AAPL rose 4.5% to $210", ["$aapl", "rose", "4.5", "to", "210"]),
        ("Ukraine's grid, Dogs' home", ["ukraine", "grid", "dogs", "home"]),
        ("AT&T", ["at", "t"]),
        ("中国经济", ["中", "国", "经", "济"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("हिन्दी समाचार", ["हिन्दी", "समाचार"]),
        ("サーバーAI 10", ["サ", "ー", "バ", "ー", "ai", "10"]),
        ("Ukraineʼs Пʼять", ["ukraine", "п", "ять"]),
        ("snake_case", ["snake", "case"]),
        ("end.Start", ["end", "start"]),
        ("", []),
    ],
)
def test_words_are_cut_as_people_mean_them(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("in_story", "looked_for"),
    [
        ("بلبنان", "لبنان"),
        ("الوزير", "وزير"),
        ("والسعودية", "سعودية"),
        ("وقال", "قال"),
        ("للنفط", "نفط"),
        ("لبنان", "لبنان"),
    ],
)
def test_an_arabic_word_is_found_behind_its_prefixes(in_story: str, looked_for: str) -> None:
    assert fold(looked_for) in forms(in_story)


def test_a_short_arabic_word_is_not_cut() -> None:
    assert forms("ولد") == ("ولد",)


@given(st.text())
def test_folding_twice_is_folding_once_for_letters(text: str) -> None:
    for word in words(text):
        assert word
        assert len(word) <= 1_000


@given(st.text(alphabet="aZé1ß.,'’+#$ \u00ad-_U.S4", max_size=30))
def test_the_quick_way_to_cut_words_cuts_as_the_other(text: str) -> None:
    """Texts with a $X go the slow way: one put behind must change nothing before it."""
    quick, slow = Reading(f"{text} end"), Reading(f"{text} end $X")
    assert slow.raws == [*quick.raws, "$X"]
    assert slow.spans[:-1] == quick.spans


@given(st.text(alphabet=_SIGNS, max_size=40))
def test_a_texts_words_are_its_chunks_words(text: str) -> None:
    """The engine remembers what stands between two blanks; were a word to span one, it would be lost."""
    read = [[word] if (word := plain_word(chunk)) else Reading(chunk).raws for chunk in chunked(text)]
    assert [fold(raw) for raws in read for raw in raws] == [fold(raw) for raw in Reading(text).raws]


@given(st.text(alphabet=_SIGNS, max_size=40) | st.text())
def test_the_index_holds_what_each_word_counts_as(text: str) -> None:
    found = list(forms_in(text))
    assert len(found) == len({*found})
    assert {*found} == {form for raw in Reading(text).raws for form in forms(raw)}


@given(st.text(alphabet=_SIGNS, max_size=40) | st.text())
def test_no_word_could_begin_between_two_words(text: str) -> None:
    """Words are looked for in the text one after the other: what stands between them must hold none of their signs."""
    between, reading = list(text), Reading(text)
    for raw, (start, end) in zip(reading.raws, reading.spans, strict=True):
        assert text[start:end] == raw
        between[start:end] = " " * len(raw)
    assert not any(sign.isalnum() for sign in between if sign != "\u0640")


@pytest.mark.parametrize("text", ["النفط ـ يرتفع", "ـــ", "ͺ", "ﹰ"])
def test_a_stroke_or_a_mark_by_itself_is_no_word(text: str) -> None:
    assert [form for raw in Reading(text).raws for form in forms(raw)] == [
        form for raw in Reading(text.replace("ـ", "")).raws for form in forms(raw)
    ]
    assert "" not in forms_in(text)
