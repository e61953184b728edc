"""Addresses as servers write them."""

import pytest

from wire.address import escaped


@pytest.mark.parametrize(
    ("written", "asked_for"),
    [
        ("http://example.org/a?b=c&d=%20#e", "http://example.org/a?b=c&d=%20#e"),
        ("http://example.org/é b|", "http://example.org/%C3%A9%20b%7C"),
        ("https://ada@münchen.de:8443/ä", "https://ada@xn--mnchen-3ya.de:8443/%C3%A4"),
        ("http://STRAßE.de/", "http://xn--strae-oqa.de/"),
        ("http://example.org/caf\udce9", "http://example.org/caf%E9"),  # a header's byte that is no UTF-8
    ],
)
def test_an_address_is_asked_for_by_the_bytes_it_was_written_in(written: str, asked_for: str) -> None:
    assert escaped(written) == asked_for


def test_half_a_character_is_in_no_address() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        escaped("http://example.org/\ud83d")
