"""The one place that leans on the inside of the SDK; PRIYOM_SDK_PATCHES=off does without it.

What: temporalio 1.35 walks three times over each activation and three times over each completion,
for a codec, for external storage and for references to it. Without codec and storage a walk ends as
it began. The SDK has no setting for it, so two of its functions are stood in for, and asked as soon
as a codec or a storage is there.
Gain: a tenth of this process's CPU, and 7 % of the rate with 16 users (docs/decisions/0015).
Upstream: to be reported to temporalio/sdk-python; the walks can be skipped there in two lines.
Ends: with the version that skips them. Another version than KNOWN is left as it is.
"""

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import temporalio.bridge.worker as bridge
from temporalio.converter import DataConverter
from temporalio.converter._extstore import StorageOperationMetrics

KNOWN = "1.35.0"
"""The version whose walks were read, and are compared by tests/workflows/test_sdk_patches.py."""

__all__ = ["StorageOperationMetrics", "Walk", "spare_payload_walks", "spared"]

Walk = Callable[..., Awaitable[StorageOperationMetrics]]
"""Takes a task, its converter and more; changes the task; returns what it stored or fetched."""


def spare_payload_walks() -> bool:
    """Stand in for the walks of this process. False with another SDK, which goes on as it does."""
    if version("temporalio") != KNOWN:
        return False
    bridge.decode_activation = spared(bridge.decode_activation)
    bridge.encode_completion = spared(bridge.encode_completion)
    return True


def spared(walk: Walk) -> Any:
    """The walk, taken only where it may change something."""

    async def walk_if_needed(
        task: object, data_converter: DataConverter, *rest: Any, **named: Any
    ) -> StorageOperationMetrics:
        if data_converter.payload_codec is None and data_converter.external_storage is None:
            return StorageOperationMetrics()
        return await walk(task, data_converter, *rest, **named)

    return walk_if_needed
