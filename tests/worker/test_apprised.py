"""What chat programs take for a call to everybody."""

import pytest

from worker import apprised


@pytest.mark.parametrize("words", ["@here", "<@U123>", "<!channel>", "ring @everyone now"])
def test_mentions_are_defused(words: str) -> None:
    made = apprised.without_mentions(words)
    assert made != words
    assert made.replace("\u200b", "") == words
