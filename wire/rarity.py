"""How common a term is in news, roughly: it chooses on which of its terms a rule waits. Being wrong costs time only."""

from wire.clauses import EXACT, Term, Word

# The words that make up some two fifths of English running text, the most frequent first.
_COMMONEST_WORDS = (
    "the to of and in a on for that said is with was at as by from it has be have his are he its will an not this had"
    " but after who they were been their which would new more one than about or year also up i first two over out into"
    " people when last there can we all no could some what time other million government percent company world state"
)
COMMONEST = tuple(_COMMONEST_WORDS.split())
_RANK = {word: rank for rank, word in enumerate(COMMONEST, 1)}
_UNRANKED = 400
_PHRASE_IS_RARER = 20


def commonness(term: Term) -> float:
    """A number that is larger for a term found in more stories. A phrase is rarer than its rarest word."""
    if len(term.words) == 1:
        return _of_word(term.words[0])
    return min([_of_word(word) for word in term.words]) / _PHRASE_IS_RARER


def _of_word(word: Word) -> float:
    """Zipf's law for the words that are known to be common; for the rest, long words are rare ones."""
    text, kind = word
    if text in _RANK:
        return 1 / _RANK[text]
    return (1 if kind == EXACT else 10) / (_UNRANKED * (len(text) or 1))
