"""Temporal: one plugin for client, worker and replayer, and the way to connect."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence

from google.protobuf.message import Message
from structlog import get_logger
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client, GrpcCompression
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultPayloadConverter,
    PayloadConverter,
)
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.exceptions import ApplicationError
from temporalio.plugin import SimplePlugin
from temporalio.service import RPCError
from temporalio.worker import WorkflowRunner

from adapters.process.traces import TRACES
from adapters.temporal.codec import SEALED, SealedPayloads, SealedWithoutKeys
from adapters.temporal.sdk_metrics import SDK
from adapters.temporal.updates import AskAgain
from domain.errors import REFUSALS

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 2.0
CONNECT_SECONDS = 5.0

CORE_THREADS = "TOKIO_WORKER_THREADS"
"""Read by the SDK's core when a process connects for the first time."""

log = get_logger("temporal")

UNAVAILABLE = "unavailable"
"""Type of the failure of an activity whose server did not answer; Temporal tries again."""

REFUSING = ("Unauthenticated", "PermissionDenied")

EXPECTED = {UNAVAILABLE, *REFUSALS}


class JsonFirst(PydanticJSONPlainPayloadConverter):
    """Nearly every payload is JSON: it is asked first, and leaves what the others are there for."""

    def to_payload(self, value: object) -> Payload | None:
        return None if value is None or isinstance(value, NOT_JSON) else super().to_payload(value)


NOT_JSON = (bytes, Message)
_ENCODINGS = DefaultPayloadConverter.default_encoding_payload_converters
_JSON = JsonFirst()
_CONVERTERS = {_JSON.encoding.encode(): _JSON} | {
    each.encoding.encode(): each for each in _ENCODINGS if each.encoding != _JSON.encoding
}
_CONVERTERS[SEALED.encode()] = SealedWithoutKeys()
"""Made once a process. The SDK makes a payload converter for every run and for every task, and its
own pydantic one would compile the types of a booking anew for each."""


class PydanticPayloads(CompositePayloadConverter):
    """JSON by pydantic's compiled code, in a tenth of the time of the SDK's default."""

    def __init__(self) -> None:
        self.converters = _CONVERTERS


class WithoutStackTraces(DefaultFailureConverter):
    """Failures by code and sentence: our refusals and faults need no stack, and show no paths.

    A bug keeps its stack trace: it is what the person on call needs.
    """

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        super().to_failure(exception, payload_converter, failure)
        if isinstance(exception, ApplicationError) and exception.type in EXPECTED:
            failure.stack_trace = ""


class SealedFailures(WithoutStackTraces):
    """What a failure says goes among its payloads, where it is sealed like any other."""

    def __init__(self) -> None:
        super().__init__(encode_common_attributes=True)


def priyom_plugin(
    *,
    workflows: Sequence[type] = (),
    activities: Sequence[Callable[..., object]] = (),
    workflow_runner: WorkflowRunner | None = None,
    keys: Mapping[str, bytes] | None = None,
) -> SimplePlugin:
    """What every Temporal process of ours shares; a worker adds what it runs.

    Payloads are plain JSON of frozen dataclasses: opaque ids and instants. With keys they are
    sealed, once for client, worker and replayer.
    """
    return SimplePlugin(
        "priyom",
        interceptors=[AskAgain(), *TRACES.interceptors()],
        data_converter=DataConverter(
            payload_converter_class=PydanticPayloads,
            failure_converter_class=SealedFailures if keys else WithoutStackTraces,
            payload_codec=SealedPayloads(keys) if keys else None,
        ),
        workflows=list(workflows),
        activities=list(activities),
        workflow_runner=workflow_runner,
    )


def configured_namespace() -> str:
    """The namespace that clients of this process use."""
    return configured_connection().get("namespace", "default")


async def connect_patiently(plugin: SimplePlugin) -> Client:
    """A client by the SDK's own TEMPORAL_* variables, however long the server takes to be there.

    Compression is off: payloads are a few hundred bytes and the link is short. The SDK's core gets
    one thread, unless the environment says otherwise: it waits for the interpreter most of the
    time, and more threads only wake each other (docs/performance.md).
    """
    config, pause = configured_connection(), FIRST_PAUSE_SECONDS
    while True:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await _connected(config, plugin)
        except (RPCError, RuntimeError, OSError, TimeoutError) as error:
            log.warning("temporal_is_away", error=type(error).__name__, again_in_seconds=pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def configured_connection() -> ClientConnectConfig:
    """By the SDK's own TEMPORAL_* variables and profile."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "127.0.0.1:7233")
    return config


async def api_key_is_refused(config: ClientConnectConfig) -> bool:
    """The core tells the status of a first call in words only."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await _connected(config, priyom_plugin())
    except RuntimeError as error:
        return any(status in str(error) for status in REFUSING)
    except (RPCError, OSError, TimeoutError):
        return False
    return False


async def _connected(config: ClientConnectConfig, plugin: SimplePlugin) -> Client:
    os.environ.setdefault(CORE_THREADS, "1")
    return await Client.connect(
        **config,
        plugins=[plugin],
        grpc_compression=GrpcCompression.NONE,
        runtime=SDK.runtime(),
    )


class TemporalConnection:
    """The process's one client. A process that serves without Temporal has none until it answers.

    Once there, the client reconnects by itself.
    """

    def __init__(self, client: Client | None = None) -> None:
        self._client = client

    @property
    def client(self) -> Client:
        """Raises ConnectionError while Temporal has not answered yet."""
        if self._client is None:
            raise ConnectionError("Temporal has not answered yet")
        return self._client

    async def open(self, plugin: SimplePlugin) -> Client:
        """Connect, however long it takes."""
        self._client = await connect_patiently(plugin)
        return self._client
