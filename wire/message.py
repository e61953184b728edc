"""The words of an alert: what a channel is told, and how it reads on one line."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wire.markup import line
from wire.story import Span

# Words around a match, on either side, in characters: one sentence, more or less.
_AROUND = 90


@dataclass(frozen=True, slots=True)
class Alert:
    """All a channel may want to tell: the alert, its rule, its story, and the words that matched."""

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
    sample: bool = False


def payload(alert: Alert) -> dict[str, Any]:
    """The JSON body of a webhook. Times are ISO 8601 in UTC; spans count characters from 0."""
    return {
        "type": "alert.sample" if alert.sample else "alert.matched",
        "alert": alert.alert_id,
        "rule": {"name": alert.rule, "query": alert.query, "version": alert.rule_version},
        "story": {
            "identity": alert.identity,
            "wire": alert.wire,
            "story_id": alert.story_id,
            "version": alert.version,
            "title": alert.title,
            "url": alert.url,
            "provider": alert.provider,
            "feeds": alert.feeds,
            "published_at": _iso(alert.published_at),
            "first_seen_at": _iso(alert.first_seen_at),
        },
        "matched": matched_words(alert.spans),
        "matches": [
            {"field": span.field, "start": span.start, "end": span.end, "words": span.words} for span in alert.spans
        ],
        "passage": passage(alert.text, alert.spans),
    }


def one_line(alert: Alert) -> str:
    """The alert on one line, for a log: free of line breaks and control characters."""
    words = ", ".join(matched_words(alert.spans))
    return line(f"{alert.rule}: {alert.title} [{words}] {alert.url}").rstrip()


def matched_words(spans: Iterable[Span]) -> list[str]:
    """The matched words as written, each once, in the order of the story."""
    return list(dict.fromkeys(line(span.words) for span in spans))


def passage(text: str, spans: Iterable[Span]) -> str:
    """The first matched words of a text with what stands around them; the text's start if only its title met."""
    first = next((span for span in spans if span.field == "text"), None)
    start, end = (first.start, first.end) if first else (0, 0)
    left, right = max(0, start - _AROUND), min(len(text), end + _AROUND)
    if left:
        left = text.find(" ", left, start) + 1 or start
    if right < len(text):
        right = max(text.rfind(" ", end, right), end)
    shown = line(text[left:right])
    return f"{'…' if left else ''}{shown}{'…' if right < len(text) else ''}"


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when else None
