"""Payloads sealed for Temporal: who can open them, and what those are told who cannot."""

from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError

from adapters.temporal.client import priyom_plugin
from adapters.temporal.codec import SealedPayloadError, SealedPayloads
from domain.booking import BookingRequest
from tests.builders import a_request

OLD, NEW = b"o" * 32, b"n" * 32


def converter(**keys: bytes) -> DataConverter:
    """As a process with these keys has it, the first of them first."""
    config: Any = priyom_plugin(keys=keys).configure_client({})  # type: ignore[typeddict-item]
    found: DataConverter = config["data_converter"]
    return found


async def sealed_by(keys: dict[str, bytes], value: object) -> list[Payload]:
    return await converter(**keys).encode([value])


async def test_what_is_sealed_says_nothing_and_is_opened_again() -> None:
    request = a_request()

    written = await sealed_by({"one": OLD}, request)

    (payload,) = written
    assert payload.metadata["encoding"] == b"binary/encrypted"
    assert payload.metadata["encryption-key-id"] == b"one"
    assert str(request.patient_id).encode() not in payload.SerializeToString()
    assert await converter(one=OLD).decode(written, [BookingRequest]) == [request]


async def test_the_same_value_is_sealed_otherwise_each_time() -> None:
    first, second = [(await sealed_by({"one": OLD}, "held"))[0].data for _ in range(2)]

    assert first != second
    assert len(first) == len(second)


async def test_a_key_is_changed_while_runs_are_open() -> None:
    before = await sealed_by({"old": OLD}, "held")
    both = converter(new=NEW, old=OLD)

    after = await both.encode(["held"])

    assert await both.decode(before) == ["held"]
    assert after[0].metadata["encryption-key-id"] == b"new"
    assert await converter(old=OLD, new=NEW).decode(after) == ["held"], "the next to be restarted"


async def test_what_was_written_before_the_keys_came_is_read_as_it_is() -> None:
    plain = await converter().encode(["held"])

    assert plain[0].metadata["encoding"] == b"json/plain"
    assert await converter(one=OLD).decode(plain) == ["held"]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, "sealed with the key one, which PRIYOM_PAYLOAD_KEYS does not name: add it"),
        ({"two": NEW}, "sealed with the key one, which PRIYOM_PAYLOAD_KEYS does not name: add it"),
        ({"one": NEW}, "the key one of PRIYOM_PAYLOAD_KEYS is not the one that sealed"),
    ],
)
async def test_a_process_with_a_wrong_key_is_told_what_to_do(
    keys: dict[str, bytes], told: str
) -> None:
    sealed = await sealed_by({"one": OLD}, "held")

    with pytest.raises(SealedPayloadError, match=told) as refused:
        await converter(**keys).decode(sealed)

    assert not {"n" * 8, "held"} & set(str(refused.value).split())


async def test_a_changed_byte_is_noticed() -> None:
    (sealed,) = await sealed_by({"one": OLD}, "held")
    changed = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])

    for data in (changed, b"", sealed.data[:5]):
        with pytest.raises(SealedPayloadError, match="or the payload was changed"):
            await SealedPayloads({"one": OLD}).decode(
                [Payload(metadata=sealed.metadata, data=data)]
            )


async def test_what_a_failure_says_is_sealed_and_its_code_stays_for_operations() -> None:
    failure = Failure()

    sealing = converter(one=OLD)
    await sealing.encode_failure(ApplicationError("the slot is taken", type="slot_taken"), failure)

    assert b"the slot is taken" not in failure.SerializeToString()
    assert failure.application_failure_info.type == "slot_taken"
    told = await sealing.decode_failure(failure)
    assert isinstance(told, ApplicationError)
    assert told.message == "the slot is taken"
