"""Traces: one from the request to the message, where a collector is named; off otherwise.

Between processes a trace goes in Temporal's headers and in the `traceparent` of the event.
"""

import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, Tracer, TracerProvider, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from temporalio.client import Interceptor

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""OpenTelemetry's own variable; the exporter reads it, and others of its kind, by itself."""

TRACEPARENT = "traceparent"
W3C = TraceContextTextMapPropagator()


class Traces:
    """What a process traces: nothing until it is switched on."""

    def __init__(self) -> None:
        self._tracer: Tracer | None = None

    def switch_on(self, process: str) -> None:
        """Where an endpoint is named. Otherwise nothing of the SDK is loaded."""
        if not os.environ.get(ENDPOINT):
            return
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - when it is wanted
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the same
        from opentelemetry.sdk.trace import TracerProvider as Provider  # noqa: PLC0415 - the same
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - the same

        provider = Provider(resource=Resource.create({"service.name": f"priyom-{process}"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.use(provider)

    def use(self, provider: TracerProvider | None) -> None:
        self._tracer = None if provider is None else provider.get_tracer("priyom")

    def interceptors(self) -> list[Interceptor]:
        """For every client, and so for every worker, of this process."""
        if self._tracer is None:
            return []
        from temporalio.contrib.opentelemetry import TracingInterceptor  # noqa: PLC0415 - the same

        return [TracingInterceptor(self._tracer)]

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Span | None]:
        """Around the answer to a request; it goes on with the caller's trace."""
        if self._tracer is None:
            yield None
            return
        with self._tracer.start_as_current_span(
            method, context=W3C.extract(headers), kind=SpanKind.SERVER
        ) as span:
            yield span

    @contextmanager
    def going_on(self, traceparent: str | None) -> Iterator[None]:
        """What is begun here belongs to the trace that an event came with."""
        if self._tracer is None or traceparent is None:
            yield
            return
        token = context.attach(W3C.extract({TRACEPARENT: traceparent}))
        try:
            yield
        finally:
            context.detach(token)


TRACES = Traces()
"""Of this process."""


def traceparent() -> str | None:
    """Of the span that we are in."""
    carrier: dict[str, str] = {}
    W3C.inject(carrier)
    return carrier.get(TRACEPARENT)


def with_trace_id(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """For the logs: a line that is written within a trace names it."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = format_trace_id(span.trace_id)
    return event
