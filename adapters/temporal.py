"""Temporal: one plugin for client, worker and replayer, and the way to connect."""

from collections.abc import Callable, Sequence

from temporalio.client import Client, GrpcCompression
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig
from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkflowRunner


def priyom_plugin(
    *,
    workflows: Sequence[type] = (),
    activities: Sequence[Callable[..., object]] = (),
    workflow_runner: WorkflowRunner | None = None,
) -> SimplePlugin:
    """What every Temporal process of ours shares; a worker adds what it runs.

    Payloads are plain JSON of frozen dataclasses: opaque ids and instants. A codec for their
    encryption would be set here, once, for client, worker and replayer.
    """
    return SimplePlugin(
        "priyom",
        data_converter=DataConverter.default,
        workflows=list(workflows),
        activities=list(activities),
        workflow_runner=workflow_runner,
    )


async def connect_temporal(plugin: SimplePlugin, *, lazy: bool = True) -> Client:
    """A client by the SDK's own TEMPORAL_* variables; `lazy` connects at the first call.

    Compression is off: payloads are a few hundred bytes and the link is short.
    """
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "127.0.0.1:7233")
    return await Client.connect(
        **config, plugins=[plugin], lazy=lazy, grpc_compression=GrpcCompression.NONE
    )
