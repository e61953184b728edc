"""A story as somebody told it."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from storage.feeds import FeedToPoll
from wire.story import Entry, Story

# The marks of stories that a feed's document still holds unchanged, by the feed's number.
StillThere = Mapping[int, Container[str]]


@dataclass(frozen=True, slots=True)
class Telling:
    """A story as somebody told it: a feed's entry, or (without feed and entry) an imported page."""

    story: Story
    feed: FeedToPoll | None = None
    entry: Entry | None = None
    feed_title: str = ""

    @property
    def key(self) -> str:
        return self.story.identity.key

    @property
    def is_bulk(self) -> bool:
        """Whether it came with all that a feed held when it was first polled."""
        return self.feed is not None and not self.feed.carried

    @property
    def is_private(self) -> bool:
        """Whether it is the canary's."""
        return self.feed is not None and self.feed.private

    @property
    def page(self) -> str:
        """The page to be read before the story is whole; nothing when what was told is all there is."""
        return self.story.url if self.feed and self.feed.full_text else ""
