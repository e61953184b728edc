"""Has a story changed since it was kept, or does it only look so?"""

from typing import Protocol

from wire.identity import digest
from wire.story import Entry, Story


class Kept(Protocol):
    """A story as it was kept."""

    @property
    def title(self) -> str: ...

    @property
    def text(self) -> str: ...


def fingerprint(entry: Entry) -> str:
    """What this feed said of a story. Dates are left out: feeds move them without touching a word."""
    return digest(entry.title, entry.text)


def is_revised(kept: Kept, told: Story) -> bool:
    """Whether a telling makes a new version of a kept story. Blanks, case and punctuation do not; less text neither."""
    return _differs(kept.title, told.title) or _differs(kept.text, told.text)


def _differs(before: str, now: str) -> bool:
    return bool(now) and _spoken(before) != _spoken(now)


def _spoken(text: str) -> str:
    return " ".join("".join(sign if sign.isalnum() else " " for sign in text.casefold()).split())
