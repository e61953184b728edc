"""WebSub (W3C Recommendation, 2018): which hub a feed names, and whether a push is the hub's own."""

import hashlib
import hmac
import html
import json
import re
from dataclasses import dataclass

from wire.address import absolute
from wire.head import head

# Algorithms a hub may sign with (section 8): SHA-1 is broken for other uses, and still no way to forge an HMAC.
_ALGORITHMS = ("sha1", "sha256", "sha384", "sha512")
_HEAD = 32 * 1024
_LINK = re.compile(r"<(?:\w{1,20}:)?link\s[^<>]{1,2000}>")
_ATTRIBUTE = re.compile(r"""(rel|href)\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)')""")
_IN_HEADER = re.compile(r"""<([^<>]{1,2000})>\s{0,9};[^,<>]{0,200}?rel\s{0,9}=\s{0,9}"?([\w\s-]{1,100})""")


@dataclass(frozen=True, slots=True)
class Hub:
    """Where to subscribe, and to what: the feed's own name for itself."""

    url: str
    topic: str


def advertised(body: bytes, *, url: str, link_header: str = "") -> Hub | None:
    """The hub a feed names, in its headers or in its head (section 4); None where it names none.

    `url` is where it came from; it is the topic where the feed does not name itself.
    """
    links = [*_header_links(link_header), *(_json_links(body) if body[:1] == b"{" else _xml_links(body))]
    hub = next((address for rel, link in links if "hub" in rel.split() and (address := absolute(url, link))), "")
    topic = next((address for rel, link in links if "self" in rel.split() and (address := absolute(url, link))), url)
    return Hub(hub, topic) if hub else None


def _header_links(header: str) -> list[tuple[str, str]]:
    return [(found[2].lower(), found[1]) for found in _IN_HEADER.finditer(header[:_HEAD])]


def _xml_links(body: bytes) -> list[tuple[str, str]]:
    said = head(body)[:_HEAD].decode("utf-8", "replace")
    links = [
        {name: html.unescape(one or other) for name, one, other in _ATTRIBUTE.findall(link)}
        for link in _LINK.findall(said)
    ]
    return [(link["rel"].lower(), link["href"]) for link in links if link.keys() >= {"rel", "href"}]


def _json_links(body: bytes) -> list[tuple[str, str]]:
    feed = json.loads(body.decode("utf-8-sig"))  # it was read as a feed before
    hubs = feed.get("hubs") if isinstance(feed.get("hubs"), list) else []
    named = [(str(one.get("type")).lower(), one.get("url")) for one in hubs if isinstance(one, dict)]
    found = [("hub", url) for kind, url in named if kind == "websub" and isinstance(url, str)]
    own = feed.get("feed_url")
    return [*found, *([("self", own)] if isinstance(own, str) else [])]


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether a push carries the hub's signature of its body, made with our secret (section 8)."""
    algorithm, _, digest = signature.partition("=")
    if algorithm.lower() not in _ALGORITHMS:
        return False
    expected = hmac.new(secret.encode(), body, getattr(hashlib, algorithm.lower())).hexdigest()
    return hmac.compare_digest(expected.encode(), digest.strip().lower().encode())
