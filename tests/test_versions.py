"""What happens to a story over time: versions, kinds, ids used again, furniture, and the same story in other words."""

import pytest

from storage import items, polls
from tests.helpers import item, plain, rss
from tests.world import World
from wire.revision import difference

LONG = (
    "The Cabinet on Monday approved the new budget of {} billion dinars for roads, schools and ports in all provinces of"
    " the country, the state news agency said late in the evening, citing a minister of the government who asked not to"
    " be named. The opposition called it a gift to friends of the ruling party and said that it would go to court."
)
FOOT = "Gulf Ledger is the leading provider of news, call 800 555 for a subscription."


def test_a_correction_is_a_version_that_says_so_and_shows_the_difference(world: World) -> None:
    world.feed("/a.xml", item(1110448134, "Budget approved", LONG.format(5)))
    world.run()
    world.server.pages["/a.xml"] = rss(item(1110448134, "CORRECTED-Budget approved", LONG.format(6)))
    world.run(4000)
    with world.database.reading() as session:
        (found,) = items.newest(session, limit=5)
        (former,) = items.versions(session, found.id or 0)
        assert (found.version, found.kind, former.kind) == (2, "correction", "")
        changes = [words for sign, words in difference(former.text, found.text) if sign == "+"]
    assert changes == ["6"]


def test_a_withdrawn_story_stays_marked(world: World) -> None:
    world.feed("/a.xml", item(1110448134, "Minister resigns", "The minister resigned today."))
    world.run()
    world.server.pages["/a.xml"] = rss(item(1110448134, "STORY WITHDRAWN", "The story is withdrawn, as it was false."))
    world.run(4000)
    (found,) = world.items()
    assert (found.version, found.state, found.kind) == (2, "withdrawn", "withdrawal")


def test_a_lost_word_is_no_version(world: World) -> None:
    world.feed("/a.xml", item(1110448134, "Budget approved", LONG.format(5)))
    world.run()
    world.server.pages["/a.xml"] = rss(
        item(1110448134, "Budget approved", LONG.format(5).replace("Cabinet on", "Cabon"))
    )
    world.run(4000)
    assert world.items()[0].version == 1


def test_an_id_used_again_for_another_story_is_another_item_and_noted(world: World) -> None:
    world.rule("OpenSSL")
    world.feed("/a.xml", plain(1, "Releases for March", "Two flaws of the parser are fixed.", guid="constant"))
    world.run()
    again = plain(2, "OpenSSL alert: upgrade today", "A flaw in TLS was found by chance.", guid="constant")
    for _ in range(3):
        world.server.pages["/a.xml"] = rss(again)
        world.run(4000)
    assert [one.title for one in world.items()] == ["OpenSSL alert: upgrade today", "Releases for March"]
    assert len(world.hooks()) == 1
    with world.database.reading() as session:
        assert "used an id again" in " ".join(one.note for one in polls.polls_of(session, 1, 9))


def test_ids_made_anew_are_recognised_and_noted(world: World) -> None:
    stories = [plain(number, f"Story of day {number}", f"What came to pass on day {number}.") for number in range(9)]
    world.feed("/a.xml", *stories)
    world.run()
    world.server.pages["/a.xml"] = rss(*({**one, "guid": f"new-{one['guid']}"} for one in stories))
    world.run(4000)
    assert len(world.items()) == 9
    with world.database.reading() as session:
        assert "made anew" in polls.polls_of(session, 1, 1)[0].note


def test_one_guid_for_all_tells_nothing(world: World) -> None:
    world.feed("/a.xml", *(plain(number, f"Story {number}", "x", guid="same") for number in range(5)))
    world.run()
    assert len(world.items()) == 5


def test_what_a_source_puts_under_everything_is_not_matched_from_the_sixth_story_on(world: World) -> None:
    world.rule("subscription", name="foot")
    for number in range(1, 9):
        text = f"(MENAFN - Gulf Ledger)Something of its own happened in town{'x' * number} on that day.\n{FOOT}"
        world.feed(f"/{number}.xml", item(1110448100 + number, f"Title {number}", text))
        world.run(61)
    assert len(world.hooks()) == 5
    with world.database.reading() as session:
        newest = items.newest(session, limit=1)[0]
        assert FOOT in newest.text
        assert "subscription" not in items.facts(session, [newest.id or 0])[newest.id or 0].text


def test_the_same_story_in_other_words_is_one_cluster(world: World) -> None:
    world.feed("/a.xml", item(1110448134, "Budget approved", LONG.format(5)))
    world.feed("/b.xml", plain(7, "Cabinet approves budget", f"{LONG.format(5)} Our own note."))
    world.feed("/c.xml", plain(8, "Quite another story", "Nothing of all this has to do with the others here."))
    world.run()
    with world.database.reading() as session:
        found = {one.title: one for one in items.newest(session, limit=9)}
        alike = items.cluster_of(session, found["Budget approved"])
        assert [one.title for one in alike] == ["Cabinet approves budget"]
        assert found["Quite another story"].cluster is None


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_date_ahead_is_moved_and_marked_and_files_and_language_are_kept(world: World) -> None:
    text = "Der Minister sagte, die Preise seien am Dienstag stark gestiegen."
    body = rss(item(1110448134, text=text, pubDate="Fri, 22 Nov 2126 12:00:00 GMT"))
    enclosure = b'<enclosure url="/a.mp3" type="audio/mpeg" length="12345"/></item>'
    world.feed("/a.xml")
    world.server.pages["/a.xml"] = body.replace(b"</item>", enclosure)
    world.run()
    (found,) = world.items()
    assert found.published_at
    assert (found.date_doubtful, (found.published_at - world.clock()).days) == (True, 1)
    assert found.language == "de"
    assert found.enclosures == [{"url": world.server.url("/a.mp3"), "kind": "audio/mpeg", "size": 12345}]


def test_a_page_used_again_for_something_else_is_a_version_and_told_anew(world: World) -> None:
    world.rule("energy OR booster")
    one = plain(7, "What if my energy supplier goes bust?", "Gas prices have soared since January.")
    world.feed("/a.xml", one)
    world.run()
    world.server.pages["/a.xml"] = rss({**one, "title": "What if an energy supplier goes bust?"})
    world.run(4000)
    assert len(world.hooks()) == 1
    world.server.pages["/a.xml"] = rss(plain(7, "When will a booster jab be offered?", "Energy is up, say millions."))
    world.run(4000)
    (found,) = world.items()
    assert found.version == 3
    assert len(world.hooks()) == 2


def test_headlines_that_take_turns_are_told_once(world: World) -> None:
    world.rule("Fed OR Powell")
    texts = ["The Fed holds rates steady", "Powell signals patience again"]
    world.feed("/a.xml", plain(7, texts[0], "Rates stay as they are, it was said."))
    world.run()
    for turn in range(1, 5):
        world.server.pages["/a.xml"] = rss(plain(7, texts[turn % 2], "Rates stay as they are, it was said."))
        world.run(4000)
    assert (world.items()[0].version, len(world.hooks())) == (5, 1)
