"""One service a data folder: a lock the kernel lets go of when the process ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wire.errors import BadInput


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Holds the folder. Raises BadInput, naming the holder, when another service has it."""
    make_folder(data)
    descriptor = os.open(data / "wirewatch.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor, data)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def make_folder(data: Path) -> None:
    """The data folder, there and ours alone. Raises BadInput when it cannot be."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadInput(f"{data} cannot be the data folder: {error.strerror}. Choose another with --data.") from error


def _take(descriptor: int, data: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode() or "unknown"
        raise BadInput(
            f"Wirewatch runs on {data} already (process {holder}). Stop it, or choose another folder with --data."
        ) from error
