"""How a message reads: subject, text, HTML, one line; and a channel's own template. Pure.

Templates see what a webhook gets (`wire/message.py payload`), and `stories`, one or more. They run in Jinja's sandbox:
https://jinja.palletsprojects.com/en/stable/sandbox/. What is foreign is data to them, never template.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from wire.errors import BadInput
from wire.markup import clip, line
from wire.message import Message, matched_words, payload

_LONGEST_SUBJECT = 200
_LONGEST_TEMPLATE = 20_000
_MOST_RULES = 3

_TEXT = """\
{%- if type == "notice" -%}
{{ text }}
{%- else -%}
{%- if stories|length > 1 -%}
{{ stories|length }} stories
{% endif -%}
{%- for one in stories %}
{% if one.kind %}{{ one.kind|upper }}: {% endif %}{{ one.title_pieces|marked("*") }}
{{ [one.story.provider, one.story.wire, one.story.published_at or one.story.first_seen_at]|select|join(", ") }}
{%- if one.story.url %}
{{ one.story.url }}{% endif %}

{{ one.passage_pieces|marked("*") }}
{% for part in one.changed %}
{{ "gone:" if part.sign == "-" else "new:" }} {{ part.words }}
{%- endfor %}
Rule: {{ one.rules|map(attribute="name")|unique|join(", ") }} ({{ one.matched|join(", ") }})
In {{ one.story.feeds }} {{ "feed" if one.story.feeds == 1 else "feeds" }}
{%- if one.story.also_carried_by %}, also carried by {{ one.story.also_carried_by|join(", ") }}{% endif %}
{%- if one.story.page %}
{{ one.story.page }}{% endif %}
{% endfor %}
{%- endif %}
{%- if maybe_twice %}
You may have got this before: whoever sent it was interrupted.
{%- endif %}
"""

_HTML = """\
<!doctype html>
<html><head><meta charset="utf-8"></head><body style="font-family: sans-serif; max-width: 40em">
{%- if type == "notice" %}
<p>{{ text }}</p>
{%- else %}
{%- for one in stories %}
<h3>{% if one.kind %}{{ one.kind|upper }}: {% endif %}
{%- if one.story.url|is_web %}<a href="{{ one.story.url }}">{{ one.title_pieces|marked }}</a>
{%- else %}{{ one.title_pieces|marked }}{% endif %}</h3>
<p><small>
{{ [one.story.provider, one.story.wire, one.story.published_at or one.story.first_seen_at]|select|join(", ") }}
</small></p>
<p>{{ one.passage_pieces|marked }}</p>
{%- for part in one.changed %}
<p>{% if part.sign == "-" %}<del>{{ part.words }}</del>{% else %}<ins>{{ part.words }}</ins>{% endif %}</p>
{%- endfor %}
<p><small>Rule: {{ one.rules|map(attribute="name")|unique|join(", ") }} ({{ one.matched|join(", ") }}).
In {{ one.story.feeds }} {{ "feed" if one.story.feeds == 1 else "feeds" }}
{%- if one.story.also_carried_by %}, also carried by {{ one.story.also_carried_by|join(", ") }}{% endif %}.
{%- if one.story.page|is_web %} <a href="{{ one.story.page }}">More of it</a>{% endif %}</small></p>
{%- endfor %}
{%- endif %}
{%- if maybe_twice %}
<p><small>You may have got this before: whoever sent it was interrupted.</small></p>
{%- endif %}
</body></html>
"""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which nothing grows by multiplying either."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError("only numbers can be multiplied in a template")
        return super().call_binop(context, operator, left, right)


def _marked(pieces: Sequence[Mapping[str, Any]], mark: str = "") -> str:
    """Pieces as text, the matched ones between marks; in HTML as `<mark>`."""
    if mark:
        return "".join(f"{mark}{one['words']}{mark}" if one["matched"] else one["words"] for one in pieces)
    found = (
        Markup("<mark>{}</mark>").format(one["words"]) if one["matched"] else escape(one["words"]) for one in pieces
    )
    return Markup("").join(found)


def _is_web(url: object) -> bool:
    return isinstance(url, str) and url.startswith(("https://", "http://"))


def _environment(*, autoescape: bool) -> _Sandbox:
    made = _Sandbox(autoescape=autoescape, undefined=StrictUndefined, trim_blocks=False)
    made.filters |= {"marked": _marked, "is_web": _is_web}
    return made


_plain, _escaping = _environment(autoescape=False), _environment(autoescape=True)
_text, _html = _plain.from_string(_TEXT), _escaping.from_string(_HTML)


def context(message: Message, *, pages: str = "") -> dict[str, Any]:
    """What a template sees."""
    told = payload(message, pages=pages)
    return told | {"subject": subject(message), "stories": told.get("stories", [told] if "story" in told else [])}


def subject(message: Message) -> str:
    """On one line: which rules, and the title; or how many stories."""
    if message.notice:
        return clip(line(f"Wirewatch: {message.notice.text}"), _LONGEST_SUBJECT)
    names = list(dict.fromkeys(one.rule for one in message.alerts))
    rules = ", ".join([*names[:_MOST_RULES], *(["…"] if len(names) > _MOST_RULES else [])])
    stories = message.stories
    if len(stories) > 1:
        return clip(line(f"[{rules}] {len(stories)} stories"), _LONGEST_SUBJECT)
    kind = next((one.kind for one in stories[0] if one.kind), "")
    return clip(line(f"[{rules}] {kind.upper() + ': ' if kind else ''}{stories[0][0].title}"), _LONGEST_SUBJECT)


def text(message: Message, *, pages: str = "") -> str:
    """As plain text, matched words between asterisks."""
    return _text.render(context(message, pages=pages)).strip() + "\n"


def words(message: Message, template: str, *, pages: str = "") -> str:
    """As a channel's own template has it, else as plain text. Raises BadInput."""
    return by_template(template, message, pages=pages) if template else text(message, pages=pages)


def html(message: Message, *, pages: str = "") -> str:
    """As an HTML page, matched words marked; all that is foreign is escaped."""
    return _html.render(context(message, pages=pages)).strip() + "\n"


def lines(message: Message) -> list[str]:
    """A line a story, for a log: free of line breaks and control characters."""
    if message.notice:
        return [line(message.notice.text)]
    return [
        line(
            f"{', '.join(one.rule for one in some)}: {some[0].title} "
            f"[{', '.join(matched_words(span for one in some for span in one.spans))}] {some[0].url}"
        ).rstrip()
        for some in message.stories
    ]


def by_template(template: str, message: Message, *, pages: str = "") -> str:
    """A message by a channel's own template. Raises BadInput where that does not work."""
    try:
        return _plain.from_string(template).render(context(message, pages=pages))
    except TemplateSyntaxError as error:
        raise BadInput(f"The template cannot be read: line {error.lineno}: {error.message}.") from error
    except (
        TemplateError,
        TypeError,
        ValueError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise BadInput(f"The template does not work: {line(str(error))}.") from error


def checked_template(template: str, samples: Sequence[Message], *, as_json: bool) -> str:
    """A template that works for all of these. Raises BadInput; `as_json` where what it makes must be JSON."""
    if len(template) > _LONGEST_TEMPLATE:
        raise BadInput(f"The template is longer than {_LONGEST_TEMPLATE:,} characters.")
    for sample in samples:
        made = by_template(template, sample)
        if not made.strip():
            kind = payload(sample)["type"]
            raise BadInput(f"The template makes nothing of a message of type {kind}; every type needs some words.")
        if as_json:
            try:
                json.loads(made)
            except ValueError as error:
                raise BadInput(
                    f"A webhook's template must make JSON ({error}). Write {{{{ subject|tojson }}}}."
                ) from error
    return template
