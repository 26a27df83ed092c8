"""Readers and writers of different ages understand each other: an event's shape grows, or is new.

tests/schemas/events-v1.json is what was first promised of the types `….v1`. It is never changed: a
record that does not keep to it is of a later type.
"""

import json
from typing import Any

import jsonschema_rs
import orjson
import pytest

from adapters.kafka.cloudevents import decode, encode
from domain.events import AppointmentEvent, EventType
from notifier.asyncapi import document
from stack.home import CHECKOUT
from tests.messages import TUESDAY, an_event

PROMISED: dict[str, Any] = json.loads(
    (CHECKOUT / "tests" / "schemas" / "events-v1.json").read_text()
)["$defs"]
SCHEMA = {
    EventType.CONFIRMED: "Confirmed",
    EventType.CANCELLED: "Cancelled",
    EventType.RESCHEDULED: "Rescheduled",
    EventType.OFFERED: "Offered",
    EventType.REOFFERED: "Reoffered",
}
EVENTS = [
    an_event(type=kind, expires_at=expires_at)
    for kind in EventType
    for expires_at in (None, TUESDAY)
]


def now_promised() -> dict[str, Any]:
    """The schemas of today's docs/asyncapi.yaml."""
    written = json.dumps(document()).replace("#/components/schemas/", "#/$defs/")
    schemas: dict[str, Any] = json.loads(written)["components"]["schemas"]
    return schemas


def finds_valid(schemas: dict[str, Any], event_type: EventType, record: bytes) -> bool:
    schema = {"$ref": f"#/$defs/{SCHEMA[event_type]}", "$defs": schemas}
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    return validator.is_valid(orjson.loads(record))


@pytest.mark.parametrize("event", EVENTS)
def test_a_reader_of_the_first_schema_reads_what_is_written_now(event: AppointmentEvent) -> None:
    assert finds_valid(PROMISED, event.type, encode(event))


@pytest.mark.parametrize("event", EVENTS)
def test_what_is_written_now_is_as_it_is_described_now(event: AppointmentEvent) -> None:
    assert finds_valid(now_promised(), event.type, encode(event))


@pytest.mark.parametrize("kind", EventType)
def test_what_was_written_first_is_read_now(kind: EventType) -> None:
    """Only the fields that were required then."""
    event = an_event(type=kind)
    record = orjson.loads(encode(event))
    first = {name: record[name] for name in PROMISED[SCHEMA[kind]]["required"]}

    assert decode(orjson.dumps(first)) == event
    assert finds_valid(now_promised(), kind, orjson.dumps(first))


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_what_was_promised_is_still_promised_in_the_same_form(name: str) -> None:
    then, now = PROMISED[name], now_promised()[name]

    assert set(then["required"]) == set(now["required"])
    for field, schema in then["properties"].items():
        assert now["properties"][field] == schema, field


def test_a_record_without_a_promised_field_would_be_found() -> None:
    record = orjson.loads(encode(EVENTS[0]))
    del record["data"]["clinicId"]

    assert not finds_valid(PROMISED, EVENTS[0].type, orjson.dumps(record))
