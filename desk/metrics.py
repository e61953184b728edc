"""How everything stands, for Prometheus (text format 0.0.4): of the rows alone, which tell of every process.

So each desk tells the same, wherever it runs, and one of them is all that need be asked.
"""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from desk.answers.status import Status

CONTENT_TYPE = CONTENT_TYPE_LATEST


def written(status: Status, polls: Mapping[str, int], disk: int | None) -> bytes:
    """`polls` are those of the last five minutes by outcome, `disk` the free bytes where the data are, if known."""
    registry = CollectorRegistry()
    registry.register(_Told(list(_families(status, polls, disk))))
    return generate_latest(registry)


class _Told(Collector):
    """What is told once: the library asks a registry, a registry its collectors."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _families(status: Status, polls: Mapping[str, int], disk: int | None) -> Iterable[Metric]:
    yield _one("well", "1 when nothing is wrong, 0 when /healthz fails.", float(status.well))
    yield _one("lag_seconds", "For how long the feed that waits longest has been due.", status.lag)
    for name, count in status.counts.items():
        yield _one(name, f"{name.replace('_', ' ').capitalize()}, as `wirewatch status` counts them.", count)
    if status.canary_seconds is not None:
        yield _one("canary_seconds", "How long the last canary took through the whole pipe.", status.canary_seconds)
    if status.menafn_coverage is not None:
        yield _one("menafn_coverage", "The part of MENAFN's numbers of a day that was seen.", status.menafn_coverage)
    if disk is not None:
        yield _one("disk_free_bytes", "What is free where the data are.", disk)
    silent = {one.name: one.silent for one in status.processes}
    yield _each("process_silent_seconds", "Since a process last showed that it works.", "process", silent)
    yield _each("polls_lately", "Polls of the last five minutes.", "outcome", polls)


def _one(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"wirewatch_{name}", what, value=value)


def _each(name: str, what: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"wirewatch_{name}", what, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
