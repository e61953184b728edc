"""What workers count, for Prometheus. When: `worker/telemetry.py`; shown by `service/exposition.py`."""

from prometheus_client import Counter, Histogram

# Buckets in seconds: of a story's work, of a batch's, and of waiting.
_FINE = (0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1)
_WORK = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
WAITING = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)

POLLS = Counter("wirewatch_polled", "Polls, by how they ended.", ["outcome"])
POLL_SECONDS = Histogram("wirewatch_poll_seconds", "A poll: asked, answered and read.", buckets=_WORK)
STORIES = Counter("wirewatch_told_stories", "What feeds told: stories new, revised and known.", ["outcome"])
GAPS = Counter("wirewatch_gaps", "Polls that shared nothing with the last: what came and went between was missed.")
PAGES = Counter("wirewatch_read_pages", "Story pages, by whether they could be read.", ["outcome"])
PARSE_SECONDS = Histogram("wirewatch_parse_seconds", "Reading the entries of a document.", buckets=_WORK)
MATCH_SECONDS = Histogram("wirewatch_match_seconds", "Holding a story against all rules.", buckets=_FINE)
WRITE_SECONDS = Histogram(
    "wirewatch_write_seconds", "A portion of polls or pages: matched and kept, its transaction included.", buckets=_WORK
)
MATCHED = Counter("wirewatch_matched_stories", "Stories that met a rule.")
DELIVERIES = Counter("wirewatch_delivered", "Tries to tell a channel, by what came of them.", ["kind", "outcome"])
DELIVERY_SECONDS = Histogram("wirewatch_delivery_seconds", "How long a receiver took to take a message.", buckets=_WORK)
STORY_AGE = Histogram(
    "wirewatch_story_age_seconds", "From when a story was first seen to when a channel was told.", buckets=WAITING
)
