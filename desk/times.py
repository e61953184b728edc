"""Times as a person types them."""

from datetime import timedelta

from wire.cadence import parse_duration
from wire.errors import BadInput


def duration(written: str) -> timedelta:
    """A length of time, as 30s, 15m, 48h or 7d. Raises BadInput."""
    try:
        return parse_duration(written)
    except ValueError as error:
        raise BadInput(f"“{written}” is no time: {error}.") from error
