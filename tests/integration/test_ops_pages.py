"""Operations find a booking by what they are told on the telephone, and read its story."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clinic_rows import Clinic, at

PHONE = "+7 912 000-77-31"
BECOME = "UPDATE schedules SET status = '{became}', {became}_at = clock_timestamp() WHERE id = :id"
HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
async def ops(api: str) -> AsyncIterator[httpx.AsyncClient]:
    base = api.removesuffix("/api/v1")
    headers = {"accept": "text/html"}
    async with httpx.AsyncClient(
        base_url=base, headers=headers, follow_redirects=True, timeout=20
    ) as http:
        yield http


@pytest.fixture
async def patient(clinic: Clinic) -> UUID:
    patient_id = uuid4()
    mark = patient_id.hex[:8]
    await clinic.execute(
        "INSERT INTO patients (id, full_name, phone, email) VALUES (:id, :name, :phone, :email)",
        id=patient_id,
        name=f"Zbigniew{mark} Kowalski",
        phone=PHONE,
        email=f"{mark}@example.org",
    )
    return patient_id


async def message(
    clinic: Clinic, booking: UUID, channel: str, status: str, *, error: str | None = None
) -> None:
    await clinic.execute(
        "INSERT INTO notifications (id, event_id, audience, channel, kind, status, appointment_id,"
        " doctor_id, starts_at, sequence, attempts, error, created_at, sent_at, delivered_at,"
        " read_at) VALUES (:id, :event, :audience, :channel, 'confirmed', :status, :booking,"
        " :doctor, clock_timestamp(), 2, 2, :error, clock_timestamp() - interval '5 minutes',"
        " clock_timestamp(), clock_timestamp(), clock_timestamp())",
        id=uuid4(),
        event=uuid4(),
        audience="doctor" if channel == "inbox" else "patient",
        channel=channel,
        status=status,
        booking=booking,
        doctor=clinic.doctor_id,
        error=error,
    )


async def test_a_booking_reference_opens_the_story_of_its_booking(
    clinic: Clinic, ops: httpx.AsyncClient, patient: UUID
) -> None:
    booking = await clinic.hold(at("09:00"), patient_id=patient)
    await clinic.execute(BECOME.format(became="confirmed"), id=booking)
    await message(clinic, booking, "email", "failed", error="smtp_550")
    await message(clinic, booking, "sms", "delivered")
    await message(clinic, booking, "inbox", "sent")
    await clinic.execute(BECOME.format(became="cancelled"), id=booking)

    code = str(booking)[:8]
    answer = await ops.get("/ops/bookings", params={"q": f" {code.upper()} "})

    assert answer.status_code == 200
    assert answer.url.path == f"/ops/bookings/{booking}"
    page = answer.text
    told = ["The time was held.", "The appointment was confirmed.", "SMS to the patient: sent"]
    assert [page.index(each) for each in told] == sorted(page.index(each) for each in told)
    assert "not delivered (<code>smtp_550</code>), 2 attempts" in page
    assert "The appointment was cancelled." in page
    assert "The doctor has read the notice." in page
    assert "Temporal is not responding." in page
    assert "Kowalski" not in page
    assert "000-77-31" not in page
    assert (await ops.get("/ops/bookings", params={"q": str(booking)})).url == answer.url


async def test_a_name_or_a_telephone_lists_the_bookings_and_names_nobody(
    clinic: Clinic, ops: httpx.AsyncClient, patient: UUID
) -> None:
    both = [await clinic.hold(at(clock), patient_id=patient) for clock in ("09:00", "10:00")]
    await clinic.becomes(both[0], "cancelled")

    for sought in (f"kowalski zbigniew{patient.hex[:8]}", PHONE):
        answer = await ops.get("/ops/bookings", params={"q": sought})

        assert all(f"/ops/bookings/{each}" in answer.text for each in both)
        assert "Kowalski" not in answer.text
    none = await ops.get("/ops/bookings", params={"q": "Nobody Atall"})
    assert "No appointments found." in none.text


async def test_a_list_that_is_cut_says_so(
    clinic: Clinic, ops: httpx.AsyncClient, patient: UUID
) -> None:
    for nth in range(21):
        booking = await clinic.hold(at("09:00") + (nth % 4) * HALF_AN_HOUR, patient_id=patient)
        await clinic.becomes(booking, "cancelled")

    answer = await ops.get("/ops/bookings", params={"q": f"zbigniew{patient.hex[:8]}"})

    assert answer.text.count("/ops/bookings/") == 20
    assert "There are more matches." in answer.text


async def test_each_figure_leads_to_the_bookings_that_it_counts(
    clinic: Clinic, ops: httpx.AsyncClient
) -> None:
    late = await clinic.hold(at("09:00"), lasts=timedelta(minutes=-1))
    failed, delayed = await clinic.book(at("09:30")), await clinic.book(at("10:00"))
    await message(clinic, failed, "sms", "failed")
    await message(clinic, delayed, "sms", "sending")

    for trouble, booking in (("overdue", late), ("failed", failed), ("delayed", delayed)):
        page = (await ops.get("/ops/bookings", params={"trouble": trouble})).text
        assert f"/ops/bookings/{booking}" in page

    figures = (await ops.get("/ops")).text
    assert figures.count('<svg class="hourly"') == 4


async def test_a_hold_that_was_given_up_or_lapsed_has_its_own_end(
    clinic: Clinic, ops: httpx.AsyncClient
) -> None:
    lapsed = await clinic.hold(at("09:00"), lasts=timedelta(minutes=-1))
    released = await clinic.hold(at("09:30"))
    await clinic.execute(
        "UPDATE schedules SET status = 'cancelled', reason = 'patient_request',"
        " cancelled_at = clock_timestamp() WHERE id = :id",
        id=released,
    )

    assert "The time to confirm has passed." in (await ops.get(f"/ops/bookings/{lapsed}")).text
    page = (await ops.get(f"/ops/bookings/{released}")).text
    assert "The time was released without confirming. The patient asked for it." in page
