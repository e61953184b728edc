"""What rules cost: stories per CPU-second of one process, beside a regex a rule and an Aho-Corasick automaton.

    python -m bench.rules [--quick]

Broad rules, as a hard case: about one in two hundred meets a story. Half are one term, half Boolean of two to five;
names of the corpus, names recombined, unseen words and common ones; NEAR, ONEAR, NOT, title:, prefix, case. The two
rivals get the rules' first terms only, as plain text, and no operators: what they find still had to be verified.
"""

import argparse
import platform
import random
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable

import ahocorasick_rs

from bench.corpus import Corpus
from wire.matcher import Matcher
from wire.query import parse
from wire.story import Fields

COUNTS = (100, 1_000, 10_000, 100_000)
# A regex a rule takes minutes beyond this: ten times the rules, ten times the time.
MOST_REGEXES = 1_000
RUNS = 3


def rules(corpus: Corpus, count: int) -> list[str]:
    """So many rules, in the mix of the heading."""
    return [_rule(corpus) for _ in range(count)]


def _term(corpus: Corpus) -> str:
    draw = corpus.dice.random()
    if draw < 0.30:
        return f'"{corpus.dice.choice(corpus.names)}"'
    if draw < 0.60:
        first, second = corpus.dice.choices(corpus.names, k=2)
        return f'"{first.split()[0]} {second.split()[1]}"'
    if draw < 0.85:
        return corpus.unseen()
    return corpus.dice.choice(corpus.words[150:])


def _rule(corpus: Corpus) -> str:
    dice = corpus.dice
    if dice.random() < 0.5:
        term = _term(corpus)
        return term if dice.random() < 0.9 or '"' in term else f"{term}*" if dice.random() < 0.5 else f"case:{term}"
    terms = [_term(corpus) for _ in range(dice.randint(2, 5))]
    shape = dice.random()
    if shape < 0.35:
        return " AND ".join(terms)
    if shape < 0.60:
        return " OR ".join(terms)
    if shape < 0.75:
        return f"({' OR '.join(terms[:-1])}) NOT {terms[-1]}"
    if shape < 0.90:
        return f"{terms[0]} {dice.choice(('NEAR', 'ONEAR'))}/{dice.randint(2, 9)} {terms[1]}"
    return f"title:{terms[0]} OR ({terms[1]} AND {terms[0]})"


def first_terms(queries: Iterable[str]) -> list[str]:
    """The first word or phrase of each query, as plain text."""
    return [(re.search(r'"([^"]+)"|(\w{2,})\*?', query.split(":")[-1]) or [""])[0].strip('"*') for query in queries]


def rate(work: Callable[[Fields], object], stories: list[Fields], seconds: float) -> float:
    """Stories per CPU-second: passes over the stories until the time is up, the first pass not counted."""
    for story in stories[:5]:
        work(story)
    done, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        for story in stories:
            work(story)
            done += 1
            if done % 5 == 0 and time.process_time() - start > seconds:
                break
    return done / (time.process_time() - start)


def median(work: Callable[[Fields], object], stories: list[Fields], seconds: float) -> str:
    rates = [rate(work, stories, seconds) for _ in range(RUNS)]
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})"


def regexes(terms: list[str]) -> Callable[[Fields], object]:
    """One compiled regex a rule."""
    compiled = [re.compile(rf"\b{re.escape(term)}\b", re.IGNORECASE) for term in terms]
    return lambda story: [number for number, one in enumerate(compiled) if one.search(story.text)]


def automaton(terms: list[str]) -> Callable[[Fields], object]:
    """An Aho-Corasick automaton over all first terms, on the text in lower case."""
    built = ahocorasick_rs.AhoCorasick([term.lower() for term in terms])
    return lambda story: {
        number for number, _, _ in built.find_matches_as_indexes(story.text.lower(), overlapping=True)
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="fewer stories and shorter passes")
    quick = arguments.parse_args().quick
    seconds, many = (0.5, 200) if quick else (3.0, 2_000)
    corpus = Corpus(random.Random(7))
    stories = [corpus.story() for _ in range(many)]
    queries = rules(corpus, max(COUNTS))
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}; {many} stories, ")
    print(
        f"{statistics.mean(len(story.text.split()) for story in stories):.0f} words on average; median of {RUNS} runs\n"
    )
    print("| rules | engine, stories/CPU-s | and spans | regex a rule | Aho-Corasick | met a story | built in | MB |")
    print("|---|---|---|---|---|---|---|---|")
    for count in COUNTS:
        _row(queries[:count], stories, seconds)
    _changes(queries, stories)


def _row(queries: list[str], stories: list[Fields], seconds: float) -> None:
    before, start = _megabytes(), time.process_time()
    matcher = Matcher(enumerate(queries))
    built, megabytes = time.process_time() - start, _megabytes() - before
    for story in stories:
        matcher.met(story)
    met = statistics.mean(len(matcher.met(story)) for story in stories[:200])
    engine = median(matcher.met, stories, seconds)
    spans = median(matcher.match, stories, seconds)
    terms = first_terms(queries)
    rival = median(regexes(terms), stories, seconds) if len(queries) <= MOST_REGEXES else "–"
    other = median(automaton(terms), stories, seconds)
    print(
        f"| {len(queries):,} | {engine} | {spans} | {rival} | {other} | {met:.1f} | {built:.2f} s | {megabytes:.0f} |"
    )
    sys.stdout.flush()


def _changes(queries: list[str], stories: list[Fields]) -> None:
    """Adding and removing one rule among a hundred thousand that have seen stories."""
    matcher = Matcher(enumerate(queries))
    for story in stories:
        matcher.met(story)
    corpus = Corpus(random.Random(8))
    added = [parse(query) for query in rules(corpus, 500)]
    adding, removing = [], []
    for number, query in enumerate(added, len(queries)):
        start = time.perf_counter()
        matcher.add(number, query)
        adding.append(time.perf_counter() - start)
    for number in range(len(queries), len(queries) + len(added)):
        start = time.perf_counter()
        matcher.remove(number)
        removing.append(time.perf_counter() - start)
    for name, times in (("added", adding), ("removed", removing)):
        typical, slowest = statistics.median(times) * 1e6, max(times) * 1e6
        print(f"\nA rule is {name} in {typical:.0f} µs, the slowest of {len(times)} in {slowest:.0f} µs.")


def _megabytes() -> float:
    """This process's memory at its largest so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
