"""The head of a feed: what stands before its first entry, and so says something of the feed itself."""

import re

_FIRST_ENTRY = re.compile(rb"<(?:\w{1,20}:)?(?:item|entry)[\s>/]")


def head(body: bytes) -> bytes:
    """The bytes before a feed's first entry; all of them where there is no entry."""
    first = _FIRST_ENTRY.search(body)
    return body[: first.start()] if first else body
