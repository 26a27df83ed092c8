"""The keys of payloads that a run of the tests goes with: `PRIYOM_PAYLOAD_KEYS`, or none."""

import os
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from temporalio.api.common.v1 import Header, Payload, SearchAttributes
from temporalio.converter import DataConverter

from adapters.process.payload_keys import payload_keys_of
from adapters.temporal.codec import SealedPayloads

PAYLOAD_KEYS = payload_keys_of(os.environ.get("PRIYOM_PAYLOAD_KEYS", ""))


def as_stored(keys: dict[str, bytes] = PAYLOAD_KEYS) -> DataConverter:
    """For a client that knows no types of ours: payloads come as plain JSON."""
    return DataConverter(payload_codec=SealedPayloads(keys) if keys else None)


def payloads_in(message: Message) -> Iterator[Payload]:
    """All but those that are read by Temporal: search attributes, headers, what its core notes."""
    for field, value in message.ListFields():
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            continue
        for each in [value] if isinstance(value, Message) else _values(value):
            if isinstance(each, Payload):
                yield each
            elif isinstance(each, Message) and not isinstance(each, SearchAttributes | Header):
                yield from payloads_in(each)


OF_THE_CORE = {"data", "patch-data"}
"""Details of markers by which it knows a local activity and a patch again."""


def _values(several: Any) -> list[Any]:
    """Of a list, or of a map."""
    if hasattr(several, "items"):
        return [value for name, value in several.items() if name not in OF_THE_CORE]
    return list(several)
