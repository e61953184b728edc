"""A saved or fetched story page → the story: title, text, identity.

MENAFN's pages have a reader of their own, because their furniture lies: the clock in the header is frozen at
2 January 2024, the sidebar lists other stories, the footer holds a disclaimer. Other pages go through trafilatura.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from selectolax.lexbor import LexborHTMLParser

from wire import identity, menafn
from wire.address import absolute
from wire.errors import NotAStory
from wire.language import detect
from wire.markup import clip, is_overgrown, line, plain, to_text
from wire.story import Story

_CLOCK = re.compile(r"^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \d{1,2} \w+ \d{4} \d{1,2}:\d{2}(?: GMT)?$")
_PAGE_DATE = re.compile(
    r"^(?:Date:?\s*)?(?:\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2} [AP]M|\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})$"
)
_MARKUP = re.compile(r"<(?:!doctype|html|head|body|article|div|p|h1)\b", re.IGNORECASE)
_CHARSET = re.compile(rb"charset=[\"']?([\w-]{2,40})", re.IGNORECASE)
# Less than a sentence is a heading or an error message, not a story.
_SHORTEST = 40
# A page with all its scripts stays below; the story of one below the second.
_LONGEST, _LONGEST_TEXT = 4_000_000, 200_000


@dataclass(frozen=True, slots=True)
class _Page:
    """A page's own words for itself."""

    address: str
    title: str
    text: str


def load() -> None:
    """Loads what reading pages takes: before a worker forks, so that its processes share it."""
    import trafilatura  # noqa: F401


def read(body: bytes, *, url: str = "", content_type: str = "") -> Story:
    """The story of a page, HTML or text. `url` is the address that was asked for, if there was one, `content_type` what
    its server said it is.

    Raises NotAStory with a sentence for a person.
    """
    source = decode(body, content_type)[:_LONGEST]
    story = _from_html(source, url) if _MARKUP.search(source[:4096]) else _from_text(plain(source), url)
    return replace(
        story,
        title=clip(story.title, 1_000),
        author=clip(story.author, 300),
        text=clip(story.text, _LONGEST_TEXT),
        language=story.language or detect(f"{story.title}\n{story.text}"),
    )


def decode(body: bytes, content_type: str = "") -> str:
    """Bytes as text, as browsers do: by byte order mark, UTF-8, the server's word, the page's, else Windows-1252."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    if b"\x00" in body[:1024]:
        raise NotAStory("This is no text but binary data. Save the story's page as HTML or text.")
    declared = [_CHARSET.search(said) for said in (content_type.encode("ascii", "replace"), body[:4096])]
    for charset in ("utf-8-sig", *(found.group(1).decode("ascii") for found in declared if found), "cp1252"):
        try:
            return body.decode(charset)
        except (UnicodeError, LookupError):  # a page may name a codec that does not exist, or that only encodes
            continue
    return body.decode("cp1252", "replace")


def _from_html(source: str, url: str) -> Story:
    page = _describe(source, url)
    if menafn.find_id_line(page.text) or menafn.story_id_of(page.address):
        return _from_menafn(page)
    import trafilatura  # it brings much along, and most processes read no pages
    from trafilatura.settings import Document as Extracted

    found = trafilatura.bare_extraction(source, url=page.address or None, include_comments=False)
    text = plain(found.text or "") if isinstance(found, Extracted) else ""
    if not isinstance(found, Extracted) or len(text) < _SHORTEST:
        raise NotAStory("No story was found on this page: it holds no running text.")
    if not page.address:
        raise NotAStory("This page does not say its own address, so its story has no name. Give it with --url.")
    return Story(
        identity=identity.identify_address(page.address) or identity.by_address(page.address),
        title=line(found.title or page.title),
        text=text,
        url=page.address,
        author=line(found.author or ""),
        published_at=_day(found.date),
        language=line(found.language or ""),
    )


def _from_text(text: str, url: str) -> Story:
    lines = [found for found in text.split("\n") if not _CLOCK.match(found)]
    if menafn.find_id_line(text) or menafn.story_id_of(url):
        return _from_menafn(_Page(url, lines[0] if lines else "", "\n".join(lines)))
    if not url:
        raise NotAStory("This text holds no MENAFN id line, so its story has no name. Give its address with --url.")
    if len(text) < _SHORTEST or len(lines) < 2:  # noqa: PLR2004 -- a title and a text
        raise NotAStory("This is no story: it wants a title on the first line and a text below it.")
    return Story(identity.identify_address(url) or identity.by_address(url), lines[0], "\n".join(lines[1:]), url=url)


def _from_menafn(page: _Page) -> Story:
    id_line = menafn.find_id_line(page.text)
    # The asked-for address is ours, the page's text is foreign: where both speak, the address is believed.
    story_id = menafn.story_id_of(page.address) or (id_line.story_id if id_line else "")
    provider, text = _menafn_body(page)
    if len(text) < _SHORTEST or not page.title:
        raise NotAStory("This MENAFN page holds no story: nothing stands between its title and its foot.")
    return Story(
        identity=identity.menafn_identity(story_id),
        title=page.title,
        text=text,
        url=page.address,
        provider=provider,
        provider_code=id_line.code if id_line else "",
        wire_date=id_line.day if id_line else None,
    )


def _menafn_body(page: _Page) -> tuple[str, str]:
    """(provider, text): from the dateline, or the line after the title, to the foot."""
    lines = [found for found in menafn.without_furniture(page.text).split("\n") if not _is_furniture(found)]
    start = lines.index(page.title) + 1 if page.title in lines else 0
    for number in range(start, len(lines)):
        if split := menafn.split_dateline(lines[number]):
            provider, rest = split
            return provider, "\n".join(part for part in (rest, *lines[number + 1 :]) if part)
    return "", "\n".join(lines[start:])


def _is_furniture(text: str) -> bool:
    return not text or bool(_CLOCK.match(text) or _PAGE_DATE.match(text))


def _describe(source: str, url: str) -> _Page:
    if is_overgrown(source):
        raise NotAStory("This page holds more markup than any story; it is left alone.")
    tree = LexborHTMLParser(source)
    claimed = _attribute(tree, 'link[rel="canonical"]', "href") or _attribute(
        tree, 'meta[property="og:url"]', "content"
    )
    heading = tree.css_first("h1")
    title = _attribute(tree, 'meta[property="og:title"]', "content") or (heading.text() if heading else "")
    return _Page(url or absolute("", claimed), line(to_text(title)), to_text(source))


def _attribute(tree: LexborHTMLParser, selector: str, name: str) -> str:
    node = tree.css_first(selector)
    return (node.attributes.get(name) or "") if node else ""


def _day(written: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(written).replace(tzinfo=UTC) if written else None
    except ValueError:
        return None
