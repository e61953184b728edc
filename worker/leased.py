"""Work that is left where it is while the database is away: its lease brings it back."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from storage.database import Trouble, trouble
from wire.markup import line

log = logging.getLogger(__name__)


@contextmanager
def leased(what: str) -> Iterator[None]:
    """Says in one line that the database is away. Any other error is raised: it is ours."""
    try:
        yield
    except Exception as error:
        if trouble(error) != Trouble.AWAY:
            raise
        log.warning("the database does not answer; the lease of this %s brings it back: %s", what, line(str(error)))
