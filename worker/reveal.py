"""Secrets, taken from where they stand at the moment they are used."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from storage.outbox import Address
from wire.errors import BadInput, DeliveryFailed
from wire.receivers import is_place

T = TypeVar("T")


def reveal(written: str) -> str:
    """What `env:NAME` or `file:PATH` holds, without the blanks around it; all else as it is. Raises DeliveryFailed."""
    if not is_place(written):
        return written
    how, _, name = written.partition(":")
    try:
        found = os.environ.get(name, "") if how == "env" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise DeliveryFailed(f"The secret in {name} cannot be read: {why}.", retry=True) from error
    if not found.strip():
        raise DeliveryFailed(f"There is no secret in {written}: the worker's own environment must have it.", retry=True)
    return found.strip()


def address_of(to: Address, read: Callable[[str], T]) -> T:
    """A channel's target, read. Raises BadInput, or DeliveryFailed, which does not say what a secret one holds."""
    revealed = reveal(to.target)
    try:
        return read(revealed)
    except BadInput:
        if is_place(to.target):
            raise DeliveryFailed(f"What {to.target} holds is no address for a {to.kind} channel.", retry=True) from None
        raise
