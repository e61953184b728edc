"""Cutting out what was seen gives the same entries as parsing all and dropping them: always."""

import io
from collections.abc import Container

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import rss
from wire.entries import ALL_SEEN, parse
from wire.errors import NotAFeed
from wire.prune import cut
from wire.story import Document, Entry

TEXTS = st.sampled_from(
    [
        "Oil rises", "a &amp; b", "<![CDATA[<item>not one</item> <b>x</b>]]>", "&lt;item&gt;", "<!-- <item> -->x",
        "caf\u00e9", "\u0434\u0440\u043e\u043d", "&#233;", "&nbsp;", "x & y", "", "<?pi <item>?>y", "]]>",
    ]
)  # fmt: skip
ELEMENTS = st.tuples(
    st.sampled_from(
        ["title", "link", "guid", "description", "pubDate", "dc:creator", "category", "content:encoded", "entry2",
         "source", "summary", "x:item", "media:title", "author", "id", "updated"]
    ),
    st.sampled_from(
        ["", ' xml:base="http://b.example/"', ' xml:lang="de"', ' type="html"', ' isPermaLink="false"',
         ' href="/1"', ' xmlns:q="urn:q"', ' xmlns="urn:other"', ' href="a>b"']
    ),
    TEXTS,
)  # fmt: skip
ENTRIES = st.tuples(
    st.sampled_from(["item", "entry", "rss:item", "atom:entry", "ITEM"]),
    st.sampled_from(["", ' rdf:about="urn:1"', ' xml:lang="fr"', ' xmlns:z="urn:z"']),
    st.lists(ELEMENTS, max_size=4),
    st.sampled_from(["", "\n", "<item/>", "<entry />", "stray", "<item><title>inner</title></item>"]),
)
_PREFIXES = (
    "xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:media='http://search.yahoo.com/mrss/' "
    "xmlns:content='http://purl.org/rss/1.0/modules/content/' xmlns:x='urn:x'"
)
_RDF_PREFIXES = (
    "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/' "
    "xmlns:rss='http://purl.org/rss/1.0/'"
)
ROOTS = st.sampled_from(
    [
        (f"<rss version='2.0' {_PREFIXES}><channel>", "</channel></rss>"),
        ("<feed xmlns='http://www.w3.org/2005/Atom' xmlns:atom='http://www.w3.org/2005/Atom' xml:base='http://f/'>",
         "</feed>"),
        (f"<rdf:RDF {_RDF_PREFIXES}>", "</rdf:RDF>"),
        ("<rss><channel xml:lang='ar'><items xml:base='http://deep/'>", "</items></channel></rss>"),
        ("<!DOCTYPE rss [<!ENTITY nbsp 'N'>]><rss><channel>", "</channel></rss>"),
        ("<rss><channel>", "</channel>"),
    ]
)  # fmt: skip
DECLARED = st.sampled_from(
    [("", "utf-8"), ("<?xml version='1.0' encoding='utf-8'?>", "utf-8"),
     ("<?xml version='1.0' encoding='iso-8859-1'?>", "iso-8859-1"), ("<?xml version='1.0' encoding='utf-8'?>", "latin-1"),
     ("<?xml version='1.0' encoding='windows-1251'?>", "windows-1251"), ("", "utf-8-sig"), ("", "utf-16"),
     ("<?xml version='1.0' encoding='big5'?>", "utf-8")]
)  # fmt: skip
CONTENT_TYPES = st.sampled_from(["", "text/xml", "application/rss+xml; charset=utf-8", "text/xml; charset=iso-8859-1"])


@st.composite
def feeds(draw: st.DrawFn) -> tuple[bytes, str]:
    declared, encoding = draw(DECLARED)
    opening, closing = draw(ROOTS)
    parts = [declared, opening, "<title>T</title><language>en</language>"]
    for tag, attributes, elements, after in draw(st.lists(ENTRIES, max_size=5)):
        inner = "".join(f"<{name}{extra}>{text}</{name}>" for name, extra, text in elements)
        parts.append(f"<{tag}{attributes}>{inner}</{tag}>{after}")
    return "".join([*parts, closing]).encode(encoding, "xmlcharrefreplace"), draw(CONTENT_TYPES)


def read(body: bytes, content_type: str, seen: Container[str] = ()) -> Document | None:
    try:
        return parse(body, url="http://w.example/f", content_type=content_type, seen=seen)
    except NotAFeed:
        return None


@settings(max_examples=600, deadline=None)
@given(feeds(), st.sets(st.integers(0, 5)), st.booleans())
def test_pruned_entries_are_all_entries_without_those_seen(
    feed: tuple[bytes, str], dropped: set[int], changed_around: bool
) -> None:
    body, content_type = feed
    whole = read(body, content_type)
    if whole is None or not whole.digests:
        return
    seen = {digest for number, digest in enumerate(whole.digests) if number in dropped}
    if changed_around:
        body = body.replace(b"<title>T</title>", b"<title>U</title><ttl>5</ttl>")
    pruned = read(body, content_type, seen)
    assert pruned
    expected = [one for one, digest in zip(whole.entries, whole.digests, strict=True) if digest not in seen]
    assert list(pruned.entries) == expected


@settings(max_examples=300, deadline=None)
@given(feeds())
def test_with_nothing_seen_the_entries_are_feedparsers(feed: tuple[bytes, str]) -> None:
    body, content_type = feed
    document = read(body, content_type)
    headers = {"content-location": "http://w.example/f", "content-type": content_type or "application/xml"}
    alone = feedparser.parse(io.BytesIO(body), response_headers=headers)
    assert len(document.entries if document else ()) == len(alone.entries)


def stories(*titles: str) -> bytes:
    return rss(*({"title": title, "guid": title} for title in titles))


def titles(entries: tuple[Entry, ...]) -> list[str]:
    return [entry.title for entry in entries]


def test_only_what_is_new_is_parsed() -> None:
    first = parse(stories("a", "b", "c"))
    second = parse(stories("d", "a", "b"), seen=set(first.digests))
    assert titles(second.entries) == ["d"]
    assert second.digests[1:] == first.digests[:2]
    nothing_new = parse(stories("b", "c"), seen=set(first.digests))
    assert (nothing_new.kind, nothing_new.entries, len(nothing_new.digests)) == (ALL_SEEN, (), 2)


@pytest.mark.parametrize(
    "changed",
    [
        lambda body: body.replace(b"<rss ", b"<rss xml:base='http://other/' "),
        lambda body: body.replace(b"<channel>", b"<channel xml:lang='ar'>"),
        lambda body: body.replace(b'"1.0"?', b'"1.0" encoding="iso-8859-1"?'),
    ],
)
def test_what_an_entry_hangs_on_is_part_of_its_digest(changed: object) -> None:
    assert callable(changed)
    first = parse(stories("a", "b"))
    assert not set(parse(changed(stories("a", "b"))).digests) & set(first.digests)


@pytest.mark.parametrize(
    "body",
    [
        b"<rss><channel><item><item/></item></channel></rss>",
        b"<rss><channel><item></item><group><item></item></group></channel></rss>",
        b"<!DOCTYPE rss><rss><channel><item></item></channel></rss>",
        b"<rss><channel><item></item>",
        b"<rss><channel><item/></channel></rss>",
        b"<?xml version='1.0' encoding='gbk'?><rss><channel><item></item></channel></rss>",
        b"<rss><channel><item xmlns:dc='urn:x'></item></channel></rss>",
        b"<item>" + b"<a>" * 300 + b"</a>" * 300 + b"</item>",
    ],
)
def test_where_it_is_not_certain_there_is_no_cut(body: bytes) -> None:
    assert cut(body) is None
