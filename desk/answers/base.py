"""What all answers are made of."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Something that is told; frozen, for it is how things stood."""

    model_config = ConfigDict(frozen=True)


class Piece(Answer):
    """A stretch of text, and whether a rule's or query's words stand there."""

    matched: bool
    words: str


class Part(Answer):
    """A stretch of a difference: = stayed, - went, + came."""

    sign: str
    words: str


def pieces_of(found: Iterable[tuple[bool, str]]) -> list[Piece]:
    return [Piece(matched=marked, words=words) for marked, words in found]


def parts_of(found: Iterable[tuple[str, str]]) -> list[Part]:
    return [Part(sign=sign, words=words) for sign, words in found]
