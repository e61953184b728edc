"""Made-up messages, clearly marked: for trying a channel, and for trying a template on all it may have to tell."""

from dataclasses import replace
from datetime import datetime

from wire.message import Alert, Message, Notice
from wire.story import Span

_TITLE, _TEXT = "This is a sample from Wirewatch", "If you can read this, alerts will reach you here."


def sample(now: datetime) -> Message:
    """One alert, as `channels test` sends it."""
    return Message(0, (_alert(now),), made_at=now)


def samples(now: datetime) -> list[Message]:
    """One alert, a correction, a digest, a notice."""
    one = _alert(now)
    correction = replace(one, kind="correction", follows=1, changed=(("-", "a sample"), ("+", "the sample")))
    other = replace(one, alert_id=2, item_id=2, rule="another rule", also=("Another Wire",))
    notice = Notice(1, "sample", "This is a sample of a notice from Wirewatch.", now)
    return [
        Message(0, (one,)),
        Message(0, (correction,)),
        Message(0, (one, other), reasons=("quiet",), maybe_twice=True),
        Message(0, notice=notice),
    ]


def _alert(now: datetime) -> Alert:
    return Alert(
        alert_id=0,
        rule="sample",
        query="sample",
        rule_version=1,
        identity="sample:0",
        wire="",
        story_id="",
        version=1,
        title=_TITLE,
        text=_TEXT,
        url="",
        provider="",
        feeds=0,
        published_at=None,
        first_seen_at=now,
        spans=(Span("title", 10, 16, "sample"),),
        sample=True,
    )
