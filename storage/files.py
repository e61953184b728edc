"""Files that are there whole or not at all."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(to: Path) -> Iterator[Path]:
    """A file beside the wanted one, readable by nobody else, that takes its place at the end and is gone on an error.

    Raises OSError where none can be made there.
    """
    with tempfile.NamedTemporaryFile(dir=to.absolute().parent, prefix=f".{to.name}.", delete=False) as made:
        beside = Path(made.name)
    try:
        yield beside
        beside.replace(to)
    finally:
        beside.unlink(missing_ok=True)
