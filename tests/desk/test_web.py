"""The desk's web server: the health check, feeds of alerts, a story's page."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from starlette.testclient import TestClient

from desk.web.app import make_app
from desk.web.site import Site
from storage import canaries, notices, outfeed, pulse, rules
from storage.database import Database
from storage.rules import Terms
from tests.desk.site import site
from tests.helpers import NOON, Clock, item, rss
from tests.world import World

HOSTILE = "<script>alert(1)</script> & {{ 7 * 7 }} =1+1 Fastiv ]]>"
SCHEMA = Path(__file__).parent / "atom.rng"
ATOM = {"a": "http://www.w3.org/2005/Atom"}


@pytest.fixture
def client(database: Database, clock: Clock) -> Iterator[TestClient]:
    with asking(site(database, clock)) as found:
        yield found


def asking(where: Site) -> TestClient:
    return TestClient(make_app(where), base_url="http://127.0.0.1:8470")


def token(database: Database) -> str:
    with database.writing() as session:
        return outfeed.token(session)


@pytest.fixture
def told(world: World) -> World:
    """A world in which two rules met two stories, one of them hostile."""
    world.rule("Fastiv")
    world.rule("drones", name="a <b> & 'c'")
    world.feed(
        "/a.xml",
        item(1110448134, HOSTILE, "Drones over Fastiv"),
        item(1110448135, "Fastiv in Łódź \u202e", "لبنان Fastiv"),
    )
    world.run()
    return world


def test_the_health_check_fails_with_the_reason(client: TestClient, database: Database) -> None:
    assert client.get("/healthz").status_code == 503
    with database.writing() as session:
        pulse.beat(session, "scheduler", NOON)
        canaries.let_in(session, NOON - timedelta(seconds=3))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["troubles"]) == (200, [])
    with database.writing() as session:
        notices.tell(session, "canary", "The last 2 canaries did not come out.", [], now=NOON)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["troubles"] == ["The last 2 canaries did not come out."]


ALL_THERE = {"database": True, "broker": True, "migrations": True, "scheduler": True}


def test_it_is_ready_when_all_it_stands_on_is_there(client: TestClient, database: Database) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, ALL_THERE | {"scheduler": False})
    with database.writing() as session:
        pulse.beat(session, "scheduler", NOON)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, ALL_THERE)


def test_it_is_not_ready_without_broker_or_for_tables_of_another_version(sqlite: Database, clock: Clock) -> None:
    with sqlite.writing() as session:
        pulse.beat(session, "scheduler", NOON)
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with asking(site(sqlite, clock, broker=lambda: False)) as client:
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, ALL_THERE | {"broker": False, "migrations": False})


def test_without_its_database_it_is_alive_and_not_ready(tmp_path: Path, clock: Clock) -> None:
    with asking(site(Database(f"sqlite:///{tmp_path}/nowhere/at.db"), clock)) as client:
        assert client.get("/livez").status_code == 200
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, False)


def test_what_prometheus_is_told_is_what_the_status_says(client: TestClient, told: World) -> None:
    with told.database.writing() as session:
        pulse.beat(session, "scheduler", NOON - timedelta(seconds=4))
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(answer.text)
        for one in family.samples
    }
    assert found["wirewatch_items",] == 2
    assert found["wirewatch_alerts",] == told.count("alert") > 0
    assert found["wirewatch_process_silent_seconds", "scheduler"] == 4
    assert found["wirewatch_polls_lately", "read"] == 1
    assert found["wirewatch_well",] in (0, 1)


def test_the_feed_of_alerts_is_valid_atom(client: TestClient, told: World) -> None:
    answer = client.get("/alerts.atom", params={"token": token(told.database)})
    assert answer.headers["content-type"] == "application/atom+xml"
    document = etree.fromstring(answer.content)
    schema = etree.RelaxNG(etree.parse(SCHEMA))
    schema.assertValid(document)
    titles = document.xpath("a:entry/a:title/text()", namespaces=ATOM)
    assert len(titles) == 3
    assert any("{{ 7 * 7 }}" in title for title in titles)
    assert "<script>alert" not in "".join(document.xpath("a:entry/a:content/text()", namespaces=ATOM))
    ids = document.xpath("//a:id/text()", namespaces=ATOM)
    assert len(set(ids)) == len(ids)
    assert not any("token" in one for one in ids)


def test_each_rule_has_a_feed_of_its_own(client: TestClient, told: World) -> None:
    given = token(told.database)
    answer = client.get(outfeed.address("", given, "a <b> & 'c'"))
    document = etree.fromstring(answer.content)
    etree.RelaxNG(etree.parse(SCHEMA)).assertValid(document)
    assert len(document.findall("a:entry", ATOM)) == 1
    assert client.get(outfeed.address("", given, "no such rule")).status_code == 404


def test_an_empty_feed_is_valid_too(client: TestClient, database: Database) -> None:
    document = etree.fromstring(client.get("/alerts.atom", params={"token": token(database)}).content)
    etree.RelaxNG(etree.parse(SCHEMA)).assertValid(document)


def test_without_its_token_there_is_no_feed(client: TestClient, database: Database) -> None:
    assert client.get("/alerts.atom", params={"token": ""}).status_code == 404
    former = token(database)
    assert client.get("/alerts.atom", params={"token": "x" * len(former)}).status_code == 404
    with database.writing() as session:
        newer = outfeed.token(session, renew=True)
    assert client.get("/alerts.atom", params={"token": former}).status_code == 404
    assert client.get("/alerts.atom", params={"token": newer}).status_code == 200


def test_a_shadows_alerts_are_in_no_feed(client: TestClient, world: World) -> None:
    world.rule("Fastiv")
    with world.database.writing() as session:
        rules.change(session, rules.find(session, "rule"), now=NOON, shadow=True, terms=Terms())
    world.feed("/a.xml", item(1110448134, "Fastiv"))
    world.run()
    assert b"<entry" not in client.get("/alerts.atom", params={"token": token(world.database)}).content


def test_a_storys_page_marks_the_words_and_runs_nothing(client: TestClient, told: World) -> None:
    told.server.pages["/a.xml"] = rss(item(1110448134, HOSTILE + " again", "Drones over Fastiv by night"))
    told.run(4000)
    answer = client.get("/items/1")
    assert "<mark>Fastiv</mark>" in answer.text
    assert "<script>" not in answer.text
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "How it changed" in answer.text
    assert client.get("/items/99").status_code == 404
    assert client.get("/items/x").status_code == 404


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1:8470", 200), ("desk.example:8470", 200), ("evil.example", 400)]
)
def test_only_its_own_names_are_answered(client: TestClient, database: Database, host: str, status: int) -> None:
    given: dict[str, Any] = {"token": token(database)}
    assert client.get("/alerts.atom", params=given, headers={"Host": host}).status_code == status
