"""What the MENAFN wire writes: its id line, its addresses, its datelines, its furniture.

The number after `ID` is the story and equals the number in its address; the twelve digits before it are the
provider's code, the eight before those the day. The line stands glued to its neighbours, so nothing is asked of
what is around it. A page lists other stories too: only the asked-for address or the id line names the story.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

WIRE = "menafn"

_ID_LINE = re.compile(r"MENAFN(\d{2})(\d{2})(\d{4})(\d{12})ID(\d{10})(?!\d)", re.ASCII)
_ID_LINE_TOLERANT = re.compile(r"MENAFN[\s\xa0_-]?(\d{2})(\d{2})(\d{4})(\d{4,16})ID(\d{8,11})(?!\d)", re.ASCII)
_HOST = re.compile(r"^https?://(?:www\.)?menafn\.com(?::\d+)?/", re.IGNORECASE)
_PATH = re.compile(r"^https?://[^/]+/(?:arabic/)?(\d{8,11})(?![\d])(?:[/?#&].*)?$", re.IGNORECASE | re.ASCII)
_QUERY = re.compile(r"[?&]storyid=(\d{8,11})(?!\d)", re.IGNORECASE | re.ASCII)
_DATELINE = re.compile(r"^\W{0,3}?\(?\s*MENAFN\s*(?:[-–—]\s*((?:[^()\n]|\([^()\n]{0,60}\)){1,120}?))?\s*\)\s*")
# The longest of the wire's has 60; what is longer is no name.
_LONGEST_PROVIDER = 150
_DISCLAIMER = re.compile(r"Legal\s+Disclaimer:?\s*(?:MENAFN|EIN Presswire)\s+provides", re.IGNORECASE)
_DISCLAIMER_HEADING = re.compile(r"^\s*Legal\s+Disclaimer\s*:?\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class IdLine:
    """An id line read: the wire's day, the provider's code, the story's number, and where the line stands."""

    day: date
    code: str
    story_id: str
    start: int
    end: int


def find_id_line(text: str) -> IdLine | None:
    """The last readable id line of a text: the foot's, when the body quotes another."""
    for pattern in (_ID_LINE, _ID_LINE_TOLERANT):
        lines = [found for found in map(_read_id_line, pattern.finditer(text)) if found]
        if lines:
            return lines[-1]
    return None


def _read_id_line(found: re.Match[str]) -> IdLine | None:
    day, month, year, code, story_id = found.groups()
    try:
        when = date(int(year), int(month), int(day))
    except ValueError:  # digits that are no day: not an id line
        return None
    return IdLine(when, code, story_id, found.start(), found.end())


def story_id_of(url: str) -> str:
    """The story's number in an address of menafn.com, or nothing. Any host's case, with or without www."""
    if not _HOST.match(url):
        return ""
    found = _PATH.match(url) or _QUERY.search(url)
    return found.group(1) if found else ""


def split_dateline(text: str) -> tuple[str, str] | None:
    """(provider, text after the dateline), or None where no dateline opens the text.

    The provider is empty for the wire's own rewrites: `(MENAFN) Russia unleashed…`.
    """
    found = _DATELINE.match(text)
    provider = " ".join((found[1] or "").split()) if found else ""
    return (provider, text[found.end() :]) if found and len(provider) <= _LONGEST_PROVIDER else None


def without_furniture(text: str) -> str:
    """The story alone: what stands before its id line and its disclaimer."""
    if "scla" in text.casefold():  # a disclaimer may be; the patterns look at each letter, this takes a fiftieth
        ends = [found.start() for found in (_DISCLAIMER.search(text), _DISCLAIMER_HEADING.search(text)) if found]
        text = text[: min(ends)] if ends else text
    id_line = find_id_line(text)
    if id_line and text[: id_line.start].strip():
        text = text[: id_line.start]
    return _ID_LINE_TOLERANT.sub("", text).strip()


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the wire was seen: so many stories of the numbers the wire gave in that time."""

    seen: int
    numbers: int

    @property
    def share(self) -> float:
        return self.seen / self.numbers


# The wire gives some 4,000 numbers a day. What lies further from the middle of those seen in a day is an old story
# that was told again, or a number made up.
_A_DAY = 6_000
# From fewer the span says more of chance than of the wire.
_FEWEST = 20


def coverage(story_ids: Iterable[str]) -> Coverage | None:
    """How much of the wire a day's story numbers cover, as they grow with time; None where there are too few."""
    numbers = sorted({int(one) for one in story_ids if one.isdecimal()})
    middle = numbers[len(numbers) // 2] if numbers else 0
    near = [one for one in numbers if abs(one - middle) <= _A_DAY]
    return Coverage(len(near), near[-1] - near[0] + 1) if len(near) >= _FEWEST else None
