"""Feeds, rules, lists and channels as people write them down: one shape for the API, for files, for the audit.

What a person gives is checked here for its type and size; what it means is checked where it is kept.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlmodel import Session

from storage import feeds, held, rules
from storage.tables import Channel, Feed, Rule
from wire import receivers
from wire.cadence import written_duration
from wire.errors import BadInput
from wire.markup import line

# PostgreSQL keeps no NUL; nothing that people write has one.
_NO_NUL = r"^[^\x00]*$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
# Browsers send lines that end otherwise; what is kept ends as files do.
_ends = AfterValidator(lambda written: written.replace("\r\n", "\n"))
Words = Annotated[str, StringConstraints(max_length=100_000, pattern=_NO_NUL), _ends]
Short = Annotated[str, StringConstraints(max_length=2_000, pattern=_NO_NUL)]
HIDDEN = "(not shown)"


def in_words(error: Mapping[str, Any]) -> str:
    """What pydantic found, as a sentence that names the place."""
    where = ".".join(str(part) for part in error["loc"] if part not in ("body", "query", "path", "form"))
    what = (
        str(error["msg"])
        .removeprefix("Value error, ")
        .replace("Extra inputs are not permitted", "there is no such thing")
    )
    return line(f"{where}: {what}." if where else f"{what}.")


class Facts(BaseModel):
    """What is declared of a thing; nothing else is taken, and nothing is taken for something else."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @classmethod
    def read(cls, said: object) -> Self:
        """What was said, checked. Raises BadInput naming what is wrong."""
        try:
            return cls.model_validate(said)
        except ValidationError as error:
            raise BadInput(in_words(error.errors()[0])) from error

    def given(self) -> dict[str, Any]:
        """What was said, and no more."""
        return self.model_dump(exclude_unset=True)


class FeedFacts(Facts):
    """A feed. Times as 30s, 15m or 2h; headers go to the feed's own server and are never shown."""

    url: Short = Field(examples=["https://menafn.com/rss/menafn_UAE.xml"])
    title: Short = ""
    full_text: bool = False
    min_interval: Short = Field(default="", examples=["1m"])
    max_interval: Short = Field(default="", examples=["1h"])
    headers: dict[Short, Short] = Field(default_factory=dict, max_length=50)
    paused: bool = False


class RuleFacts(Facts):
    """A rule: what to look for, which channels it alerts, and how it wants to be told."""

    name: Name = Field(examples=["fastiv"])
    query: Words = Field(examples=['Fastiv AND ("nuclear plant" OR drones)'])
    to: list[Name] = Field(default_factory=list, max_length=100)
    enabled: bool = True
    shadow: bool = False
    digest: Short = Field(default="", examples=["daily 07:30"])
    zone: Short = "UTC"
    urgent: bool = False
    old: bool = False


class ListFacts(Facts):
    """Spellings of a name, which rules call by list:name."""

    name: Name = Field(examples=["zelensky"])
    spellings: list[Short] = Field(min_length=1, max_length=10_000, examples=[["Zelensky", "Selenskyj"]])


class ChannelFacts(Facts):
    """A channel. A target or secret may say where it stands: env:NAME or file:PATH."""

    name: Name = Field(examples=["desk"])
    kind: Short = Field(examples=["webhook"])
    target: Short = Field(default="", examples=["https://hooks.example.org/wirewatch"])
    secret: Short = ""
    budget: Short = Field(default="", examples=["20/h"])
    quiet: Short = Field(default="", examples=["22:00-07:00"])
    zone: Short = "UTC"
    template: Words = ""
    ordered: bool = False
    operator: bool = False
    paused: bool = False


class Remark(Facts):
    """What is noted on an alert; what is left out stays. Empty takes it away."""

    seen: bool = False
    assigned: Annotated[str, StringConstraints(max_length=60, pattern=_NO_NUL)] = ""
    remark: Annotated[str, StringConstraints(max_length=10_000, pattern=_NO_NUL), _ends] = ""


def declared_of_feed(feed: Feed) -> dict[str, Any]:
    """What is declared of a feed, by the names of FeedFacts."""
    return {
        "url": feed.url,
        "title": feed.title,
        "full_text": feed.full_text,
        "min_interval": written_duration(feed.min_interval),
        "max_interval": written_duration(feed.max_interval),
        "headers": dict(feed.headers),
        "paused": feeds.is_paused_by_hand(feed),
    }


def of_feed(feed: Feed) -> FeedFacts:
    return FeedFacts.model_construct(**declared_of_feed(feed))


def of_rule(rule: Rule, to: list[str]) -> RuleFacts:
    return RuleFacts.model_construct(
        name=rule.name,
        query=rule.query,
        to=sorted(to),
        enabled=rule.enabled,
        shadow=rule.shadow,
        digest=rule.digest,
        zone=rule.zone,
        urgent=rule.urgent,
        old=rule.tells_old,
    )


def of_channel(channel: Channel) -> ChannelFacts:
    named = ("name", "kind", "target", "secret", "budget", "quiet", "zone", "template", "ordered", "operator")
    return ChannelFacts.model_construct(
        **{name: getattr(channel, name) for name in named},
        paused=channel.paused_because == held.PAUSED_BY_HAND,
    )


def the_rule(session: Session, rule: Rule) -> RuleFacts:
    """A rule with the names of the channels it alerts."""
    return of_rule(rule, rules.channel_names(session).get(rule.id or 0, []))


def for_eyes(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The same without what may be secret: header values, signing secrets, what an address carries."""
    shown = dict(facts)
    if "headers" in shown:
        shown["headers"] = dict.fromkeys(shown["headers"], HIDDEN)
    if shown.get("secret") and not receivers.is_place(shown["secret"]):
        shown["secret"] = HIDDEN
    if "target" in shown:
        shown["target"] = receivers.for_eyes(shown.get("kind", "webhook"), shown["target"])
    return shown
