"""A hold that is not confirmed in time stands in nobody's way; here holds last 3 seconds."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client

from tests.acceptance.conftest import Clinic, another_api, eventually
from tests.acceptance.test_booking import two_doctors_at_one_time
from tests.acceptance.watching import records_about, result_of


@pytest.fixture(scope="module")
async def hasty_clinic(clinic: Clinic) -> AsyncIterator[Clinic]:
    """One API process for all of these tests."""
    async with another_api(clinic, PRIYOM_HOLD_SECONDS="3") as http:
        yield replace(clinic, http=http)


async def test_a_lapsed_hold_is_free_for_others_gone_for_its_patient_and_no_event(
    hasty_clinic: Clinic, temporal_client: Client
) -> None:
    slot = await hasty_clinic.free_slot()
    held = await hasty_clinic.book(slot)
    appointment = held.json()["appointmentId"]
    await lapse()

    late = await hasty_clinic.confirm(appointment)
    taken = await hasty_clinic.book(slot)

    assert (late.status_code, late.json()["code"]) == (410, "hold_expired")
    assert taken.status_code == 201
    assert (await hasty_clinic.get(appointment))["status"] == "expired"
    assert await result_of(temporal_client, f"appointment-{appointment}") == "expired"
    assert await records_about(hasty_clinic, appointment) == []


async def test_a_slot_is_free_within_two_seconds_of_its_deadline(hasty_clinic: Clinic) -> None:
    slot = await hasty_clinic.free_slot()
    held = (await hasty_clinic.book(slot)).json()

    ends, looks = datetime.fromisoformat(held["heldUntil"]), list[datetime]()

    async def is_free() -> bool:
        looks.append(datetime.now(UTC))
        return await hasty_clinic.state_of(slot) == "free"

    await eventually(is_free)

    assert datetime.now(UTC) > ends
    assert all(look < ends + timedelta(seconds=2) for look in looks[:-1]), "held when looked at"


async def test_a_lapsed_hold_of_the_patient_stands_in_nobodys_way(hasty_clinic: Clinic) -> None:
    await hasty_clinic.free_slots(1)  # the survey
    first, second = await two_doctors_at_one_time(hasty_clinic)
    patient = hasty_clinic.patient()
    await hasty_clinic.hold(first, patient=patient)
    await lapse()

    elsewhere = await hasty_clinic.book(second, patient=patient)
    another = await hasty_clinic.book(first)

    assert (elsewhere.status_code, another.status_code) == (201, 201)


async def test_a_hold_lapses_with_every_worker_dead(hasty_clinic: Clinic) -> None:
    slot = await hasty_clinic.free_slot()
    await hasty_clinic.hold(slot)

    async with hasty_clinic.without("worker"):
        await lapse()
        seen = await hasty_clinic.state_of(slot)

    assert seen == "free"


async def lapse() -> None:
    """The three seconds of a hold are real ones here: the database's clock decides."""
    await asyncio.sleep(3.3)
