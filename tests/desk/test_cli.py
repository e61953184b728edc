"""The command line as a person and a program meet it: sentences, exit statuses, plain columns, JSON."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import Result

from service import main
from tests.desk.conftest import Run
from tests.helpers import Server, item, rss

PAGE = Path(__file__).parents[1] / "pages" / "port.txt"


def rows(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.output.splitlines()]


def test_a_feed_is_added_shown_paused_resumed_polled_and_removed(cli: Run) -> None:
    assert "as number 1" in cli("feeds", "add", "https://example.org/feed.xml", "--full-text", "--unchecked").output
    (feed,) = rows(cli("feeds", "list", "--json"))
    assert (feed["url"], feed["state"]) == ("https://example.org/feed.xml", "waiting")
    cli("feeds", "pause", "example")
    assert rows(cli("feeds", "list", "--json"))[0]["state"] == "paused"
    cli("feeds", "resume", "1")
    cli("feeds", "poll", "1")
    assert "full text:" in cli("feeds", "show", "1").output
    cli("feeds", "remove", "1", "--yes")
    assert rows(cli("feeds", "list", "--json")) == []


def test_what_is_not_utf_8_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["wirewatch", "items", "show", "\udcff"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("Argument 3 is not UTF-8")


def test_removing_asks_first(cli: Run) -> None:
    cli("feeds", "add", "https://example.org/feed.xml", "--unchecked")
    cli("feeds", "remove", "1", status=1)
    assert len(rows(cli("feeds", "list", "--json"))) == 1


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["feeds", "add", "not-a-url"], "Give one that starts with http:// or https://."),
        (["feeds", "show", "7"], "`wirewatch feeds list` shows them."),
        (["feeds", "show", "²"], "No feed is “²”"),
        (["feeds", "show", "9" * 18], "No feed is"),
        (["feeds", "show", "9" * 40], "No feed is"),
        (["feeds", "add", "https://example.org/", "--min-interval", "nan"], "“nan” is no time"),
        (["feeds", "add", "https://example.org/", "--min-interval", "1e12"], "“1e12” is no time"),
        (["feeds", "add", "https://example.org/", "--min-interval", "30d"], "between a second and a week"),
        (["rules", "test", "drones", "--since", "soon"], "“soon” is no time"),
        (["rules", "why", "nothing", "1"], "No rule is “nothing”"),
        (["lists", "set", "two words", "x"], "letters, digits"),
        (["lists", "set", "x", "!!"], "“!!” is no spelling"),
        (["rules", "add", "r", "list:none"], "There is no list “none”"),
        (["rules", "remove", "²"], "No rule is “²”"),
        (["alerts", "show", "9" * 18], "There is no alert"),
        (["rules", "add", "r", 'drones "power'], "Add the second quote."),
        (["rules", "add", "r", "a OR b c"], "Write (a OR b) AND c, or a OR (b AND c)."),
        (["rules", "add", "r", "drones", "--to", "nobody"], "`wirewatch channels list` shows them."),
        (["rules", "add", "7", "drones"], "needs a letter"),
        (["rules", "test", '"open'], "never closed"),
        (["channels", "add", "c", "pigeon"], "one of log, webhook, email, apprise"),
        (["channels", "add", "c", "email"], "smtp://user@mail.example.org:587"),
        (["channels", "add", "c", "email", "smtp://m.example?from=a@b.c"], "somebody it goes to"),
        (["channels", "add", "c", "email", "smtp://u:pw@m.example?from=a@b.c&to=d@e.f"], "--secret"),
        (["channels", "add", "c", "email", "smtp://m.example?from=a@b.c&to=x"], "“x” is no mail address"),
        (["channels", "add", "c", "email", "smtp://m.example?from=a@b.c&to=d@e.f%0aBcc:x@y.z"], "no mail address"),
        (["channels", "add", "c", "email", "smtp://m.example?from=a@b.c&to=d@e.f&cc=x"], "not cc"),
        (["channels", "add", "c", "apprise", "slack"], "looks like slack://"),
        (["channels", "add", "c", "webhook", "https://x.example", "--secret", "hunter2"], "env:NAME"),
        (["channels", "add", "c", "log", "--budget", "lots"], "like 20/h"),
        (["channels", "add", "c", "log", "--quiet", "night"], "like 22:00-07:00"),
        (["channels", "add", "c", "log", "--zone", "Kyiv"], "like Europe/Kyiv"),
        (["channels", "add", "c", "log", "--template", "none.txt"], "No such file"),
        (["channels", "preview", "c"], "`wirewatch channels list` shows them"),
        (["rules", "add", "r", "drones", "--digest", "sometimes"], "hourly, daily 07:30 or weekly"),
        (["deliveries", "show", "7"], "no delivery 7"),
        (["channels", "add", "c", "webhook"], "needs the address"),
        (["channels", "add", "c", "webhook", "ftp://x"], "starts with http"),
        (["items", "show", "7"], "`wirewatch items list` shows numbers"),
        (["items", "search", "NOT x"], "at least one thing"),
        (["alerts", "show", "7"], "no alert 7"),
        (["deliveries", "retry"], "Say which"),
        (["deliveries", "retry", "7"], "None of these"),
        (["deliveries", "list", "--state", "lost"], "never “lost”"),
    ],
)
def test_bad_input_gets_one_sentence_that_says_what_to_do(
    cli: Run, capsys: pytest.CaptureFixture[str], command: list[str], says: str
) -> None:
    cli(*command, status=1)
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said


def test_a_query_is_shown_with_a_mark_where_reading_stopped(cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    cli("rules", "add", "r", 'drones "power', status=1)
    assert capsys.readouterr().err.splitlines()[1:] == ['  drones "power', "         ^"]


def test_an_imported_page_is_kept_once_and_alerts(cli: Run, server: Server) -> None:
    server.pages["/hook"] = "taken"
    cli("channels", "add", "hook", "webhook", server.url("/hook"))
    cli("rules", "add", "port", 'harbour AND ("night shift" OR drones)', "--to", "hook", "--old")
    (first,) = rows(cli("items", "import", str(PAGE), "--json"))
    assert (first["outcome"], first["identity"]) == ("new", "menafn:1107667696")
    (second,) = rows(cli("items", "import", str(PAGE), "--json"))
    assert second["outcome"] == "known"
    (alert,) = rows(cli("alerts", "list", "--json"))
    assert alert["matched"] == ["harbour", "night shift"]
    (delivery,) = rows(cli("deliveries", "list", "--json"))
    assert delivery["state"] == "pending"
    assert "night shift" in cli("alerts", "show", "1").output
    shown = cli("items", "show", "1107667696").output
    assert "port: harbour, night shift" in shown
    assert "Legal Disclaimer" not in shown
    (tested,) = rows(cli("rules", "test", "port", "--since", "30d", "--json"))
    assert (tested["met"], [row["id"] for row in tested["newest"]]) == (1, [1])


def test_a_rule_is_explained_tried_changed_backfilled_and_checked(cli: Run) -> None:
    cli("items", "import", str(PAGE))
    assert "Hint: “or” is looked for" in cli("rules", "add", "port", "harbour or quay", "--shadow").output
    assert "“port” does not: or does not stand in the story." in cli("rules", "why", "port", "1107667696").output
    assert "stands at version 2" in cli("rules", "change", "port", "--query", "harbour OR drones").output
    explained = cli("rules", "why", "port", "1").output
    assert "“port” meets it." in explained
    assert "+ (harbour OR drones): one of its parts holds  [harbour]" in explained
    compared = cli("rules", "test", "harbour AND drones", "--against", "port").output
    assert "0 stories" in compared
    assert "0 gained [], 1 lost [1]" in compared
    assert "meets 1 stories of the past" in cli("rules", "backfill", "port", "--since", "7d").output
    assert len(rows(cli("alerts", "list", "--json"))) == 1
    assert rows(cli("deliveries", "list", "--json")) == []
    assert rows(cli("rules", "list", "--json"))[0]["state"] == "shadow"
    assert [row["name"] for row in rows(cli("rules", "check", "--json"))] == []
    cli("lists", "set", "quays", "harbour master", "quay")
    assert rows(cli("lists", "list", "--json")) == [{"name": "quays", "spellings": ["harbour master", "quay"]}]
    cli("rules", "change", "port", "--query", "list:quays", "--tell")
    assert "it changes port" in cli("lists", "set", "quays", "pier").output
    cli("lists", "remove", "quays", status=1)
    cli("rules", "remove", "port", "--yes")
    cli("lists", "remove", "quays")


def test_a_file_that_is_no_story_is_said_and_the_others_are_kept(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("milk, bread")
    result = cli("items", "import", "note.txt", "gone.txt", str(PAGE), status=1)
    assert "note.txt: This text holds no MENAFN id line" in result.output
    assert "gone.txt: No such file" in result.output
    assert "new: menafn:1107667696" in result.output


def test_a_channel_is_tried_at_once(cli: Run, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.pages["/hook"] = "thank you"
    cli("channels", "add", "hook", "webhook", server.url("/hook"))
    assert "took the sample: 200 thank you" in cli("channels", "test", "hook").output
    assert json.loads(server.bodies[0])["type"] == "alert.sample"
    server.pages.clear()
    cli("channels", "test", "hook", status=1)
    assert "answered 404" in capsys.readouterr().err


def test_an_address_can_be_checked_before_it_is_added(
    cli: Run, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.pages["/feed"] = rss(item(1110448134), title="Good")
    server.pages["/page"] = "<html><body>Hello</body></html>"
    assert "Good: rss20, 1 entries" in cli("feeds", "check", server.url("/feed")).output
    for path, says in (("/page", "a web page, not a feed"), ("/none", "answered 404")):
        cli("feeds", "check", server.url(path), status=1)
        assert says in capsys.readouterr().err


def test_foreign_text_cannot_steer_the_terminal(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "evil.txt").write_text(
        PAGE.read_text().replace("Port Closed", "Port\x1b[2J\x1b]0;owned\x07 [red]Closed\u202e")
    )
    outputs = [
        cli("items", "import", "evil.txt").output,
        cli("items", "list").output,
        cli("items", "show", "1").output,
        cli("tail", "--rounds", "1").output,
    ]
    for output in outputs:
        assert "[red]Closed" in output
        assert not {"\x1b", "\x07", "\u202e"} & set(output)


def test_tail_shows_the_newest_and_status_how_it_stands(cli: Run) -> None:
    cli("items", "import", str(PAGE))
    assert "Port Closed For A Day" in cli("tail", "--rounds", "1").output
    (kind,) = rows(cli("tail", "--rounds", "1", "--json"))
    assert kind["kind"] == "story"
    status = cli("status").output
    assert "not running; start it with `wirewatch run`" in status
    assert "1 kept" in status
    assert rows(cli("status", "--json"))[0]["items"] == 1


def test_a_rule_and_a_channel_come_and_go(cli: Run) -> None:
    cli("channels", "add", "log", "log")
    cli("rules", "add", "r", "drones", "--to", "log")
    assert rows(cli("rules", "list", "--json"))[0]["to"] == ["log"]
    cli("channels", "remove", "log", "--yes")
    cli("rules", "remove", "r", "--yes")
    assert rows(cli("rules", "list", "--json")) == rows(cli("channels", "list", "--json")) == []
    cli("rules", "add", "r", "missiles")
    assert rows(cli("rules", "list", "--json"))[0]["version"] == 2


def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(
    cli: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value, says in (
        ("WIREWATCH_LEASE", "soon", "WIREWATCH_LEASE=soon: write a time like 30s"),
        ("WIREWATCH_WORKERS", "0", "WIREWATCH_WORKERS=0: "),
        ("WIREWATCH_LEESE", "30s", "did you mean WIREWATCH_LEASE?"),
        ("WIREWATCH_ALLOW_NETWORKS", "10.0.0.0/99", "“10.0.0.0/99” is no network"),
        ("WIREWATCH_DATABASE_URL", "mysql://x/y", "SQLite or PostgreSQL"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            cli("run", status=1)
        said = capsys.readouterr().err
        assert says in said
        assert said.count("\n") == 1


@pytest.mark.usefixtures("own_file")
def test_a_folder_or_file_that_cannot_be_used_is_said(
    cli: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    cli("--data", str(tmp_path / "file"), "status", status=1)
    assert "cannot be the data folder" in capsys.readouterr().err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "wirewatch.db").write_bytes(b"no database at all " * 100)
    cli("--data", str(tmp_path / "other"), "status", status=1)
    assert "does not answer: file is not a database" in capsys.readouterr().err


def test_every_command_has_help_with_an_example() -> None:
    def walk(command: object, path: tuple[str, ...]) -> None:
        if children := getattr(command, "commands", None):
            for name, child in children.items():
                walk(child, (*path, name))
        elif not command.hidden:  # type: ignore[attr-defined]
            assert "Example: wirewatch" in (command.help or ""), path  # type: ignore[attr-defined]

    walk(typer.main.get_command(main.app), ())


def test_a_page_is_looked_at_and_its_feed_taken(cli: Run, server: Server) -> None:
    link = '<link rel="alternate" type="application/rss+xml" title="{0}" href="/{0}.xml">'
    server.pages |= {"/one": link.format("a"), "/two": link.format("a") + link.format("b"), "/none": "<p>Hello</p>"}
    server.pages |= {"/a.xml": rss(item(1)), "/b.xml": rss(item(1))}
    assert "its feed is" in cli("feeds", "add", server.url("/one")).output
    several = cli("feeds", "add", server.url("/two"), status=1)
    assert "/b.xml" in several.output
    cli("feeds", "add", server.url("/two"), "--take", "2")
    cli("feeds", "add", server.url("/none"), status=1)
    assert [row["url"] for row in rows(cli("feeds", "list", "--json"))] == [server.url("/a.xml"), server.url("/b.xml")]


def test_a_feed_that_cannot_be_had_just_now_is_watched_and_that_is_said(cli: Run, server: Server) -> None:
    result = cli("feeds", "add", server.url("/nowhere"))
    assert "could not be had just now: The server answered 404" in result.output
    assert "as number 1" in result.output


def test_a_feeds_headers_and_login_are_sent_and_never_shown(cli: Run, server: Server) -> None:
    server.pages["/a.xml"] = rss(item(1))
    address = server.url("/a.xml").replace("http://", "http://ann:pass@")
    cli("feeds", "add", address, "--header", "X-Key: s3cret")
    sent = server.asked[-1][2]
    assert (sent["X-Key"], sent["Authorization"]) == ("s3cret", "Basic YW5uOnBhc3M=")
    for command in (["feeds", "list"], ["feeds", "show", "1"], ["feeds", "show", "1", "--json"]):
        shown = cli(*command).output
        assert not re.search("s3cret|pass@|YW5u", shown)
    assert "X-Key" in shown
    cli("feeds", "change", "1", "--no-headers", "--max-interval", "2h", "--title", "Mine")
    (feed,) = rows(cli("feeds", "show", "1", "--json"))
    assert (feed["headers"], feed["title"]) == ("", "Mine")
    assert "and 7200)" in feed["interval"]


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (["--header", "no colon"], "“Name: value”"),
        (["--header", "Host: x"], "own to send"),
        (["--header", "X: a\nb"], "one line"),
        (["--login", "ann"], "user:password"),
        (["--min-interval", "2h", "--max-interval", "1h"], "must not be shorter"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_the_door(
    cli: Run, capsys: pytest.CaptureFixture[str], option: list[str], says: str
) -> None:
    cli("feeds", "add", "https://example.org/feed.xml", "--unchecked", *option, status=1)
    assert says in capsys.readouterr().err


def test_channels_are_told_how_and_shown_without_secrets(cli: Run, tmp_path: Path) -> None:
    cli("channels", "add", "desk", "webhook", "https://u:hunter2@example.org/a?key=hunter2", "--secret", "new:hook.key",
        "--budget", "20/h", "--quiet", "22:00-07:00", "--zone", "Europe/Kyiv", "--operator")  # fmt: skip
    secret = (tmp_path / "hook.key").read_text().strip()
    assert secret.startswith("whsec_")
    assert (tmp_path / "hook.key").stat().st_mode & 0o777 == 0o600
    cli("channels", "add", "chat", "apprise", "tgram://hunter2/123")
    cli("channels", "add", "mail", "email", "smtp://w@mail.example.org?from=w@example.org&to=d@example.org", "--secret",
        "env:MAIL")  # fmt: skip
    shown = cli("channels", "list", "--json").output
    assert "hunter2" not in shown
    assert secret not in shown
    desk, chat, mail = rows(cli("channels", "list", "--json"))
    assert (desk["target"], desk["quiet"]) == ("https://example.org/…", "22:00-07:00 Europe/Kyiv")
    assert chat["target"] == "tgram://…"
    assert "mail.example.org" in mail["target"]
    changed = cli("channels", "change", "desk", "--secret", "env:OTHER", "--quiet", "none").output
    assert "It signs by the former secret too." in changed
    assert "too" not in cli("channels", "change", "desk", "--forget-former-secret").output
    assert rows(cli("channels", "list", "--json"))[0]["quiet"] == ""


def test_a_channel_is_paused_and_resumed(cli: Run) -> None:
    cli("channels", "add", "desk", "log")
    cli("channels", "pause", "desk")
    assert rows(cli("channels", "list", "--json"))[0]["state"] == "paused: It was paused by hand."
    cli("channels", "resume", "desk")
    assert rows(cli("channels", "list", "--json"))[0]["state"] == "well"


@pytest.mark.parametrize("of", ["alert", "correction", "digest", "notice"])
def test_a_message_is_previewed_by_its_template(cli: Run, tmp_path: Path, of: str) -> None:
    (tmp_path / "short.txt").write_text("{{ type }}: {{ subject }}")
    cli("channels", "add", "desk", "log", "--template", "short.txt")
    said = cli("channels", "preview", "desk", "--of", of).output
    assert {"alert": "alert.sample: [sample]", "correction": "alert.sample: [sample] CORRECTION:",
            "digest": "alert.digest: [sample, another rule] 2 stories", "notice": "notice: Wirewatch: This is a sample of a notice"}[of] in said  # fmt: skip
    cli("channels", "change", "desk", "--template", "-")
    assert "sample" in cli("channels", "preview", "desk", "--of", of).output


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ subject", "The template cannot be read: line 1"),
        ("{% for x in range(10**9) %}{% endfor %}", "only numbers can be multiplied"),
        ("{{ 'x' * 1000000000 }}", "only numbers can be multiplied"),
        ("{{ nothing }}", "'nothing' is undefined"),
        ("{{ ''.__class__.__mro__ }}", "is unsafe"),
        ("{{ story.title }}", "'story' is undefined"),  # which a digest has not
        ("{% if type == 'notice' %}{% else %}x{% endif %}", "makes nothing of a message of type notice"),
        ("x" * 30_000, "longer than 20,000 characters"),
    ],
)
def test_a_template_is_tried_on_all_it_may_have_to_tell(
    cli: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], template: str, says: str
) -> None:
    (tmp_path / "own.txt").write_text(template)
    cli("channels", "add", "desk", "log", "--template", "own.txt", status=1)
    assert says in capsys.readouterr().err


def test_an_alerts_whole_history_is_shown_in_order(cli: Run, server: Server) -> None:
    cli("channels", "add", "hook", "webhook", server.url("/gone"))
    cli("channels", "add", "later", "log", "--quiet", "00:00-23:59")
    cli("rules", "add", "port", "harbour", "--to", "hook", "--to", "later", "--old", "--digest", "daily 07:30")
    cli("items", "import", str(PAGE))
    (shown,) = rows(cli("alerts", "show", "1", "--json"))
    assert [(one["channel"], one["what"]) for one in shown["history"]] == [
        ("hook", "written"), ("later", "written"), ("hook", "held"), ("later", "held"), ("hook", "held now"),
        ("later", "held now"),
    ]  # fmt: skip
    assert "is told in a digest" in shown["history"][2]["said"]
    cli("deliveries", "retry", "1")
    (one,) = rows(cli("deliveries", "show", "1", "--json"))
    assert [event["what"] for event in one["history"]] == ["held", "sent again"]
    assert "told in one digest" in cli("alerts", "show", "1").output
    assert len(rows(cli("deliveries", "list", "--channel", "hook", "--json"))) == 1


def test_the_addresses_of_alert_feeds_hold_a_token_that_can_be_renewed(cli: Run) -> None:
    cli("rules", "add", "Łódź & co", "harbour")
    first = rows(cli("alerts", "feeds", "--json"))
    assert [one["of"] for one in first] == ["all", "Łódź & co"]
    assert first[1]["address"].endswith("&rule=%C5%81%C3%B3d%C5%BA%20%26%20co")
    assert rows(cli("alerts", "feeds", "--json")) == first
    assert rows(cli("alerts", "feeds", "--renew", "--json")) != first


def test_notices_are_listed(cli: Run) -> None:
    assert "Nothing to worry about" in cli("notices").output or cli("notices").output == ""
