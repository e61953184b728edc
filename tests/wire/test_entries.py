from datetime import UTC, datetime, timedelta

import pytest

from tests.helpers import NOON, item, rss
from wire.entries import MOST_ENTRIES, parse, to_story
from wire.errors import NotAFeed
from wire.identity import identify
from wire.story import Entry, Identity

ATOM = b"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.org/base/">
<title>An Atom wire</title><entry><id>tag:1</id><title type="text">Use &lt;b> wisely</title>
<link href="story/1"/><updated>2025-05-20T07:03:28+03:00</updated><summary>Short</summary>
<content type="html">&lt;p>A longer &lt;b>content&lt;/b>&lt;/p></content></entry></feed>"""
RDF = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>RDF wire</title></channel>
<item rdf:about="https://example.org/1"><title>One</title><link>https://example.org/1</link>
<dc:date>2025-05-20T07:03:28Z</dc:date></item></rdf:RDF>"""
JSON_FEED = b"""{"version": "https://jsonfeed.org/version/1.1", "title": "JSON wire", "items": [
{"id": 7, "url": "/seven", "title": "Seven", "content_html": "<p>Text</p>", "date_published": "2025-05-20T07:03:28Z",
"authors": [{"name": "A. B."}]}, {"id": "8", "content_text": "plain <b>"}, "no item"]}"""


def test_rss_gives_frozen_clean_entries() -> None:
    body = rss(
        item(1110448134, "Tea &amp; <b>sugar</b>", "<p>One</p><p>Two</p>", pubDate="Sun, 07 Dec 2025 12:00:00 +0300")
    )
    document = parse(body, url="https://menafn.com/rss/menafn_UAE.xml")
    assert document.title == "A wire"
    assert document.entries == (
        Entry(
            guid="https://menafn.com/1110448134/Story",
            url="https://menafn.com/1110448134/Story&src=RSS",
            title="Tea & sugar",
            text="One\nTwo",
            published_at=datetime(2025, 12, 7, 9, tzinfo=UTC),
        ),
    )


def test_atom_is_believed_about_what_is_markup_and_links_are_resolved() -> None:
    (entry,) = parse(ATOM, url="https://example.org/feed").entries
    assert (entry.title, entry.url, entry.text) == (
        "Use <b> wisely", "https://example.org/base/story/1", "A longer content"
    )  # fmt: skip
    assert entry.published_at == datetime(2025, 5, 20, 4, 3, 28, tzinfo=UTC)


def test_rdf_and_json_feeds_are_read_too() -> None:
    (entry,) = parse(RDF).entries
    assert (entry.guid, entry.title) == ("https://example.org/1", "One")
    seven, eight = parse(JSON_FEED, url="https://example.org/feed.json").entries
    assert (seven.guid, seven.url, seven.text, seven.author) == ("7", "https://example.org/seven", "Text", "A. B.")
    assert eight.text == "plain <b>"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        (b"<!doctype html><html><body>403 Forbidden</body></html>", "a web page"),
        (b'<opml version="2.0"><body/></opml>', "a list of feeds"),
        (b"\x89PNG\r\n\x1a\n0000", "a picture"),
        (b"just words", "plain text"),
        (b"{broken", "JSON"),
        (b'{"items": 3}', "no JSON Feed"),
        (b"[" * 100_000, "JSON"),
        (b'<?xml version="1.0"?><note>hi</note>', "another kind"),
    ],
)
def test_what_is_no_feed_is_said_in_a_sentence(body: bytes, says: str) -> None:
    with pytest.raises(NotAFeed, match=says):
        parse(body)


def test_a_body_that_names_a_file_opens_no_file(tmp_path: object) -> None:
    for body in (b"/etc/passwd", b"http://127.0.0.1:9/feed", f"{tmp_path}".encode()):
        with pytest.raises(NotAFeed):
            parse(body)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "http://[broken"])
def test_links_that_are_no_web_addresses_are_dropped(link: str) -> None:
    (entry,) = parse(rss({"title": "x", "link": link})).entries
    assert entry.url == ""


@pytest.mark.parametrize(
    "written", ["Sat, 01 Jan 10000 00:00:00 GMT", "Mon, 00 Foo 0000 99:99:99 GMT", "yesterday", "0000-00-00T00:00:00Z"]
)
def test_dates_outside_the_calendar_are_no_dates(written: str) -> None:
    (entry,) = parse(rss({"title": "x", "pubDate": written})).entries
    assert entry.published_at is None or 1 <= entry.published_at.year <= 9999


def test_sizes_are_bounded() -> None:
    many = parse(rss(*({"title": str(n)} for n in range(MOST_ENTRIES + 5))))
    assert len(many.entries) == MOST_ENTRIES
    (entry,) = parse(rss({"title": "t" * 5_000, "description": "w " * 500_000, "author": "a" * 5_000})).entries
    assert len(entry.title) <= 1_000
    assert len(entry.text) <= 200_000
    assert len(entry.author) <= 300


def test_a_story_is_told_without_the_wires_furniture() -> None:
    (entry,) = parse(rss(item(1110448134, "T", "(MENAFN - Kuwait News Agency (KUNA))KUWAIT: Calm."))).entries
    story = to_story(entry, identify(entry, "1"), now=NOON)
    assert (story.identity.key, story.provider, story.text) == (
        "menafn:1110448134", "Kuwait News Agency (KUNA)", "KUWAIT: Calm."
    )  # fmt: skip


def test_a_date_in_the_future_counts_as_tomorrow_at_most() -> None:
    (entry,) = parse(rss({"title": "x", "pubDate": "Fri, 01 Jan 2100 00:00:00 GMT"})).entries
    assert to_story(entry, identify(entry, "1"), now=NOON).published_at == NOON + timedelta(days=1)


def test_a_guid_is_no_address_because_it_stands_in_a_feed() -> None:
    """Two feeds of one site that number their entries would share their stories otherwise."""
    (entry,) = parse(rss({"guid": "1", "title": "A"}), url="https://example.org/a/feed.xml").entries
    assert (entry.guid, entry.url) == ("1", "https://example.org/a/1")


@pytest.mark.parametrize(
    ("outer", "inner", "link"),
    [
        ("", "", "https://example.org/a/x"),
        ("xml:base='https://b.example/d/'", "", "https://b.example/d/x"),
        ("xml:base='/sub/'", "", "https://example.org/sub/x"),
        ("", "xml:base='deep/'", "https://example.org/a/deep/x"),
        ("xml:base='https://b.example/d/'", "xml:base='deep/'", "https://b.example/d/deep/x"),
    ],
)
def test_links_hang_on_the_nearest_base(outer: str, inner: str, link: str) -> None:
    feed = "<feed xmlns='http://www.w3.org/2005/Atom' {}><entry {}><id>1</id><title>A</title><link href='x'/></entry></feed>"
    (entry,) = parse(feed.format(outer, inner).encode(), url="https://example.org/a/feed.xml").entries
    assert entry.url == link


@pytest.mark.parametrize(
    "written", ["Mon, 01 Jan 0001 00:00:00 GMT", "0001-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"]
)
def test_a_date_that_means_none_is_none(written: str) -> None:
    """A story that looked two thousand years old would alert nobody."""
    (entry,) = parse(rss({"guid": "1", "title": "A", "pubDate": written})).entries
    found = to_story(entry, Identity("x"), now=datetime(2026, 1, 1, tzinfo=UTC))
    assert (found.published_at, found.date_doubtful) == (None, False)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("&#55357;&#56832;", "\U0001f600"),
        ("&#xD83D;&#xde00;&#x2019;", "\U0001f600’"),
        ("&#xD83D; &#xDE00;", "\ufffd \ufffd"),
        ("&#x110000;&#00000000055357;&#99999999999999;", "\ufffd" * 3),
        ("&#128512;&#8217;", "\U0001f600’"),
    ],
)
def test_references_to_half_a_character_cost_nobodys_story(written: str, read: str) -> None:
    body = rss({"guid": "1", "title": "A"}, {"guid": "2", "title": "NAME"}).replace(b"NAME", written.encode())
    assert [entry.title for entry in parse(body).entries] == ["A", read]


@pytest.mark.parametrize(
    "markup",
    [
        "<details><summary>More</summary>oil</details>",
        "<html><head><title>Page</title></head><body>oil</body></html>",
        "<p>a</p><details><summary>x</summary></details>oil",
    ],
)
def test_markup_that_was_not_escaped_blanks_no_entry_behind_it(markup: str) -> None:
    items = "".join(f"<item><guid>{n}</guid><title>T{n}</title><description>D{n}</description></item>" for n in (2, 3))
    first = f"<item><guid>1</guid><title>T1</title><description>{markup}</description></item>"
    entries = parse(f"<rss version='2.0'><channel><title>W</title>{first}{items}</channel></rss>".encode()).entries
    assert [(entry.title, entry.text) for entry in entries[1:]] == [("T2", "D2"), ("T3", "D3")]
    assert entries[0].text


@pytest.mark.parametrize(
    "declared", ["encoding = 'windows-1251'", "\n encoding='windows-1251'", "encoding='windows-1251'"]
)
def test_an_encoding_is_read_however_it_is_declared(declared: str) -> None:
    body = (
        f"<?xml version='1.0' {declared}?><rss version='2.0'><channel><item><title>Дрон</title></item></channel></rss>"
    )
    (entry,) = parse(body.encode("windows-1251"), content_type="application/rss+xml").entries
    assert entry.title == "Дрон"
