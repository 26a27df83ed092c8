"""May this patient hold this slot? The clinic's rules, in the order in which they refuse."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.booking import Appointment, Refusal, Status
from domain.clinic_rules import NO_RULES, ClinicRules, refuse_live_visits, refuse_time
from domain.errors import (
    AlreadyBooked,
    AlreadyCancelled,
    AlreadyHeld,
    Changed,
    DoctorNotFound,
    HoldExpired,
    NotASlot,
    NotConfirmed,
    PatientBusy,
    PatientNotFound,
    Refused,
    ServiceNotFound,
    SlotTaken,
    TooLate,
    TooManyHolds,
)
from domain.no_shows import missed, refuse_missed
from domain.slot import Interval, slot_at


@dataclass(frozen=True, kw_only=True)
class DoctorGrid:
    """The doctor as the booking rules see them: where, who, and on which grid."""

    doctor_id: UUID
    practitioner_id: UUID
    clinic_id: UUID
    slot_minutes: int
    zone: ZoneInfo


@dataclass(frozen=True, kw_only=True)
class LiveRow:
    """An unlapsed hold or a confirmed visit of the same patient or the same practitioner."""

    appointment_id: UUID
    patient_id: UUID
    doctor_id: UUID
    practitioner_id: UUID
    status: Status
    during: Interval
    held_until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Service:
    """What the doctor offers, or what a visit that moves was booked for."""

    minutes: int
    self_bookable: bool = True


LAPSES_BEFORE_A_PAUSE = 2
ENDINGS_BEFORE_A_PAUSE = 5
"""Who lets a slot lapse keeps it from others for a whole hold; who gives it back does not."""


@dataclass(frozen=True, kw_only=True)
class LetGo:
    """Holds of the very slot wished for, by the same patient or subject, that came to nothing."""

    times: int = 0
    lapses: int = 0
    last: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the database knows about one wish, at one instant of its clock (`now`).

    `rows` are the live rows around that instant, without the appointment's own. `first_lapse` is
    when the first of the patient's live holds lapses. `live_visits` are the patient's holds and
    visits ahead at this clinic, counted where its `rules` limit them; `missed` are the beginnings
    of those that the patient did not come to, likewise. `subject_holds` are those that whoever
    books has, for whichever patient.
    """

    now: datetime
    desk: DoctorGrid | None
    patient_exists: bool
    shifts: list[Interval]
    rows: list[LiveRow]
    live_holds: int
    first_lapse: datetime | None
    service: Service | None = None
    rules: ClinicRules = NO_RULES
    live_visits: int = 0
    missed: tuple[datetime, ...] = ()
    subject_holds: int = 0
    subject_first_lapse: datetime | None = None
    let_go: LetGo = LetGo()


@dataclass(frozen=True, kw_only=True)
class SlotWish:
    """Who wants to see whom, and when.

    Whoever `passes_rules` is not bound by those of the clinic. A visit that moves is one of its
    clinic's already: `stands_at` names it.

    `holder` is who books as a patient, for himself or for another; of staff there is none.
    """

    patient_id: UUID
    doctor_id: UUID
    starts_at: datetime
    max_holds: int
    service_id: UUID | None = None
    passes_rules: bool = False
    stands_at: UUID | None = None
    overbook: bool = False
    """On top of others, on purpose."""
    hold_seconds: int = 600
    holder: UUID | None = None
    by_staff: bool = False


def check_rules(wish: SlotWish, facts: Facts) -> tuple[DoctorGrid, Interval]:
    """The desk and the slot to hold; raises the first refusal that applies."""
    desk, slot = _slot_of(wish, facts)
    _refuse_own_slot(wish, facts, slot)
    _refuse_too_many_holds(wish, facts)
    _refuse_by_rules(wish, facts, desk)
    _refuse_let_go(wish, facts)
    _refuse_overlaps(wish, facts, desk, slot)
    return desk, slot


def check_target(wish: SlotWish, facts: Facts) -> tuple[DoctorGrid, Interval]:
    """The same for a visit that moves: it is no hold, and its own time is not in its way."""
    desk, slot = _slot_of(wish, facts)
    _refuse_by_rules(wish, facts, desk)
    _refuse_overlaps(wish, facts, desk, slot)
    return desk, slot


def refuse_unmovable(visit: Appointment, *, version: int, has_begun: bool) -> None:
    """Only a visit that stands, is as it was seen and has not begun can be moved."""
    if visit.status is Status.CANCELLED:
        raise AlreadyCancelled
    if visit.status is not Status.CONFIRMED:
        raise NotConfirmed
    if visit.version != version:
        raise Changed
    if has_begun:
        raise TooLate


def refuse_ended(appointment: Appointment) -> None:
    """A hold that is over cannot go on."""
    if appointment.status is Status.EXPIRED:
        raise HoldExpired
    if appointment.status is Status.CANCELLED:
        raise AlreadyCancelled


def _slot_of(wish: SlotWish, facts: Facts) -> tuple[DoctorGrid, Interval]:
    if facts.desk is None:
        raise DoctorNotFound
    if not facts.patient_exists:
        raise PatientNotFound
    if wish.service_id is not None and facts.service is None:
        raise ServiceNotFound
    minutes = None if facts.service is None else facts.service.minutes
    desk = facts.desk
    slot = slot_at(wish.starts_at, facts.shifts, desk.slot_minutes, desk.zone, minutes=minutes)
    if slot is None or slot.starts_at <= facts.now:
        raise NotASlot
    return desk, slot


def _refuse_own_slot(wish: SlotWish, facts: Facts, slot: Interval) -> None:
    for row in facts.rows:
        if (row.patient_id, row.doctor_id, row.during) == (wish.patient_id, wish.doctor_id, slot):
            kind: type[Refused] = AlreadyHeld if row.status is Status.HELD else AlreadyBooked
            raise kind(_names(kind, row))


def _refuse_too_many_holds(wish: SlotWish, facts: Facts) -> None:
    if facts.live_holds >= wish.max_holds and facts.first_lapse is not None:
        raise _too_many_holds(facts.first_lapse - facts.now)
    if facts.subject_holds >= wish.max_holds and facts.subject_first_lapse is not None:
        raise _too_many_holds(facts.subject_first_lapse - facts.now)


def _refuse_let_go(wish: SlotWish, facts: Facts) -> None:
    """Who lets one slot go again and again leaves it to others for as long as a hold lasts."""
    before = facts.let_go
    is_often = before.lapses >= LAPSES_BEFORE_A_PAUSE or before.times >= ENDINGS_BEFORE_A_PAUSE
    if wish.by_staff or not is_often or before.last is None:
        return
    again = before.last + timedelta(seconds=wish.hold_seconds)
    if facts.now < again:
        raise _too_many_holds(again - facts.now)


def _too_many_holds(wait: timedelta) -> TooManyHolds:
    seconds = max(1, int(wait.total_seconds()) + 1)
    return TooManyHolds(Refusal(code=TooManyHolds.code, retry_after_seconds=seconds))


def _refuse_by_rules(wish: SlotWish, facts: Facts, desk: DoctorGrid) -> None:
    if wish.passes_rules:
        return
    refuse_time(facts.rules, wish.starts_at, now=facts.now, zone=desk.zone)
    if wish.stands_at != desk.clinic_id:
        refuse_live_visits(facts.rules, facts.live_visits)
        refuse_missed(missed(facts.rules, facts.missed, now=facts.now, zone=desk.zone))


def _refuse_overlaps(wish: SlotWish, facts: Facts, desk: DoctorGrid, slot: Interval) -> None:
    overlapping = [row for row in facts.rows if row.during.overlaps(slot)]
    for row in overlapping:
        if row.patient_id == wish.patient_id:
            raise PatientBusy(_names(PatientBusy, row))
    if wish.overbook:
        return
    if any(row.practitioner_id == desk.practitioner_id for row in overlapping):
        raise SlotTaken


def _names(kind: type[Refused], row: LiveRow) -> Refusal:
    held_until = row.held_until if row.status is Status.HELD else None
    return Refusal(code=kind.code, appointment_id=row.appointment_id, held_until=held_until)
