import datetime as dt

import pytest

from wire import menafn

LINE = "MENAFN07122025000045017640ID1110448134"


def test_an_id_line_gives_day_code_and_story() -> None:
    found = menafn.find_id_line(f"…to tango.\n{LINE}\nLegal Disclaimer:")
    assert found is not None
    assert (found.day, found.code, found.story_id) == (dt.date(2025, 12, 7), "000045017640", "1110448134")


@pytest.mark.parametrize(
    ("text", "story_id"),
    [
        (f"(end) bs{LINE}", "1110448134"),
        (f"{LINE}{LINE}", "1110448134"),
        (f"{LINE}Legal Disclaimer:", "1110448134"),
        ("MENAFN_28092023000071011013ID1107157706", "1107157706"),
        ("MENAFN 1210201612345678ID95002404", "95002404"),
        ("the digits MENAFN99992025000045017640ID1110448134 are no day", None),
        ("no line at all, only ID1110448134", None),
    ],
)
def test_an_id_line_is_found_glued_doubled_and_old(text: str, story_id: str | None) -> None:
    found = menafn.find_id_line(text)
    assert (found.story_id if found else None) == story_id


def test_the_foots_id_line_counts_when_the_body_quotes_another() -> None:
    found = menafn.find_id_line(f"As MENAFN05092023000071011013ID1107006744 said.\n{LINE}")
    assert found is not None
    assert found.story_id == "1110448134"


@pytest.mark.parametrize(
    "url",
    [
        "https://menafn.com/1107006744/Today-In-Kuwaits-History",
        "http://www.menafn.com/1107006744/",
        "HTTPS://WWW.MENAFN.COM/1107006744/Slug?src=RSS",
        "https://menafn.com/1107006744/Slug&src=RSS",
        "https://menafn.com/1107006744/Slug&source=29",
        "https://menafn.com/1107006744/Slug?Social=on",
        "https://menafn.com/1107006744",
        "https://menafn.com/arabic/1107006744/Slug",
        "https://menafn.com/qn_news_story_s.aspx?storyid=1107006744&title=Today",
    ],
)
def test_every_form_of_address_has_the_story_id(url: str) -> None:
    assert menafn.story_id_of(url) == "1107006744"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/1107006744/Slug",
        "https://notmenafn.com/1107006744/Slug",
        "https://menafn.com.evil.example/1107006744/Slug",
        "https://menafn.com/rss/menafn_UAE.xml",
        "https://menafn.com/12345/Slug",
        "https://menafn.com/123456789012/Slug",
        "",
    ],
)
def test_other_addresses_have_none(url: str) -> None:
    assert menafn.story_id_of(url) == ""


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("(MENAFN) Russia unleashed", ("", "Russia unleashed")),
        ("(MENAFN- The Peninsula) Doha", ("The Peninsula", "Doha")),
        ("(MENAFN - EIN Presswire)DUBAI", ("EIN Presswire", "DUBAI")),
        ("( MENAFN - Kuwait News Agency (KUNA)) KUWAIT", ("Kuwait News Agency (KUNA)", "KUWAIT")),
        ("MENAFN - Amman Net) Amman", ("Amman Net", "Amman")),
        ("Reuters (MENAFN) later in the text", None),
        ("MENAFN has grown by a tenth", None),
    ],
)
def test_a_dateline_names_the_provider_and_is_cut_off(text: str, split: tuple[str, str] | None) -> None:
    assert menafn.split_dateline(text) == split


@pytest.mark.parametrize("name", ["Acme " + "very " * 40 + "long", f"Acme ({'long' * 1_500})", "Acme" + " (a)" * 60])
def test_what_is_longer_than_any_providers_name_is_no_dateline(name: str) -> None:
    """It would be a database's key, and the feed's stories could not be kept."""
    assert menafn.split_dateline(f"(MENAFN - {name}) The story.") is None


@pytest.mark.parametrize(
    "foot",
    [
        "Legal Disclaimer:\nMENAFN provides the information “as is”",
        "Legal Disclaimer: MENAFN provides the information as is",
        "Legal\nDisclaimer:\nEIN Presswire provides this news content",
        "legal disclaimer:\nsomething else",
    ],
)
def test_what_stands_after_the_story_is_cut_off(foot: str) -> None:
    assert menafn.without_furniture(f"The story.\n{LINE}{LINE}\nMENAFN\n{foot}\nMore Stories\nSearch") == "The story."


def test_a_story_without_furniture_stays_whole() -> None:
    assert menafn.without_furniture("A story about a legal disclaimer.") == "A story about a legal disclaimer."


def test_a_days_numbers_tell_how_much_of_the_wire_was_seen() -> None:
    every_tenth = [str(1_110_440_000 + 10 * number) for number in range(400)]
    assert menafn.coverage(every_tenth) == menafn.Coverage(400, 3_991)
    told_again = [*every_tenth, "1093935861", "1095002404", "9999999999"]
    assert menafn.coverage(told_again) == menafn.Coverage(400, 3_991)
    assert menafn.coverage(every_tenth[:19]) is None
    assert menafn.coverage(["", "x"]) is None
