"""Each kind of channel, told by the real thing: an HTTP server, a mail server with TLS, one that Apprise speaks to."""

import asyncio
import email
import email.policy
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from storage import alerts, channels, held, history, outbox, rules
from storage.channels import Terms
from tests.helpers import free_port, item, rss, wait_until
from tests.world import World
from wire import receivers
from worker.process import Process

# All that a headline may hold to do harm: a header, a script, an escape, a mention, a template, a formula.
HOSTILE = (
    "Fastiv\r\nBcc: all@example.org\r\n\r\n<script>alert(1)</script> \x1b[31mred {{ 7 * 7 }} {% raw %} "
    '=HYPERLINK("http://x") @everyone <!channel> "quoted" \u202eabc'
)
SECRET = receivers.signing_secret(b"a" * 32)
NEWER = receivers.signing_secret(b"b" * 32)

# Only SQLite: what a receiver gets does not hang on where the rows are.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@dataclass
class Mailbox:
    """A mail server on loopback: what came, and how it answers."""

    port: int = 0
    mails: list[Envelope] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    answer: str = "250 taken as 7"
    tls: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.tls.append(session.ssl is not None)
        if self.answer.startswith("250"):
            self.mails.append(envelope)
        return self.answer

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, auth: LoginPassword) -> AuthResult:
        self.logins.append((auth.login, auth.password))
        return AuthResult(success=auth.password == b"open sesame", handled=False)

    def read(self) -> list[EmailMessage]:
        """The mails as a mail program reads them."""
        return [
            email.message_from_bytes(one.content or b"", policy=email.policy.default)  # type: ignore[arg-type]
            for one in self.mails
        ]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    """Who signs the mail server's certificate, and the file that says to trust it."""
    found = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    found.cert_pem.write_to_path(path)
    return found, path


@pytest.fixture
def mailbox(authority: tuple[trustme.CA, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    ca, path = authority
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    found = Mailbox(port=free_port())
    controller = Controller(
        found,
        hostname="127.0.0.1",
        port=found.port,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=found.authenticate,
    )
    controller.start()
    yield found
    controller.stop()


def add(world: World, kind: str, target: str, *, query: str = "Fastiv", **terms: Any) -> None:
    with world.database.writing() as session:
        channel = channels.add(session, "desk", kind, target, now=world.clock(), terms=Terms(**terms))
        rules.add(session, "town", query, [channel], now=world.clock())


def publish(world: World, title: str, text: str = "Drones over Fastiv at night.") -> None:
    world.feed("/a.xml", item(1110448134, title, text))
    world.run()


def delivery(world: World) -> Any:
    with world.database.reading() as session:
        (found,) = alerts.deliveries(session, limit=2)
    return found


def mail_to(mailbox: Mailbox, **asked: str) -> str:
    query = "&".join(
        f"{name}={value}" for name, value in {"from": "wire@example.org", "to": "desk@example.org", **asked}.items()
    )
    return f"smtp://wire@127.0.0.1:{mailbox.port}?{query}"


def test_a_webhook_is_signed_as_standard_webhooks_has_it(world: World) -> None:
    world.clock.now = datetime.now(UTC)  # the verifier has a clock of its own
    add(world, "webhook", world.server.url("/hook"), secret=SECRET)
    publish(world, "Fastiv struck")
    posted = [
        (headers, body)
        for (method, _, headers), body in zip(world.server.asked, world.server.bodies, strict=True)
        if method == "POST"
    ]
    ((headers, body),) = posted
    told = Webhook(SECRET).verify(body, headers)
    assert told["story"]["title"] == "Fastiv struck"
    assert (
        headers["webhook-id"]
        == headers["Idempotency-Key"]
        == f"wirewatch-delivery-1-{int(world.clock().timestamp() * 1_000)}"
    )
    with pytest.raises(WebhookVerificationError):
        Webhook(NEWER).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + b" ", headers)


def test_while_a_secret_is_changed_both_are_valid(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.clock.now = datetime.now(UTC)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    (tmp_path / "newer").write_text(NEWER + "\n")
    add(world, "webhook", world.server.url("/hook"), secret="env:HOOK_SECRET")
    with world.database.writing() as session:
        channel = channels.find(session, "desk")
        channels.change(session, channel, Terms(secret=f"file:{tmp_path / 'newer'}"), world.clock())
    publish(world, "Fastiv struck")
    headers, body = world.server.asked[-1][2], world.server.bodies[-1]
    for secret in (SECRET, NEWER):
        assert Webhook(secret).verify(body, headers)["type"] == "alert.matched"
    with world.database.writing() as session:
        channels.forget_former_secret(channels.find(session, "desk"))
        held.resend(session, [1], world.clock())
    world.run()
    assert Webhook(NEWER).verify(world.server.bodies[-1], world.server.asked[-1][2])
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(world.server.bodies[-1], world.server.asked[-1][2])


def test_a_secret_that_is_not_where_it_was_said_to_be_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(world, "webhook", world.server.url("/hook"), secret="env:HOOK_SECRET")
    publish(world, "Fastiv struck")
    found = delivery(world)
    assert (found.state, found.attempts) == ("pending", 1)
    assert "There is no secret in env:HOOK_SECRET" in found.note
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    world.run(11)
    assert delivery(world).state == "sent"


def test_a_mail_goes_out_over_tls_with_a_login_and_threads(world: World, mailbox: Mailbox) -> None:
    add(world, "email", mail_to(mailbox), secret="open sesame")
    publish(world, "Fastiv struck", "Drones over Fastiv at night.")
    world.server.pages["/a.xml"] = rss(item(1110448134, "CORRECTED - Fastiv struck", "Drones over Fastiv by day."))
    world.run(4000)
    first, second = mailbox.read()
    assert mailbox.tls == [True, True]
    assert mailbox.logins[0] == (b"wire", b"open sesame")
    assert first["Subject"] == "[town] Fastiv struck"
    assert second["Subject"] == "[town] CORRECTION: CORRECTED - Fastiv struck"
    assert re.fullmatch(r"<wirewatch-delivery-1-\d{13}@example\.org>", first["Message-ID"])
    assert first["References"] == second["References"] == second["In-Reply-To"]
    assert (first["From"], first["To"], first["Auto-Submitted"]) == (
        "wire@example.org",
        "desk@example.org",
        "auto-generated",
    )
    text, html = first.get_body(("plain",)), first.get_body(("html",))
    assert text
    assert html
    assert "Drones over *Fastiv* at night." in text.get_content()
    assert "<mark>Fastiv</mark>" in html.get_content()
    changed = second.get_body(("plain",))
    assert changed
    assert "gone: at night." in changed.get_content()
    assert "new: by day." in changed.get_content()


@pytest.mark.parametrize(
    ("answer", "refuses", "state", "says"),
    [
        ("451 not now", {}, "pending", "451 not now"),
        ("554 spam", {}, "failed", "554 spam"),
        ("250 ok", {"desk@example.org": "550 no such user"}, "failed", "550 no such user"),
        ("250 ok", {"desk@example.org": "450 mailbox busy"}, "pending", "450 mailbox busy"),
        ("250 ok", {"two@example.org": "550 no such user"}, "sent", "refused: two@example.org (550 no such user)"),
    ],
)
def test_a_mail_server_that_refuses_is_asked_again_or_not(
    world: World, mailbox: Mailbox, answer: str, refuses: dict[str, str], state: str, says: str
) -> None:
    mailbox.answer, mailbox.refuses = answer, refuses
    to = "desk@example.org,two@example.org" if "two@example.org" in refuses else "desk@example.org"
    add(world, "email", mail_to(mailbox, to=to), secret="open sesame")
    publish(world, "Fastiv struck")
    found = delivery(world)
    assert found.state == state
    with world.database.reading() as session:
        assert says in history.of_deliveries(session, [found.id])[-1].said


def test_a_mail_server_that_never_says_goodbye_gets_a_mail_once(
    world: World, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(self: SMTP, arg: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(SMTP, "smtp_QUIT", silent)
    monkeypatch.setattr("worker.channels.PATIENCE", 1.5)
    add(world, "email", mail_to(mailbox), secret="open sesame")
    publish(world, "Fastiv struck")
    assert delivery(world).state == "sent"
    assert len(mailbox.mails) == 1


def test_a_wrong_password_is_said_and_not_tried_again(world: World, mailbox: Mailbox) -> None:
    add(world, "email", mail_to(mailbox), secret="wrong")
    publish(world, "Fastiv struck")
    found = delivery(world)
    assert found.state == "failed"
    assert "535" in found.note
    assert "wrong" not in found.note


def test_a_mail_server_without_tls_gets_no_mail(
    world: World, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")  # whose certificate nobody vouches for
    add(world, "email", mail_to(mailbox), secret="open sesame")
    publish(world, "Fastiv struck")
    assert mailbox.mails == []
    assert delivery(world).state == "pending"


def test_apprise_reaches_its_services_and_calls_nobody(world: World) -> None:
    add(world, "apprise", f"json://127.0.0.1:{world.server.port}/apprise")
    world.server.pages["/apprise"] = "taken"
    publish(world, HOSTILE)
    assert delivery(world).state == "sent"
    told = world.posted()[-1]
    assert told["title"].startswith("[town] Fastiv Bcc: all@")
    assert "@everyone" not in told["title"] + told["message"]
    assert "<!channel>" not in told["title"] + told["message"]
    assert "*Fastiv*" in told["message"]


@pytest.mark.parametrize(("status", "state"), [(500, "pending"), (404, "failed"), (401, "failed")])
def test_apprises_failures_are_told_apart(world: World, status: int, state: str) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=status)

    add(world, "apprise", f"json://127.0.0.1:{world.server.port}/apprise")
    world.server.pages["/apprise"] = refuse
    publish(world, "Fastiv struck")
    found = delivery(world)
    assert found.state == state
    assert f"error={status}" in found.note


def test_an_apprise_address_that_it_does_not_know_is_a_dead_letter(world: World) -> None:
    add(world, "apprise", "nonsense://x")
    publish(world, "Fastiv struck")
    assert delivery(world).state == "failed"


def test_hostile_words_do_no_harm_in_a_mail(world: World, mailbox: Mailbox) -> None:
    add(world, "email", mail_to(mailbox), secret="open sesame")
    publish(world, HOSTILE, f"{HOSTILE} and Fastiv")
    (mail,) = mailbox.read()
    assert set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "In-Reply-To", "References", "MIME-Version",
        "Content-Type",
    }  # fmt: skip
    assert mailbox.mails[0].rcpt_tos == ["desk@example.org"]
    assert mail["Subject"].startswith("[town] Fastiv Bcc: all@example.org")
    html = mail.get_body(("html",))
    assert html
    assert "<script" not in html.get_content()
    assert "\\x1b" not in str(mailbox.mails[0].content)
    assert "{{ 7 * 7 }}" in html.get_content()


def test_hostile_words_do_no_harm_in_a_webhook_or_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    add(world, "webhook", world.server.url("/hook"))
    with world.database.writing() as session:
        log = channels.add(session, "log", "log", "", now=world.clock())
        rules.add(session, "logged", "Fastiv", [log], now=world.clock())
    with caplog.at_level("INFO", "wirewatch.alerts"):
        publish(world, HOSTILE)
    (told,) = world.hooks()
    assert "\x1b" not in told["story"]["title"]
    assert "{{ 7 * 7 }}" in told["story"]["title"]
    (said,) = [record.getMessage() for record in caplog.records if record.name == "wirewatch.alerts"]
    assert said.startswith("ALERT logged: Fastiv Bcc")
    assert said.isprintable()


def test_a_channels_own_template_is_what_is_posted(world: World) -> None:
    add(world, "webhook", world.server.url("/hook"), template='{"text": {{ subject|tojson }}}')
    publish(world, HOSTILE)
    (told,) = world.posted()
    assert told["text"].startswith("[town] Fastiv Bcc")
    assert "49" not in told["text"]


def test_a_receiver_that_says_when_is_asked_then_and_not_sooner(world: World) -> None:
    """429 with Retry-After goes for all that its channel is sent."""
    answers = iter([429])

    async def busy(request: web.Request) -> web.Response:
        status = next(answers, 200)
        return web.Response(status=status, headers={"Retry-After": "300"} if status == 429 else {})

    world.server.pages["/hook"] = busy
    add(world, "webhook", world.server.url("/hook"))
    publish(world, "Fastiv struck")
    world.server.pages["/a.xml"] = rss(
        item(1110448134, "Fastiv struck"), item(1110448135, "Fastiv again", "More of it")
    )
    asked: list[tuple[int, int]] = []
    begin = world.clock()
    for _ in range(40):
        world.run(10)
        asked.append((int((world.clock() - begin).total_seconds()), len(world.posted())))
    assert [seconds for seconds, count in asked if count == 1][-1] == 290
    assert asked[-1][1] == 3


def test_a_date_says_when_as_well(world: World) -> None:
    async def busy(request: web.Request) -> web.Response:
        when = (world.clock() + timedelta(minutes=30)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return web.Response(status=503, headers={"Retry-After": when})

    world.server.pages["/hook"] = busy
    add(world, "webhook", world.server.url("/hook"))
    publish(world, "Fastiv struck")
    assert delivery(world).due_at == world.clock() + timedelta(minutes=30)


def test_a_channel_that_keeps_the_order_waits_for_the_first(world: World) -> None:
    failing = {"Fastiv 1"}

    async def receive(request: web.Request) -> web.Response:
        title = (await request.json())["story"]["title"]
        return web.Response(status=500 if title in failing else 200)

    world.server.pages["/hook"] = receive
    add(world, "webhook", world.server.url("/hook"), ordered=True)
    world.feed("/a.xml", item(1110448100))
    world.run()
    stories = [item(1110448100 + n, f"Fastiv {n}", f"What happened there, number {n}") for n in range(1, 4)]
    for count in range(1, 4):
        world.server.pages["/a.xml"] = rss(item(1110448100), *stories[:count])
        world.run(4000 if count == 1 else 1)
    titles = [told["story"]["title"] for told in world.posted()]
    assert set(titles) == {"Fastiv 1"}
    failing.clear()
    for _ in range(6):
        world.run(4000)
    titles = [told["story"]["title"] for told in world.posted()]
    assert [title for place, title in enumerate(titles) if title not in titles[:place]] == [
        "Fastiv 1",
        "Fastiv 2",
        "Fastiv 3",
    ]
    assert titles[-2:] == ["Fastiv 2", "Fastiv 3"]


def test_ten_failures_in_a_row_pause_a_channel_which_is_tried_again_by_itself(world: World) -> None:
    del world.server.pages["/hook"]
    status = {"now": 500}

    async def receive(request: web.Request) -> web.Response:
        return web.Response(status=status["now"])

    world.server.pages["/hook"] = receive
    add(world, "webhook", world.server.url("/hook"))
    world.feed("/a.xml", item(1110448100))
    world.run()
    stories = [item(1110448101 + n, f"Fastiv {n}", f"What happened there, number {n}") for n in range(12)]
    world.server.pages["/a.xml"] = rss(item(1110448100), *stories)
    world.run(4000)
    with world.database.reading() as session:
        channel = channels.find(session, "desk")
        assert channel.paused_because.startswith("10 failures in a row, the last: The receiver answered 500")
        assert {row.state for row in alerts.deliveries(session, limit=50)} == {"held"}
        tried = len(world.posted())
    assert tried == 12
    world.run(59)
    assert len(world.posted()) == tried
    world.run(2)  # a minute later one is tried
    assert len(world.posted()) == tried + 1
    status["now"] = 200
    world.run(240)
    assert len(world.posted()) == tried + 1
    world.run(62)  # five minutes after that
    world.run(1)
    told = world.posted()[tried + 1 :]
    assert [one["type"] for one in told] == ["alert.matched", "alert.digest"]
    assert len({story["story"]["title"] for one in told for story in one.get("stories", [one])}) == 12
    with world.database.reading() as session:
        assert channels.find(session, "desk").paused_because == ""
        assert {row.state for row in alerts.deliveries(session, limit=50)} == {"sent"}


@pytest.mark.parametrize("paused", [False, True])
def test_what_was_being_sent_when_its_worker_died_is_marked_maybe_twice(world: World, paused: bool) -> None:
    world.feed("/a.xml", item(1110448134, "Fastiv struck"))
    add(world, "webhook", world.server.url("/hook"))
    world.scheduler.round()
    for task, _, arguments in [one for one in world.sent if one[0] == "poll"]:
        getattr(world.process, task)(*arguments)
    (claim, ids) = next(arguments for task, _, arguments in world.sent if task == "deliver")
    with world.database.writing() as session:  # a worker takes it up, and dies
        outbox.take(session, ids, claim, now=world.clock(), until=world.clock() + world.process.config.lease)
    world.sent.clear()
    if paused:
        with world.database.writing() as session:
            channels.pause(session, channels.find(session, "1"), world.clock())
        world.run(61)
        assert world.posted() == []
        with world.database.writing() as session:
            channels.resume(session, channels.find(session, "1"), world.clock())
    world.run(61)
    (told,) = world.posted()
    assert told["maybe_twice"] is True
    assert delivery(world).maybe_twice


def test_an_answer_that_got_lost_is_marked_so_too(world: World) -> None:
    lost = {"yes": True}

    async def receive(request: web.Request) -> web.Response:
        if lost.pop("yes", False):
            assert request.transport
            request.transport.abort()
        return web.Response()

    world.server.pages["/hook"] = receive
    add(world, "webhook", world.server.url("/hook"))
    publish(world, "Fastiv struck")
    world.run(31)
    first, second = world.posted()
    assert (first["maybe_twice"], second["maybe_twice"]) == (False, True)
    assert first["delivery"] == second["delivery"]


def test_a_channel_that_never_answers_delays_no_other(world: World, make_process: Callable[..., Process]) -> None:
    """Forty alerts for it are on their way when the other's are rung for: these arrive while those still wait."""

    async def hang(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    world.process = make_process(lease=timedelta(seconds=8))  # and so four seconds of patience
    world.server.pages |= {"/mute": hang, "/well": "taken"}
    with world.database.writing() as session:
        for name in ("mute", "well"):
            channel = channels.add(session, name, "webhook", world.server.url(f"/{name}"), now=world.clock())
            rules.add(session, name, "Fastiv", [channel], now=world.clock())
    world.feed("/a.xml", item(1110448099))
    world.run()
    stories = [item(1110448100 + n, f"Fastiv {n}", f"What happened there, number {n}") for n in range(40)]
    world.server.pages["/a.xml"] = rss(item(1110448099), *stories)
    world.clock.tick(4000)
    world.scheduler.round()
    ((_, _, poll),) = [one for one in world.sent if one[0] == "poll"]
    world.process.poll(*poll)
    rung = [arguments for task, _, arguments in world.sent if task == "deliver"]
    world.sent.clear()
    for claim, ids in sorted(rung, key=lambda one: one[1]):
        world.process.deliver(claim, ids)

    def came(path: str) -> int:
        return sum(asked == path for _, asked, _ in world.server.asked)

    wait_until(lambda: came("/well") == 40, 3, "the other's alerts arrive")
    with world.database.reading() as session:
        states = {row.channel: row.state for row in alerts.deliveries(session, limit=100)}
    assert states["mute"] == "pending"
    assert came("/mute") <= 8
    world.process.settle()
