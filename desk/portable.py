"""A whole configuration as a file: written out, read, set beside what there is, and brought about.

TOML (toml.io) with `[[channel]]`, `[[list]]`, `[[rule]]` and `[[feed]]`, in this order, for rules name channels and
lists. What is left out stands at its default; only a secret that is left out stays as it is.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import tomli_w
from sqlmodel import Session

from desk.deeds import channels as channel_deeds
from desk.deeds import feeds as feed_deeds
from desk.deeds import rules as rule_deeds
from desk.hand import Hand
from desk.shapes import ChannelFacts, Facts, FeedFacts, ListFacts, RuleFacts, for_eyes, of_channel, of_feed, of_rule
from storage import channels, feeds, rules
from wire import receivers
from wire.address import checked, split_login
from wire.cadence import Bounds, written_duration
from wire.errors import BadInput

# In the order in which they are made; they are taken away in the other.
SHAPES: Mapping[str, type[Facts]] = {"channel": ChannelFacts, "list": ListFacts, "rule": RuleFacts, "feed": FeedFacts}
ADD, CHANGE, REMOVE = "+", "~", "-"

# What is declared, by (kind, name or address).
Whole = dict[tuple[str, str], Facts]


class Step(NamedTuple):
    """One thing to be made, changed or taken away, as it stands and as it shall stand; and what of it differs."""

    sign: str
    kind: str
    name: str
    before: dict[str, Any]
    after: dict[str, Any]
    differing: tuple[str, ...] = ()

    @property
    def changes(self) -> dict[str, Any]:
        """What is to change of it."""
        return {name: self.after[name] for name in self.differing}


@dataclass(frozen=True, slots=True)
class Written:
    """A configuration as text, how many secrets were left out of it, and how many targets in it may be secret."""

    text: str
    secrets_left_out: int
    telling_targets: int


def declared(session: Session) -> Whole:
    """What there is."""
    to = rules.channel_names(session)
    found: list[tuple[str, Facts]] = [
        *(("channel", of_channel(one)) for one in channels.all_channels(session)),
        *(("list", ListFacts(name=name, spellings=said)) for name, said in rules.word_lists(session).items()),
        *(("rule", of_rule(one, to.get(one.id or 0, []))) for one in rules.all_rules(session)),
        *(("feed", of_feed(one)) for one in feeds.watched(session)),
    ]
    return {(kind, _name(facts)): facts for kind, facts in found}


def write(session: Session, *, secrets: bool) -> Written:
    """What there is, as a file. Secrets that are kept here, and not by a place that is named, only if asked."""
    left_out, telling, parts = 0, 0, list[str]()
    order = list(SHAPES)
    for (kind, _), facts in sorted(declared(session).items(), key=lambda one: (order.index(one[0][0]), one[0][1])):
        said = facts.model_dump(exclude_defaults=True)
        hidden = [] if secrets else _secrets(said)
        left_out += len(hidden)
        telling += for_eyes(said).get("target") != said.get("target")
        row = {name: value for name, value in said.items() if name not in hidden}
        headers = row.pop("headers", {})
        text = f"[[{kind}]]\n{tomli_w.dumps(row, multiline_strings=True)}"
        parts.append(text + (f"[{kind}.headers]\n{tomli_w.dumps(headers)}" if headers else ""))
    return Written("\n".join(parts), left_out, telling)


def _secrets(said: Mapping[str, Any]) -> list[str]:
    literal = [name for name in ("secret",) if said.get(name) and not receivers.is_place(said[name])]
    return [*literal, *(["headers"] if said.get("headers") else [])]


def read(text: str, usual: Bounds) -> Whole:
    """A file's configuration; feeds without times of their own get the usual ones. Raises BadInput with the place."""
    try:
        said = tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is one, a number of 5,000 digits another
        raise BadInput(f"The file is no TOML: {error}.") from error
    found: Whole = {}
    for kind, rows in said.items():
        if kind not in SHAPES:
            close = difflib.get_close_matches(kind, SHAPES, n=1)
            hint = (
                f"Did you mean [[{close[0]}]]?" if close else f"There are {', '.join(f'[[{one}]]' for one in SHAPES)}."
            )
            raise BadInput(f"[[{kind}]] means nothing here. {hint}")
        if not isinstance(rows, list):
            raise BadInput(f"Write [[{kind}]], with two brackets: there can be several.")
        for number, row in enumerate(rows, 1):
            facts = _facts(kind, row, f"[[{kind}]] number {number}", usual)
            if (kind, _name(facts)) in found:
                raise BadInput(f"{kind} “{_name(facts)}” stands twice in the file.")
            found[kind, _name(facts)] = facts
    return found


def _facts(kind: str, row: object, where: str, usual: Bounds) -> Facts:
    try:
        facts = SHAPES[kind].read(row)
        if isinstance(facts, FeedFacts):
            within = feed_deeds.bounds(usual, facts.min_interval, facts.max_interval)
            times = {
                "min_interval": written_duration(within.shortest),
                "max_interval": written_duration(within.longest),
            }
            address, login = split_login(checked(facts.url))
            own = feed_deeds.headers(facts.headers, login)
            said = facts.model_fields_set | ({"headers"} if own else set())
            found = facts.model_copy(update={"url": address, "headers": own, **times})
            return FeedFacts.model_construct(said, **found.model_dump())
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error
    return facts.model_copy(update={"to": sorted(set(facts.to))}) if isinstance(facts, RuleFacts) else facts


def _name(facts: Facts) -> str:
    return str(getattr(facts, "url", "") or getattr(facts, "name", ""))


def plan(there: Whole, wanted: Whole, *, prune: bool) -> list[Step]:
    """The steps from what there is to what is wanted, in the order in which they can be taken.

    What the file does not name stays, unless it is to be pruned.
    """
    order = list(SHAPES)
    steps = [step for kind in order for step in _made(kind, there, wanted)]
    gone = [key for key in there if key not in wanted] if prune else []
    gone.sort(key=lambda key: (-order.index(key[0]), key[1]))
    return steps + [Step(REMOVE, kind, name, there[kind, name].model_dump(), {}) for kind, name in gone]


def _made(kind: str, there: Whole, wanted: Whole) -> Iterator[Step]:
    for (_, name), facts in sorted((key, facts) for key, facts in wanted.items() if key[0] == kind):
        after, present = facts.model_dump(), there.get((kind, name))
        if present is None:
            yield Step(ADD, kind, name, {}, after)
            continue
        before = present.model_dump()
        unsaid = {one for one in ("secret", "headers", "title") if one in before and one not in facts.model_fields_set}
        differing = {one for one in after if one not in unsaid and before[one] != after[one]}
        if differing:
            yield Step(CHANGE, kind, name, before, after, tuple(sorted(differing)))


def bring_about(hand: Hand, steps: Sequence[Step], usual: Bounds) -> None:
    """Takes the steps, all or none: in the hand's own transaction. Raises BadInput naming the thing that cannot be."""
    for step in steps:
        try:
            _take(hand, step, usual)
        except BadInput as error:
            raise BadInput(f"{step.kind} “{step.name}”: {error} Nothing was changed.") from error


def _take(hand: Hand, step: Step, usual: Bounds) -> None:
    match step.kind, step.sign:
        case "channel", "+":
            channel_deeds.add(hand, ChannelFacts.read(step.after))
        case "channel", "~":
            channel_deeds.change(hand, channels.find(hand.session, step.name), step.changes)
        case "channel", _:
            channel_deeds.remove(hand, channels.find(hand.session, step.name))
        case "list", "-":
            rule_deeds.set_list(hand, step.name, [])
        case "list", _:
            rule_deeds.set_list(hand, step.name, step.after["spellings"])
        case "rule", "+":
            rule_deeds.add(hand, RuleFacts.read(step.after))
        case "rule", "~":
            rule_deeds.change(hand, rules.find(hand.session, step.name), step.changes)
        case "rule", _:
            rule_deeds.remove(hand, rules.find(hand.session, step.name))
        case "feed", "+":
            feed_deeds.add(hand, FeedFacts.read(step.after), usual)
        case "feed", "~":
            feed_deeds.change(hand, feeds.find(hand.session, step.name), step.changes)
        case _:
            feed_deeds.remove(hand, feeds.find(hand.session, step.name))


def told(step: Step) -> list[str]:
    """A step as a person reads it: what, and each thing that changes; nothing that is secret."""
    lines = [f"{step.sign} {step.kind} {step.name}"]
    if step.sign == CHANGE:
        before, after = for_eyes(step.before), for_eyes(step.after)
        lines += [f"    {name}: {before[name]!r} -> {after[name]!r}" for name in step.differing]
    return lines
