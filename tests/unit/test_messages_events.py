"""Events on the wire: what is written can be read, what cannot be read says why."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from adapters.kafka.cloudevents import LONGEST_RECORD, Fault, Unreadable, decode, encode
from domain.events import EventType
from notifier.asyncapi import document, yaml_lines
from tests.messages import TUESDAY, an_event


def record(**changes: Any) -> bytes:
    return orjson.dumps(orjson.loads(encode(an_event())) | changes)


def fault_of(value: bytes | None) -> Fault:
    with pytest.raises(Unreadable) as caught:
        decode(value)
    return caught.value.fault


# What a record may say; hypothesis takes bounds without a zone.
FIRST = datetime.fromisoformat("2000-01-01")
LAST = datetime.fromisoformat("2100-12-31")


@given(
    type_=st.sampled_from(EventType),
    sequence=st.integers(1, 2**31 - 1),
    time=st.datetimes(FIRST, LAST),
)
def test_what_is_written_is_read(type_: EventType, sequence: int, time: Any) -> None:
    event = an_event(type=type_, sequence=sequence, time=time.replace(tzinfo=TUESDAY.tzinfo))

    assert decode(encode(event)) == event


def test_the_record_is_the_agreed_one() -> None:
    event = an_event()

    written = orjson.loads(encode(event))

    assert written == {
        "specversion": "1.0",
        "id": str(event.event_id),
        "source": "/priyom/appointments",
        "type": "org.priyom.appointment.confirmed.v1",
        "subject": str(event.appointment_id),
        "time": "2026-11-22T07:30:00Z",
        "sequence": "2",
        "data": {
            "appointmentId": str(event.appointment_id),
            "doctorId": str(event.doctor_id),
            "clinicId": str(event.clinic_id),
            "patientId": str(event.patient_id),
            "dateTime": "2026-11-24T07:30:00Z",
            "endsAt": "2026-11-24T08:00:00Z",
            "status": "confirmed",
            "version": 2,
        },
    }


def test_fields_of_a_later_producer_are_left_aside() -> None:
    event = an_event()
    later = orjson.loads(encode(event))
    later["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    later["data"]["room"] = "12"

    assert decode(orjson.dumps(later)) == event


def test_another_offset_is_the_same_instant() -> None:
    event = an_event()
    other = orjson.loads(encode(event))
    other["data"]["dateTime"] = "2026-11-24T10:30:00+03:00"

    assert decode(orjson.dumps(other)) == replace(event, starts_at=TUESDAY)
    assert decode(orjson.dumps(other)).starts_at - TUESDAY == timedelta()


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, Fault.NOT_JSON),
        (b"", Fault.NOT_JSON),
        (b"{", Fault.NOT_JSON),
        (b"\xff\xfe", Fault.NOT_JSON),
        (b"[" * 5000, Fault.NOT_JSON),
        (b"x" * (LONGEST_RECORD + 1), Fault.TOO_LARGE),
        (b"[]", Fault.NOT_A_CLOUDEVENT),
        (b"{}", Fault.NOT_A_CLOUDEVENT),
        (record(specversion="0.3"), Fault.NOT_A_CLOUDEVENT),
        (record(type="org.priyom.appointment.confirmed.v9"), Fault.UNKNOWN_TYPE),
        (record(type=None), Fault.UNKNOWN_TYPE),
        (record(type=["a"]), Fault.UNKNOWN_TYPE),
        (record(data=None), Fault.BAD_DATA),
        (record(data={}), Fault.BAD_DATA),
        (record(id="1"), Fault.BAD_DATA),
        (record(sequence="two"), Fault.BAD_DATA),
        (record(time="2026-11-22T07:30:00"), Fault.BAD_DATA),
        (record(time=17), Fault.BAD_DATA),
    ],
)
def test_an_unreadable_record_says_why(value: bytes | None, fault: Fault) -> None:
    assert fault_of(value) is fault


@given(st.binary(max_size=400))
def test_no_bytes_end_in_anything_but_unreadable(value: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["id", "time", "sequence", "data"]), json_values, min_size=1)
)
def test_no_field_ends_in_anything_but_unreadable(changes: dict[str, Any]) -> None:
    read = None
    with suppress(Unreadable):
        read = decode(record(**changes))

    assert read is None or decode(encode(read)) == read


def test_the_printed_document_is_the_same_as_yaml_reads_it() -> None:
    assert yaml.safe_load("\n".join(yaml_lines(document()))) == document()
