"""The feeds a web page names, for a person who gave the page's address instead of a feed's."""

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from wire.address import absolute
from wire.markup import clip, is_overgrown, line

# RFC 4287 and the usage of RSS and JSON Feed: what `<link rel="alternate" type="…">` says of a feed.
_TYPES = {
    "application/rss+xml": "RSS",
    "application/atom+xml": "Atom",
    "application/rdf+xml": "RDF",
    "application/feed+json": "JSON Feed",
    "application/json": "JSON Feed",
    "application/xml": "XML",
    "text/xml": "XML",
}
# How links to feeds look that nothing declares.
_LOOKS_LIKE_ONE = re.compile(
    r"(?:\.(?:rss|atom|rdf)|/(?:rss|feed|atom)(?:\.xml|\.json)?/?|feed\.(?:xml|json)"
    r"|/(?:rss|feeds?|atom)/(?:[^?#]*/)?[^/?#]+\.xml)$",
    re.IGNORECASE,
)
_MOST = 50
_LARGEST = 2_000_000


@dataclass(frozen=True, slots=True)
class Offered:
    """A feed as a page names it."""

    url: str
    title: str
    kind: str


def offered(page: bytes, *, url: str) -> list[Offered]:
    """The feeds that a page declares, else those its links look like, each address once, in the page's order."""
    source = page[:_LARGEST].decode("utf-8", "replace")
    if is_overgrown(source):
        source = source[: source.lower().find("</head>") + 1]
    if is_overgrown(source):
        return []
    tree = LexborHTMLParser(source)
    base = tree.css_first("base[href]")
    home = absolute(url, str(base.attributes.get("href") or "")) if base else url
    found = [
        *_declared(tree.css("link[rel][href]"), home or url),
        *([] if tree.css_first("link[type*=rss], link[type*=atom]") else _linked(tree.css("a[href]"), home or url)),
    ]
    first: dict[str, Offered] = {}
    for one in found:
        first.setdefault(one.url, one)
    return list(first.values())[:_MOST]


def _declared(links: list[LexborNode], base: str) -> list[Offered]:
    alternates = [one for one in links if "alternate" in str(one.attributes.get("rel") or "").lower().split()]
    return [
        Offered(address, _name(str(one.attributes.get("title") or "")), _TYPES[kind])
        for one in alternates
        if (kind := str(one.attributes.get("type") or "").split(";")[0].strip().lower()) in _TYPES
        and (address := absolute(base, str(one.attributes.get("href") or "")))
        # Sites declare their programming interfaces like this too.
        and (kind != "application/json" or _LOOKS_LIKE_ONE.search(address.split("?")[0]))
    ]


def _linked(links: list[LexborNode], base: str) -> list[Offered]:
    alike = [
        (one, address)
        for one in links
        if (address := absolute(base, str(one.attributes.get("href") or "")))
        and _LOOKS_LIKE_ONE.search(address.split("?")[0])
    ]
    return [Offered(address, _name(one.text()), "link") for one, address in alike[:_MOST]]


def _name(text: str) -> str:
    return clip(line(text), 200)
