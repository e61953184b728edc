"""What a back-test costs over 50,000 stored stories, in SQLite.

python -m bench.backtest
"""

import random
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.corpus import Corpus
from storage import backtest, items
from storage.database import Database
from storage.items import NewStory
from wire.story import Fields, Identity, Story

STORIES, BATCH, RUNS = 50_000, 500, 5


def fill(database: Database, corpus: Corpus, now: datetime) -> None:
    """So many stories, over 35 days."""
    for start in range(0, STORIES, BATCH):
        stories = [_kept(number, corpus.story()) for number in range(start, start + BATCH)]
        with database.writing() as session:
            items.keep(session, stories, now=now - timedelta(minutes=(STORIES - start)))


def _kept(number: int, story: Fields) -> NewStory:
    identity = Identity(f"menafn:{number}", "menafn", str(number))
    return NewStory(Story(identity, story.title, story.text))


def main() -> None:
    corpus, now = Corpus(random.Random(7)), datetime.now(UTC)
    queries = {
        "a name, rare": f'"{corpus.names[3_000]}"',
        "a name and a word": f'"{corpus.names[200]}" AND {corpus.words[300]}',
        "a name, common": f'"{corpus.names[400]}"',
        "NEAR": f"{corpus.names[600].split()[0]} NEAR/5 {corpus.words[150]}",
        "nothing": "zzzzzz AND yyyyyy",
    }
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bench.db'}")
        database.upgrade()
        fill(database, corpus, now)
        print(f"{STORIES:,} stories; median of {RUNS} runs\n\n| rule | met | seconds |\n|---|---|---|")
        for name, query in queries.items():
            print(f"| {name} | {_run(database, query, now)} |")
        database.dispose()


def _run(database: Database, query: str, now: datetime) -> str:
    times, met = [], 0
    for _ in range(RUNS):
        start = time.perf_counter()
        with database.reading() as session:
            met = len(backtest.run(session, query, since=now - timedelta(days=90), now=now).met)
        times.append(time.perf_counter() - start)
    return f"{met} | {statistics.median(times):.3f}"


if __name__ == "__main__":
    main()
