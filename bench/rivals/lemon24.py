"""lemon24/reader, the best-kept feed library there is for Python, as its documentation says to use it."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from reader import make_reader

from bench import rivals

# More are no quicker: feedparser holds the interpreter.
_WORKERS = 10


def _start(addresses: Sequence[str]) -> Callable[[], None]:
    reader = make_reader(str(Path(sys.argv[1]) / "reader.db"))
    for address in addresses:
        reader.add_feed(address)
    return lambda: reader.update_feeds(scheduled=False, workers=_WORKERS)


if __name__ == "__main__":
    rivals.serve(_start)
