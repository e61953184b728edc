"""What people write of a channel's receiver, checked: addresses, secrets, mailboxes. Pure.

Where a secret may stand, `env:NAME` and `file:PATH` name a place to take it from when it is used.
"""

import binascii
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from wire.address import checked, shown
from wire.errors import BadInput
from wire.markup import line

KINDS = ("log", "webhook", "email", "apprise")
_PLACE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_SCHEME = re.compile(r"[a-z][a-z0-9]{1,30}://\S+", re.IGNORECASE)
_SIGNING = "whsec_"
_FEWEST_BYTES, _MOST_BYTES = 24, 64  # Standard Webhooks, "Webhook signatures"
TLS, STARTTLS, NO_TLS = "tls", "starttls", "none"
_HOW_TO_MAIL = "Write it like smtp://user@mail.example.org:587?from=wire@example.org&to=desk@example.org."


@dataclass(frozen=True, slots=True)
class Mail:
    """Where e-mail goes out, and to whom. `security` is TLS from the start, STARTTLS, or none."""

    host: str
    port: int
    user: str
    sender: str
    recipients: tuple[str, ...]
    security: str


def is_place(written: str) -> bool:
    """Whether this says where a secret stands rather than being one."""
    return _PLACE.fullmatch(written) is not None


def target(kind: str, written: str) -> str:
    """A channel's target, checked as far as it can be seen. Raises BadInput saying how to write it."""
    if kind == "log" or is_place(written):
        return written
    if not written:
        raise BadInput({
            "webhook": "A webhook needs the address it sends to.",
            "email": f"E-mail needs a server and recipients. {_HOW_TO_MAIL}",
            "apprise": "Apprise needs an address, like ntfy://ntfy.sh/topic or env:SLACK_URL; "
            "https://github.com/caronc/apprise/wiki has them all.",
        }[kind])  # fmt: skip
    if kind == "email":
        mail(written)
    elif kind == "webhook":
        return checked(written)
    elif not _SCHEME.fullmatch(written):
        raise BadInput("An Apprise address looks like slack://… or ntfy://…, or name a place: env:NAME, file:PATH.")
    return written


def secret(kind: str, written: str) -> str:
    """A channel's secret: what signs a webhook, or a mail server's password. Raises BadInput, without telling it."""
    if not written or is_place(written):
        return written
    if kind == "webhook":
        signing(written)
    elif kind != "email":
        raise BadInput(f"A channel of kind {kind} has no secret; what is secret in its target can be env:NAME.")
    if not written.isprintable():
        raise BadInput("A secret is one line of printable characters.")
    return written


def signing_secret(key: bytes) -> str:
    """A key as Standard Webhooks writes it."""
    return f"{_SIGNING}{b64encode(key).decode()}"


def signing(written: str) -> bytes:
    """The key of a webhook's signatures. Raises BadInput."""
    try:
        key = b64decode(written.removeprefix(_SIGNING) + "==", validate=False)
    except (binascii.Error, ValueError):
        key = b""
    if not written.startswith(_SIGNING) or not _FEWEST_BYTES <= len(key) <= _MOST_BYTES:
        raise BadInput("A signing secret is whsec_ and 24 to 64 bytes as base64. `--secret new:FILE` makes one.")
    return key


def mail(written: str) -> Mail:
    """`smtp://user@host:587?from=…&to=…&to=…`; `smtps://` speaks TLS at once. Raises BadInput."""
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError as error:
        raise BadInput(f"This is no mail server: {error}. {_HOW_TO_MAIL}") from error
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise BadInput(f"This is no mail server. {_HOW_TO_MAIL}")
    if parts.password is not None:
        raise BadInput("Give the password with --secret, where it is never shown.")
    asked = parse_qs(parts.query)
    if unknown := asked.keys() - {"from", "to", "tls"}:
        raise BadInput(
            f"A mail server's address has from, to and tls, not {', '.join(sorted(unknown))}. {_HOW_TO_MAIL}"
        )
    sender, *_ = (*asked.get("from", []), "")
    recipients = [one.strip() for many in asked.get("to", []) for one in many.split(",") if one.strip()]
    for box in (sender, *recipients):
        if not _MAILBOX.fullmatch(box):
            raise BadInput(f"“{line(box)}” is no mail address. {_HOW_TO_MAIL}")
    if not recipients:
        raise BadInput(f"E-mail needs somebody it goes to. {_HOW_TO_MAIL}")
    security = TLS if parts.scheme == "smtps" else asked.get("tls", [STARTTLS])[0]
    if security not in (TLS, STARTTLS, NO_TLS):
        raise BadInput("tls is starttls or none; for TLS from the start write smtps://.")
    usual = 465 if security == TLS else 587
    return Mail(parts.hostname, port or usual, unquote(parts.username or ""), sender, tuple(recipients), security)


def for_eyes(kind: str, written: str) -> str:
    """A target without what may be secret in it: many a webhook's whole path is."""
    if kind == "log" or is_place(written):
        return written
    if kind == "apprise":
        return f"{written.partition('://')[0]}://…"
    if kind == "email":
        return written
    address = shown(written)
    host = "/".join(address.split("/")[:3])
    return address if address in (host, f"{host}/") else f"{host}/…"
