import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.identity import digest, identify, identify_all, normalise
from wire.story import Entry


def named(guid: str = "", url: str = "", title: str = "T", text: str = "x", feed: str = "7") -> str:
    return identify(Entry(guid=guid, url=url, title=title, text=text), feed).key


@pytest.mark.parametrize(
    ("guid", "url", "key"),
    [
        ("whatever", "https://menafn.com/1110448134/Slug&src=RSS", "menafn:1110448134"),
        ("https://menafn.com/1110448134/Slug", "http://127.0.0.1/1110448134/Slug", "menafn:1110448134"),
        ("", "https://www.prnewswire.com/news-releases/acme-grows-302427162.html", "prnewswire:302427162"),
        ("", "https://www.businesswire.com/news/home/20250519123456/en/Acme-Grows", "businesswire:20250519123456"),
        ("", "https://www.globenewswire.com/news-release/2025/05/19/3083939/0/en/A.html", "globenewswire:3083939"),
        (
            "",
            "https://www.globenewswire.com/news-release/2025/05/19/٣٠٨٣٩٣٩/0/a",
            "url:globenewswire.com/news-release/2025/05/19/٣٠٨٣٩٣٩/0/a",
        ),
        ("https://Example.org/a?utm_source=rss", "https://example.org/other", "url:example.org/a"),
        ("tag:example.org,2025:1", "https://example.org/a", "guid:7:tag:example.org,2025:1"),
        ("", "http://www.Example.org/a?b=1&utm_medium=x#top", "url:example.org/a?b=1#top"),
    ],
)
def test_an_entry_is_named_by_what_says_most(guid: str, url: str, key: str) -> None:
    assert named(guid, url) == key


def test_editions_numbered_behind_the_link_are_one_story_unless_entries_share_the_link() -> None:
    first, second = (
        Entry(f"https://example.org/a#{n}", "https://example.org/a?utm_source=x", "T", "x") for n in (0, 1)
    )
    assert identify(first, "7") == identify(second, "7")
    assert len(set(identify_all([first, second], "7"))) == 2


def test_a_guid_means_something_in_its_own_feed_only() -> None:
    assert named("1", feed="7") != named("1", feed="8")


def test_an_entry_with_nothing_else_is_named_by_its_words() -> None:
    assert named(title="A", text="b") == named(title="A", text="b")
    assert named(title="A", text="b") != named(title="A", text="c")


def test_the_slug_names_nothing() -> None:
    slug = "Today-In-Kuwaits-History"
    assert named(url=f"https://menafn.com/1107006744/{slug}") != named(url=f"https://menafn.com/1107157706/{slug}")


def test_a_guid_of_any_length_makes_a_bounded_name() -> None:
    long, other = "g" * 5000, "g" * 5000 + "h"
    assert len(named(long)) < 500
    assert named(long) != named(other)


@given(st.text(), st.text(), st.text())
def test_anything_at_all_has_a_name_and_always_the_same(guid: str, url: str, title: str) -> None:
    assert named(guid, url, title) == named(guid, url, title) != ""


@given(st.text(max_size=200))
def test_normalising_twice_is_normalising_once(path: str) -> None:
    once = normalise(f"https://example.org/{path}")
    assert normalise(f"https://{once}") == once


def test_a_digest_keeps_parts_apart() -> None:
    assert digest("ab", "c") != digest("a", "bc")


@pytest.mark.parametrize("guid", ["", "https://example.org/news"])
def test_news_in_brief_that_share_one_address_are_each_a_story(guid: str) -> None:
    first, second = (Entry(guid, "https://example.org/news", title, "x") for title in ("Rates up", "Bank fails"))
    keys = [one.key for one in identify_all([first, second], "7")]
    assert len(set(keys)) == 2
    assert [one.key for one in identify_all([second, first, second], "7")] == [keys[1], keys[0], keys[1]]
    assert identify(first, "7").key == "url:example.org/news"


def test_escapes_that_are_no_utf8_tell_stories_apart() -> None:
    assert normalise("http://x.example/a?t=%CE%C8%D1") != normalise("http://x.example/a?t=%C7%E1%CF")
    assert normalise("http://x.example/a?t=%C3%A9+b") == "x.example/a?t=%C3%A9+b"
