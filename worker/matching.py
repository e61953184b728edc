"""A story that stands is set beside others and held against the rules: which it meets, and with which words."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from storage import furniture, items, sketches
from storage.furniture import Spoken
from storage.items import Known
from storage.raising import Met, rules_told
from wire.address import host_of
from wire.furniture import sentences, without
from wire.kinds import CORRECTION, WITHDRAWAL, kind_of
from wire.sketch import sketch
from wire.story import Fields, Match
from worker.rulebook import Rules
from worker.telling import Telling


@dataclass(frozen=True, slots=True)
class Standing:
    """A version of an item whose text stands: it can be set beside others, and matched.

    `anew`: a page that was used again for something else; who was told the former is told this too. `bulk`: it came
    with a feed's first poll.
    """

    item_id: int
    version: int
    telling: Telling
    anew: bool = False
    bulk: bool = False


def match_all(
    session: Session, standing: Sequence[Standing], told: Sequence[Telling], rules: Rules, now: datetime
) -> list[Met]:
    """Each version against all rules, but for its source's furniture. `told` is who else tells these stories now."""
    places = set_beside(session, standing, now)
    carriers = _carriers(session, standing, told, rules)
    return [
        met
        for one in standing
        for met in match(
            session, one, offered(one.telling, places.get(one.item_id, ()), carriers[one.telling.key]), rules
        )
    ]


def _carriers(
    session: Session, standing: Sequence[Standing], told: Sequence[Telling], rules: Rules
) -> Mapping[str, list[str]]:
    """The titles of the feeds that carry these stories, by identity.

    Those that tell them now, and where a rule asks for feeds, those that told an earlier version.
    """
    titles: dict[str, list[str]] = defaultdict(list)
    for telling in told:
        titles[telling.key].append(telling.feed_title)
    revised = {one.item_id: one.telling.key for one in standing if one.version > 1 and rules.of_feeds}
    for item_id, story in items.facts(session, sorted(revised)).items():
        titles[revised[item_id]].append(story.feed)
    return titles


def match_carried(session: Session, carried: Sequence[tuple[Known, Telling]], rules: Rules) -> list[Met]:
    """Kept stories that further feeds carry now, against the rules that ask for feeds; the others knew all before."""
    facts = items.facts(session, sorted({item.id for item, _ in carried})) if rules.of_feeds else {}
    return [
        replace(met, carried=True)
        for item, telling in carried
        if item.id in facts
        for met in match(
            session,
            Standing(item.id, item.version, telling),
            replace(facts[item.id], feed=f"{facts[item.id].feed}\n{telling.feed_title}"),
            rules,
        )
        if met.match.rule_id in rules.of_feeds
    ]


def set_beside(session: Session, standing: Sequence[Standing], now: datetime) -> dict[int, list[list[int]]]:
    """Sets texts that stand beside others: copies join clusters, and furniture is learnt; where it is, by item id."""
    standing = [one for one in standing if not one.telling.is_private]
    spoken = [
        Spoken(one.item_id, _source(one.telling), sentences(one.telling.story.text), again=one.version > 1)
        for one in standing
    ]
    places = furniture.learn(session, spoken, now)
    told = {one.item_id: one.telling.story for one in standing}
    drawn = {key: sketch(story.title, without(story.text, places[key])) for key, story in told.items()}
    sketches.cluster(session, drawn, now)
    return places


def _source(telling: Telling) -> str:
    """Whose furniture a story may carry: who wrote it, where that is known, else the site it stands on."""
    return telling.story.provider.casefold() or host_of(telling.story.url) or (telling.feed.url if telling.feed else "")


def offered(telling: Telling, places: Sequence[Sequence[int]], feeds: Sequence[str]) -> Fields:
    """What a telling offers to rules: `places` are where furniture stands in its text, `feeds` carry its story."""
    story = telling.story
    return Fields(
        title=story.title,
        text=without(story.text, places),
        source="\n".join(filter(None, (story.identity.wire, story.provider))),
        author=story.author,
        lang=story.language,
        url=story.url,
        tag="\n".join(story.tags),
        feed="\n".join(feeds),
    )


def match(session: Session, standing: Standing, story: Fields, rules: Rules) -> list[Met]:
    """The rules that a version of an item meets; and those that told of its story before, when it is taken back or
    corrected: who read it must hear of that, whatever its words are now.
    """
    found = {one.rule_id: one for one in rules.match(story)}
    if kind_of(story.title, story.text) in (CORRECTION, WITHDRAWAL):
        told = rules_told(session, standing.item_id) & rules.versions.keys()
        found |= {key: Match(key) for key in sorted(told - found.keys())}
    telling = standing.telling
    return [
        Met(
            standing.item_id,
            standing.version,
            *rules.versions[key],
            one,
            shadow=key in rules.shadows,
            anew=standing.anew,
            bulk=standing.bulk or telling.is_bulk,
        )
        for key, one in found.items()
        if (key in rules.private) == telling.is_private
    ]
