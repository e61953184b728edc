"""Secrets at rest: sealed where there is a key, read all the same, and of no use to who has the database alone."""

import pytest
from sqlalchemy import text

from storage import channels, feeds, sealing, users
from storage.channels import Terms
from storage.database import Database
from tests.helpers import NOON, item, rss
from tests.world import World
from wire.cadence import Bounds
from wire.errors import BadInput

SECRETS = (
    "whsec_YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyAuLi4u",
    "Basic bG9naW4tODI0Mg==",
    "session-key-8243",
    "tgram://token-8244/chat",
)


pytestmark = pytest.mark.usefixtures("no_key_afterwards")


def fill(database: Database) -> None:
    with database.writing() as session:
        hook = Terms(secret=SECRETS[0])
        channels.add(session, "hook", "webhook", "https://hooks.example/path-8245", now=NOON, terms=hook)
        channels.add(session, "chat", "apprise", SECRETS[3], now=NOON)
        login = {"Authorization": SECRETS[1]}
        feeds.add(session, "https://x.example/a.xml", now=NOON, bounds=Bounds(60, 3600), headers=login)
        users.key(session, "session key", SECRETS[2])


def read(database: Database) -> tuple[str, ...]:
    with database.reading() as session:
        hook, chat = channels.find(session, "hook"), channels.find(session, "chat")
        login = feeds.find(session, "1").headers["Authorization"]
        return hook.secret, login, users.key(session, "session key", "another"), chat.target


def raw(database: Database) -> str:
    """All that stands in the tables that hold secrets."""
    with database.reading() as session:
        rows = [session.execute(text(f"SELECT * FROM {name}")).all() for name in ("channel", "feed", "setting")]
    return repr(rows)


def test_with_a_key_no_secret_stands_in_the_database_and_each_is_read(database: Database) -> None:
    sealing.use(sealing.new_key())
    fill(database)
    assert read(database) == SECRETS
    assert not any(secret in raw(database) for secret in (*SECRETS, "path-8245"))


def test_what_was_written_before_there_was_a_key_is_sealed_when_asked_and_opened_again(database: Database) -> None:
    fill(database)
    sealing.use(sealing.new_key())
    assert read(database) == SECRETS
    with database.writing() as session:
        assert sealing.reseal(session) == 5
    assert not any(secret in raw(database) for secret in SECRETS)
    assert read(database) == SECRETS
    with database.writing() as session:
        sealing.reseal(session, seals=False)
    sealing.use("")
    assert read(database) == SECRETS


def test_what_looks_sealed_and_is_not_is_refused_at_the_door(database: Database) -> None:
    with pytest.raises(Exception, match="cannot begin with sealed:"), database.writing() as session:
        users.key(session, "session key", "sealed:nothing")


def test_a_key_can_be_changed(database: Database) -> None:
    old, new = sealing.new_key(), sealing.new_key()
    sealing.use(old)
    fill(database)
    sealing.use(f"{new},{old}")
    with database.writing() as session:
        sealing.reseal(session)
    sealing.use(new)
    assert read(database) == SECRETS


@pytest.mark.parametrize(("key", "why"), [("", "set WIREWATCH_KEY"), ("another", "another key")])
def test_without_the_right_key_it_is_said_at_the_start(database: Database, key: str, why: str) -> None:
    sealing.use(sealing.new_key())
    fill(database)
    sealing.use(key and sealing.new_key())
    with pytest.raises(BadInput, match=why), database.reading() as session:
        sealing.check(session)


def test_a_message_is_signed_with_a_sealed_secret(world: World) -> None:
    sealing.use(sealing.new_key())
    world.rule("Fastiv")
    with world.database.writing() as session:
        channels.change(
            session,
            channels.find(session, "to rule"),
            Terms(secret="whsec_YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyAuLi4u"),
            NOON,
        )
    world.feed("/a.xml")
    world.run()
    world.server.pages["/a.xml"] = rss(item(1110448135, "Fastiv"))
    world.run(4000)
    headers = next(headers for method, path, headers in world.server.asked if path == "/hook")
    assert headers["webhook-signature"].startswith("v1,")
