"""Text → tokens: what counts as a word, and when two spellings are the same word.

A token keeps the span it has in the original, so a highlight is exact; folding is done per token.
Case, accents and letters that do not decompose (ł ø đ ı ß æ) are folded; hyphens and apostrophes part words;
a possessive 's is dropped; U.S. is US; `C++ C# $AAPL 4.5` stay whole; soft hyphens and zero-width characters vanish.
Arabic loses its marks and its letters' variants, and each word is also found without the prefixes و ف ب ك ل ال.
Scripts without blanks between words (Chinese, Japanese, Korean, Thai…) give a token a character.
"""

import re
import unicodedata
from collections.abc import Collection
from functools import cached_property
from itertools import chain

import regex
import Stemmer

from wire.chunks import Chunks, chunked, with_usual_apostrophes

# Inside words, invisible: soft hyphen, zero-width space, joiners, word joiner, byte order mark.
_INVISIBLE = "\u00ad\u200b-\u200d\u2060\ufeff"
_SYMBOLIC = (
    r"[A-Za-z](?:\.[A-Za-z])+(?![^\W_])"  # U.S. U.S.A; the last dot may end the sentence too
    r"|\$[A-Za-z]+(?:\.[A-Za-z]+)?"  # $AAPL $BRK.A
    r"|[A-Za-z]{1,2}(?:\+\+|\#)(?![^\W_])"  # C++ C# F#
    r"|\d+(?:[.,]\d+)+"  # 4.5  1,000
)
_POSSESSIVE = r"(?:['’][sS](?![^\W_]))?"
# Latin, Greek and Cyrillic as news are written: letters stand alone, no marks to gather.
_SIMPLE = re.compile(rf"(?:{_SYMBOLIC}|[^\W_]+(?:[{_INVISIBLE}]+[^\W_]+)*){_POSSESSIVE}")
# The same for texts without $X, + and #, three times as quick: runs of letters, of which few are no plain word.
_CHUNK = re.compile(rf"\w+(?:[.,'’{_INVISIBLE}]+\w+)*")
_CASHTAG = re.compile(r"\$[A-Za-z]")
_CHARACTERS = r"[\p{Han}\p{Hiragana}\p{Katakana}\u30fc\uff70\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*"
_LETTER = (
    r"[[\p{L}\p{N}\u0640]--[\p{Han}\p{Hiragana}\p{Katakana}\u30fc\uff70\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]"
)
_FULL = regex.compile(
    rf"(?:{_SYMBOLIC}|{_CHARACTERS}|(?!\u0640){_LETTER}(?:\p{{M}}|[{_INVISIBLE}]|{_LETTER})*){_POSSESSIVE}",
    regex.VERSION1,
)
# What the simple pattern would cut wrongly: combining marks, and the scripts that come a character a token.
_NEEDS_FULL = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u08ff\u0900-\u1cff\u1dc0-\u1dff\u20d0-\u20ff\u2de0-\u2dff\u2e80-\u9fff"
    "\ua640-\ua6ff\ua800-\udfff\uf900-\ufaff\ufb1d-\ufdff\ufe20-\ufe2f\ufe70-\ufeff\uff66-\uffdc\U00010a00-\U0003ffff]"
)

_LETTERS = str.maketrans(
    {
        "ł": "l", "Ł": "l", "ø": "o", "Ø": "o", "đ": "d", "Đ": "d", "ð": "d", "Ð": "d", "ħ": "h", "Ħ": "h",
        "ı": "i", "ŧ": "t", "Ŧ": "t", "ŋ": "n", "Ŋ": "n", "ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae",
        "œ": "oe", "Œ": "oe", "þ": "th", "Þ": "th", "ə": "e", "Ə": "e",
        "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك", "ھ": "ه", "ہ": "ه",
        "\u0640": None,  # tatweel, which only stretches a word
    }
)  # fmt: skip
# Marks that change no word: Latin and Greek accents, Hebrew points, Arabic harakat. Indian vowel signs do change it.
_MARKS = re.compile(f"[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed{_INVISIBLE}]")
_UNSEEN = re.compile(f"[{_INVISIBLE}]")
_ARABIC = re.compile("[\u0621-\u064a]")
_STEMMER = Stemmer.Stemmer("english")
# The conjunctions, prepositions and article that Arabic writes onto the word, longest first.
_PREFIXES = re.compile("^(?:وبال|وال|فال|بال|كال|ولل|فلل|لل|وب|ول|وك|فب|فل|ال|و|ف|ب|ك|ل)")
_SHORTEST_STEM = 3
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
# No language writes a longer word; data in disguise does, and an index refuses it (PostgreSQL at 2,046 bytes).
_LONGEST_WORD = 200


class Reading:
    """A text read once: its words in order, and, when asked, where each stands.

    `raws[i]` is the i-th word as written, `forms(raws[i])` what it counts as, `spans[i]` its (start, end).
    """

    def __init__(self, text: str) -> None:
        self.text = text
        text = self._even = with_usual_apostrophes(text)
        # A text of several scripts is read as the engine reads it, chunk by chunk: each by the rules of its own.
        self.raws = [raw for chunk in chunked(text) for raw in _cut(chunk)] if _needs_full(text) else _cut(text)

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        found, end = [], 0
        for raw in self.raws:
            start = self._even.index(raw, end)  # between two words is nothing a word could begin with
            end = start + len(raw)
            found.append((start, end))
        return found


def _needs_full(text: str) -> bool:
    return not text.isascii() and _NEEDS_FULL.search(text) is not None


def _cut(text: str) -> list[str]:
    """The words of a text, or of a chunk, as written."""
    if _needs_full(text):
        found: list[str] = _FULL.findall(text)
        return found
    signs = "+" in text or "#" in text or ("$" in text and _CASHTAG.search(text))
    return _SIMPLE.findall(text) if signs else _parted(_CHUNK.findall(text))


def _parted(chunks: list[str]) -> list[str]:
    """Chunks as words: the few that are no plain word are cut, the runs between them taken as they are."""
    plain = list(map(str.isalnum, chunks))
    words: list[str] = []
    start = 0
    for _ in range(plain.count(False)):
        odd = plain.index(False, start)
        words += chunks[start:odd]
        words += _SIMPLE.findall(chunks[odd])
        start = odd + 1
    return words + chunks[start:]


def forms(raw: str) -> tuple[str, ...]:
    """What a word of a story counts as: its folded form, and for Arabic the same without its prefixes.

    Nothing where a word is all marks, as a free-standing accent.
    """
    folded = fold(raw)
    if folded.isascii() or not _ARABIC.search(folded):
        return (folded,) if folded else ()
    stem = _PREFIXES.sub("", folded)
    stems = {folded, stem} if len(stem) >= _SHORTEST_STEM else {folded}
    if folded[0] in "وفبكل" and len(folded) > _SHORTEST_STEM:
        stems.add(folded[1:])
    return tuple(sorted(stems))


def forms_in(text: str) -> Collection[str]:
    """What the words of a text count as, each once; those beyond ASCII, or with signs in them, come last."""
    plain = dict.fromkeys(chunked(text))
    others = [chunk for chunk in plain if not (chunk.isalnum() and chunk.isascii() and len(chunk) <= _LONGEST_WORD)]
    for chunk in others:
        del plain[chunk]
    found = dict.fromkeys(" ".join(plain).lower().split())  # all at once: most words are of this kind
    found.update(dict.fromkeys(chain.from_iterable(_FORMS.of(others))))
    return found


def _forms_of(chunk: str) -> tuple[str, ...]:
    return tuple([form for raw in Reading(chunk).raws for form in forms(raw)])


# The odd words of some thousand stories; in a language beyond ASCII all its words.
_FORMS = Chunks(_forms_of, most=40_000)


def plain_word(chunk: str) -> str:
    """What stands between two blanks, if it is one word of ASCII, with a comma or the like at most; else nothing."""
    bare = chunk.strip(_AROUND)
    return bare if bare.isascii() and bare.isalnum() else ""


# Signs at either end of a word that never belong to it.
_AROUND = ".,;:!?\"'()[]"


def fold(raw: str) -> str:
    """The one spelling all spellings of a word share. The query's words and the story's go through it alike."""
    raw = raw[:_LONGEST_WORD]
    if raw.isascii() and raw.isalnum():
        return raw.lower()
    raw = without_possessive(raw)
    if raw[0].isdigit():
        return _number(raw)
    if "." in raw and raw[0] != "$":
        raw = raw.replace(".", "")
    folded = _MARKS.sub("", unicodedata.normalize("NFKD", raw.translate(_LETTERS).casefold()).translate(_LETTERS))
    # Letters of another style (𝐎𝐢𝐥) have small ones only now; and one letter may have become eighteen (ﷺ).
    return unicodedata.normalize("NFC", folded.casefold())[:_LONGEST_WORD].strip()


def without_possessive(raw: str) -> str:
    """Ukraine's is Ukraine."""
    return raw[:-2] if len(raw) > 2 and raw[-2] in "'’" and raw[-1] in "sS" else raw  # noqa: PLR2004 -- the two of 's


def as_written(raw: str) -> str:
    """A word with its case and accents, without what nobody sees or means: for `case:`."""
    if raw.isascii():
        return without_possessive(raw)
    return unicodedata.normalize("NFC", without_possessive(_UNSEEN.sub("", raw)))


def stem(folded: str) -> str:
    """The English stem (Snowball) of a folded word: for `stem:`, never by itself."""
    return str(_STEMMER.stemWord(folded))


def _number(raw: str) -> str:
    """1,000 is 1000, 4.50 stays 4.50; digits of any script count as the European ones."""
    if not raw.isascii():
        raw = "".join(str(unicodedata.digit(sign)) if sign.isdigit() else sign for sign in raw)
    if "," in raw and _THOUSANDS.fullmatch(raw):
        return raw.replace(",", "")
    if raw.isascii():
        return raw.lower()
    return _MARKS.sub("", unicodedata.normalize("NFKD", raw).casefold())[:_LONGEST_WORD]


def words(text: str) -> list[str]:
    """The folded words of a text in order, as a query means them: no forms without prefixes."""
    return [folded for raw in Reading(text).raws if (folded := fold(raw))]
