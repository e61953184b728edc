import datetime as dt
from pathlib import Path

import pytest

from wire.article import decode, read
from wire.errors import NotAStory

BODY = "The port was closed for a day, the operator said. Ships waited outside the harbour until the evening."
PAGE = f"""Tuesday, 02 January 2024 12:17 GMT

Port Closed For A Day

12/29/2023 4:09:48 AM

(MENAFN- The Gulf Ledger) Doha: {BODY}

A second paragraph followed the first.

MENAFN29122023000210011054ID1107667696


MENAFN

Legal Disclaimer:
MENAFN provides the information “as is” without warranty of any kind.

Search"""
HTML = f"""<!doctype html><html><head><title>x</title></head><body><p>Tuesday, 02 January 2024 12:17 GMT</p>
<nav><a href="/1111111111/Other">Other</a></nav><h1>Port Closed &amp; Reopened</h1><p>2025-05-20 07:03:28</p>
<p>(MENAFN) {BODY}</p><p>More.</p><p>MENAFN20052025000045017640ID1109553682</p><p>Legal Disclaimer:</p>
<p>MENAFN provides the information</p><ul><li><a href="https://menafn.com/1112222222/More">More stories</a></li></ul>
</body></html>"""
OTHER = f"""<!doctype html><html lang="en"><head><title>Harbour news</title>
<link rel="canonical" href="https://news.example.org/2025/harbour"></head><body><article><h1>Harbour reopens</h1>
<p>{BODY}</p><p>{BODY} Again.</p><p>Officials said the pilots had worked through the night to clear the queue.</p>
</article></body></html>"""


def test_a_saved_page_gives_title_text_provider_and_id_line() -> None:
    story = read(PAGE.encode())
    assert story.identity.key == "menafn:1107667696"
    assert story.title == "Port Closed For A Day"
    assert story.text == f"Doha: {BODY}\nA second paragraph followed the first."
    assert (story.provider, story.provider_code) == ("The Gulf Ledger", "000210011054")
    assert story.wire_date == dt.date(2023, 12, 29)


def test_a_html_page_is_read_the_same_and_its_sidebar_is_not() -> None:
    story = read(HTML.encode())
    assert story.identity.key == "menafn:1109553682"
    assert (story.title, story.text, story.provider) == ("Port Closed & Reopened", f"{BODY}\nMore.", "")


def test_the_frozen_clock_is_nobodys_date() -> None:
    assert read(PAGE.encode()).published_at is None
    assert "2024" not in read(PAGE.encode()).text


def test_the_asked_for_address_is_believed_before_the_page() -> None:
    story = read(HTML.encode(), url="https://menafn.com/1109999999/Slug")
    assert story.identity.key == "menafn:1109999999"


def test_a_page_of_another_site_is_read_by_its_running_text() -> None:
    story = read(OTHER.encode())
    assert story.identity.key == "url:news.example.org/2025/harbour"
    assert BODY in story.text
    assert story.title == "Harbour reopens"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "binary"),
        (b"just some words", "no MENAFN id line"),
        (b"", "no MENAFN id line"),
        (b"MENAFN07122025000045017640ID1110448134", "holds no story"),
        (b"<!doctype html><html><body><p>Hi</p></body></html>", "no running text"),
    ],
)
def test_what_is_no_story_is_said_in_a_sentence(body: bytes, says: str) -> None:
    with pytest.raises(NotAStory, match=says):
        read(body)


def test_a_page_without_an_address_asks_for_one() -> None:
    with pytest.raises(NotAStory, match="--url"):
        read(OTHER.replace("canonical", "x").encode())


@pytest.mark.parametrize(
    "body", ["“é”".encode("cp1252"), "“é”".encode(), "“é”".encode("utf-16"), b"\xef\xbb\xbf" + "“é”".encode()]
)
def test_text_is_decoded_as_browsers_do(body: bytes) -> None:
    assert decode(body) == "“é”"


def test_the_real_page_reads_as_it_should(shared: Path) -> None:
    (seed,) = (shared / "seeds").glob("*.txt")
    story = read(seed.read_bytes())
    assert story.title == "Russia strikes Ukrainian infrastructure amid US-Ukraine talks"
    assert (story.identity.key, story.provider, story.provider_code) == ("menafn:1110448134", "", "000045017640")
    assert story.wire_date == dt.date(2025, 12, 7)
    assert story.text.startswith("Russia unleashed a large-scale")
    assert story.text.endswith('it does take two to tango".')
    for furniture in ("02 January 2024", "MENAFN", "Disclaimer", "Search"):
        assert furniture not in story.text
