"""How the command line shows things: a table for a person, plain columns for a pipe, JSON for a program.

Foreign text (titles, errors, addresses) is made harmless first: it can neither send escape codes to the terminal nor
be taken for rich's markup.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wire.markup import harmless, line, plain
from wire.revision import shortened

_console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

Row = Mapping[str, Any]


def rows(found: Sequence[Row], *, as_json: bool, empty: str) -> None:
    """A listing: one row each, columns named by the keys. `empty` says what to do when there is none."""
    if as_json:
        for row in found:
            say_json(row)
    elif not sys.stdout.isatty():
        for row in found:
            print("\t".join(_plain(value) for value in row.values()))
    elif not found:
        say(empty)
    else:
        _console.print(_table(found))


def _table(found: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in found[0]:
        widest = name in ("title", "query", "error", "url", "note")
        table.add_column(name.replace("_", " "), overflow="ellipsis", no_wrap=True, ratio=1 if widest else None)
    for row in found:
        table.add_row(*(Text(_short(value)) for value in row.values()))
    return table


def one(facts: Row, *, as_json: bool) -> None:
    """One thing with its facts, a line each; long text last and whole. A program gets the empty ones too."""
    if as_json:
        say_json(facts)
        return
    width = max(len(name) for name in facts) + 2
    for name, value in facts.items():
        if value is None or value in ("", []):
            continue
        written = _plain(value) if not isinstance(value, str) else plain(value)
        label = f"{name.replace('_', ' ')}:".ljust(width)
        say(f"\n{written}" if "\n" in written or name == "text" else f"{label}{written}")


# Words kept around a change.
_AROUND = 8


def difference(parts: Sequence[tuple[str, str]]) -> str:
    """A difference of two texts in one paragraph: [-gone-] {+come+}, with a few of the words between."""
    written = {"-": "[-{}-]", "+": "{{+{}+}}", "=": "{}"}
    return " ".join(written[sign].format(shortened(words, _AROUND) if sign == "=" else words) for sign, words in parts)


def say(words: str) -> None:
    """A sentence, foreign parts and all."""
    _console.print(harmless(words))


def say_json(row: Row) -> None:
    print(json.dumps(row, default=_jsonable, ensure_ascii=False))


def ago(when: datetime | None, now: datetime) -> str:
    """A time as people say it: `12 s ago`, `in 3 min`."""
    if when is None:
        return "never"
    seconds = (now - when).total_seconds()
    size = _size(abs(seconds))
    return f"{size} ago" if seconds >= 0 else f"in {size}"


def _size(seconds: float) -> str:
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def _short(value: Any) -> str:
    return _plain(value.astimezone().strftime("%d %b %H:%M:%S")) if isinstance(value, datetime) else _plain(value)


def _plain(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds")
        case list() | tuple():
            return ", ".join(_plain(one) for one in value)
        case _:
            return line(str(value))


def _jsonable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} has no JSON form")
