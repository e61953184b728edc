"""Cadence, retries, revisions, addresses: small decisions as tables."""

import pytest

from tests.helpers import NOON
from wire import cadence
from wire.address import absolute, checked, host_of, same_site
from wire.cadence import Bounds
from wire.errors import BadInput
from wire.message import Alert, Message, passage, passage_pieces, payload
from wire.render import lines
from wire.revision import fingerprint, is_revised
from wire.story import Entry, Identity, Span, Story

BOUNDS = Bounds(60, 3600)


@pytest.mark.parametrize(("shared", "interval"), [(None, 600), (0.0, 300), (1.0, 1200)])
def test_a_first_poll_changes_nothing_a_gap_halves_and_a_lull_slows(shared: float | None, interval: float) -> None:
    assert cadence.steer(600, BOUNDS, shared=shared) == interval


@pytest.mark.parametrize("window", [5, 10, 25, 50, 100, 500])
@pytest.mark.parametrize("start", [60.0, 3600.0])
def test_the_interval_settles_where_polls_share_a_third_to_two_thirds(window: int, start: float) -> None:
    whole_window, interval = 1_200.0, start
    for _ in range(40):
        shared = max(0.0, 1 - interval / whole_window)
        interval = cadence.steer(interval, BOUNDS, shared=shared, window=window)
    assert 1 / 3 - 0.01 <= 1 - interval / whole_window <= 2 / 3 + 0.01


def test_the_interval_keeps_its_bounds() -> None:
    assert cadence.steer(70, BOUNDS, shared=0.0) == 60
    assert cadence.steer(3500, BOUNDS, shared=1.0) == 3600


def test_jitter_is_a_tenth_either_way() -> None:
    draws = iter((0.0, 0.5, 1.0))
    assert [cadence.next_poll(100, lambda: next(draws)) for _ in range(3)] == pytest.approx([90, 100, 110])


def test_failures_back_off_in_a_straight_line() -> None:
    waits = [cadence.after_failure(60, failures, BOUNDS, lambda: 0.5) for failures in (1, 2, 3, 50)]
    assert waits == [120, 180, 240, 720]


def test_a_delivery_is_tried_eight_times_over_a_day_and_then_given_up() -> None:
    waits = [cadence.next_try(attempts, lambda: 0.5) for attempts in range(1, 9)]
    assert waits == [10, 60, 300, 1800, 7200, 21600, 43200, None]


def story(title: str, text: str) -> Story:
    return Story(Identity("x"), title, text)


@pytest.mark.parametrize(
    ("title", "text", "revised"),
    [
        ("A title", "A text.", False),
        ("A  TITLE!", "a text", False),
        ("A title", "", False),
        ("", "A text.", False),
        ("Another title", "A text.", True),
        ("A title", "A longer text.", True),
    ],
)
def test_a_story_is_revised_when_its_words_changed(title: str, text: str, *, revised: bool) -> None:
    assert is_revised(story("A title", "A text."), story(title, text)) is revised


def test_a_moved_date_is_no_news() -> None:
    first, later = (Entry("g", "u", "T", "x", published_at=when) for when in (NOON, None))
    assert fingerprint(first) == fingerprint(later)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("not-a-url", "starts with http"),
        ("ftp://example.org/", "starts with http"),
        ("https://", "starts with http"),
        ("http://[broken", "no web address"),
        ("http://example.org:99999/", "no web address"),
        ("http://example.org/a b", "blanks"),
        ("http://ex\u2488ample.org/", "no web address"),
        ("http://example.org/" + "x" * 3000, "too long"),
    ],
)
def test_an_address_that_is_none_is_refused_with_a_sentence(url: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        checked(url)


def test_addresses_compare() -> None:
    assert checked(" HTTPS://Example.org/a#b ") == "https://Example.org/a"
    assert absolute("https://example.org/a/b", "../c") == "https://example.org/c"
    assert host_of("https://Example.org:8443/a") == "example.org:8443"
    assert same_site("https://feeds.bbc.example/a", "https://www.bbc.example/b")
    assert same_site("https://news.bbc.co.uk/a", "https://www.bbc.co.uk/b")
    assert not same_site("https://a.example/", "https://b.example.org/")
    assert not same_site("https://a.co.uk/", "https://b.co.uk/")
    assert not same_site("http://10.0.0.1/", "http://192.168.0.1/")
    assert not same_site("", "")


def alert(title: str = "Title", text: str = "text", spans: tuple[Span, ...] = ()) -> Alert:
    return Alert(
        1, "rule", "query", 1, "menafn:1", "menafn", "1", 1, title, text, "https://x/", "P", 2, None, NOON, spans
    )  # fmt: skip


def test_the_passage_shows_what_stands_around_the_match() -> None:
    text = "first words " * 20 + "the nuclear plant lost power " + "last words " * 20
    start = text.index("nuclear")
    shown = passage(text, (Span("text", start, start + 13, "nuclear plant"),))
    assert "the nuclear plant lost power" in shown
    assert shown.startswith("…first words")
    assert shown.endswith("…")
    assert len(shown) < 220


def test_a_passage_is_cut_between_letters_where_no_blanks_are() -> None:
    text = "中国经济增长超过预期。" * 40
    (_, words), _ = passage_pieces(text, ())
    assert words == text[:90]
    before, met, after = [words for _, words in passage_pieces(text, (Span("text", 100, 102, text[100:102]),))[1:4]]
    assert (before, met, after) == (text[10:100], text[100:102], text[102:192])
    accented = "e\u0301" * 300
    assert passage_pieces(accented, ())[0][1].endswith("\u0301")


def test_a_webhooks_body_has_the_words_and_where_they_stand() -> None:
    told = payload(
        Message(
            7, (alert(spans=(Span("title", 0, 5, "Title"), Span("text", 0, 4, "text"), Span("text", 9, 13, "text"))),)
        )
    )
    assert told["matched"] == ["Title", "text"]
    assert told["matches"][0] == {"field": "title", "start": 0, "end": 5, "words": "Title"}
    assert told["story"]["first_seen_at"] == "2026-11-22T12:00:00+00:00"


def test_a_log_line_stays_one_line() -> None:
    assert lines(Message(7, (alert(title="a\nb\x1b[31m"),))) == ["rule: a b[31m [] https://x/"]
