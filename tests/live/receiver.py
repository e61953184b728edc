"""A receiver as a process of its own, to be killed and stopped: what comes is on disk before it is answered.

python tests/live/receiver.py PORT FILE
"""

import json
import os
import sys
from pathlib import Path

from aiohttp import web


def main(port: int, path: Path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def receive(request: web.Request) -> web.Response:
        told = await request.json()
        stories = told.get("stories", [told])
        alerts = [alert for story in stories for alert in story["alerts"]]
        said = [request.headers["Idempotency-Key"], told["maybe_twice"], alerts]
        os.write(log, json.dumps(said).encode() + b"\n")
        return web.Response()

    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_post("/hook", receive)
    web.run_app(application, host="127.0.0.1", port=port, print=None, access_log=None, reuse_address=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
