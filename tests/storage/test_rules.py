"""Rules over what is stored: back-tests, backfills, health, lists; and a worker's rulebook that keeps up in place."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from storage import alerts, backtest, channels, items, retention, rules
from storage.database import Database
from storage.items import NewStory
from storage.tables import Rule
from tests.helpers import NOON
from wire.clauses import Word
from wire.errors import BadInput, QueryError
from wire.story import Fields, Identity, Story
from worker.rulebook import Rulebook

TEXTS = ("drones over the port", "missiles over the port", "drones and missiles", "wheat and rain", "rain in the port")


def keep(database: Database, *texts: str, days_ago: float = 0.0, first: int = 1) -> None:
    stories = [
        NewStory(Story(Identity(f"menafn:{n}", "menafn", str(n)), "T", text)) for n, text in enumerate(texts, first)
    ]
    with database.writing() as session:
        items.keep(session, stories, now=NOON - timedelta(days=days_ago))


def add(database: Database, name: str, query: str, *to: str, days_ago: float = 0.0, shadow: bool = False) -> Rule:
    with database.writing() as session:
        made = [channels.add(session, one, "log", "", now=NOON) for one in to]
        rule = rules.add(session, name, query, made, now=NOON - timedelta(days=days_ago), shadow=shadow)
        session.flush()
        session.expunge(rule)
        return rule


def test_a_back_test_counts_by_day_and_shows_the_newest(database: Database) -> None:
    keep(database, *TEXTS, days_ago=9)
    keep(database, "drones again", days_ago=1, first=100)
    with database.reading() as session:
        told = backtest.run(session, "drones", since=None, now=NOON, newest=2)
        assert len(told.met) == 3
        assert [one.story.text for one in told.newest] == ["drones again", "drones and missiles"]
        assert list(told.by_day.values()) == [2, 1]
        assert told.a_day == pytest.approx(3 / 9)
        assert len(backtest.run(session, "drones", since=NOON - timedelta(days=2), now=NOON).met) == 1
        with pytest.raises(QueryError):
            backtest.run(session, '"open', since=None, now=NOON)


def test_a_back_test_agrees_with_the_engine_for_every_operator(database: Database) -> None:
    keep(database, *TEXTS)
    for query in ("dro*", "whe?t OR rain*", "stem:drone", "case:drones", "drones NEAR/2 missiles", '"port the"~1',
                  "ATLEAST/1 rain", "lead:wheat", "source:menafn", "source:menafn AND NOT drones"):  # fmt: skip
        with database.reading() as session:
            told = backtest.run(session, query, since=None, now=NOON)
        book = Rulebook()
        add(database, f"rule {query}", query)
        with database.reading() as session:
            current, facts = book.current(session), items.facts(session, [1, 2, 3, 4, 5])
            rule = rules.find(session, f"rule {query}")
            met = [n for n in facts if any(match.rule_id == rule.id for match in current.match(facts[n]))]
        assert sorted(told.met) == met, query


def test_a_backfill_records_and_tells_nobody_unless_asked(database: Database) -> None:
    keep(database, *TEXTS)
    rule = add(database, "drones", "drones", "log")
    with database.writing() as session:
        met, sent = backtest.backfill(session, rule, backtest.past(session, rule, since=None), now=NOON, send=False)
        assert (met, sent) == (2, {})
        assert len(alerts.newest(session, limit=9)) == 2
        assert alerts.deliveries(session, limit=9) == []
    other = add(database, "rain", "rain", "desk")
    with database.writing() as session:
        met, _ = backtest.backfill(session, other, backtest.past(session, other, since=None), now=NOON, send=True)
        assert met == 2
        assert {(row.channel, row.state) for row in alerts.deliveries(session, limit=9)} == {("desk", "pending")}


def test_a_backfill_leaves_a_story_whose_page_is_still_to_be_read_to_its_reading(database: Database) -> None:
    story = Story(Identity("menafn:9"), "drones", "The beginning…")
    with database.writing() as session:
        items.keep(session, [NewStory(story, unread=True)], now=NOON)
    rule = add(database, "drones", "drones", "log")
    with database.writing() as session:
        assert backtest.backfill(session, rule, backtest.past(session, rule, since=None), now=NOON, send=False)[0] == 0


def test_a_story_that_changed_or_went_while_a_backfill_looked_is_left_out(database: Database) -> None:
    keep(database, *TEXTS)
    rule = add(database, "drones", "drones", "log")
    with database.writing() as session:
        past = backtest.past(session, rule, since=None)
        assert len(past) == 2
        items.revise(session, items.locked(session, past[0].item_id), Story(Identity("x"), "", "calm"), NOON)
        retention.forget_items(session, [past[1].item_id])
        assert backtest.backfill(session, rule, past, now=NOON, send=False) == (0, {})


def test_health_names_rules_that_meet_nothing_too_much_or_nothing_of_their_own(database: Database) -> None:
    keep(database, *TEXTS, *["rain in the port"] * 5)
    made = [
        add(database, name, query, days_ago=40)
        for name, query in (("never", "volcano"), ("rain", "rain"), ("port", "port AND rain"), ("drones", "drones"))
    ]
    add(database, "young", "volcano")
    with database.writing() as session:
        for rule in made:
            backtest.backfill(session, rule, backtest.past(session, rule, since=None), now=NOON, send=False)
        found = [(one.rule.name, one.why) for one in backtest.health(session, NOON)]
    assert ("never", "It met nothing in 30 days. Try `wirewatch rules test 'never'`.") in found
    assert ("rain", "It met 70% of all stories in 30 days.") in found
    assert ("port", "All its 6 alerts were met by “rain” too.") in found
    assert not {"drones", "young"} & {name for name, _ in found}


def test_a_query_that_cannot_be_read_any_more_matches_nothing_and_stops_no_other(database: Database) -> None:
    keep(database, *TEXTS)
    for name in ("former", "drones"):
        add(database, name, "drones")
    with database.writing() as session:
        session.execute(text("UPDATE rule SET query = 'drones !rain' WHERE name = 'former'"))
    with database.reading() as session:
        current, story = Rulebook().current(session), items.facts(session, [1])[1]
        assert [match.rule_id for match in current.match(story)] == [rules.find(session, "drones").id]
        (found,) = backtest.health(session, NOON)
        assert found.rule.name == "former"
        assert "cannot be read any more: To refuse a word write NOT" in found.why


def test_the_share_of_a_word_is_known(database: Database) -> None:
    keep(database, "US exports", "let us go", "rain", "sun")
    with database.reading() as session:
        assert backtest.share(session, Word("us")) == 0.5
        assert backtest.share(session, Word("US", "case")) == 0.25
        assert backtest.share(session, Word("volcano")) == 0.0


def test_a_changed_list_changes_the_rules_that_call_it(database: Database) -> None:
    with database.writing() as session:
        rules.set_list(session, "names", ["Zelensky", "Zelenskyy"], now=NOON)
    add(database, "z", "list:names NOT comedy")
    book = Rulebook()
    story = Fields("", "Selenskyj spoke")
    with database.reading() as session:
        assert book.current(session).match(story) == []
    with database.writing() as session:
        assert rules.set_list(session, "names", ["Selenskyj"], now=NOON) == ["z"]
    with database.reading() as session:
        current = book.current(session)
        (match,) = current.match(story)
        assert current.versions[match.rule_id][0] == 2
    with database.writing() as session, pytest.raises(BadInput, match="calls list:names"):
        rules.set_list(session, "names", [], now=NOON)


def test_a_rulebook_takes_up_changes_in_place(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        add(database, f"rule {number}", f"word{number}")
    book = Rulebook()
    with database.reading() as session:
        first = book.current(session)
    read: list[int] = []
    honest = rules.changed_since

    def counted(session: object, revision: int) -> object:
        found = honest(session, revision)  # type: ignore[arg-type]
        read.append(len(found))
        return found

    monkeypatch.setattr(rules, "changed_since", counted)
    with database.writing() as session:
        rules.change(session, rules.find(session, "rule 3"), now=NOON, query="other")
        rules.remove(session, rules.find(session, "rule 4"), NOON)
        rules.change(session, rules.find(session, "rule 5"), now=NOON, enabled=False)
        rules.change(session, rules.find(session, "rule 6"), now=NOON, shadow=True)
    with database.reading() as session:
        current = book.current(session)
        assert book.current(session) is current is first
    assert read == [4]
    met = {match.rule_id for match in current.match(Fields("", "word3 other word4 word5 word6 word7"))}
    assert met == {4, 7, 8}
    assert current.versions[4] == (2, "other")
    assert current.shadows == {7}


def test_no_story_is_met_by_neither_version_while_a_rule_changes(database: Database) -> None:
    """A rule swings between two queries while transactions match; each sees one version whole, and says which."""
    add(database, "swing", "first")
    book = Rulebook()
    for number in range(30):
        with database.writing() as session:
            query = "second" if number % 2 == 0 else "first"
            rules.change(session, rules.find(session, "swing"), now=NOON, query=query)
        with database.reading() as session:
            current = book.current(session)
            matches = current.match(Fields("", "first second"))
        assert len(matches) == 1
        version, query = current.versions[matches[0].rule_id]
        assert (version, query) == (number + 2, "second" if number % 2 == 0 else "first")


def test_a_channel_that_comes_back_is_told_again_and_what_waited_for_it_is_held(database: Database) -> None:
    keep(database, *TEXTS)
    rule = add(database, "drones", "drones", "desk")
    book = Rulebook()
    with database.writing() as session:
        backtest.backfill(session, rule, backtest.past(session, rule, since=None), now=NOON, send=True)
        channels.remove(session, channels.find(session, "desk"), NOON)
    with database.reading() as session:
        assert book.current(session).channels == {}
        assert {row.note for row in alerts.deliveries(session, limit=9)} == {"held: the channel was removed"}
    with database.writing() as session:
        channels.add(session, "desk", "log", "", now=NOON)
    with database.reading() as session:
        assert book.current(session).channels == {rule.id: [1]}
