"""E-mail: a message with a text and an HTML part, handed to a mail server (RFC 5321, RFC 5322)."""

import asyncio
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from storage.outbox import Address
from wire import receivers, render
from wire.errors import DeliveryFailed
from wire.markup import clip, line
from wire.message import Message
from wire.receivers import Mail
from worker.reveal import address_of, reveal

_PERMANENT = range(500, 600)


def composed(mail: Mail, to: Address, message: Message, *, pages: str, now: datetime) -> EmailMessage:
    """The mail. Its ids are made of the alert's, so that versions of a story are threaded and repetitions known."""
    domain = mail.sender.rpartition("@")[2]
    made = EmailMessage()
    made["From"], made["To"] = mail.sender, ", ".join(mail.recipients)
    made["Subject"] = render.subject(message)
    made["Date"] = format_datetime(now)
    made["Message-ID"] = f"<{message.key}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"
    threads = {one.thread for one in message.alerts}
    if len(threads) == 1:
        thread = f"<wirewatch-thread-{threads.pop()}-{to.id}@{domain}>"
        made["In-Reply-To"] = made["References"] = thread
    if any(one.urgent for one in message.alerts):
        made["Importance"] = "high"
    made.set_content(render.words(message, to.template, pages=pages), cte="quoted-printable")
    if not to.template:
        made.add_alternative(render.html(message, pages=pages), subtype="html", cte="quoted-printable")
    return made


async def hand_in(to: Address, message: Message, *, pages: str, patience: float, now: datetime) -> str:
    """Hands a mail to its server; what that said. Raises DeliveryFailed, and BadInput for its address or template."""
    mail = address_of(to, receivers.mail)
    made = composed(mail, to, message, pages=pages, now=now)
    server = aiosmtplib.SMTP(
        hostname=mail.host,
        port=mail.port,
        username=mail.user or None,
        password=reveal(to.secret) if mail.user and to.secret else None,
        use_tls=mail.security == receivers.TLS,
        start_tls=mail.security == receivers.STARTTLS,
        timeout=patience,
    )
    began, taken = False, None
    try:
        async with asyncio.timeout(patience), server:  # the server's own patience is for each command
            began = True
            taken = await server.send_message(made, sender=mail.sender, recipients=list(mail.recipients))
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = {one.code for one in error.recipients}
        told = _said("; ".join(f"{one.recipient}: {one.code} {one.message}" for one in error.recipients))
        raise DeliveryFailed(
            f"The mail server knows none of the recipients. {told}", retry=not codes <= set(_PERMANENT)
        ) from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        if taken is None:  # else it is the server's goodbye that failed
            raise _failure(error, began=began) from error
    assert taken is not None  # noqa: S101 -- or it was raised
    refused, said = taken
    left_out = ", ".join(f"{box} ({code} {_said(words)})" for box, (code, words) in refused.items())
    return f"{_said(said)}; refused: {left_out}" if refused else _said(said)


def _failure(error: Exception, *, began: bool) -> DeliveryFailed:
    match error:
        case aiosmtplib.SMTPTimeoutError() | TimeoutError():
            return DeliveryFailed("The mail server did not answer in time.", retry=True, silent=True, unsure=began)
        case aiosmtplib.SMTPResponseException(code=code, message=said):
            return DeliveryFailed(f"The mail server answered {code} {_said(said)}", retry=code not in _PERMANENT)
        case _:
            why = f"The mail server cannot be reached: {_said(str(error))}"
            return DeliveryFailed(why, retry=True, silent=not began, unsure=began)


def _said(words: str) -> str:
    return clip(line(words), 200)
