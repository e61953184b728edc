"""Who is asking: by a session's cookie, by a token, or somebody on this machine where there are no users."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeTimedSerializer
from sqlmodel import Session
from starlette.datastructures import Headers

from desk.access import Role, token_digest
from storage import users
from storage.tables import User

COOKIE = "wirewatch_session"
# A working week and its weekend: people sign in once a week.
LONGEST_SESSION = 7 * 24 * 3600
TOKEN, SESSION, LOCAL = "token", "session", "local"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is asking, what they may, how they came. `proof` is what their forms must bring along."""

    name: str
    role: Role
    came_by: str
    proof: str = ""
    user_id: int | None = None


def begin(key: str, user: User) -> str:
    """A session's cookie."""
    said = {"user": user.id, "name": user.name, "epoch": user.epoch, "nonce": secrets.token_urlsafe(16)}
    return _signer(key).dumps(said)


def by_cookie(session: Session, key: str, cookie: str) -> Visitor | None:
    """Whose session this is: signed by us, not too old, not ended since."""
    try:
        said = _signer(key).loads(cookie, max_age=LONGEST_SESSION)
        user_id, epoch, nonce = int(said["user"]), int(said["epoch"]), str(said["nonce"])
    except (BadData, KeyError, TypeError, ValueError):
        return None
    user = users.by_id(session, user_id)
    if user is None or (user.epoch, user.name) != (epoch, said["name"]):
        return None
    return Visitor(user.name, Role(user.role), SESSION, proof(key, nonce), user.id)


def by_token(session: Session, header: str) -> Visitor | None:
    """Whose token an Authorization header brings (RFC 6750)."""
    scheme, _, token = header.partition(" ")
    user = users.by_token(session, token_digest(token.strip())) if scheme.lower() == "bearer" else None
    return Visitor(user.name, Role(user.role), TOKEN, user_id=user.id) if user else None


def on_this_machine(key: str) -> Visitor:
    """Anybody, where there are no users and nobody from elsewhere comes."""
    return Visitor("somebody on this machine", Role.OPERATOR, LOCAL, proof(key, LOCAL))


def proof(key: str, nonce: str) -> str:
    """What a form of a session must bring along, which no page elsewhere can know."""
    return hmac.new(key.encode(), f"form {nonce}".encode(), hashlib.sha256).hexdigest()


def is_proof(visitor: Visitor, given: str) -> bool:
    return bool(visitor.proof) and hmac.compare_digest(visitor.proof.encode(), given.encode("utf-8", "replace"))


def is_from_elsewhere(headers: Headers) -> bool:
    """Whether a browser says that another site's page sent this (Fetch Metadata, RFC 6454)."""
    if (site := headers.get("sec-fetch-site")) is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host", "")


def _signer(key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key, salt="wirewatch session")
