from wire.discovery import Offered, offered

PAGE = b"""<html><head><base href="https://cdn.example/news/">
<link rel="alternate" type="application/rss+xml" title="All &amp; everything" href="/all.xml">
<link rel="ALTERNATE stylesheet" type="application/feed+json; charset=utf-8" href="feed.json">
<link rel="alternate" type="application/rss+xml" title="Again" href="https://cdn.example/all.xml">
<link rel="alternate" hreflang="de" href="/de"><link rel="alternate" type="text/html" href="/amp">
<link rel="alternate" type="application/atom+xml" href="javascript:alert(1)">
</head><body><a href="/feed">A feed</a></body></html>"""


def test_a_pages_declared_feeds_are_found_once_each_and_made_absolute() -> None:
    assert offered(PAGE, url="https://example.org/") == [
        Offered("https://cdn.example/all.xml", "All & everything", "RSS"),
        Offered("https://cdn.example/news/feed.json", "", "JSON Feed"),
    ]


def test_links_that_look_like_feeds_serve_where_nothing_is_declared() -> None:
    page = b"<p><a href='/about'>x</a><a href='/rss.xml?x=1'>Our <b>RSS</b></a><a href='blog/feed/'>Blog</a></p>"
    assert [one.url for one in offered(page, url="https://example.org/a/")] == [
        "https://example.org/rss.xml?x=1", "https://example.org/a/blog/feed/",
    ]  # fmt: skip


def test_a_wires_own_list_of_feeds_offers_them() -> None:
    page = b"<a href='/rss/menafn_UAE.xml'>UAE</a><a href='/services/xml/rss/x/World.xml'>W</a><a href='/sitemap.xml'>S</a>"
    assert [one.url for one in offered(page, url="http://example.org/")] == [
        "http://example.org/rss/menafn_UAE.xml", "http://example.org/services/xml/rss/x/World.xml",
    ]  # fmt: skip


def test_a_page_without_feeds_and_an_overgrown_one_offer_none() -> None:
    assert offered(b"<p>Nothing</p>", url="https://example.org/") == []
    assert offered(b"<div>" * 100_000, url="https://example.org/") == []
