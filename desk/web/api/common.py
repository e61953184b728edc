"""What the routes of the API have in common."""

from typing import Annotated, Any

from fastapi import Path

from desk.shapes import Short
from desk.web.problems import PROBLEM, Problem

# Numbers of rows: as large as the smallest column that holds one.
Number = Annotated[int, Path(ge=1, lt=2**31)]
BigNumber = Annotated[int, Path(ge=1, lt=2**62)]
Which = Annotated[Short, Path(description="Its number or name.")]

_WORDS = {
    400: "The host's name is none of ours.",
    401: "Nobody signed in, and no token came.",
    403: "The role does not allow it, or another site's page sent it.",
    404: "It is not there.",
    409: "The name or address is in use.",
    412: "It was changed meanwhile.",
    422: "It cannot be done as it was asked; the detail says why.",
    502: "Another server could not be had, or refused.",
    503: "The database does not answer just now.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's documentation: the problems it can answer with, the usual ones among them."""
    usual = {400, 401, 403, 422, 503, *statuses}
    content = {PROBLEM: {"schema": Problem.model_json_schema()}}
    return {status: {"description": _WORDS[status], "content": content} for status in sorted(usual)}
