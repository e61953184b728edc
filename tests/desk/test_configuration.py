"""A configuration as a file: out, in, the difference first, all or nothing; OPML; users; the doctor."""

import re
from pathlib import Path

import pytest

from desk import portable
from desk.hand import Hand
from service import doctor
from settings import read
from storage import channels, feeds, pulse, rules, users
from storage.database import Database
from tests.conftest import SHARED
from tests.desk.conftest import Run
from tests.helpers import NOON
from wire import opml
from wire.cadence import Bounds
from wire.errors import BadInput
from wire.opml import Outline

USUAL = Bounds(60, 3600)
WHOLE = '''\
[[channel]]
name = "Desk “one”"
kind = "webhook"
target = "https://hooks.example.org/x?key=1"
secret = "file:/etc/key"
budget = "20/h"
quiet = "22:00-07:00"
zone = "Europe/Kyiv"
template = """
{\\"text\\": \\"{{ stories|length }} stories\\"}
"""
operator = true
paused = true

[[channel]]
name = "log"
kind = "log"

[[list]]
name = "zelensky"
spellings = [
    "Zelensky",
    "Зеленський",
]

[[rule]]
name = "off"
query = "wheat"
enabled = false
urgent = true
old = true

[[rule]]
name = "الأخبار"
query = "list:zelensky AND \\"power grid\\""
to = [
    "Desk “one”",
    "log",
]
shadow = true
digest = "daily 07:30"
zone = "Europe/Kyiv"

[[feed]]
url = "https://a.example/feed"
title = "A"
full_text = true
min_interval = "90s"
max_interval = "7d"
paused = true
[feed.headers]
X-Key = "s3cret"

[[feed]]
url = "https://b.example/feed"
min_interval = "1m"
max_interval = "1h"
'''


def bring_about(database: Database, text: str, *, prune: bool = False) -> list[portable.Step]:
    wanted = portable.read(text, USUAL)
    with database.writing() as session:
        steps = portable.plan(portable.declared(session), wanted, prune=prune)
        portable.bring_about(Hand(session, NOON, "test"), steps, USUAL)
    return steps


def written(database: Database, *, secrets: bool = True) -> portable.Written:
    with database.reading() as session:
        return portable.write(session, secrets=secrets)


def test_a_file_applied_to_nothing_is_exported_byte_for_byte(database: Database) -> None:
    bring_about(database, WHOLE)
    assert written(database).text == WHOLE
    assert bring_about(database, WHOLE) == []


def test_secrets_are_left_out_unless_asked_for_and_stay_where_they_were(database: Database) -> None:
    literal = WHOLE.replace("file:/etc/key", "whsec_" + "A" * 40)
    bring_about(database, literal)
    told = written(database, secrets=False)
    assert (told.secrets_left_out, told.telling_targets) == (2, 1)
    assert "whsec_" not in told.text
    assert "s3cret" not in told.text
    assert bring_about(database, told.text) == []
    assert written(database).text == literal


def test_only_what_differs_is_changed_and_pruning_takes_away_the_rest(database: Database) -> None:
    bring_about(database, WHOLE)
    other = WHOLE.replace('query = "wheat"', 'query = "wheat OR maize"').replace('title = "A"', 'title = "B"')
    steps = bring_about(database, other)
    assert [(step.sign, step.kind, step.name, step.changes) for step in steps] == [
        ("~", "rule", "off", {"query": "wheat OR maize"}),
        ("~", "feed", "https://a.example/feed", {"title": "B"}),
    ]
    less = bring_about(database, '[[channel]]\nname = "log"\nkind = "log"\n', prune=True)
    assert [(step.sign, step.kind) for step in less] == [("-", "feed"), ("-", "feed"), ("-", "rule"), ("-", "rule"), ("-", "list"), ("-", "channel")]  # fmt: skip
    with database.reading() as session:
        assert [one.name for one in channels.all_channels(session)] == ["log"]
        assert (list(rules.all_rules(session)), list(feeds.watched(session))) == ([], [])


def test_a_step_that_cannot_be_taken_undoes_those_before(database: Database) -> None:
    bad = WHOLE + '\n[[rule]]\nname = "bad"\nquery = "(open"\n'
    with pytest.raises(BadInput, match="Nothing was changed"):
        bring_about(database, bad)
    with database.reading() as session:
        assert list(channels.all_channels(session)) == []


def test_the_difference_tells_no_secret(database: Database) -> None:
    bring_about(database, '[[channel]]\nname = "c"\nkind = "apprise"\ntarget = "tgram://SECRET/1"\n')
    wanted = portable.read('[[channel]]\nname = "c"\nkind = "apprise"\ntarget = "tgram://OTHER/1"\n', USUAL)
    with database.reading() as session:
        steps = portable.plan(portable.declared(session), wanted, prune=False)
    told = "\n".join(line for step in steps for line in portable.told(step))
    assert "target" in told
    assert "SECRET" not in told
    assert "OTHER" not in told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "The file is no TOML"),
        ("[[fed]]\nurl='x'", "Did you mean [[feed]]?"),
        ("[feed]\nurl='x'", "with two brackets"),
        ("feed = [1]", "[[feed]] number 1"),
        ("[[feed]]\nurl = 'x'", "is no web address"),
        ("[[feed]]\nurl = 'https://a.example/'\nfull_text = 'yes'", "full_text"),
        ("[[rule]]\nname = 'a'\nquery = 'x'\ncolour = 'red'", "colour: there is no such thing"),
        ("[[rule]]\nname = 'a'\nquery = 'x'\n[[rule]]\nname = 'a'\nquery = 'y'", "stands twice"),
        ("[[feed]]\nurl = 'https://a.example/'\nmin_interval = '30d'", "between a second and a week"),
        ("a = " + "[" * 5000, "The file is no TOML"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=re.escape(says)):
        portable.read(text, USUAL)


def test_a_login_in_an_address_goes_into_its_headers_and_can_be_applied_again(database: Database) -> None:
    text = '[[feed]]\nurl = "https://user:pass@a.example/feed"\n'
    (step,) = bring_about(database, text)
    assert "pass" not in "".join(portable.told(step))
    assert bring_about(database, text) == []


def test_the_commands_show_ask_and_do(cli: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "whole.toml").write_text("\ufeff" + WHOLE, encoding="utf-8")
    assert "+ rule off" in cli("apply", "whole.toml", "--dry-run").output
    cli("apply", "whole.toml", status=1)
    assert "say --yes" in capsys.readouterr().err
    assert "Done: 7 added." in cli("apply", "whole.toml", "--yes").output
    assert "Nothing to change." in cli("apply", "whole.toml").output
    cli("export", "out.toml", "--secrets")
    assert (tmp_path / "out.toml").read_text() == WHOLE
    assert (tmp_path / "out.toml").stat().st_mode & 0o777 == 0o600
    assert "s3cret" not in cli("export").output
    assert "removed" in cli("apply", "-", "--prune", "--yes", typed="").output


def test_opml_of_a_peer_goes_in_and_comes_out_the_same(cli: Run, tmp_path: Path) -> None:
    peers = sorted(SHARED.glob("feeds/opml/**/*.*ml"))
    if not peers:
        pytest.skip("the shared feeds are not here")
    for number, file in enumerate(peers):
        there, _ = opml.read(file.read_bytes())
        (tmp_path / f"{number}.opml").write_bytes(opml.write(there))
        again, bad = opml.read((tmp_path / f"{number}.opml").read_bytes())
        assert ([one.url for one in again], bad) == ([one.url for one in there], [])
        cli("feeds", "import", str(file))
    told, _ = opml.read(cli("feeds", "export").output.encode())
    wanted = {one.url for file in peers for one in opml.read(file.read_bytes())[0]}
    assert {one.url for one in told} == wanted
    titles = {one.url: one.title for one in opml.read(peers[-1].read_bytes())[0]}
    assert len(titles) > 0


@pytest.mark.parametrize(
    "document", [b"", b"no xml", b"<html><body/></html>", b"\xff\xfe", b'<!DOCTYPE x [<!ENTITY a "b">]><x/>']
)
def test_what_is_no_opml_is_said(document: bytes) -> None:
    with pytest.raises(BadInput, match="no OPML"):
        opml.read(document)


def test_opml_is_read_as_it_is_found() -> None:
    """Folders, other cases, namespaces, broken markup, the same feed twice; no entity is expanded."""
    document = b"""<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]>
    <opml xmlns="http://opml.org/spec2" version="2.0"><body><outline text="Folder"><outline TEXT="A" xmlURL="https://a.example/f"/>
    <outline title="A again" xmlUrl="https://a.example/f"/><outline text="&x;" xmlUrl="https://b.example/f"/>
    <outline text="B" xmlUrl="ftp://c.example/"/></outline></body>"""
    found, bad = opml.read(document)
    assert found == [Outline("https://a.example/f", "A"), Outline("https://b.example/f", "")]
    assert bad == ["ftp://c.example/"]


def test_users_are_let_in_given_roles_and_tokens_and_removed(cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert "There is no user" not in cli("users", "list", "--json").output
    cli("users", "add", "ada", "--role", "analyst", typed="correct horse\n")
    cli("users", "add", "ada", typed="correct horse\n", status=1)
    cli("users", "add", "bob", "--role", "king", typed="correct horse\n", status=1)
    cli("users", "add", "bob", typed="short\n", status=1)
    said = capsys.readouterr().err
    assert "There is a user “ada” already." in said
    assert "A role is reader, analyst, operator" in said
    assert "8 to 200" in said
    token = cli("users", "token", "ada", "--label", "dashboard").stdout.strip()
    assert token.startswith("wire_")
    assert token not in cli("users", "tokens").output
    assert "opens nothing" in cli("users", "token", "ada", "--revoke", "1").output
    cli("users", "role", "ada", "operator")
    cli("users", "passwd", "ada", typed="another horse\n")
    assert "operator" in cli("users", "list").output
    assert "no user left" in cli("users", "remove", "ada", "--yes").output
    assert "gave a new password to" in cli("audit").output
    assert "horse" not in cli("audit", "--json").output


@pytest.mark.usefixtures("own_file")
def test_the_doctor_finds_what_is_wrong_and_what_to_do(cli: Run, tmp_path: Path, sqlite: Database) -> None:
    sick = cli("doctor", status=1).output
    for says in ("wirewatch run", "wirewatch feeds add", "wirewatch channels add", "wirewatch rules add"):
        assert says in sick
    with sqlite.writing() as session:
        channel = channels.add(session, "c", "webhook", "env:NOT_THERE", now=NOON)
        rules.add(session, "r", "drones", [channel], now=NOON)
        feeds.add(session, "https://a.example/", now=NOON, bounds=USUAL)
        pulse.beat(session, "scheduler", NOON)
    found = {one.about: one for one in doctor.findings(read(data=tmp_path, desk="0.0.0.0:1"))}
    assert (found["database"].well, found["disk"].well, found["rules"].well) == (True, True, True)
    assert "NOT_THERE" in found["channels"].says
    assert "users add" in found["desk"].says
    with sqlite.writing() as session:
        users.add(session, "ada", "hash", "reader", now=NOON)
    found = {
        one.about: one
        for one in doctor.findings(read(data=tmp_path, desk="0.0.0.0:1", redis_url="redis://127.0.0.1:1/0"))
    }
    assert found["desk"].well
    assert "does not answer" in found["redis"].says


@pytest.mark.usefixtures("own_file")
def test_a_database_that_is_none_is_told_by_the_doctor(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "wirewatch.db").write_bytes(b"no database, but more than a hundred bytes of it" * 10)
    assert "!!  database" in cli("doctor", status=1).output
