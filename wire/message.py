"""The words of an alert: all that a channel is told, as plain data. How it reads: `wire/render.py`."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wire.markup import clip, line
from wire.story import Span

# Words around a match, on either side, in characters: one sentence, more or less.
_AROUND = 90
# What changed is told in so many words at most; the whole difference is on the story's page.
_MOST_CHANGES = 12
_LONGEST_CHANGE = 160
_MOST_CARRIERS = 20


@dataclass(frozen=True, slots=True)
class Alert:
    """All a channel may want to tell: the alert, its rule, its story, and the words that matched.

    `thread` is the number of the first item of its cluster, `also` are the others who carried it; `kind` says what it
    is to the alert it `follows`, and `changed` how their words differ (wire/revision.py).
    """

    alert_id: int
    rule: str
    query: str
    rule_version: int
    identity: str
    wire: str
    story_id: str
    version: int
    title: str
    text: str
    url: str
    provider: str
    feeds: int
    published_at: datetime | None
    first_seen_at: datetime
    spans: tuple[Span, ...]
    item_id: int = 0
    thread: int = 0
    kind: str = ""
    follows: int | None = None
    changed: tuple[tuple[str, str], ...] = ()
    also: tuple[str, ...] = ()
    urgent: bool = False
    sample: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """What people should know beside stories."""

    id: int
    about: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent at once, under the number of the delivery that leads it: alerts, or a notice.

    `made_at` is when that delivery was written, `reasons` why they were held till now; `maybe_twice`, that it may have
    been sent before.
    """

    id: int
    alerts: tuple[Alert, ...] = ()
    notice: Notice | None = None
    reasons: tuple[str, ...] = ()
    maybe_twice: bool = False
    made_at: datetime | None = None

    @property
    def key(self) -> str:
        """The same for every try and for nothing else, so that a receiver can tell a repetition from a second alert:
        numbers are given anew after a restored backup, and by another installation.
        """
        return f"wirewatch-delivery-{self.id}-{int(self.made_at.timestamp() * 1_000) if self.made_at else 0}"

    @property
    def stories(self) -> list[list[Alert]]:
        """The alerts by version of a story, in the order of their first alerts."""
        found: dict[tuple[int, int], list[Alert]] = {}
        for one in sorted(self.alerts, key=lambda one: one.alert_id):
            found.setdefault((one.item_id, one.version), []).append(one)
        return list(found.values())


def payload(message: Message, *, pages: str = "") -> dict[str, Any]:
    """The JSON body of a webhook, and what a template sees. Times are ISO 8601 in UTC; spans count characters from 0.

    `pages` is the address of the desk, under which items have their pages.
    """
    about = {"delivery": message.id, "maybe_twice": message.maybe_twice}
    if message.notice:
        notice = message.notice
        said = {"notice": notice.id, "about": notice.about, "text": notice.text, "at": _iso(notice.created_at)}
        return {"type": "notice", **about, **said}
    stories = [_story(some, pages) for some in message.stories]
    if len(stories) == 1:
        sample = message.alerts[0].sample
        return {"type": "alert.sample" if sample else "alert.matched", **about, **stories[0]}
    return {"type": "alert.digest", **about, "reasons": list(message.reasons), "stories": stories}


def _story(alerts: Sequence[Alert], pages: str) -> dict[str, Any]:
    """One story with the rules that met it."""
    first = alerts[0]
    spans = sorted({span for one in alerts for span in one.spans}, key=_as_read)
    return {
        "alert": first.alert_id,
        "alerts": [one.alert_id for one in alerts],
        "rule": _rule(first),
        "rules": [_rule(one) for one in alerts],
        "urgent": any(one.urgent for one in alerts),
        "thread": first.thread,
        "kind": next((one.kind for one in alerts if one.kind), ""),
        "changed": _shortened(next((one.changed for one in alerts if one.changed), ())),
        "story": {
            "identity": first.identity,
            "wire": first.wire,
            "story_id": first.story_id,
            "version": first.version,
            "title": first.title,
            "url": first.url,
            "provider": first.provider,
            "feeds": first.feeds,
            "also_carried_by": list(dict.fromkeys(filter(None, first.also)))[:_MOST_CARRIERS],
            "published_at": _iso(first.published_at),
            "first_seen_at": _iso(first.first_seen_at),
            "page": f"{pages.rstrip('/')}/items/{first.item_id}" if pages else "",
        },
        "matched": matched_words(spans),
        "matches": [{"field": one.field, "start": one.start, "end": one.end, "words": one.words} for one in spans],
        "title_pieces": _as_data(pieces(first.title, spans, "title")),
        "passage": passage(first.text, spans),
        "passage_pieces": _as_data(passage_pieces(first.text, spans)),
    }


def _as_read(span: Span) -> tuple[bool, str, int, int]:
    """In the order of a reader: the title, the text, the rest."""
    return span.field != "title", span.field, span.start, span.end


def _rule(alert: Alert) -> dict[str, Any]:
    return {"name": alert.rule, "query": alert.query, "version": alert.rule_version}


def _shortened(changed: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    told = [{"sign": sign, "words": clip(line(words), _LONGEST_CHANGE)} for sign, words in changed if sign != "="]
    return told[:_MOST_CHANGES]


def matched_words(spans: Iterable[Span]) -> list[str]:
    """The matched words as written, each once, in the order of the story."""
    return list(dict.fromkeys(line(span.words) for span in spans))


def pieces(
    text: str, spans: Iterable[Span], field: str, start: int = 0, end: int | None = None
) -> list[tuple[bool, str]]:
    """A stretch of text in pieces, each (whether a rule's words stand there, the words)."""
    end = len(text) if end is None else end
    found: list[tuple[bool, str]] = []
    place = start
    for span in sorted((one for one in spans if one.field == field), key=lambda one: (one.start, -one.end)):
        begin, stop = max(span.start, place), min(span.end, end)
        if begin < stop:
            found += [(False, text[place:begin]), (True, text[begin:stop])]
            place = stop
    return [(marked, words) for marked, words in [*found, (False, text[place:end])] if words]


def passage_pieces(text: str, spans: Sequence[Span]) -> list[tuple[bool, str]]:
    """The first matched words of a text with what stands around them; the text's start if only its title met."""
    first = min((span for span in spans if span.field == "text"), key=lambda span: span.start, default=None)
    start, end = (first.start, first.end) if first else (0, 0)
    left, right = max(0, start - _AROUND), min(len(text), end + _AROUND)
    # Cut at a blank, in a script without blanks between letters, and never before a mark that belongs to one.
    if left and (blank := text.find(" ", left, start)) >= 0:
        left = blank + 1
    if right < len(text) and (blank := text.rfind(" ", end, right)) >= 0:
        right = blank
    while 0 < left < start and unicodedata.combining(text[left]):
        left += 1
    while end < right < len(text) and unicodedata.combining(text[right]):
        right -= 1
    found = pieces(text, spans, "text", left, right)
    if left:
        found.insert(0, (False, "…"))
    return [*found, (False, "…")] if right < len(text) else found


def passage(text: str, spans: Sequence[Span]) -> str:
    """The same as one line."""
    return line("".join(words for _, words in passage_pieces(text, spans)))


def _as_data(found: Iterable[tuple[bool, str]]) -> list[dict[str, Any]]:
    return [{"matched": marked, "words": words.replace("\n", " ")} for marked, words in found]


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when else None
