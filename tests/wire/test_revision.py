"""What makes a new version, and what only looks like one."""

import pytest

from wire.revision import difference, is_another, is_revised
from wire.story import Identity, Story

LONG = (
    "The Cabinet on Monday approved the new budget of 5 billion dinars for roads, schools and ports in all provinces of"
    " the country, the state news agency said late in the evening, citing a minister. Details will follow."
)


def story(text: str, title: str = "Budget approved") -> Story:
    return Story(Identity("x"), title, text)


@pytest.mark.parametrize(
    ("before", "now", "revised"),
    [
        (LONG, LONG.upper(), False),
        (LONG, LONG.replace(",", " –"), False),
        (LONG, f"{LONG} See https://example.org/more", False),
        (LONG, LONG.replace("Cabinet on", "Cabon"), False),
        (LONG.replace("Cabinet on", "Cabon"), LONG, False),
        (LONG, LONG.replace("roads, ", ""), False),
        (LONG.replace("roads, ", ""), LONG, False),
        (LONG, LONG[:80], False),
        (LONG, LONG.replace("5 billion", "6 billion"), True),
        (LONG, LONG.replace("5 billion", "500 billion"), True),
        (LONG, LONG.replace("approved", "not approved"), True),
        (LONG, LONG.replace("provinces", "regions"), True),
        (LONG, f"{LONG} The speaker said that it was too little.", True),
        ("All calm.", "All is calm.", True),
        ("来源 https://x.cn/a。公司利润上升。", "来源 https://x.cn/a。公司利润下降百分之九十。", True),
    ],
)
def test_a_version_needs_new_words(before: str, now: str, revised: bool) -> None:
    assert is_revised(story(before), story(now)) is revised


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("Minister denies report", "Minister dies"),
        ("Austria expels envoy", "Australia expels envoy"),
        ("Acme pays $1bn", "Acme pays $10bn"),
        ("Trial: Smith not guilty", "Trial: Smith guilty"),
        ("Reds beat Blues", "Blues beat Reds"),
        ("Talks at 1pm", "Talks at 11pm"),
        ("GDP -0.3% in Q4", "GDP +0.3% in Q4"),
        ("Acme pays $5 bn", "Acme pays €5 bn"),
    ],
)
def test_a_headline_that_says_something_else_is_a_version(before: str, now: str) -> None:
    assert is_revised(story(LONG, before), story(LONG, now))


@pytest.mark.parametrize(("was", "now"), [("did not default", "did default"), ("five", "5"), ("dead", "hurt")])
def test_one_word_of_a_long_story_is_enough(was: str, now: str) -> None:
    long = " ".join(f"word{number}" for number in range(2_000))
    assert is_revised(story(f"{long} {was} {long}"), story(f"{long} {now} {long}"))


def test_telling_versions_apart_takes_no_longer_for_words_that_repeat() -> None:
    one, other = " ".join((["a"] * 7 + ["b"]) * 4_000), " ".join((["a"] * 5 + ["c"]) * 4_000)
    assert is_revised(story(one), story(other))
    assert difference(one, other) == [("-", one), ("+", other)]


def test_very_long_texts_are_compared_too() -> None:
    long = " ".join(LONG.replace("5 ", "").split() * 200)
    assert not is_revised(story(f"{long} extra {long}"), story(f"{long} {long}"))
    assert is_revised(story(long), story(f"{long} and a paragraph that says quite something else"))


def test_another_story_shares_neither_headline_nor_text() -> None:
    kept = story("Security release 18.2 fixes two flaws in the parser.", "Security releases for March")
    assert is_another(kept, story("A flaw in TLS was found; upgrade at once.", "OpenSSL alert: upgrade today"))
    assert not is_another(kept, story("A flaw in TLS was found.", "Security releases for June"))
    assert not is_another(kept, story("Security release 18.2 fixes it all.", "Something else"))


def test_a_difference_is_read_as_words_gone_and_come() -> None:
    assert difference("seven were killed", "nine were killed today") == [
        ("-", "seven"), ("+", "nine"), ("=", "were killed"), ("+", "today"),
    ]  # fmt: skip


def test_a_correction_in_a_script_without_blanks_is_no_other_story() -> None:
    kept = story("新华社北京电 中国央行宣布降息。", "中国央行宣布降息25个基点")
    assert not is_another(kept, story("新华社北京电 中国央行今日宣布降息。", "中国央行宣布降息50个基点"))
    assert is_revised(kept, story("新华社北京电 中国央行宣布降息。", "中国央行宣布降息50个基点"))
