"""How pages are made: the templates, what they all know, and how times, numbers and pieces of text look."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from fastapi import Request
from fastapi.templating import Jinja2Templates
from markupsafe import Markup, escape
from starlette.responses import Response

from desk.web.stream import Marks
from wire.errors import BadInput
from wire.revision import shortened

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
# Nothing is loaded from elsewhere, nothing runs that does not stand in our own files, nobody may frame these pages.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
OK, UNPROCESSABLE = HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY
# Nobody cares how many more there are.
MOST_COUNTED = 1_000
_templates = Jinja2Templates(_HERE / "templates")
# Files keep for ever under an address that changes with them.
_VERSION = sha256(b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))).hexdigest()[:12]


def render(
    request: Request,
    template: str,
    seen: Mapping[str, Any],
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page. What a template is given is data: it is escaped for its place."""
    visitor = getattr(request.state, "visitor", None)
    known = {
        "visitor": visitor,
        "lately": getattr(request.state, "lately", None),
        "static": _VERSION,
        "flash": unquote(request.cookies.get(SAID, "")),
        "proof": lambda: Markup('<input type="hidden" name="proof" value="{}">').format(
            visitor.proof if visitor else ""
        ),
    }
    answer = _templates.TemplateResponse(request, template, {**known, **seen}, status_code=status)
    answer.headers.update(headers or {})
    if known["flash"]:
        answer.delete_cookie(SAID)
    return answer


@dataclass(frozen=True, slots=True)
class Lately:
    """What every page shows of alerts, and the mark from which on its stream tells what comes (desk/web/stream.py)."""

    new_alerts: int
    mark: Marks

    @property
    def counted(self) -> str:
        """The count as the navigation shows it; nothing for none."""
        return f"{self.new_alerts}+" if self.new_alerts >= MOST_COUNTED else f"{self.new_alerts or ''}"


# What was just done, shown once on the next page: text, like all else.
SAID = "wirewatch_said"


def when(moment: datetime | None, *, seconds: bool = False) -> Markup:
    """A time: UTC as it stands, in the reader's zone where script runs, both always to be had."""
    if moment is None:
        return Markup("")
    at = moment.astimezone(UTC)
    told = at.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
    full = at.strftime("%Y-%m-%d %H:%M:%S UTC")
    # Digits alone:
    element = f'<time datetime="{at.isoformat(timespec="seconds")}" title="{full}">{told} UTC</time>'
    return Markup(element)  # noqa: S704


_LINES = re.compile(r"\s*\n\s*")


def marked(pieces: Sequence[Any], *, paragraphs: bool = False) -> Markup:
    """Pieces of text, those that matched marked; a line each paragraph has is set off from the next if asked."""
    told = [(one.matched, _LINES.sub("\n\n", one.words) if paragraphs else one.words) for one in pieces]
    return Markup("").join(Markup("<mark>{}</mark>").format(words) if hit else escape(words) for hit, words in told)


def aware(moment: datetime | None) -> datetime | None:
    """A time in UTC; one without a zone is meant so. Raises BadInput at the edges of the calendar."""
    if moment is None or moment.tzinfo is None:
        return moment and moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise BadInput("That time is out of this calendar.") from error


def long(seconds: float | None) -> str:
    """A length of time as people say it."""
    if seconds is None:
        return ""
    size = abs(seconds)
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if size >= unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s" if size >= 10 else f"{seconds:.1f} s"  # noqa: PLR2004


def with_query(request: Request, **changed: Any) -> str:
    """This page's address with other parameters; what is empty is left out."""
    asked = {**dict(request.query_params), **changed}
    kept = {name: value for name, value in asked.items() if value not in (None, "")}
    return f"{request.url.path}?{urlencode(kept)}" if kept else request.url.path


def is_web(url: str) -> bool:
    """Whether an address may be a link: a story's address can be anything."""
    return url.startswith(("https://", "http://"))


def bars(counts: Sequence[int], height: int = 24) -> list[tuple[int, int, int]]:
    """A chart's bars as (from the left, from above, height); what is there at all is seen."""
    most = max(counts, default=0) or 1
    found = []
    for place, count in enumerate(counts):
        tall = max(round(count / most * height), 2 if count else 0)
        found.append((place, height - tall, tall))
    return found


def bars_path(counts: Sequence[int]) -> str:
    """The same bars as one path: a table of five hundred such charts has no room for more."""
    return "".join(f"M{x}.1 {y}h.8v{tall}h-.8z" for x, y, tall in bars(counts) if tall)


_templates.env.filters |= {"when": when, "marked": marked, "long": long}
_templates.env.globals |= {
    "with_query": with_query,
    "is_web": is_web,
    "bars": bars,
    "bars_path": bars_path,
    "shortened": shortened,
}
_templates.env.trim_blocks = True
_templates.env.lstrip_blocks = True
