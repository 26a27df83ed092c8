"""One trace from a patient's request to the message that comes of it, over Temporal and Kafka."""

import gc
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_trace_id
from temporalio import activity
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from adapters.kafka.cloudevents import decode, encode, traceparent_of
from adapters.process.traces import ENDPOINT, TRACES, Traces, traceparent, with_trace_id
from adapters.temporal.client import TemporalConnection, priyom_plugin
from api.booking.runs import Runs
from domain.events import AppointmentEvent, booking_workflow_id
from notifier.deliveries import Deliveries
from tests.builders import a_request
from tests.fakes.clinic import FakeClinic
from tests.messages import an_event
from tests.payload_keys import PAYLOAD_KEYS
from tests.workflows.conftest import working
from tests.workflows.providers import Providers
from worker.sandbox import sandboxed_runner
from workflows.deliver_notifications import DeliverNotifications
from workflows.names import DELIVERIES

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    TRACES.use(provider)
    yield exporter
    TRACES.use(None)


class Clinic(FakeClinic):
    """Publishes as the product does."""

    def __init__(self) -> None:
        super().__init__()
        self.topic: list[bytes] = []

    @activity.defn
    async def publish_event(self, event: AppointmentEvent) -> None:
        self.topic.append(encode(event, traceparent()))


async def test_one_trace_goes_from_the_request_to_the_message(
    temporal: WorkflowEnvironment, spans: InMemorySpanExporter
) -> None:
    address = temporal.client.service_client.config.target_host
    client = await Client.connect(address, plugins=[priyom_plugin(keys=PAYLOAD_KEYS)])
    clinic, request, runs = Clinic(), a_request(), Runs(TemporalConnection(client))
    async with working(client, clinic):
        with TRACES.request("POST", {"traceparent": CALLER}):
            await runs.hold(request, summary="a test")
        with TRACES.request("POST", {"traceparent": CALLER}):
            await runs.confirm(request.appointment_id)
        booking = client.get_workflow_handle(booking_workflow_id(request.appointment_id))
        await booking.result()

    record, *_ = clinic.topic  # twice, where the first try was too slow
    deliveries, event = Deliveries(client), decode(record)
    async with Worker(
        client,
        task_queue=DELIVERIES,
        workflows=[DeliverNotifications],
        activities=Providers().activities,
        workflow_runner=sandboxed_runner(),
    ):
        with TRACES.going_on(traceparent_of(record)):
            await deliveries.start(event)
        run = client.get_workflow_handle(str(event.event_id))
        await run.result()

    found = spans.get_finished_spans()
    steps = ("POST", "RunActivity:hold_slot", "RunActivity:publish_event")
    told = ("StartWorkflow:DeliverNotifications", "RunActivity:tell_everybody")
    assert {each.name for each in found} >= {*steps, *told}
    assert {format_trace_id(each.context.trace_id) for each in found} == {CALLER.split("-")[1]}
    del client, runs, deliveries, run, booking
    gc.collect()


def test_the_logs_of_a_trace_name_it(spans: InMemorySpanExporter) -> None:
    written = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(written),
        processors=[with_trace_id, structlog.processors.JSONRenderer()],
    )

    log.info("before")
    with TRACES.request("GET", {"traceparent": CALLER}) as span:
        log.info("within")

    before, within = [json.loads(line) for line in written.getvalue().splitlines()]
    assert span is not None
    assert "trace_id" not in before
    assert within["trace_id"] == CALLER.split("-")[1]
    assert [each.name for each in spans.get_finished_spans()] == ["GET"]


def test_without_a_collector_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    traces = Traces()
    traces.switch_on("api")

    with traces.request("GET", {"traceparent": CALLER}) as span, traces.going_on(CALLER):
        carried = traceparent()

    assert span is None
    assert carried is None
    assert traces.interceptors() == []
    assert b"traceparent" not in encode(an_event(), carried)


def test_with_a_collector_there_are_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there: what cannot be sent is dropped, and nobody waits for it."""
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    traces = Traces()
    traces.switch_on("api")

    with traces.request("GET", {}) as span:
        assert span is not None
        assert traceparent() is not None
    assert len(traces.interceptors()) == 1


def test_a_traceparent_is_read_of_an_event_that_has_one() -> None:
    assert traceparent_of(encode(an_event(), CALLER)) == CALLER
    assert traceparent_of(encode(an_event())) is None
    assert decode(encode(an_event(), CALLER)).actor_role is None
