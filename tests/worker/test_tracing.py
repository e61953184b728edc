"""A trace is a claim, from the scheduler that rang to the channel that was told."""

import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.helpers import item, rss
from tests.world import World
from worker import tracing


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.trace_to(SimpleSpanProcessor(exporter), "test")
    yield exporter
    tracing.end()


@pytest.fixture
def database(sqlite: object) -> object:
    return sqlite


def test_a_story_is_followed_from_the_scheduler_to_its_channel(world: World, spans: InMemorySpanExporter) -> None:
    world.rule("Fastiv")
    world.feed("/a.xml")
    world.run()
    spans.clear()
    world.server.pages["/a.xml"] = rss(item(1110448135, "Fastiv"))
    world.run(4000)
    steps: dict[str, ReadableSpan] = {one.name: one for one in spans.get_finished_spans()}
    assert steps.keys() == {"claim", "poll", "keep", "deliver"}
    number = {name: one.context.trace_id for name, one in steps.items() if one.context}
    assert number["claim"] == number["poll"] == number["keep"]
    assert [link.context.trace_id for link in steps["keep"].links] == [number["deliver"]]
    assert (steps["deliver"].attributes or {})["wirewatch.stories"] == "menafn:1110448135"


def test_what_is_asked_for_and_not_installed_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    tracing.begin("test")
    assert "wirewatch[otel]" in caplog.text
