"""Ringing for what is to be done next: ids and a claim, in messages of a size that is done well within a lease."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from worker import app

DELIVERIES_A_MESSAGE = 20
PAGES_A_MESSAGE = 20
FEEDS_A_MESSAGE = 100


def send_on(claim: str, deliveries: Mapping[int, Sequence[int]], pages: Sequence[int], lease: timedelta) -> None:
    """Tells the workers of deliveries, a message a channel, and of pages to be read."""
    for ids in deliveries.values():
        for start in range(0, len(ids), DELIVERIES_A_MESSAGE):
            part = ids[start : start + DELIVERIES_A_MESSAGE]
            app.send("deliver", app.DELIVER, [claim, part], expires=lease.total_seconds())
    for start in range(0, len(pages), PAGES_A_MESSAGE):
        part = pages[start : start + PAGES_A_MESSAGE]
        app.send("read", app.READ, [claim, part], expires=lease.total_seconds())
