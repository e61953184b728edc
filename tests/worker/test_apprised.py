"""What chat programs take for a call to everybody."""

import json
from typing import Any

import pytest
import requests

from worker import apprised


@pytest.mark.parametrize("words", ["@here", "<@U123>", "<!channel>", "ring @everyone now"])
def test_mentions_are_defused(words: str) -> None:
    made = apprised.without_mentions(words)
    assert made != words
    assert made.replace("\u200b", "") == words


def test_addresses_lead_where_they_led() -> None:
    made = apprised.without_mentions("@here: see https://medium.com/@ann/oil-1 and http://x.example/<!channel>")
    assert "https://medium.com/%40ann/oil-1" in made
    assert "@here" not in made
    assert "<!channel" not in made


def test_what_is_longer_than_a_receiver_takes_goes_in_several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def post(*_: Any, data: str, **__: Any) -> requests.Response:
        sent.append(json.loads(data)["content"])
        answer = requests.Response()
        answer.status_code = 204
        return answer

    monkeypatch.setattr(requests, "post", post)
    apprised._notify("discord://123456789012345678/abcdefghijklmnopqrstuvwxyz", "Title", "word " * 1_000)
    assert len(sent) > 1
    assert max(map(len, sent)) <= 2_000
    assert sum(part.count("word") for part in sent) == 1_000
