"""The API as a program meets it: pages of lists, ETags, problems, exports, writes that can be sent again."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree
from starlette.testclient import TestClient

from storage import channels, feeds, items
from storage.database import Database
from tests.desk.clients import anybody
from tests.helpers import NOON, Clock, Server, item, plain, rss
from tests.world import World
from wire.entries import parse
from wire.errors import DeliveryFailed
from wire.story import Identity, Story
from worker.looking import Found

HOSTILE = (
    '=HYPERLINK("http://evil")',
    "a;=1+1",
    'a; "@b',
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "<script>alert(1)</script>",
    "＝1",
    "a\r\n=b",
)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """SQLite, but for what asks much of SQL: that is asked of both."""
    found: Database = request.getfixturevalue(getattr(request, "param", "one_database"))
    yield found
    found.dispose()


both = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def client(database: Database, clock: Clock) -> Iterator[TestClient]:
    with anybody(database, clock) as found:
        yield found


def keep(database: Database, *stories: tuple[str, str]) -> None:
    """Stories by number, title and text, in this order."""
    with database.writing() as session:
        for number, (title, text) in enumerate(stories, 1):
            told = Story(identity=Identity(f"menafn:{number}", "menafn", f"{number}"), title=title, text=text)
            items.keep(session, [items.NewStory(told)], now=NOON)


@both
def test_pages_follow_one_another_without_gap_or_double(client: TestClient, database: Database) -> None:
    keep(database, *((f"Story {number}", "wheat" if number % 3 else "drones") for number in range(25)))
    for asked, count in (({}, 25), ({"q": "drones"}, 9), ({"q": "wheat", "until": "2030-01-01T00:00:00Z"}, 16)):
        found, before = [], None
        while True:
            page = client.get(
                "/api/v1/items", params={**asked, "limit": 4, **({"before": before} if before else {})}
            ).json()
            assert len(page["items"]) <= 4
            found += [one["id"] for one in page["items"]]
            if (before := page["next"]) is None:
                break
        assert found == sorted(set(found), reverse=True)
        assert len(found) == count


def test_an_answer_that_is_known_already_is_not_sent_again(client: TestClient, database: Database) -> None:
    keep(database, ("A", "B"))
    first = client.get("/api/v1/items/1")
    tag = first.headers["etag"]
    again = client.get("/api/v1/items/1", headers={"If-None-Match": f'W/{tag}, "other"'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get("/api/v1/items/1", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_change_of_what_somebody_else_changed_is_refused(client: TestClient) -> None:
    client.post("/api/v1/rules", json={"name": "r", "query": "drones"})
    tag = client.get("/api/v1/rules/r").headers["etag"]
    assert client.patch("/api/v1/rules/r", json={"query": "a"}, headers={"If-Match": tag}).status_code == 200
    late = client.patch("/api/v1/rules/r", json={"query": "b"}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["title"]) == (412, "Precondition Failed")
    assert client.delete("/api/v1/rules/r", headers={"If-Match": tag}).status_code == 412
    assert client.get("/api/v1/rules/r").json()["query"] == "a"


@pytest.mark.parametrize(
    ("path", "said", "other"),
    [
        ("rules", {"name": "r", "query": "drones"}, {"name": "r", "query": "other"}),
        ("channels", {"name": "c", "kind": "log"}, {"name": "c", "kind": "webhook", "target": "https://x.example/"}),
    ],
)
def test_what_is_sent_twice_is_made_once(
    client: TestClient, path: str, said: dict[str, Any], other: dict[str, Any]
) -> None:
    assert client.post(f"/api/v1/{path}", json=said).status_code == 201
    again = client.post(f"/api/v1/{path}", json=said)
    assert (again.status_code, again.json()["id"]) == (200, 1)
    assert client.post(f"/api/v1/{path}", json=other).status_code == 409


@both
def test_a_feed_is_added_changed_polled_paused_and_removed(client: TestClient) -> None:
    said = {"url": "https://x.example/feed", "headers": {"X-Key": "secret"}, "max_interval": "6h"}
    first = client.post("/api/v1/feeds", json=said)
    assert (first.status_code, first.json()["max_interval"], first.json()["headers"]) == (
        201,
        "6h",
        {"X-Key": "(not shown)"},
    )
    assert client.post("/api/v1/feeds", json=said).status_code == 200
    assert client.patch("/api/v1/feeds/1", json={"paused": True}).json()["state"] == "paused"
    assert client.patch("/api/v1/feeds/1", json={"paused": False, "title": "X"}).json()["state"] == "waiting"
    assert client.post("/api/v1/feeds/1/poll").status_code == 200
    assert (
        client.patch("/api/v1/feeds/1", json={"min_interval": "30d"}).json()["detail"].startswith("Polls are between")
    )
    assert client.delete("/api/v1/feeds/1").status_code == 204
    assert client.get("/api/v1/feeds/1").status_code == 404
    assert client.get("/api/v1/feeds").json() == {"feeds": [], "next": None}
    for number in range(5):
        client.post("/api/v1/feeds", json={"url": f"https://x.example/{number}"})
    first = client.get("/api/v1/feeds?limit=3").json()
    rest = client.get(f"/api/v1/feeds?limit=3&after={first['next']}").json()
    assert (len(first["feeds"]), len(rest["feeds"]), rest["next"]) == (3, 2, None)


@both
def test_a_channel_that_is_named_twice_is_one(client: TestClient) -> None:
    client.post("/api/v1/channels", json={"name": "desk", "kind": "log"})
    made = client.post("/api/v1/rules", json={"name": "a", "query": "x", "to": ["desk", "desk", "1"]})
    assert (made.status_code, made.json()["to"]) == (201, ["desk"])


def test_what_paused_itself_is_resumed(client: TestClient, database: Database, clock: Clock) -> None:
    client.post("/api/v1/channels", json={"name": "desk", "kind": "log"})
    client.post("/api/v1/feeds", json={"url": "https://x.example/feed"})
    with database.writing() as session:
        channels.find(session, "desk").paused_because = "10 failures in a row"
        feeds.pause(feeds.find(session, "1"), "It killed its worker.")
    assert client.get("/api/v1/channels/desk").json()["state"] == "paused"
    assert client.patch("/api/v1/channels/desk", json={"paused": False}).json()["state"] != "paused"
    assert client.patch("/api/v1/feeds/1", json={"paused": False}).json()["state"] == "waiting"
    done = [one["what"] for one in client.get("/api/v1/audit").json()["changes"]]
    assert done.count("resumed") == 2


def test_anothers_change_is_not_written_over(world: World, client: TestClient) -> None:
    world.rule("Fastiv")
    world.feed("/a.xml", item(1110448134, "Drones over Fastiv"))
    world.run()
    seen = client.get("/api/v1/alerts/1").headers["etag"]
    client.patch("/api/v1/alerts/1", json={"remark": "called"})
    late = client.patch("/api/v1/alerts/1", json={"remark": "mine"}, headers={"If-Match": seen})
    assert late.status_code == 412
    absent = client.put("/api/v1/lists/x", json={"spellings": ["a"]}, headers={"If-Match": '"gone"'})
    assert absent.status_code == 412
    proof = client.get("/status").text.split('data-proof="')[1].split('"')[0]
    form = {"proof": proof, "former_remark": "", "former_assigned": "", "remark": "", "assigned": ""}
    assert client.post("/alerts/1", data={**form, "do": "seen"}).status_code == 303
    assert client.get("/api/v1/alerts/1").json()["remark"] == "called"
    refused = client.post("/alerts/1", data={**form, "remark": "mine"})
    assert refused.status_code == 422
    assert "called" in refused.text
    assert client.post("/alerts/1", data={**form, "former_remark": "called", "remark": "mine"}).status_code == 303
    assert client.get("/api/v1/alerts/1").json()["remark"] == "mine"


def test_opml_goes_in_and_comes_out(client: TestClient) -> None:
    document = b'<opml version="1.0"><body><outline text="F"><outline text="A &lt;b&gt;" xmlUrl="https://a.example/f"/><outline xmlUrl="not an address"/><outline xmlUrl="https://ada@b.example/f?key=1"/></outline></body></opml>'
    done = client.post("/api/v1/feeds.opml", content=document, headers={"Content-Type": "text/x-opml"}).json()
    assert done == {"added": 1, "known": 0, "bad": ["not an address", "https://b.example/f"]}
    told = etree.fromstring(client.get("/api/v1/feeds.opml").content)
    assert [(one.get("xmlUrl"), one.get("title")) for one in told.iter("outline")] == [("https://a.example/f", "A <b>")]
    assert client.post("/api/v1/feeds.opml", content=b"<html/>").json()["detail"].startswith("This is no OPML")


@both
def test_a_query_is_checked_and_tried(client: TestClient, database: Database, clock: Clock) -> None:
    keep(database, ("Drones", "over Fastiv"), ("Wheat", "from Odesa"))
    wrong = client.post("/api/v1/queries/check", json={"query": "Fastiv AND (drones"}).json()
    assert (wrong["good"], wrong["position"] is not None) == (False, True)
    assert client.post("/api/v1/queries/check", json={"query": "Fastiv"}).json()["good"]
    client.post("/api/v1/rules", json={"name": "r", "query": "wheat"})
    tried = client.post("/api/v1/queries/try", json={"query": "drones", "since": "7d", "against": "r"}).json()
    assert (tried["met"], tried["gained"], tried["lost"], len(tried["by_day"])) == (1, [1], [2], 8)
    problem = client.post("/api/v1/queries/try", json={"query": '"open'})
    assert (problem.status_code, problem.headers["content-type"]) == (422, "application/problem+json")
    assert problem.json()["position"] == 0


@both
def test_an_alert_is_seen_assigned_remarked_on_and_sent_again(world: World, client: TestClient, server: Server) -> None:
    world.rule("Fastiv", to="/refuses")
    world.feed("/a.xml", item(1110448134, "Drones over Fastiv"))
    world.run()
    (line,) = client.get("/api/v1/alerts", params={"state": "new"}).json()["alerts"]
    assert (line["matched"], line["deliveries"]) == (["Fastiv"], ["failed"])
    noted = client.patch("/api/v1/alerts/1", json={"seen": True, "assigned": "ada", "remark": "called"}).json()
    assert (noted["seen_by"], noted["assigned"], noted["remark"]) == ("somebody on this machine", "ada", "called")
    assert client.get("/api/v1/alerts", params={"state": "new"}).json()["alerts"] == []
    assert client.post("/api/v1/alerts/mark", json={"alerts": [1], "seen": False}).json() == {"changed": 1}
    assert client.get("/api/v1/deliveries", params={"state": "failed"}).json()["deliveries"][0]["id"] == 1
    server.pages["/refuses"] = "taken"
    assert client.post("/api/v1/deliveries/1/retry").json()["state"] == "pending"
    world.run()
    told = client.get("/api/v1/deliveries/1").json()
    assert (told["state"], [one["what"] for one in told["history"]][-2:]) == ("sent", ["sent again", "sent"])
    assert client.post("/api/v1/deliveries/retry", json={}).json() == {"changed": 0}


def test_a_channel_is_previewed_tested_and_paused(client: TestClient) -> None:
    client.post("/api/v1/channels", json={"name": "log", "kind": "log"})
    told = client.post(
        "/api/v1/channels/log/preview", json={"of": "digest", "template": "{{ stories|length }} stories"}
    )
    assert "stories" in told.json()["words"]
    assert client.post("/api/v1/channels/log/test").json() == {"said": "taken by 1"}
    assert client.patch("/api/v1/channels/log", json={"paused": True}).json()["state"] == "paused"
    client.app.state.site.try_channel = refuses  # type: ignore[attr-defined]
    problem = client.post("/api/v1/channels/log/test")
    assert (problem.status_code, problem.json()["detail"]) == (502, "The receiver answered 500.")


def refuses(_: str) -> str:
    raise DeliveryFailed("The receiver answered 500.", retry=True)


def test_a_feed_and_a_page_that_names_some_are_discovered(client: TestClient) -> None:
    document = parse(rss(item(1), title="The wire"), url="https://x.example/feed")
    client.app.state.site.look = lambda url, _: Found(url, document)  # type: ignore[attr-defined]
    offers = client.post("/api/v1/feeds/discover", json={"url": "https://x.example/feed"}).json()["offers"]
    assert offers == [{"url": "https://x.example/feed", "title": "The wire", "kind": document.kind, "entries": 1}]


@both
def test_exports_hold_what_the_lists_hold_and_no_formula(world: World, client: TestClient) -> None:
    world.rule("formula")
    world.feed("/a.xml", *(plain(number, title, "formula") for number, title in enumerate(HOSTILE)))
    world.run()
    for path in ("items", "alerts"):
        told = client.get(f"/api/v1/{path}/export.csv")
        rows = list(csv.reader(io.StringIO(told.text)))
        assert len(rows) == len(HOSTILE) + 1
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "＝"))]
        parted = [cell.lstrip(' "') for line in told.text.splitlines() for cell in line.split(";")]
        assert not [cell for cell in parted if cell.startswith(("=", "+", "-", "@"))]
        lines = client.get(f"/api/v1/{path}/export.jsonl").text.splitlines()
        assert {json.loads(line)["title"] for line in lines} >= {"+1+1", "@SUM(A1)"}
        feed = parse(client.get(f"/api/v1/{path}/export.rss").content, url="https://x.example/")
        assert len(feed.entries) == len(HOSTILE)
        assert "attachment" in told.headers["content-disposition"]
    assert client.get("/api/v1/items/export.csv", params={"q": "("}).status_code == 422


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/v1/nowhere", 404), ("/api/v1/items/999", 404), ("/api/v1/items?limit=0", 422), ("/api/v1/items?q=(", 422),
     ("/api/v1/items?since=tomorrow", 422), ("/api/v1/items?feed=nothing", 404), ("/api/v1/alerts?rule=nothing", 404),
     ("/api/v1/rules/nothing", 404), ("/api/v1/items?q=%00", 422), ("/api/v1/items/9223372036854775807", 422)],
)  # fmt: skip
def test_what_cannot_be_done_is_a_problem_with_a_reason(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert len(answer.json()["detail"]) > 5


def test_a_page_is_a_problem_in_words(client: TestClient) -> None:
    answer = client.get("/items/999")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no item 999." in answer.text


def test_no_foreign_text_becomes_markup_on_any_page(world: World, client: TestClient) -> None:
    """Titles, names, addresses, errors: whatever comes from elsewhere stands on the pages as text."""
    bad = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    world.rule("Fastiv", name=bad)
    world.feed(
        "/a.xml",
        item(1110448134, f"Fastiv {bad}", bad, category=bad, author=bad),
        item(1110448135, "x", link="javascript:alert(1)"),
    )
    world.run()
    client.put("/api/v1/lists/names", json={"spellings": ["alert"]})
    client.post("/api/v1/feeds", json={"url": "https://x.example/?q=%22%3E", "title": bad})
    client.patch("/api/v1/alerts/1", json={"remark": bad, "assigned": bad})
    pages = ["/", f"/?q={bad}", f"/?provider={bad}&kind={bad}", "/items/1", "/items/2", "/alerts?state=all", "/alerts/1",
             "/rules", "/rules/1", f"/rules/new?query={bad}", "/feeds", "/feeds/1", "/feeds/2", "/channels", "/channels/1",
             "/status", "/audit", f"/signin?next={bad}", f"/nowhere/{bad}"]  # fmt: skip
    for page in pages:
        told = client.get(page).text
        assert "<script>" not in told, page
        assert "<img" not in told, page
        assert 'href="javascript' not in told, page
        assert 'onerror=alert(1)>"' not in told, page


@both
def test_status_tells_of_processes_counts_and_hours(client: TestClient, database: Database) -> None:
    keep(database, ("A", "B"))
    told = client.get("/api/v1/status").json()
    assert (told["counts"]["items"], told["well"], len(told["by_hour"]), told["by_hour"][-1]["stories"]) == (
        1,
        False,
        48,
        1,
    )
    assert client.get("/api/v1/notices").json() == {"notices": []}
