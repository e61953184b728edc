"""A desk's web server for tests: what only the service can do is done here by hand."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from desk.web.site import Site
from storage.database import Database
from wire.cadence import Bounds
from worker.looking import Found


def site(database: Database, clock: Callable[[], datetime], **more: Any) -> Site:
    """A site on this database that finds nothing at any address and whose channels take every sample."""
    said = {
        "pages": "http://desk.example:8470",
        "canary": timedelta(minutes=5),
        "bounds": Bounds(60, 3600),
        "look": nothing,
        "try_channel": lambda which: f"taken by {which}",
        **more,
    }
    return Site(database, clock, **said)


def nothing(url: str, headers: Mapping[str, str]) -> Found:
    return Found(url, None, ())
