"""What is done to rules and to the lists they call."""

from collections.abc import Mapping, Sequence
from typing import Any

from desk.hand import NOTHING, Hand
from desk.shapes import ListFacts, RuleFacts, the_rule
from storage import backtest, channels, rules
from storage.raising import Met
from storage.rules import Terms
from storage.tables import Rule


def add(hand: Hand, facts: RuleFacts) -> Rule:
    """Looks for something new. Raises QueryError, BadInput."""
    called = [channels.find(hand.session, one) for one in facts.to]
    terms = Terms(facts.digest, facts.zone, facts.urgent, facts.old)
    rule = rules.add(hand.session, facts.name, facts.query, called, now=hand.now, shadow=facts.shadow, terms=terms)
    if not facts.enabled:
        rule.enabled = False
    hand.note("added", f"rule {rule.name}", after=the_rule(hand.session, rule))
    return rule


def change(hand: Hand, rule: Rule, given: Mapping[str, Any]) -> None:
    """Changes what is given, by the names of RuleFacts. Raises QueryError, BadInput."""
    before = the_rule(hand.session, rule)
    RuleFacts.read({**before.model_dump(), **given})
    if "name" in given and given["name"] != rule.name:
        rules.rename(hand.session, rule, given["name"])
    terms = Terms(given.get("digest"), given.get("zone"), given.get("urgent"), given.get("old"))
    rules.change(
        hand.session,
        rule,
        now=hand.now,
        query=given.get("query"),
        channels=[channels.find(hand.session, one) for one in given["to"]] if given.get("to") is not None else None,
        shadow=given.get("shadow"),
        enabled=given.get("enabled"),
        terms=terms,
    )
    hand.note("changed", f"rule {rule.name}", before, the_rule(hand.session, rule))


def remove(hand: Hand, rule: Rule) -> None:
    """Looks for it no more; its alerts stay."""
    hand.note("removed", f"rule {rule.name}", before=the_rule(hand.session, rule))
    rules.remove(hand.session, rule, hand.now)


def backfill(hand: Hand, rule: Rule, met: Sequence[Met], *, send: bool) -> tuple[int, int]:
    """Makes the alerts of what it met in the past: how many stories that was, how many deliveries were written."""
    count, sent = backtest.backfill(hand.session, rule, met, now=hand.now, send=send)
    deliveries = sum(map(len, sent.values()))
    hand.note("backfilled", f"rule {rule.name}", after={"met": count, "deliveries": deliveries})
    return count, deliveries


def set_list(hand: Hand, name: str, spellings: Sequence[str]) -> list[str]:
    """Makes or changes a list, or removes it when there are no spellings; the names of the rules it changes."""
    if spellings:
        ListFacts.read({"name": name, "spellings": list(spellings)})
    former = rules.word_lists(hand.session).get(name)
    changed = rules.set_list(hand.session, name, spellings, now=hand.now)
    before = ListFacts(name=name, spellings=former) if former else NOTHING
    after = ListFacts(name=name, spellings=list(spellings)) if spellings else NOTHING
    hand.note("changed" if former and spellings else "added" if spellings else "removed", f"list {name}", before, after)
    return changed
