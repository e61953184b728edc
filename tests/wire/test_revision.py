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
    ],
)
def test_a_version_needs_new_words(before: str, now: str, revised: bool) -> None:
    assert is_revised(story(before), story(now)) is revised


def test_very_long_texts_are_compared_by_their_runs() -> None:
    long = " ".join(f"word{number}" for number in range(5_000))
    assert not is_revised(story(long), story(long.replace("word77 ", "")))
    assert is_revised(
        story(long), story(f"{long} and a whole new paragraph that says quite something else about it all")
    )


def test_another_story_shares_neither_headline_nor_text() -> None:
    kept = story("Security release 18.2 fixes two flaws in the parser.", "Security releases for March")
    assert is_another(kept, story("A flaw in TLS was found; upgrade at once.", "OpenSSL alert: upgrade today"))
    assert not is_another(kept, story("A flaw in TLS was found.", "Security releases for June"))
    assert not is_another(kept, story("Security release 18.2 fixes it all.", "Something else"))


def test_a_difference_is_read_as_words_gone_and_come() -> None:
    assert difference("seven were killed", "nine were killed today") == [
        ("-", "seven"), ("+", "nine"), ("=", "were killed"), ("+", "today"),
    ]  # fmt: skip
