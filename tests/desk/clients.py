"""Clients of the desk's web server, by who asks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from fastapi import FastAPI
from starlette.testclient import TestClient

from desk import access
from desk.access import Role
from desk.web.app import make_app
from desk.web.visitor import COOKIE, begin
from storage import users
from storage.database import Database
from tests.desk.site import site

BASE = "http://127.0.0.1:8470"
PASSWORD = "correct horse battery"
# Hashing is slow by design: once is enough for all tests.
HASH = access.hashed(PASSWORD)


def add_users(database: Database, now: datetime) -> None:
    """A user of each role, named as it."""
    with database.writing() as session:
        for role in Role:
            users.add(session, role, HASH, role, now=now)


def as_session(app: FastAPI, database: Database, name: str) -> TestClient:
    """A client with a session of this user's, and the proof that its API calls bring along."""
    client = TestClient(app, base_url=BASE, follow_redirects=False)
    with database.reading() as session:
        client.cookies.set(COOKIE, begin(app.state.site.key(), users.find(session, name)))
    client.headers["x-csrf-token"] = proof_of(client)
    return client


def proof_of(client: TestClient) -> str:
    """What forms of this client's session bring along."""
    page = client.get("/status").text
    return page.split('data-proof="')[1].split('"')[0]


def as_token(app: FastAPI, database: Database, name: str, now: datetime) -> TestClient:
    """A program with a token of this user's."""
    token = access.new_token()
    with database.writing() as session:
        users.add_token(session, users.find(session, name), "test", access.token_digest(token), now=now)
    return TestClient(app, base_url=BASE, follow_redirects=False, headers={"Authorization": f"Bearer {token}"})


@contextmanager
def anybody(database: Database, clock: Callable[[], datetime]) -> Iterator[TestClient]:
    """Somebody on this machine, where there are no users."""
    with TestClient(make_app(site(database, clock)), base_url=BASE, follow_redirects=False) as client:
        yield client
