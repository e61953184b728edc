"""OPML subscription lists (opml.org/spec2): read as they are found, written as every reader takes them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from lxml import etree

from wire.address import checked
from wire.errors import BadInput
from wire.markup import clip, harmless, line

_MOST = 20_000
# The commonest fault of a list made by hand; a parser that goes on behind it leaves a part of the address out.
_BARE_AMPERSAND = re.compile(rb"&(?!#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9._-]{0,30};)")
_LONGEST_TITLE = 300


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed as a list names it."""

    url: str
    title: str


def read(document: bytes) -> tuple[list[Outline], list[str]]:
    """The feeds of a list, each address once, in its order, folders flattened; and the addresses that are none.

    Broken markup is read as far as it goes. Nothing is fetched and no entity is expanded. Raises BadInput when it is
    no OPML at all.
    """
    if not document.startswith((b"\xfe\xff", b"\xff\xfe")):
        document = _BARE_AMPERSAND.sub(b"&amp;", document)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=False)
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadInput("This is no OPML: it cannot be read as XML.") from error
    if root is None or _local(root.tag) != "opml":
        raise BadInput("This is no OPML: its first element is not <opml>.")
    found: dict[str, Outline] = {}
    bad: list[str] = []
    for one in root.iter():
        if _local(one.tag) != "outline":
            continue
        said = {name.lower(): value for name, value in one.attrib.items()}
        address = said.get("xmlurl", "").strip()
        if not address:
            continue
        if len(found) >= _MOST:
            break
        title = clip(line(said.get("title") or said.get("text") or ""), _LONGEST_TITLE)
        try:
            url = checked(address)
        except BadInput:
            bad.append(line(address))
        else:
            found.setdefault(url, Outline(url, "" if title == address else title))
    return list(found.values()), bad


def _local(tag: object) -> str:
    """An element's name without its namespace; nothing for comments and the like."""
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def write(feeds: Iterable[Outline], *, title: str = "Wirewatch") -> bytes:
    """A list of feeds as OPML 2.0."""
    root = ET.Element("opml", version="2.0")
    ET.SubElement(ET.SubElement(root, "head"), "title").text = title
    body = ET.SubElement(root, "body")
    for feed in feeds:
        name = harmless(feed.title) or feed.url
        ET.SubElement(body, "outline", type="rss", text=name, title=name, xmlUrl=feed.url)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
