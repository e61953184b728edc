"""Who may what: roles, passwords, tokens, and how often somebody may try. Decisions; rows are in storage/users.py."""

import hashlib
import secrets
import threading
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from wire.errors import BadInput


class Role(StrEnum):
    """A reader looks; an analyst also works with alerts and rules; an operator also with feeds and channels."""

    READER = "reader"
    ANALYST = "analyst"
    OPERATOR = "operator"

    def may(self, needed: "Role") -> bool:
        """Whether this role may do what that one may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


def role(written: str) -> Role:
    """Raises BadInput."""
    try:
        return Role(written)
    except ValueError as error:
        raise BadInput(f"A role is {', '.join(Role)}, not “{written}”.") from error


_HASHER = PasswordHasher()  # argon2id with the parameters of RFC 9106's second choice: 64 MiB, three passes
# One at a time: each takes 64 MiB and a core for a twentieth of a second.
_ONE_AT_A_TIME = threading.Lock()
# OWASP's and NIST's shortest (SP 800-63B); long enough for a sentence, short enough to hash.
_SHORTEST, _LONGEST = 8, 200


def hashed(password: str) -> str:
    """A password's argon2 hash. Raises BadInput when it is too short or too long."""
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise BadInput(f"A password has {_SHORTEST} to {_LONGEST} characters.")
    with _ONE_AT_A_TIME:
        return _HASHER.hash(password)


def is_password(kept: str | None, given: str) -> bool:
    """Whether this is the password whose hash was kept; takes as long when none was."""
    with _ONE_AT_A_TIME:
        nobody = _nobody()  # also where it is not needed: else the first wrong name would take longer
        try:
            _HASHER.verify(kept or nobody, given[:_LONGEST])
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None


@lru_cache(maxsize=1)
def _nobody() -> str:
    """What a wrong name is checked against, so that it takes as long as a wrong password."""
    return _HASHER.hash(secrets.token_hex())


_TOKEN_MARK = "wire_"  # noqa: S105 -- by which secret scanners and people know it


def new_token() -> str:
    """What a program signs in with: 256 bits that nobody guesses, so that a plain hash of it is safe to keep."""
    return _TOKEN_MARK + secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Throttle:
    """How often somebody may try to sign in: some times, then ever more rarely, until it goes well or an hour is over.

    A try counts before it is known how it ends, so that many at once are no way round. Kept in this process alone: it
    is the only one that people sign in to.
    """

    _LONGEST, _FORGOTTEN = timedelta(minutes=15), timedelta(hours=1)
    _MOST = 10_000

    def __init__(self, free: int) -> None:
        self._free = free
        self._tried: dict[str, tuple[int, datetime]] = {}
        self._lock = threading.Lock()

    def take(self, who: str, now: datetime) -> timedelta:
        """Counts a try, and says nothing; or how long until the next one may be made."""
        with self._lock:
            times, last = self._tried.pop(who, (0, now))
            if now - last > self._FORGOTTEN:
                times = 0
            pause = min(timedelta(seconds=2 ** min(times - self._free, 20)), self._LONGEST)
            wait = max(last + pause - now, timedelta(0)) if times >= self._free else timedelta(0)
            self._tried[who] = (times, last) if wait else (times + 1, now)
            if len(self._tried) > self._MOST:
                del self._tried[next(iter(self._tried))]
            return wait

    def went_well(self, who: str) -> None:
        """Forgets the tries."""
        with self._lock:
            self._tried.pop(who, None)
