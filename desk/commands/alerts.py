"""`wirewatch alerts …`"""

from typing import Any

import typer
from sqlalchemy import Row

from desk import show
from desk.answers import alerts as answers
from desk.context import JSON, LIMIT, NUMBER, desk, reading, writing
from desk.deeds import alerts as deeds
from storage import alerts, inbox, outfeed, rules
from wire.message import Message, matched_words, payload
from wire.story import Span

app = typer.Typer(help="Stories that met a rule.", no_args_is_help=True)


@app.command("list")
def list_alerts(
    limit: int = LIMIT, rule: str = typer.Option("", help="Only this rule's."), as_json: bool = JSON
) -> None:
    """The newest alerts, with the words that matched.

    Example: wirewatch alerts list
    """
    with reading() as (session, _):
        rule_id = rules.find(session, rule).id if rule else None
        found = [alert_row(row) for row in alerts.newest(session, limit=limit, rule_id=rule_id)]
    show.rows(found, as_json=as_json, empty="No alert yet. Is there a rule? wirewatch rules list")


def alert_row(row: Row[Any]) -> dict[str, Any]:
    """An alert as listings and `wirewatch tail` show it."""
    return {
        "id": row.id,
        "at": row.created_at,
        "rule": row.rule,
        "matched": matched_words(Span(**span) for span in row.matches),
        "title": row.title,
        "url": row.url,
    }


@app.command("show")
def show_alert(alert: int = NUMBER, as_json: bool = JSON) -> None:
    """One alert: why, and everything that happened to it, in order.

    Example: wirewatch alerts show 1
    """
    with reading() as (session, _):
        told = payload(Message(0, (alerts.find(session, alert),)), pages=desk().pages)
        found = answers.alert(session, alert)
    happened = [one.model_dump() for one in found.history]
    if as_json:
        deliveries = [one.model_dump() for one in found.sent_to]
        show.say_json({**told, "follows": found.follows, "deliveries": deliveries, "history": happened})
        return
    facts = {
        "alert": alert,
        "rule": f"{found.rule} (version {found.rule_version}): {found.query}",
        "matched": found.matched,
        "passage": told["passage"],
        "kind": found.kind and f"{found.kind} of what alert {found.follows} told",
        "changed": show.difference([(one["sign"], one["words"]) for one in told["changed"]]),
        **{name: told["story"][name] for name in ("title", "url", "identity", "version", "provider", "feeds")},
        "also_carried_by": found.also_carried_by,
        "first_seen": told["story"]["first_seen_at"],
        "seen": found.seen_at and f"{found.seen_at:%Y-%m-%d %H:%M} UTC by {found.seen_by}",
        "assigned": found.assigned,
        "remark": found.remark,
    }
    show.one(facts, as_json=False)
    show.say(" ")
    show.rows(happened, as_json=False, empty="It goes to no channel: its rule had none.")


@app.command()
def seen(
    alert: list[int] = typer.Argument(min=1, max=2**62, help="Their numbers."),
    new: bool = typer.Option(False, "--new", help="Make them new again."),
) -> None:
    """Mark alerts as seen, as the pages' inbox has them.

    Example: wirewatch alerts seen 1
    """
    with writing() as hand:
        for one in alert:
            inbox.row(hand.session, one)
        changed = deeds.mark(hand, alert, seen=not new)
    show.say(f"{len(changed)} {'alert is' if len(changed) == 1 else 'alerts are'} {'new again' if new else 'seen'}.")


@app.command()
def note(
    alert: int = NUMBER,
    to: str = typer.Option(None, "--to", help="Assign it to a user; empty takes that back."),
    remark: str = typer.Option(None, help="A remark on it; empty takes it away."),
) -> None:
    """Assign an alert to somebody, or remark on it.

    Example: wirewatch alerts note 1 --remark "called the plant"
    """
    with writing() as hand:
        deeds.note(hand, alert, assigned=to, remark=remark)
    show.say(f"Alert {alert} is noted on.")


@app.command()
def feeds(
    renew: bool = typer.Option(False, "--renew", help="Make new addresses; the old ones are no longer answered."),
    as_json: bool = JSON,
) -> None:
    """The addresses of Atom feeds of alerts: of all, and of each rule. Whoever has an address can read it.

    Example: wirewatch alerts feeds
    """
    with writing() as hand:
        token = outfeed.token(hand.session, renew=renew)
        names = [rule.name for rule in rules.all_rules(hand.session)]
    base = desk().pages or "http://127.0.0.1:8470"
    found = [{"of": "all", "address": outfeed.address(base, token)}]
    found += [{"of": name, "address": outfeed.address(base, token, name)} for name in names]
    show.rows(found, as_json=as_json, empty="")
