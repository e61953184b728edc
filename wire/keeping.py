"""How long what is kept is kept: `polls 30d, items 730d`. What is not named stays as the defaults have it."""

from collections.abc import Mapping
from datetime import timedelta

from wire.cadence import parse_duration

EVER = None
# Stories, alerts and the audit stay for ever, unless it is said; a feed's polls tell of its habits for a month.
DEFAULTS: Mapping[str, timedelta | None] = {
    "items": EVER,
    "alerts": EVER,
    "audit": EVER,
    "polls": timedelta(days=30),
    "notices": timedelta(days=365),
}
# A story is compared with others for days, and a feed may show it for weeks.
_SHORTEST = timedelta(days=7)


def parse(written: str) -> dict[str, timedelta | None]:
    """For how long each kind of row is kept, None for ever. Raises ValueError saying how to write it."""
    kept = dict(DEFAULTS)
    for part in filter(None, map(str.strip, written.split(","))):
        name, _, span = part.partition(" ")
        if name not in kept:
            raise ValueError(f"“{name}” is none of {', '.join(kept)}; write it like “items 730d, polls 60d”")
        kept[name] = EVER if span.strip() == "ever" else _span(name, span)
    return kept


def _span(name: str, written: str) -> timedelta:
    span = parse_duration(written)
    if span < _SHORTEST:
        raise ValueError(f"{name} are kept for seven days at least")
    return span
