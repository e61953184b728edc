"""Event loops as this room's processes and threads run them."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

# Names are looked up in threads, and Apprise works in one: what hangs there for seconds holds up its own and no other.
_THREADS = 64


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop whose blocking work has threads enough; they are started as they are needed."""
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS))
    return loop
