import pytest

from wire.language import detect


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The minister said that oil prices rose sharply on Tuesday.", "en"),
        ("Der Minister sagte, die Preise seien am Dienstag stark gestiegen.", "de"),
        ("قال الوزير إن أسعار النفط ارتفعت اليوم بشكل كبير في الأسواق", "ar"),
        ("石油価格が大きく上昇したと発表された", "ja"),
        ("中国央行宣布下调存款准备金率", "zh"),
        ("OIL PRICES RISE SHARPLY AFTER ATTACK ON REFINERY", "en"),
        ("Oil up", ""),
        ("12345 67890 12345 67890 12345 67890", ""),
    ],
)
def test_a_language_is_told_where_there_is_enough_to_go_by(text: str, language: str) -> None:
    assert detect(text) == language
