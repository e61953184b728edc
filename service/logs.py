"""Log lines: when, how bad, who, what. Foreign words in them cannot move the terminal's cursor."""

import logging

from wire.markup import plain


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return plain(super().format(record))


def begin(level: str) -> None:
    """Sends this process's log to standard error. Libraries speak up from warnings on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for library in ("celery", "kombu", "alembic", "aiohttp", "asyncio", "trafilatura", "htmldate"):
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLevelName(level)))
