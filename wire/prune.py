"""Entries that stood in the last poll, byte for byte, are cut out of a feed before it is parsed.

Parsing is by far the cost of a poll, and most of a body is what the last one held. A reader of the feed's bare
structure (expat, the parser under feedparser's own) says where each entry begins and ends, past CDATA and comments.
The result is the same as parsing all and dropping those entries; wherever that is not certain there is no cut.
"""

import hashlib
import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

_ENTRY = frozenset({"item", "entry"})
# Encodings that keep ASCII's bytes for ASCII's letters and nothing else, so that no border hides inside a letter.
_CHARSET = re.compile(r"utf-?8|us-ascii|iso-8859-\d{1,2}|windows-125\d|koi8-[ru]", re.IGNORECASE)
_UTF_8: Final = frozenset({"", "utf-8", "utf8", "us-ascii"})
_IN_HEADER = re.compile(r"""charset\s*=\s*["']?([^\s"';]+)""", re.IGNORECASE)
# Deeper than any feed and shallower than what makes a recursive parser stumble.
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry's bytes, from the first of its opening tag to past the last of its closing tag, and their digest."""

    start: int
    end: int
    digest: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A body cut at its entries' borders."""

    body: bytes
    pieces: tuple[Piece, ...]

    @property
    def digests(self) -> tuple[str, ...]:
        return tuple(piece.digest for piece in self.pieces)

    def without(self, seen: Container[str]) -> bytes:
        """The body without the pieces whose digest was seen."""
        parts, place = [], 0
        for piece in self.pieces:
            if piece.digest in seen:
                parts.append(self.body[place : piece.start])
                place = piece.end
        parts.append(self.body[place:])
        return b"".join(parts)


def cut(body: bytes, *, url: str = "", content_type: str = "") -> Cut | None:
    """The body cut at its entries, or None where the cut is not certain.

    A digest covers the entry's bytes and all that its meaning hangs on from outside: what it is nested in, with its
    attributes (namespaces, base, language), the encoding, and the address for relative links. 64 bits, in hex.
    """
    if not _is_plain(body, content_type):
        return None
    reader = _Reader(body)
    if not reader.read():
        return None
    around = hashlib.blake2b(repr((reader.around, reader.encoding, url, content_type)).encode("utf-8", "replace"))
    pieces = []
    for start, end in reader.borders:
        mark = around.copy()
        mark.update(body[start:end])
        pieces.append(Piece(start, end, mark.hexdigest()[:16]))
    return Cut(body, tuple(pieces))


def _is_plain(body: bytes, content_type: str) -> bool:
    """Nothing that gives one byte two meanings, or gives one entry's words a say in another's.

    A DOCTYPE can define entities. A prefix that an entry declares goes on to hold in feedparser after it.
    """
    declared = _IN_HEADER.search(content_type)
    if b"<!DOCTYPE" in body or body.startswith((b"\xfe\xff", b"\xff\xfe", b"\x00")):
        return False
    xml = re.match(rb"""(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*["']([^"'>]+)""", body)
    said = xml[1].decode("latin-1").lower() if xml else ""
    if said and not _CHARSET.fullmatch(said):
        return False
    header = declared[1].lower() if declared else said
    return header == said or {header, said} <= _UTF_8


# Elements by which feedparser tells the kind of the whole document, wherever they stand.
_ROOTS = frozenset({"rss", "feed", "rdf", "channel"})
_XHTML = "http://www.w3.org/1999/xhtml"


def _is_entry(name: str) -> bool:
    return name in _ENTRY or (":" in name and name.rpartition(":")[2] in _ENTRY)


def _speaks_for_others(name: str, attributes: Sequence[str]) -> bool:
    """Whether an element within an entry changes how what comes after the entry is read."""
    if name.rpartition(":")[2].lower() in _ROOTS:
        return True
    return any(
        name.startswith("xmlns") and not (name == "xmlns" and value == _XHTML)
        for name, value in zip(attributes[::2], attributes[1::2], strict=True)
    )


class _Stopped(Exception):
    """The structure is such that no cut is certain."""


class _Reader:
    """Where the entries of a document stand, by the events of an expat parser."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._open: list[tuple[str, tuple[str, ...]]] = []
        self._start = self._deep = 0
        self._harmless: set[str] = set()
        self.borders: list[tuple[int, int]] = []
        self.around: tuple[tuple[str, tuple[str, ...]], ...] = ()
        self.encoding: str | None = ""

    def read(self) -> bool:
        """Whether the document is well-formed and its entries lie side by side."""
        parser = self._parser = expat.ParserCreate()
        parser.ordered_attributes = True
        parser.XmlDeclHandler = self._declared
        self._listen(self._begin, self._end)
        try:
            parser.Parse(self._body, True)
        except (_Stopped, expat.ExpatError, ValueError, LookupError, UnicodeError):
            return False
        return True

    def _listen(self, begin: Callable[[str, list[str]], None], end: Callable[[str], None]) -> None:
        self._parser.StartElementHandler, self._parser.EndElementHandler = begin, end

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.encoding = encoding

    def _begin(self, name: str, attributes: list[str]) -> None:
        if not _is_entry(name):
            self._open.append((name, tuple(attributes)))
            return
        around = tuple(self._open)
        if (self.borders and around != self.around) or _speaks_for_others(name, attributes):
            raise _Stopped
        self.around = around
        self._start, self._deep = self._parser.CurrentByteIndex, 0
        self._listen(self._begin_within, self._end_within)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _begin_within(self, name: str, attributes: list[str]) -> None:
        """Of a feed's elements nearly all lie within its entries, go by a few names and have no attributes."""
        self._deep += 1
        if attributes or name not in self._harmless:
            if _is_entry(name) or _speaks_for_others(name, attributes):
                raise _Stopped
            self._harmless.add(name)
        if self._deep > _DEEPEST:
            raise _Stopped

    def _end_within(self, name: str) -> None:
        if self._deep:
            self._deep -= 1
            return
        place = self._parser.CurrentByteIndex
        if not self._body.startswith(b"</" + name.encode(), place):  # `<item/>` has no end of its own
            raise _Stopped
        self.borders.append((self._start, self._body.index(b">", place) + 1))
        self._listen(self._begin, self._end)
