"""Made-up news for measuring: stories whose words, names and lengths are distributed as in real ones.

Words follow Zipf's law over a vocabulary of 30,000 with English's own commonest words on top; names are two words
and recur; a story has 240 to 800 words. Seeded, so that two runs measure the same.
"""

import random
from dataclasses import dataclass, field
from itertools import accumulate

from wire.rarity import COMMONEST
from wire.story import Fields

_SYLLABLES = [c + v + e for c in "bcdfghklmnprstvw" for v in "aeiou" for e in ("", "n", "r", "s", "l", "t")]
_WORDS = 30_000
_NAMES = 4_000


@dataclass
class Corpus:
    """A vocabulary and names, and stories made of them."""

    dice: random.Random
    words: list[str] = field(init=False)
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        made = {"".join(self.dice.choices(_SYLLABLES, k=self.dice.choice((2, 2, 3, 3, 4)))) for _ in range(_WORDS * 2)}
        rare = sorted(made - {*COMMONEST})
        self.dice.shuffle(rare)
        self.words = [*COMMONEST, *rare][:_WORDS]
        self.names = [f"{self._name()} {self._name()}" for _ in range(_NAMES)]
        self._word_weights = list(accumulate(1 / (rank + 2.7) for rank in range(len(self.words))))
        self._name_weights = list(accumulate(1 / (rank + 10) for rank in range(_NAMES)))

    def _name(self) -> str:
        return "".join(self.dice.choices(_SYLLABLES, k=self.dice.choice((2, 3)))).capitalize()

    def common(self, count: int) -> list[str]:
        """Words as frequent as running text has them."""
        return self.dice.choices(self.words, cum_weights=self._word_weights, k=count)

    def known(self, count: int) -> list[str]:
        """Names as often as they are in the news."""
        return self.dice.choices(self.names, cum_weights=self._name_weights, k=count)

    def unseen(self) -> str:
        """A word that stands in no story."""
        return "".join(self.dice.choices(_SYLLABLES, k=5))

    def story(self) -> Fields:
        """A story of 240 to 800 words, with names, figures and sentences."""
        parts = self.common(self.dice.randint(210, 640))
        for name in self.known(len(parts) // 25):
            parts.insert(self.dice.randrange(len(parts)), name)
        for _ in range(len(parts) // 40):
            parts.insert(self.dice.randrange(len(parts)), f"{self.dice.randint(2, 900)}.{self.dice.randint(0, 9)}")
        sentences = [" ".join(parts[start : start + 18]).capitalize() for start in range(0, len(parts), 18)]
        return Fields(title=" ".join([*self.common(5), *self.known(1)]).title(), text=". ".join(sentences) + ".")
