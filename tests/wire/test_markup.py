import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.markup import clip, line, plain, to_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("bar<br>Qux", "bar\nQux"),
        ("Foo<b>bar</b>", "Foobar"),
        ("<td>a</td><td>b</td>", "a b"),
        ("AT&amp;T &lt;b&gt;", "AT&T <b>"),
        ("AT&amp;amp;T", "AT&amp;T"),
        ("a\n  b\tc", "a\nb c"),
        ("<p>a\n  b</p>", "a b"),
        ("<script>alert(1)</script>Hi<style>p{}</style>", "Hi"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("<p>Apple <AAPL.O> rose, <.SPX> fell</p>", "Apple <AAPL.O> rose, <.SPX> fell"),
        ("<P>One</P><BR>two <B>three</B>", "One\ntwo three"),
        ("<![CDATA[Oil rises]]>", "Oil rises"),
        ("<P>Price <DEL>10</DEL> now <MARK>12</MARK> of arr[b[0]]>c</P>", "Price 10 now 12 of arr[b[0]]>c"),
        ("Fish & chips", "Fish & chips"),
        ("<p>unclosed <b>bold", "unclosed bold"),
        ("", ""),
    ],
)
def test_markup_becomes_what_a_person_would_read(source: str, text: str) -> None:
    assert to_text(source) == text


def test_deep_nesting_costs_no_time_and_loses_no_words() -> None:
    assert to_text("<div>" * 60_000 + "deep" + "</div>" * 60_000) == "deep"


@pytest.mark.parametrize("harm", ["\x00", "\x1b[31m", "\x07", "\x9b", "\u202e", "\u2066", "\ud800", "\r"])
def test_control_characters_and_overrides_are_taken_out(harm: str) -> None:
    assert "\x1b" not in plain(f"a{harm}b")
    assert harm not in plain(f"a{harm}b")


def test_joiners_stay_for_persian_and_emoji() -> None:
    assert plain("می\u200cخواهم 👩\u200d🚀") == "می\u200cخواهم 👩\u200d🚀"


@given(st.text())
def test_a_line_is_one_line_and_can_be_stored(text: str) -> None:
    found = line(text)
    assert "\n" not in found
    assert found == line(found)
    found.encode("utf-8")


@given(st.text(), st.integers(min_value=2, max_value=50))
def test_a_clipped_text_is_no_longer_than_it_may_be(text: str, most: int) -> None:
    assert len(clip(text, most)) <= most


def test_tags_that_were_escaped_once_too_often_part_words_where_they_are_blocks() -> None:
    assert line("Oil jumps<br>Gold falls") == "Oil jumps Gold falls"
    assert to_text("&lt;p&gt;One &lt;b&gt;t&lt;/b&gt;wo&lt;/p&gt;&lt;p&gt;Three") == "One two\nThree"
    assert line("Use <b> wisely") == "Use <b> wisely"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="<")))
def test_plain_text_is_cleaned_the_quick_way_as_the_long_way(text: str) -> None:
    assert f"{plain(text)}\né".strip() == plain(f"{text}\né")
