"""Which story is this? One string an entry, the same whichever feed carried it.

In order of trust: the wire's own story id (in the address or the guid), a guid that is an address, a guid (which
says something within its own feed only), the address, and last a digest of the words.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from wire import menafn
from wire.story import Entry, Identity

# A key is an index entry; PostgreSQL refuses one over 2,704 bytes, and nobody reads one this long.
_LONGEST = 400
_MARK = 16  # 64 bits, in hex
# Escapes that are no UTF-8, as of sites that write windows-1256, tell stories apart all the same.
_AS_IT_IS = "surrogateescape"
_TRACKING = re.compile(
    r"^(?:utm_\w+|at_\w+|fbclid|gclid|dclid|msclkid|mc_cid|mc_eid|igshid|ocid|cmpid|rss)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire that numbers its stories, and where the number stands in an address of its own."""

    name: str
    address: re.Pattern[str]


_WIRES = (
    Wire(
        "prnewswire",
        re.compile(r"^https?://(?:www\.)?prnewswire\.(?:com|co\.uk)/\S*-(\d{9})\.html", re.IGNORECASE | re.ASCII),
    ),
    Wire(
        "businesswire",
        re.compile(r"^https?://(?:www\.)?businesswire\.com/news/home/(\d{14})/", re.IGNORECASE | re.ASCII),
    ),
    Wire(
        "globenewswire",
        re.compile(
            r"^https?://(?:www\.)?globenewswire\.com/(?:\w\w/)?news-release/\d{4}/\d+/\d+/(\d{1,12})/",
            re.IGNORECASE | re.ASCII,
        ),
    ),
)


def identify_all(entries: Sequence[Entry], feed: str, others: Iterable[tuple[str, str]] = ()) -> list[Identity]:
    """The identities of a document's entries, in their order. `feed` tells the feed apart from others.

    `others` are (guid, link) of further entries of the document, as `guid_mark` and `link_mark` make them. A guid
    that several stories of a document have tells nothing.
    """
    marks = [(guid_mark(entry), link_mark(entry)) for entry in entries]
    together = [*marks, *others]
    links = Counter(link for _, link in together)
    stories = Counter(guid for guid, _ in set(together) if guid)
    return [
        identify(replace(entry, guid="") if stories[guid] > 1 else entry, feed, alone=links[link] == 1)
        for entry, (guid, link) in zip(entries, marks, strict=True)
    ]


def guid_mark(entry: Entry) -> str:
    """A guid told from the others of its document, shortly; nothing where there is none."""
    return digest(entry.guid)[:_MARK] if entry.guid else ""


def renamed(entry: Entry, used: str) -> Identity:
    """The identity of an entry whose own one, `used`, is another story's: its address, else its title, names it."""
    if entry.url and normalise(entry.url) != used.removeprefix("url:"):
        return by_address(entry.url)
    return _titled(used, entry)


def _titled(used: str, entry: Entry) -> Identity:
    return Identity(_bounded(f"{used}#", digest(entry.title)[:_MARK]))


def link_mark(entry: Entry) -> str:
    """A link told from the others of its document, shortly; without one the title stands for it."""
    return digest(normalise(entry.url) or entry.title)[:_MARK]


def story_mark(identity: str) -> str:
    """A story told from the others of its feed, shortly."""
    return digest(identity)[:_MARK]


def identify(entry: Entry, feed: str, *, alone: bool = True) -> Identity:
    """The identity of an entry; guids of two feeds are never compared.

    `alone` says that no other entry of the document has its link. Then a guid that is this link with a fragment
    behind it counts as the link: some sites number a story's editions there, `…/articles/x#0`, `#1`. Of several that
    have nothing but one link, as on a page of news in brief, each is named by its title too.
    """
    for address in (entry.url, entry.guid):
        if named := identify_address(address):
            return named
    if _is_address(entry.guid):
        guid, link = normalise(entry.guid), normalise(entry.url)
        if guid != link or alone:
            return Identity(_bounded("url:", link if alone and guid.split("#")[0] == link else guid))
    elif entry.guid:
        return Identity(_bounded(f"guid:{feed}:", entry.guid))
    if entry.url:
        named = by_address(entry.url)
        return named if alone else _titled(named.key, entry)
    return Identity(f"digest:{feed}:{digest(entry.title, entry.text)}")


def by_address(url: str) -> Identity:
    """The identity of a story that its address names, whatever wire it is of."""
    return Identity(_bounded("url:", normalise(url)))


def identify_address(url: str) -> Identity | None:
    """The identity an address alone gives, where a wire numbers its stories."""
    if story_id := menafn.story_id_of(url):
        return menafn_identity(story_id)
    for wire in _WIRES:
        if found := wire.address.match(url):
            return Identity(f"{wire.name}:{found.group(1)}", wire.name, found.group(1))
    return None


def menafn_identity(story_id: str) -> Identity:
    return Identity(f"{menafn.WIRE}:{story_id}", menafn.WIRE, story_id)


def normalise(url: str) -> str:
    """An address without what does not tell two stories apart: scheme, www, case of the host, campaign marks.

    The fragment stays: change logs hang a page's entries on it, and a story lost is worse than one kept twice.
    """
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").removeprefix("www.")
        port = f":{parts.port}" if parts.port and parts.port not in (80, 443) else ""
    except ValueError:  # no address after all, as `http://[broken`: taken letter by letter
        return url.strip()
    pairs = parse_qsl(parts.query, keep_blank_values=True, errors=_AS_IT_IS)
    kept = [pair for pair in pairs if not _TRACKING.match(pair[0])]
    query = f"?{urlencode(kept, errors=_AS_IT_IS)}" if kept else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{host}{port}{parts.path}{query}{fragment}"


def digest(*parts: str) -> str:
    """A short fingerprint of some words: 128 bits in hex. Names of stories are made of it, so it stays as it is."""
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def digest_of_bytes(body: bytes) -> str:
    """The same of a whole body, which nobody keeps for long: by what processors do in hardware."""
    return hashlib.sha256(body).hexdigest()[:32]


def _is_address(guid: str) -> bool:
    return guid[:8].lower().startswith(("http://", "https://")) and " " not in guid.strip()


def _bounded(prefix: str, name: str) -> str:
    return prefix + (name if len(name) <= _LONGEST else f"{name[:100]}…{digest(name)}")
