"""Traces by OpenTelemetry, where the extra `otel` is installed and OTEL_EXPORTER_OTLP_ENDPOINT says where they go.

A trace is a claim: what somebody rang for, and all that came of it, whichever processes did it. Its number is the
claim's own, so messages carry nothing more than they do. What hands work on under a new claim links to that.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import SpanContext, Tracer

log = logging.getLogger(__name__)

_WHERE = "OTEL_EXPORTER_OTLP_ENDPOINT"


class _State:
    """This process's tracer, if it traces."""

    tracer: "Tracer | None" = None


def begin(service: str) -> None:
    """Traces from now on, where somebody wants it; to be called after a fork, for it starts a thread."""
    if not os.environ.get(_WHERE):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("%s is set, but traces need more libraries: pip install 'wirewatch[otel]'", _WHERE)
        return
    trace_to(BatchSpanProcessor(OTLPSpanExporter()), service)


def trace_to(processor: "SpanProcessor", service: str) -> None:
    """Traces to this processor from now on."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource.create({"service.name": f"wirewatch {service}"}))
    provider.add_span_processor(processor)
    _State.tracer = provider.get_tracer("wirewatch")


def end() -> None:
    """No traces any more."""
    _State.tracer = None


@contextmanager
def span(what: str, claim: str, *, hands_on: str = "", **facts: str | int) -> Iterator[None]:
    """A step done under a claim; `hands_on` is the claim under which what comes of it is done."""
    if _State.tracer is None:
        yield
        return
    from opentelemetry.trace import Link, NonRecordingSpan, set_span_in_context

    links = [Link(_as_span(hands_on))] if hands_on else []
    of_claim = set_span_in_context(NonRecordingSpan(_as_span(claim)))
    with _State.tracer.start_as_current_span(
        what, context=of_claim, links=links, attributes={f"wirewatch.{name}": value for name, value in facts.items()}
    ):
        yield


def _as_span(claim: str) -> "SpanContext":
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(int(claim, 16), int(claim[:16], 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
