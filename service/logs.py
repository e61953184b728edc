"""Log lines: when, how bad, who, what. Foreign words in them cannot move the terminal's cursor."""

import json
import logging
from datetime import UTC, datetime

from settings import Settings
from wire.markup import plain

# What every record has; all else was given with `extra`, to be found again by programs.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return plain(super().format(record))


class _Json(logging.Formatter):
    """A line is an object: `at`, `level`, `logger`, `said`, `process`, and what is known of it beside, as `story`."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "said": record.getMessage(),
        }
        told |= {name: value for name, value in vars(record).items() if name not in _USUAL}
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


def begin(settings: Settings) -> None:
    """Sends this process's log to standard error. Libraries speak up from warnings on."""
    handler = logging.StreamHandler()
    words = _Text("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
    handler.setFormatter(_Json() if settings.log_format == "json" else words)
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for library in ("celery", "kombu", "alembic", "aiohttp", "asyncio", "trafilatura", "htmldate"):
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
