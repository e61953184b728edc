"""Who may what: the table of docs/ACCESS.md, sessions, tokens, forms from elsewhere, the audit."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from itsdangerous import TimestampSigner
from starlette.testclient import TestClient

from desk import access
from desk.access import Role, Throttle
from desk.web.app import make_app
from desk.web.visitor import COOKIE, LONGEST_SESSION
from service.opening import mind_who_comes
from settings import read
from storage import audit, feeds, rules, users
from storage.database import Database
from tests.desk.clients import BASE, HASH, PASSWORD, add_users, anybody, as_session, as_token, proof_of
from tests.desk.site import site
from tests.helpers import NOON, Clock, item
from tests.world import World
from wire.errors import BadInput

TABLE = Path(__file__).parents[2] / "docs/ACCESS.md"
WHO = ("nobody", *Role)


@pytest.fixture
def database(one_database: Database) -> Database:
    return one_database


@pytest.fixture
def app(database: Database, clock: Clock) -> FastAPI:
    add_users(database, clock())
    return make_app(site(database, clock))


def table() -> dict[tuple[str, str], str]:
    rows = re.findall(r"^\| (\w+) \| (\S+) \| (\w+) \|$", TABLE.read_text(), re.MULTILINE)
    return {(method, route): role for method, route, role in rows if method != "method"}


def test_every_route_stands_in_the_table(app: FastAPI) -> None:
    there = {
        (method, re.sub(r":int\}", "}", str(route.path)) or "/")
        for route in iter_route_contexts(app.routes)
        for method in (route.methods or {"GET"}) - {"HEAD"}
    }
    assert there == set(table())


def test_the_table_is_walked_by_everybody(world: World, app: FastAPI, database: Database, clock: Clock) -> None:
    """Who may is never turned away for who they are; who may not always is, and nothing is changed by them."""
    world.rule("Fastiv")
    world.feed("/a.xml", item(1110448134, "Fastiv"))
    world.run()
    with database.writing() as session:
        rules.set_list(session, "names", ["x"], now=NOON)
    with ExitStack() as open_clients:  # each with its own loop, kept over all its requests
        enter = open_clients.enter_context
        sessions = {role: enter(as_session(app, database, role)) for role in Role}
        programs = {role: enter(as_token(app, database, role, clock())) for role in Role}
        nobody = enter(TestClient(app, base_url=BASE, follow_redirects=False))
        assert walk(database, nobody, sessions, programs) == []


def walk(
    database: Database, nobody: TestClient, sessions: dict[Role, TestClient], programs: dict[Role, TestClient]
) -> list[tuple[str, str, str, int]]:
    """Who was turned away wrongly, or was not: method, route, who, status."""
    wrong = []
    for (method, route), least in sorted(table().items(), key=lambda one: (one[0][0] == "DELETE", one)):
        for who in WHO:
            allowed = least == "nobody" or (who != "nobody" and Role(who).may(Role(least)))
            if route in ("/signout", "/signin", "/static") or (route.endswith("/stream") and allowed):
                continue
            is_api = route.startswith("/api/")
            client = nobody if who == "nobody" else (programs if is_api else sessions)[Role(who)]
            before = database_state(database)
            status = ask(client, method, route)
            turned_away = status in (401, 403, 303) if who == "nobody" else status == 403
            if turned_away == allowed or (not allowed and database_state(database) != before):
                wrong.append((method, route, who, status))
    return wrong


def ask(client: TestClient, method: str, route: str) -> int:
    path = re.sub(r"\{(\w+)\}", lambda found: {"format": "csv", "name": "names"}.get(found[1], "1"), route)
    if method == "GET":
        return client.get(path).status_code
    if route.startswith("/api/"):
        return client.request(method, path, json={}).status_code
    proof = client.headers.get("x-csrf-token", "")
    return client.post(path, data={"proof": proof, "do": "nothing", "name": "", "url": "x"}).status_code


def database_state(database: Database) -> list[int]:
    with database.reading() as session:
        return [one.id or 0 for one in audit.newest(session, limit=1)]


def test_a_session_begins_with_the_right_password_and_goes_where_it_was_asked_to(app: FastAPI) -> None:
    client = TestClient(app, base_url=BASE, follow_redirects=False)
    answer = client.get("/alerts?state=all")
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=%2Falerts%3Fstate%3Dall")
    wrong = client.post("/signin", data={"name": "reader", "password": "wrong password"})
    assert (wrong.status_code, "wrong" in wrong.text, COOKIE in client.cookies) == (403, True, False)
    right = client.post("/signin", data={"name": "reader", "password": PASSWORD, "next": "/alerts?state=all"})
    assert (right.status_code, right.headers["location"]) == (303, "/alerts?state=all")
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert client.get("/alerts").status_code == 200
    client.post("/signout", data={"proof": proof_of(client)})
    assert client.get("/alerts").status_code == 303


@pytest.mark.parametrize(
    "where", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_nobody_is_sent_elsewhere_after_signing_in(app: FastAPI, where: str) -> None:
    client = TestClient(app, base_url=BASE, follow_redirects=False)
    answer = client.post("/signin", data={"name": "reader", "password": PASSWORD, "next": where})
    assert answer.headers["location"] == "/"


def test_behind_tls_the_cookie_is_for_tls_alone(database: Database, clock: Clock) -> None:
    add_users(database, clock())
    client = TestClient(make_app(site(database, clock, pages="https://desk.example")), base_url="https://desk.example")
    answer = client.post("/signin", data={"name": "reader", "password": PASSWORD}, follow_redirects=False)
    assert "Secure" in answer.headers["set-cookie"]


def test_signing_out_ends_copies_of_the_cookie_too(app: FastAPI, database: Database) -> None:
    client = as_session(app, database, "reader")
    copy = TestClient(app, base_url=BASE, follow_redirects=False, cookies={COOKIE: client.cookies[COOKIE]})
    assert copy.get("/").status_code == 200
    client.post("/signout", data={"proof": client.headers["x-csrf-token"]})
    assert copy.get("/").status_code == 303


def test_sessions_end_with_a_new_password_a_removed_user_and_a_cookie_that_was_touched(
    app: FastAPI, database: Database
) -> None:
    clients = {role: as_session(app, database, role) for role in Role}
    with database.writing() as session:
        users.set_password(users.find(session, "reader"), "another hash")
        users.remove(session, users.find(session, "analyst"))
    touched = clients[Role.OPERATOR].cookies[COOKIE]
    assert clients[Role.READER].get("/").status_code == 303
    assert clients[Role.ANALYST].get("/").status_code == 303
    assert clients[Role.OPERATOR].get("/").status_code == 200
    clients[Role.OPERATOR].cookies.set(COOKIE, touched[:-2] + "xx")
    assert clients[Role.OPERATOR].get("/").status_code == 303


def test_a_session_ends_after_a_week(app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    client = as_session(app, database, "reader")
    later = time.time() + LONGEST_SESSION + 60
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: int(later))
    assert client.get("/").status_code == 303


def test_a_role_that_is_taken_away_is_gone_with_the_next_request(app: FastAPI, database: Database) -> None:
    client = as_session(app, database, "operator")
    assert client.get("/audit").status_code == 200
    with database.writing() as session:
        users.find(session, "operator").role = Role.READER
    assert client.get("/audit").status_code == 403


def test_who_tries_too_often_must_wait_ever_longer(app: FastAPI, clock: Clock) -> None:
    client = TestClient(app, base_url=BASE, follow_redirects=False)
    for _ in range(5):
        assert client.post("/signin", data={"name": "reader", "password": "wrong"}).status_code == 403
    refused = client.post("/signin", data={"name": "reader", "password": PASSWORD})
    assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
    clock.tick(2)
    assert client.post("/signin", data={"name": "reader", "password": PASSWORD}).status_code == 303


def test_the_throttle_grows_to_a_quarter_of_an_hour_and_forgets_after_an_hour() -> None:
    throttle, now, waits = Throttle(5), NOON, []
    for _ in range(40):
        if wait := throttle.take("x", now):
            waits.append(wait)
            now += wait
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=1), timedelta(minutes=15))
    assert throttle.take("y", now) == timedelta(0)
    assert throttle.take("x", now + timedelta(minutes=61)) == timedelta(0)
    for number in range(20_000):
        throttle.take(f"{number}", now)
    assert len(throttle._tried) <= 10_000


def test_many_tries_at_once_are_no_way_round_the_throttle(app: FastAPI) -> None:
    def attempt(_: int) -> int:
        client = TestClient(app, base_url=BASE, follow_redirects=False)
        return client.post("/signin", data={"name": "reader", "password": "wrong"}).status_code

    with ThreadPoolExecutor(12) as threads:
        found = list(threads.map(attempt, range(12)))
    assert found.count(403) <= 5
    assert found.count(429) >= 7


def test_a_removed_users_cookie_is_never_the_next_users(app: FastAPI, database: Database) -> None:
    with database.writing() as session:
        users.add(session, "mallory", HASH, "reader", now=NOON)
    client = as_session(app, database, "mallory")
    with database.writing() as session:
        users.remove(session, users.find(session, "mallory"))
    with database.writing() as session:
        users.add(session, "boss", HASH, "operator", now=NOON)
    assert client.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_what_another_sites_page_sends_is_not_done(database: Database, clock: Clock, headers: dict[str, str]) -> None:
    with anybody(database, clock) as client:
        proof = proof_of(client)
        said = {"proof": proof, "name": "names", "spellings": "x"}
        assert client.post("/lists", data=said, headers=headers).status_code == 403
        answer = client.put("/api/v1/lists/names", json={"spellings": ["x"]}, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
        assert client.post("/lists", data=said, headers={"Origin": BASE}).status_code == 303


def test_a_form_without_its_sessions_proof_is_not_done(app: FastAPI, database: Database) -> None:
    client, other = as_session(app, database, "operator"), as_session(app, database, "analyst")
    for proof in ("", "x" * 64, other.headers["x-csrf-token"]):
        assert client.post("/lists", data={"proof": proof, "name": "n", "spellings": "x"}).status_code == 403
        client.headers["x-csrf-token"] = proof
        assert client.put("/api/v1/lists/n", json={"spellings": ["x"]}).status_code == 403
    with database.reading() as session:
        assert rules.word_lists(session) == {}


def test_a_tokens_power_ends_when_it_is_revoked_and_it_is_kept_as_a_digest(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    client = as_token(app, database, "analyst", clock())
    assert client.get("/api/v1/me").json() == {"name": "analyst", "role": "analyst", "came_by": "token"}
    token = client.headers["authorization"].split()[1]
    with database.writing() as session:
        (row,) = users.tokens(session)
        assert token not in str(session.execute(users.TOKEN.select()).all())
        assert users.remove_token(session, row.id)
    answer = client.get("/api/v1/me")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="Wirewatch"')
    assert client.get("/api/v1/me", headers={"Authorization": "Basic eDp5"}).status_code == 401


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1:8470", 200), ("localhost", 200), ("[::1]:8470", 200), ("desk.example:8470", 401), ("evil.example", 400), ("127.0.0.1.evil.example", 400), ("", 400)])  # fmt: skip
def test_without_users_only_this_machines_own_names_open(
    database: Database, clock: Clock, host: str, status: int
) -> None:
    with anybody(database, clock) as client:
        assert client.get("/api/v1/me", headers={"Host": host}).status_code == status


def test_where_others_come_nothing_opens_without_users(database: Database, clock: Clock) -> None:
    app = make_app(site(database, clock, is_local=False))
    client = TestClient(app, base_url=BASE, follow_redirects=False)
    assert client.get("/api/v1/me").status_code == 401
    assert client.get("/").status_code == 303


@pytest.mark.parametrize("said", [{"desk": "0.0.0.0:8470"}, {"desk_url": "https://desk.example"}])
def test_the_desk_does_not_start_where_others_come_without_users(
    database: Database, tmp_path: Path, said: dict[str, str], clock: Clock
) -> None:
    settings = read(data=tmp_path, **said)
    with pytest.raises(BadInput, match="users add"):
        mind_who_comes(settings, database)
    mind_who_comes(read(data=tmp_path, desk_url="http://localhost:9000"), database)
    add_users(database, clock())
    mind_who_comes(settings, database)


def test_every_change_leaves_a_line_without_secrets(app: FastAPI, database: Database) -> None:
    client = as_session(app, database, "operator")
    said = {
        "name": "desk",
        "kind": "webhook",
        "target": "https://x.example/hook?key=s3cret",
        "secret": "whsec_" + "A" * 40,
    }
    assert client.post("/api/v1/channels", json=said).status_code == 201
    feed = {"url": "https://user:pass@x.example/feed", "headers": {"X-Key": "s3cret"}}
    assert client.post("/api/v1/feeds", json=feed).status_code == 201
    assert client.post("/api/v1/rules", json={"name": "r", "query": "drones", "to": ["desk"]}).status_code == 201
    assert client.patch("/api/v1/rules/r", json={"query": "drones OR strike"}).status_code == 200
    assert client.delete("/api/v1/rules/r").status_code == 204
    with database.reading() as session:
        lines = audit.newest(session, limit=10)
        told = [(one.who, one.what, one.about) for one in reversed(lines)]
        change = lines[1]
        assert (change.before, change.after) == ({"query": "drones"}, {"query": "drones OR strike"})
        written = (
            str([(one.before, one.after) for one in lines])
            + client.get("/audit").text
            + client.get("/api/v1/audit").text
        )
        assert feeds.find(session, "1").headers["Authorization"].startswith("Basic ")
    assert told == [
        ("operator", "added", "channel desk"),
        ("operator", "added", "feed https://x.example/feed"),
        ("operator", "added", "rule r"),
        ("operator", "changed", "rule r"),
        ("operator", "removed", "rule r"),
    ]
    assert "s3cret" not in written
    assert "whsec_" not in written
    assert "pass" not in written.replace("passage", "")


def test_passwords_are_argon2_and_of_some_length() -> None:
    kept = access.hashed(PASSWORD)
    assert kept.startswith("$argon2id$")
    assert access.is_password(kept, PASSWORD)
    assert not access.is_password(kept, PASSWORD + "x")
    assert not access.is_password(None, PASSWORD)
    assert not access.is_password("no hash", PASSWORD)
    for bad in ("short", "x" * 201):
        with pytest.raises(BadInput, match="8 to 200"):
            access.hashed(bad)
