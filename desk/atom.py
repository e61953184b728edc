"""Alerts as an Atom feed (RFC 4287). Foreign text is data: the library escapes it."""

from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree as ET

from storage.outfeed import Entry
from wire import render
from wire.markup import harmless
from wire.message import Message

_ATOM = "http://www.w3.org/2005/Atom"
ET.register_namespace("", _ATOM)


def feed(entries: Sequence[Entry], *, title: str, here: str, pages: str, now: datetime) -> bytes:
    """The document. `here` is its own address without its token; an entry's id is made of it and the alert's number."""
    root = ET.Element(f"{{{_ATOM}}}feed")
    _add(root, "id", here)
    _add(root, "title", title)
    _add(root, "updated", _time(entries[0].at if entries else now))
    _add(ET.SubElement(root, f"{{{_ATOM}}}author"), "name", "Wirewatch")
    for one in entries:
        root.append(_entry(one, here, pages))
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _entry(one: Entry, here: str, pages: str) -> ET.Element:
    alert, message = one.alert, Message(0, (one.alert,))
    entry = ET.Element(f"{{{_ATOM}}}entry")
    _add(entry, "id", f"{here}#alert-{alert.alert_id}")
    _add(entry, "title", render.subject(message))
    _add(entry, "updated", _time(one.at))
    if alert.published_at:
        _add(entry, "published", _time(alert.published_at))
    ET.SubElement(entry, f"{{{_ATOM}}}link", href=alert.url or f"{pages}/items/{alert.item_id}", rel="alternate")
    ET.SubElement(entry, f"{{{_ATOM}}}category", term=harmless(alert.rule))
    _add(entry, "content", render.html(message, pages=pages), type="html")
    return entry


def _add(parent: ET.Element, name: str, words: str, **attributes: str) -> None:
    ET.SubElement(parent, f"{{{_ATOM}}}{name}", attributes).text = harmless(words)


def _time(when: datetime) -> str:
    return when.isoformat(timespec="seconds")
