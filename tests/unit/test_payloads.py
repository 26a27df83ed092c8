"""Payloads: what a booking is written as, and that its types are compiled once a process."""

import pytest
from pydantic import TypeAdapter

from adapters.temporal.client import PydanticPayloads
from domain.booking import BookingRequest, Result, Status
from tests.builders import a_request


def test_a_request_comes_back_as_it_was_sent() -> None:
    request = a_request()
    payloads = PydanticPayloads()

    written = payloads.to_payloads([request])

    assert written[0].metadata["encoding"] == b"json/plain"
    assert payloads.from_payloads(written, [BookingRequest]) == [request]


def test_the_result_of_a_run_of_an_older_build_is_still_read() -> None:
    payloads = PydanticPayloads()

    written = payloads.to_payloads([{"status": "refused", "code": "slot_taken"}])

    assert payloads.from_payloads(written, [Result]) == [
        Result(status=Status.REFUSED, code="slot_taken", refusal=None)
    ]


def test_a_request_of_an_older_build_is_read_without_the_fields_that_are_gone() -> None:
    payloads, request = PydanticPayloads(), a_request()
    written = payloads.to_payloads([request])
    written[0].data = written[0].data[:-1] + b',"of_an_older_build":true}'

    assert payloads.from_payloads(written, [BookingRequest]) == [request]


def test_the_next_run_reads_a_type_without_compiling_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = PydanticPayloads().to_payloads([a_request()])
    PydanticPayloads().from_payloads(written, [BookingRequest])
    compiled: list[object] = []
    init = TypeAdapter.__init__

    def counting(self: TypeAdapter[object], *values: object, **named: object) -> None:
        compiled.append(self)
        init(self, *values, **named)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(TypeAdapter, "__init__", counting)
    PydanticPayloads().from_payloads(written, [BookingRequest])

    assert compiled == []
