"""What Wirewatch is measured against, each a process that polls all its feeds when it is told to.

A rival is started with a folder and reads lines from standard input: first a JSON list of addresses, then `poll` each
time. It answers with a line when it is done.
"""

import json
import sys
from collections.abc import Callable, Sequence


def serve(start: Callable[[Sequence[str]], Callable[[], None]]) -> None:
    """Reads lines and answers them; `start` is told the addresses and returns what polls them all."""
    poll = start(json.loads(sys.stdin.readline()))
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "poll":
            poll()
            print("done", flush=True)
