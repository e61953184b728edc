"""From markup to the text a person would read: blocks on lines of their own, entities decoded once."""

import html
import re
import unicodedata

from selectolax.lexbor import LexborHTMLParser

_LOOKS_LIKE_MARKUP = re.compile(r"<[a-zA-Z/!?][^<>]*>|&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")
_BLOCK = re.compile(
    r"<(?=/?(?:p|div|br|li|ul|ol|dl|dt|dd|tr|table|h[1-6]|blockquote|section|article|header|footer|figure"
    r"|figcaption|hr|pre|main|aside|nav|form|option)\b)",
    re.IGNORECASE,
)
_CELL = re.compile(r"<(?=/?(?:td|th)\b)", re.IGNORECASE)
_UNREAD = ["script", "style", "noscript", "template", "iframe", "object", "svg", "head"]
# Lexbor's tree costs quadratic time on deep nesting: 50,000 nested divs take seconds. No story needs this many tags.
_MOST_TAGS = 20_000
_TAG = re.compile(r"<[^<>]*>")
# Longer than any story with its markup; beyond it the work of reading would belong to whoever wrote the page.
_LONGEST = 2_000_000
# Everything of category Cc and Cs but tab and line feed, the noncharacters, and the bidirectional overrides, with
# which a title can be made to read as what it is not (Unicode TR 36, section 2.9). ZWJ and ZWNJ stay: Persian and
# emoji need them.
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """Text without control characters: it can neither steer a terminal nor read as what it is not."""
    # What prints is harmless, and asking so takes a tenth of the time; most texts print but for their line breaks.
    return text if text.replace("\n", "").isprintable() else _HARMFUL.sub("", text)


# Tags that are left when text was escaped once more than it should have been, or was said to be plain and is not. What
# only looks like one ("a < b", "<tbc>") stays.
_HTML_TAG = re.compile(
    r"</?(?:a|abbr|article|audio|b|big|blockquote|body|br|button|caption|center|cite|code|dd|div|dl|dt|em|embed|figcaption"
    r"|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|label|li|link|main|meta|nav|noscript"
    r"|object|ol|p|picture|pre|script|section|small|source|span|strike|strong|style|sub|sup|svg|table|tbody|td|tfoot|th"
    r"|thead|title|tr|tt|u|ul|video)(?:[\s/][^<>]*)?>",
    re.IGNORECASE,
)
# What a wire writes of a share or an index: <AAPL.O>, <.SPX>, <JPY=>. To a reader of HTML it is a tag, and vanishes.
_INSTRUMENT = re.compile(r"<(?=[A-Z0-9.][A-Za-z0-9.=#-]{1,15}>)(?=[^>]*[.=#])")
_MOST_PEELS = 5


# What shows that it is markup indeed, not a word about it: "Use <b> wisely" stays as it is.
_IS_MARKUP = re.compile(
    r"</[a-z]|<[a-z][a-z0-9]{0,15}\s[^<>]*=|<(?:script|style|iframe|img|svg|object|embed|br|p)\b", re.IGNORECASE
)


def untagged(text: str) -> str:
    """Text without HTML's tags where they are more than mentioned, also where taking one out makes another."""
    for _ in range(_MOST_PEELS):
        if "<" not in text or not _IS_MARKUP.search(text) or not _HTML_TAG.search(text):
            return text
        text = _HTML_TAG.sub(_peeled, text)
    return _HTML_TAG.sub(" ", text)


def _peeled(tag: re.Match[str]) -> str:
    """Blocks part the words around them, `<b>` and the like do not."""
    return "\n" if _BLOCK.match(tag[0]) or _CELL.match(tag[0]) else ""


def plain(text: str) -> str:
    """Text fit to keep: NFC, no tags, no control characters, single blanks, no empty lines, nothing at the ends."""
    if text.isascii() and text.isprintable() and "<" not in text and "  " not in text:
        return text.strip()  # as most names and headlines are
    text = untagged(harmless(text.replace("\r\n", "\n").replace("\r", "\n")))
    lines = [" ".join(words) for part in text.split("\n") if (words := part.split())]
    return unicodedata.normalize("NFC", "\n".join(lines))


def line(text: str) -> str:
    """The same on one line: for titles, authors, links and everything that may reach a header."""
    return plain(text).replace("\n", " ")


def to_text(source: str) -> str:
    """What a person would read of an HTML fragment or page. Text without markup comes back as it is."""
    source = source[:_LONGEST]
    if "<![CDATA[" in source:
        source = source.replace("<![CDATA[", "").replace("]]>", "")
    if "<" in source:
        source = _INSTRUMENT.sub("&lt;", source)
    if not ("<" in source or "&" in source) or not _LOOKS_LIKE_MARKUP.search(source):
        return plain(source)
    if is_overgrown(source):
        return plain(html.unescape(_TAG.sub(" ", source)))
    marked = _CELL.sub(" <", _BLOCK.sub("\n<", " ".join(source.splitlines())))
    tree = LexborHTMLParser(f"<body>{marked}")
    if tree.body is None:
        return plain(html.unescape(_TAG.sub(" ", source)))
    tree.strip_tags(_UNREAD)
    return plain(tree.body.text())


def is_overgrown(source: str) -> bool:
    """Whether markup holds more tags than any story does, so that a tree of it would cost seconds."""
    return source.count("<") > _MOST_TAGS


def clip(text: str, most: int) -> str:
    """At most `most` characters, cut at a blank where one is near, ending in an ellipsis when cut."""
    if len(text) <= most:
        return text
    cut = text.rfind(" ", max(0, most - 40), most - 1)
    return text[: cut if cut > 0 else most - 1].rstrip() + "…"
