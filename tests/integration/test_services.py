"""A day and a hold of a service: where all of it fits, and the minutes that a visit keeps."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from adapters.postgres.booking_facts import load_facts_besides
from adapters.postgres.direct import cursor
from adapters.postgres.take import hold_slot
from adapters.postgres.transactions import TransactionLimit
from api.booking.idempotency import appointment_id_of
from domain.actors import Actor, Role
from domain.errors import NotASlot, SlotTaken
from domain.rules import SlotWish, check_target
from tests.builders import a_request
from tests.clinic_rows import DAY, Clinic, at
from tests.fakes.issuer import FakeIssuer
from tests.integration.test_setup import Desk


@pytest.fixture
async def desk(signed_in_api: str, issuer: FakeIssuer, clinic: Clinic) -> AsyncIterator[Desk]:
    async with httpx.AsyncClient(base_url=signed_in_api, timeout=20) as http:
        yield Desk(http, issuer, clinic, f"manager-{uuid4()}")


async def test_a_day_shows_where_the_whole_service_fits(desk: Desk) -> None:
    long = await desk.offered(60)
    await desk.clinic.book(at("10:00"))

    assert await desk.starts(long) == [
        ("06:00", "free"),
        ("06:30", "booked"),
        ("07:00", "booked"),
    ]  # 09:00 to 11:00 in Moscow; at 10:30 an hour no longer fits


async def test_a_short_service_begins_on_the_same_grid(desk: Desk) -> None:
    short = await desk.offered(10)

    assert [start for start, _ in await desk.starts(short)] == ["06:00", "06:30", "07:00", "07:30"]


async def test_a_service_that_the_doctor_does_not_offer_has_no_day(desk: Desk) -> None:
    made = await desk.service()
    path = f"/doctors/{desk.clinic.doctor_id}/schedule"

    answer = await desk.http.get(path, params={"date": str(DAY), "serviceId": made["serviceId"]})

    assert (answer.status_code, answer.json()["code"]) == (404, "service_not_found")


async def test_a_hold_for_a_service_lasts_as_long_as_the_service(desk: Desk) -> None:
    service, clinic = await desk.offered(60), desk.clinic
    request = a_request(
        appointment_id=uuid4(),
        patient_id=await clinic.patient(),
        doctor_id=clinic.doctor_id,
        clinic_id=clinic.id,
        starts_at=at("09:30"),
        service_id=service,
    )

    held = (await hold_slot(clinic.database, TransactionLimit(1), request)).appointment

    assert (held.ends_at, held.service_id) == (at("10:30"), service)
    assert await desk.starts(service) == [("06:00", "held"), ("06:30", "held"), ("07:00", "held")]


async def test_a_visit_keeps_its_minutes_when_the_service_changes_and_when_it_moves(
    desk: Desk,
) -> None:
    service, clinic = await desk.offered(60), desk.clinic
    visit = await clinic.book(at("09:00"))
    await clinic.execute(
        "UPDATE schedules SET service_id = :service, ends_at = :end WHERE id = :id",
        service=service,
        end=at("10:00"),
        id=visit,
    )
    await desk.send("PATCH", f"/services/{service}", {"minutes": 30, "version": 1}, 200)
    async with clinic.database.connect() as connection:
        row = await connection.execute(
            text("SELECT patient_id, ends_at FROM schedules WHERE id = :id"), {"id": visit}
        )
        patient, ends_at = row.one()
    to_ten = SlotWish(
        patient_id=patient, doctor_id=clinic.doctor_id, starts_at=at("10:00"), max_holds=0
    )

    async with cursor(clinic.database) as connection:
        facts = await load_facts_besides(connection, to_ten, appointment_id=visit)

    assert ends_at == at("10:00")
    assert check_target(to_ten, facts)[1].ends_at == at("11:00")


@pytest.mark.parametrize(
    ("starts_at", "refusal"), [("10:30", NotASlot), ("09:45", NotASlot), ("09:30", SlotTaken)]
)
async def test_a_service_is_held_only_where_all_of_it_fits(
    desk: Desk, starts_at: str, refusal: type[Exception]
) -> None:
    service, clinic = await desk.offered(60), desk.clinic
    await clinic.book(at("10:00"))
    request = a_request(
        appointment_id=uuid4(),
        patient_id=await clinic.patient(),
        doctor_id=clinic.doctor_id,
        clinic_id=clinic.id,
        starts_at=at(starts_at),
        service_id=service,
    )

    with pytest.raises(refusal):
        await hold_slot(clinic.database, TransactionLimit(1), request)


async def test_a_hold_names_a_service_of_the_doctor(desk: Desk) -> None:
    wish = {
        "patientId": str(await desk.clinic.patient()),
        "doctorId": str(desk.clinic.doctor_id),
        "dateTime": at("09:00").isoformat(),
        "serviceId": str(uuid4()),
    }

    answer = await desk.http.post("/appointments", json=wish, headers=desk.manager)

    assert (answer.status_code, answer.json()["code"]) == (404, "service_not_found")


async def test_a_patient_does_not_book_what_the_clinic_books(desk: Desk) -> None:
    service = await desk.offered(30, selfBookable=False)
    patient = str(await desk.clinic.patient())
    wish = {
        "patientId": patient,
        "doctorId": str(desk.clinic.doctor_id),
        "dateTime": at("09:00").isoformat(),
        "serviceId": str(service),
    }

    caller = desk.as_("patient", patient_id=patient)
    answer = await desk.http.post("/appointments", json=wish, headers=caller)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_who_is_refused_a_service_is_offered_where_all_of_it_fits(desk: Desk) -> None:
    service, clinic = await desk.offered(60), desk.clinic
    await clinic.book(at("10:00"))
    colleague = await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=colleague)
    another = (await desk.service(name="Another"))["serviceId"]
    offers = {"serviceIds": [another], "version": 1}
    await desk.send("PATCH", f"/doctors/{colleague}", offers, 200)
    wish = {
        "patientId": str(await clinic.patient()),
        "doctorId": str(clinic.doctor_id),
        "dateTime": at("09:30").isoformat(),
        "serviceId": str(service),
    }

    answer = await desk.http.post("/appointments", json=wish, headers=desk.manager)

    assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")
    [offered] = answer.json()["alternatives"]
    assert offered["doctorId"] == str(clinic.doctor_id), "the colleague offers another service"
    assert (offered["dateTime"][11:16], offered["endsAt"][11:16]) == ("06:00", "07:00")


async def test_a_visit_keeps_its_minutes_though_the_doctors_slots_have_changed(desk: Desk) -> None:
    clinic = desk.clinic
    visit = await clinic.book(at("09:00"))
    await clinic.execute("UPDATE doctors SET slot_minutes = 20 WHERE id = :id", id=clinic.doctor_id)
    wish = SlotWish(
        patient_id=await clinic.patient(),
        doctor_id=clinic.doctor_id,
        starts_at=at("10:00"),
        max_holds=0,
    )

    async with cursor(clinic.database) as connection:
        facts = await load_facts_besides(connection, wish, appointment_id=visit)

    assert check_target(wish, facts)[1].ends_at == at("10:30")


async def test_a_day_for_a_service_of_an_unknown_doctor_misses_the_doctor(desk: Desk) -> None:
    asked = {"date": str(DAY), "serviceId": str(uuid4())}

    answer = await desk.http.get(f"/doctors/{uuid4()}/schedule", params=asked)

    assert answer.json()["code"] == "doctor_not_found"


async def test_a_hold_is_told_again_though_only_the_clinic_books_its_service_now(
    desk: Desk,
) -> None:
    service, clinic = await desk.offered(30), desk.clinic
    patient = await clinic.patient()
    caller = Actor(subject=desk.subject, roles=frozenset({Role.PATIENT}), patient_id=patient)
    wish = {
        "patientId": str(patient),
        "doctorId": str(clinic.doctor_id),
        "dateTime": at("09:00").isoformat(),
        "serviceId": str(service),
    }
    request = a_request(
        appointment_id=appointment_id_of(b"x" * 32, patient, "a-key", sent_by=caller),
        patient_id=patient,
        doctor_id=clinic.doctor_id,
        clinic_id=clinic.id,
        starts_at=at("09:00"),
        service_id=service,
    )
    await hold_slot(clinic.database, TransactionLimit(1), request)
    await desk.send("PATCH", f"/services/{service}", {"selfBookable": False, "version": 1}, 200)
    as_patient = desk.as_("patient", patient_id=str(patient)) | {"idempotency-key": "a-key"}

    again = await desk.http.post("/appointments", json=wish, headers=as_patient)

    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")


async def test_a_doctor_stays_at_the_clinic_that_a_change_names(desk: Desk) -> None:
    path = f"/doctors/{desk.clinic.doctor_id}"
    same = {"clinicId": str(desk.clinic.id), "slotMinutes": 20, "version": 1}

    changed = await desk.send("PATCH", path, same, 200)
    elsewhere = await desk.send("PATCH", path, {"clinicId": str(uuid4()), "version": 2}, 422)
    another = await desk.send("PATCH", path, {"practitionerId": str(uuid4()), "version": 2}, 422)

    assert changed["slotMinutes"] == 20
    assert [each["errors"][0]["field"] for each in (elsewhere, another)] == [
        "clinicId",
        "practitionerId",
    ]
