"""One table says what there is to know about a type of event: all others look it up there."""

from dataclasses import replace
from enum import StrEnum
from uuid import UUID

import pytest

from adapters.messages.visit import Kind
from adapters.postgres.audit import Doubt
from domain.booking import Status
from domain.events import EVENT_KINDS, EventType, event_id, event_of, type_named
from notifier.asyncapi import document
from tests.builders import MONDAY_NINE, an_appointment


class Made(StrEnum):
    """A type that the product does not have."""

    UP = "org.priyom.appointment.moved.v1"


def _run_of(appointment_id: UUID, sequence: int) -> str:
    return f"move-{appointment_id}-{sequence}"


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> EventType:
    """The table with one more row, and nothing else changed."""
    made_up: EventType = Made.UP  # type: ignore[assignment]
    row = replace(
        EVENT_KINDS[EventType.CANCELLED],
        name="moved",
        title="A visit was moved",
        status=Status.CONFIRMED,
        happened_at=lambda appointment: appointment.created_at,
        announced_by=_run_of,
    )
    monkeypatch.setitem(EVENT_KINDS, made_up, row)
    return made_up


@pytest.mark.parametrize("type_", EventType)
def test_every_type_has_its_row(type_: EventType) -> None:
    kind = EVENT_KINDS[type_]

    assert type_named(kind.name) is type_
    assert type_.value == f"org.priyom.appointment.{kind.name}.v1"
    assert {kind.letter, kind.consent} <= set(Kind)


def test_the_audit_publishes_a_missing_event_of_a_new_type_as_its_run_would(
    third: EventType,
) -> None:
    visit = an_appointment(status=Status.CANCELLED, version=4, created_at=MONDAY_NINE)

    doubt = Doubt(sequence=3, type=type_named("moved"), appointment=visit)

    assert doubt.run == f"move-{visit.appointment_id}-3"
    assert doubt.is_overtaken
    assert doubt.event.event_id == event_id(visit.appointment_id, 3, third)
    assert (doubt.event.type, doubt.event.status) == (third, Status.CONFIRMED)
    assert doubt.event.time == MONDAY_NINE


def test_a_new_type_is_described_for_consumers(third: EventType) -> None:
    described = repr(document())

    assert third.value in described
    assert "'#/components/schemas/Moved'" in described
    assert "A visit was moved" in described


def test_a_type_without_a_row_is_an_error_and_never_a_cancellation() -> None:
    unknown: EventType = Made.UP  # type: ignore[assignment]

    with pytest.raises(KeyError):
        event_of(unknown, an_appointment(appointment_id=UUID(int=1)))
    with pytest.raises(KeyError):
        type_named("moved")
