"""The demo's four stories: a visit booked, a slot taken, a hold that lapses, a visit cancelled."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from domain.events import booking_workflow_id, cancel_workflow_id
from stack.demo_clinic import (
    DemoClinic,
    DoctorDocument,
    NotAsPromisedError,
    SlotDocument,
    same_instant,
)
from stack.demo_page import Page, local_time
from stack.demo_tokens import DemoTokens
from stack.run_state import Patient

SPECIALTY, ZONE = "general-practice", "Europe/Moscow"


@dataclass(frozen=True, kw_only=True)
class Cast:
    """The cast: a doctor with an open day, three patients, two slots in the morning."""

    doctor: DoctorDocument
    booked_by: Patient
    late_by_a_second: Patient
    forgetful: Patient
    day: date
    slot: SlotDocument
    other_slot: SlotDocument


async def tell(clinic: DemoClinic, page: Page, tokens: DemoTokens) -> None:
    cast = await _introduce(clinic, page, tokens.patients())
    if tokens.are_needed:
        page.title("A patient signs in at the clinic's issuer")
        await clinic.sign_in(cast.booked_by)
    appointment_id = await _book(clinic, page, cast)
    await _collide(clinic, page, cast)
    await _lapse(clinic, page, cast)
    await _cancel(clinic, page, cast, appointment_id)


async def _introduce(clinic: DemoClinic, page: Page, patients: list[Patient]) -> Cast:
    page.title("The doctor")
    doctor = await clinic.doctor(SPECIALTY, ZONE)
    page.line(f"{doctor['name']} · {doctor['specialty']} · {doctor['clinicName']}")
    day = await clinic.open_day(doctor, slots=6)
    free = [slot for slot in await clinic.day(doctor, day) if slot["state"] == "free"]
    russian = [patient for patient in patients if patient["language"] == "ru"]
    english = [patient for patient in patients if patient["language"] == "en"]
    return Cast(
        doctor=doctor,
        booked_by=russian[0],
        late_by_a_second=english[0],
        forgetful=russian[1],
        day=day,
        slot=free[2],
        other_slot=free[4],
    )


async def _book(clinic: DemoClinic, page: Page, cast: Cast) -> str:
    page.title("1. A patient books and confirms")
    key = str(uuid4())
    held = await clinic.hold(cast.booked_by, cast.doctor, cast.slot, key=key)
    appointment_id = held["appointmentId"]
    clinic.show_run(booking_workflow_id(UUID(appointment_id)))
    await clinic.expect_state(cast.doctor, cast.slot, "held")
    again = await clinic.hold(cast.booked_by, cast.doctor, cast.slot, key=key)
    _promise(page, "the same Idempotency-Key is the same appointment", again == held)
    confirmed = await clinic.act(appointment_id, "confirm", 200)
    _promise(page, "confirmed; the messages follow on their own", confirmed == "confirmed")
    await clinic.expect_state(cast.doctor, cast.slot, "booked")
    await _show_messages(clinic, page, cast, appointment_id, number=1)
    return appointment_id


async def _collide(clinic: DemoClinic, page: Page, cast: Cast) -> None:
    page.title("2. Another patient wants the same slot")
    refused = await clinic.refused_hold(
        cast.late_by_a_second, cast.doctor, cast.slot, key=str(uuid4())
    )
    _promise(page, refused.detail, refused.code == "slot_taken")
    offered = [
        local_time(slot["dateTime"], cast.doctor["timeZone"]) for slot in refused.alternatives
    ]
    elsewhere = not any(same_instant(slot, cast.slot) for slot in refused.alternatives)
    _promise(page, f"offered instead: {', '.join(offered)}", bool(offered) and elsewhere)


async def _lapse(clinic: DemoClinic, page: Page, cast: Cast) -> None:
    page.title("3. A patient holds a slot and forgets to confirm")
    held = await clinic.hold(cast.forgetful, cast.doctor, cast.other_slot, key=str(uuid4()))
    appointment_id = held["appointmentId"]
    clinic.show_run(booking_workflow_id(UUID(appointment_id)))
    await clinic.day(cast.doctor, cast.day)
    deadline = datetime.fromisoformat(held["heldUntil"] or "")
    left = (deadline - datetime.now(UTC)).total_seconds()
    await page.countdown("the hold lapses in", max(left, 0) + 0.2)
    await clinic.expect_state(cast.doctor, cast.other_slot, "free")
    await clinic.until_status(appointment_id, "expired")
    code = await clinic.act(appointment_id, "confirm", 410)
    _promise(page, "too late to confirm, and the slot is free for others", code == "hold_expired")


async def _cancel(clinic: DemoClinic, page: Page, cast: Cast, appointment_id: str) -> None:
    page.title("4. The first patient cancels the visit")
    status = await clinic.act(appointment_id, "cancel", 200)
    _promise(page, "cancelled", status == "cancelled")
    clinic.show_run(cancel_workflow_id(UUID(appointment_id)))
    await clinic.expect_state(cast.doctor, cast.slot, "free")
    await _show_messages(clinic, page, cast, appointment_id, number=2)


async def _show_messages(
    clinic: DemoClinic, page: Page, cast: Cast, appointment_id: str, *, number: int
) -> None:
    """Show the messages of the visit. `number` counts its events so far."""
    patient = cast.booked_by
    mail = await clinic.message(patient["email"], "email", number=number)
    page.message(f"e-mail to {patient['email']}: {mail['subject']}", mail["text"])
    sms = await clinic.message(patient["phone"], "sms", number=number)
    page.message(f"SMS to {patient['phone']}", sms["text"])
    kind = await clinic.notice(cast.doctor, appointment_id, number=number)
    page.message("the doctor's notice", kind)


def _promise(page: Page, promise: str, kept: bool) -> None:  # noqa: FBT001 - reads as a sentence
    if not kept:
        raise NotAsPromisedError(promise)
    page.kept(promise)
