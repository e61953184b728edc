"""Which language a text is in, where its feed does not say: py3langid, among the languages that wires write.

The model takes a second to load and some 65 MB; loaded before a fork, all children share it.
"""

from functools import lru_cache
from typing import Any

# Fewer classes make fewer mistakes, and a model of a third of the size.
LANGUAGES = [
    "ar",
    "az",
    "be",
    "bg",
    "bn",
    "bs",
    "ca",
    "cs",
    "da",
    "de",
    "el",
    "en",
    "es",
    "et",
    "fa",
    "fi",
    "fr",
    "ga",
    "gl",
    "gu",
    "he",
    "hi",
    "hr",
    "hu",
    "hy",
    "id",
    "is",
    "it",
    "ja",
    "ka",
    "kk",
    "km",
    "kn",
    "ko",
    "ky",
    "lo",
    "lt",
    "lv",
    "mk",
    "ml",
    "mn",
    "mr",
    "ms",
    "mt",
    "my",
    "ne",
    "nl",
    "no",
    "pa",
    "pl",
    "ps",
    "pt",
    "ro",
    "ru",
    "si",
    "sk",
    "sl",
    "sq",
    "sr",
    "sv",
    "sw",
    "ta",
    "te",
    "th",
    "tl",
    "tr",
    "uk",
    "ur",
    "uz",
    "vi",
    "zh",
]
# A headline of fewer letters could be anything ("Oil up"), and what is beyond this adds nothing.
_FEWEST_LETTERS = 30
_ENOUGH = 1_000


def detect(text: str) -> str:
    """The ISO 639-1 code of a text's language, or nothing where there is too little to go by."""
    text = text[:_ENOUGH]
    # A sign of Chinese, Japanese or Korean says as much as a few letters.
    letters = sum(3 if sign >= "\u2e80" else 1 for sign in text if sign.isalpha())
    return str(_model().classify(text)[0]) if letters >= _FEWEST_LETTERS else ""


def load() -> None:
    """Loads the model now rather than when a story first needs it."""
    _model()


@lru_cache(maxsize=1)
def _model() -> Any:
    from py3langid import langid  # brings numpy along, which most processes never need

    model = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)
    model.set_languages(LANGUAGES)
    model._full_model = (model.nb_ptc, model.nb_pc, model.nb_classes)  # noqa: SLF001 -- else it keeps 28 MB of others
    return model
