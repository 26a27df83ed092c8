"""Rows of an import: some hundred at a time, decided against what is there and written at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from uuid import UUID, uuid5

from psycopg.sql import SQL

from adapters.messages.phones import country_of
from adapters.postgres.direct import Cursor
from adapters.postgres.import_digests import (
    digest_of,
    digest_of_visit,
    says_nothing_new,
    says_the_same_of_the_visit,
)
from adapters.postgres.import_people import Person, person_of
from adapters.postgres.import_taken import Overlay, Taken, places_of
from adapters.postgres.import_writes import Planned, write_visits
from adapters.postgres.imports import Report, Staged
from adapters.postgres.rows import Row
from domain.imports import Opening, Visit, Wrong
from domain.imports import Row as FileRow
from domain.slot import Interval
from domain.spans import without

IMPORTED = UUID("0b5c6c3e-5d0f-5b0a-8d55-6d2f0c1a7e42")
"""Namespace of the ids of imported appointments (uuid5 of clinic and external id)."""

DOCTORS = SQL("""
SELECT id, practitioner_id, full_name FROM doctors WHERE clinic_id = %(clinic_id)s
""")

KNOWN = SQL("""
SELECT i.appointment_id, i.digest, i.visit_digest, i.stamp, s.status, s.version, s.patient_id
FROM imported i JOIN schedules s ON s.id = i.appointment_id
WHERE i.appointment_id = ANY(CAST(%(ids)s AS uuid[]))
""")

# A look at each span alone: a file in no order reaches over years, and so would its rows. With
# OFFSET 0 the planner may not join the spans to all that their people ever had.
SPANS = """unnest(
    CAST(%(whose)s AS uuid[]), CAST(%(starts)s AS timestamptz[]), CAST(%(ends)s AS timestamptz[])
) AS w (whose, starts_at, ends_at)"""

ON_DUTY = SQL(f"""
SELECT DISTINCT s.doctor_id, lower(s.during) AS starts_at, upper(s.during) AS ends_at
FROM {SPANS} CROSS JOIN LATERAL (
    SELECT doctor_id, during FROM shifts
    WHERE doctor_id = w.whose AND during && tstzrange(w.starts_at, w.ends_at) OFFSET 0
) s
""")  # noqa: S608 - our own words, as below

OF_DOCTORS = SQL(f"""
SELECT s.* FROM {SPANS} CROSS JOIN LATERAL (
    SELECT id, practitioner_id, patient_id, starts_at, ends_at FROM schedules
    WHERE practitioner_id = w.whose AND occupies && tstzrange(w.starts_at, w.ends_at) OFFSET 0
) s
""")  # noqa: S608

OF_PATIENTS = SQL(f"""
SELECT s.* FROM {SPANS} CROSS JOIN LATERAL (
    SELECT id, practitioner_id, patient_id, starts_at, ends_at FROM schedules
    WHERE patient_id = w.whose AND occupies && tstzrange(w.starts_at, w.ends_at) OFFSET 0
) s
""")  # noqa: S608

OCCUPIES = ("confirmed", "arrived")

Hours = tuple[UUID, Interval]
"""Somebody's time."""


class Batch:
    """Some rows of one file: decided, and then written in the same transaction."""

    def __init__(self, cursor: Cursor, file: Staged, overlay: Overlay | None = None) -> None:
        self._cursor, self._file = cursor, file
        self._is_dry = overlay is not None
        self._overlay = overlay or Overlay()
        self._country = country_of([file.clinic_phone])
        self._report = Report()
        self._planned: list[Planned] = []
        self._shifts: list[tuple[UUID, Interval, str]] = []

    async def decide(self, rows: Sequence[FileRow]) -> Report:
        """What becomes of them. Nothing is written yet."""
        self._report.rows = len(rows)
        named, known = await self._doctors_and_known(rows)
        visits: list[tuple[Visit, Row, Person]] = []
        openings: list[tuple[Opening, Row]] = []
        for row in rows:
            try:
                if isinstance(row, Wrong):
                    raise ValueError(row.reason)  # noqa: TRY004, TRY301 - as the others are told
                doctor = _doctor(named, row.doctor)
                if isinstance(row, Visit):
                    visits.append((row, doctor, person_of(row, self._country)))
                else:
                    openings.append((row, doctor))
            except ValueError as error:
                self._refuse(row.line, str(error))
        if visits or openings:
            await self._plan(visits, openings, known)
        return self._report

    async def write(self) -> None:
        """What was decided, where anything was."""
        await write_visits(self._cursor, self._file, self._planned, self._shifts)

    async def _plan(
        self,
        visits: Sequence[tuple[Visit, Row, Person]],
        openings: Sequence[tuple[Opening, Row]],
        known: Mapping[UUID, Row],
    ) -> None:
        told: list[tuple[Visit, Row, Person, Row | None]] = []
        for visit, doctor, person in visits:
            before = known.get(self._id(visit))
            if before and (says_nothing_new(visit, doctor, before) or _is_older(visit, before)):
                self._report.same += 1
            else:
                told.append((visit, doctor, person, before))
        asked = {(person, _whose(before)) for _, _, person, before in told}
        await self._overlay.people.look_for(self._cursor, asked)
        planned = [self._as_told(*each) for each in told]
        await self._place([each for each in planned if not each.stays], openings)
        self._planned += [each for each in planned if each.stays]

    def _as_told(self, visit: Visit, doctor: Row, person: Person, before: Row | None) -> Planned:
        patient, has_filled = self._overlay.people.meet(person, _whose(before))
        digest = digest_of(visit)
        stays = before is not None and says_the_same_of_the_visit(visit, doctor, before)
        self._report.changed += stays and has_filled
        self._report.same += stays and not has_filled
        return Planned(
            appointment_id=self._id(visit),
            visit=visit,
            patient=patient,
            doctor_id=doctor["id"],
            practitioner_id=doctor["practitioner_id"],
            before=before["status"] if before else None,
            digest=digest,
            visit_digest=digest_of_visit(digest, visit, doctor),
            stays=stays,
        )

    async def _place(
        self, wanted: Sequence[Planned], openings: Sequence[tuple[Opening, Row]]
    ) -> None:
        hours = [(each.doctor_id, each.span) for each in wanted]
        hours += [(doctor["id"], _span(opening)) for opening, doctor in openings]
        if not hours:
            return
        on_duty, taken = await self._on_duty_and_taken(hours, wanted)
        for opening, doctor in openings:
            free = without([_span(opening)], on_duty[doctor["id"]]) if opening.is_free else []
            self._shifts += [(doctor["id"], part, "open") for part in free]
            on_duty[doctor["id"]] += free
            self._report.created += bool(free)
            self._report.same += not free
        for each in wanted:
            if each.before is not None and each.visit.status == "confirmed" != each.before:
                self._refuse(each.visit.line, f"status: the appointment is {each.before} here")
                continue
            decided = self._placed(each, taken)
            if decided is None:
                continue
            if decided.visit.status in OCCUPIES:
                outside = without([each.span], on_duty[each.doctor_id])
                self._shifts += [(each.doctor_id, part, "closing") for part in outside]
                on_duty[each.doctor_id] += outside
            self._planned.append(decided)
            self._report.created += each.before is None
            self._report.changed += each.before is not None
        self._remember()

    def _placed(self, each: Planned, taken: Taken) -> Planned | None:
        """Marked where the doctor has another then; null where the patient has."""
        if each.visit.status not in OCCUPIES:
            taken.drop(each.appointment_id)
            return each
        if taken.meets(each.patient.id, each.span, but=each.appointment_id):
            self._refuse(each.visit.line, "the patient has another appointment then")
            return None
        taken.drop(each.appointment_id)
        if taken.meets(each.practitioner_id, each.span):
            each = replace(each, overbook=True)
            self._report.overlaps.append(
                {"line": each.visit.line, "appointmentId": str(each.appointment_id)}
            )
        taken.add(each.appointment_id, (each.practitioner_id, each.patient.id), each.span)
        return each

    def _remember(self) -> None:
        for each in self._planned:
            self._overlay.decided.add(each.appointment_id)
        for doctor_id, span, _ in self._shifts:
            self._overlay.shifts.add(doctor_id, span)

    async def _doctors_and_known(
        self, rows: Sequence[FileRow]
    ) -> tuple[Mapping[str, list[Row]], Mapping[UUID, Row]]:
        """Doctors of the clinic by id and by name; appointments that were imported before."""
        ids = [self._id(row) for row in rows if isinstance(row, Visit)]
        doctors, known = await self._cursor.all_of(
            (DOCTORS, {"clinic_id": self._file.clinic_id}), (KNOWN, {"ids": ids})
        )
        return _by_name(doctors), {row["appointment_id"]: row for row in known}

    async def _on_duty_and_taken(
        self, hours: Sequence[Hours], wanted: Sequence[Planned]
    ) -> tuple[dict[UUID, list[Interval]], Taken]:
        of_doctors = [(each.practitioner_id, each.span) for each in wanted]
        of_patients = [(each.patient.id, each.span) for each in wanted]
        shifts, *visits = await self._cursor.all_of(
            (ON_DUTY, _looked_at(hours)),
            (OF_DOCTORS, _looked_at(of_doctors)),
            (OF_PATIENTS, _looked_at(of_patients)),
        )
        taken = self._overlay.taken
        for row in chain.from_iterable(visits):
            if row["id"] not in self._overlay.decided:
                taken.add(row["id"], (row["practitioner_id"], row["patient_id"]), _of(row))
        on_duty: dict[UUID, list[Interval]] = defaultdict(list)
        for row in shifts:
            on_duty[row["doctor_id"]].append(_of(row))
        if self._is_dry:
            for place in {place for each in hours for place in places_of(*each)}:
                on_duty[place[0]] += self._overlay.shifts.at(place)
        return on_duty, taken

    def _id(self, visit: Visit) -> UUID:
        return uuid5(IMPORTED, f"{self._file.clinic_id}/{visit.external_id}")

    def _refuse(self, line: int, reason: str) -> None:
        self._report.refused.append({"line": line, "reason": reason})


def _by_name(doctors: Sequence[Row]) -> Mapping[str, list[Row]]:
    named: dict[str, list[Row]] = defaultdict(list)
    for doctor in doctors:
        named[str(doctor["id"])].append(doctor)
        named[_folded(doctor["full_name"])].append(doctor)
    return named


def _doctor(named: Mapping[str, list[Row]], who: str) -> Row:
    match named.get(_folded(who), []):
        case [doctor]:
            return doctor
        case []:
            raise ValueError("doctor: is neither the id nor the full name of one of the clinic")
        case _:
            raise ValueError("doctor: several of the clinic have this name; give the id")


def _folded(name: str) -> str:
    return " ".join(name.lower().split())


def _whose(before: Row | None) -> UUID | None:
    return before["patient_id"] if before else None


def _is_older(visit: Visit, before: Row) -> bool:
    known: datetime | None = before["stamp"]
    return known is not None and visit.stamp is not None and visit.stamp < known


def _of(row: Row) -> Interval:
    return Interval(starts_at=row["starts_at"], ends_at=row["ends_at"])


def _span(opening: Opening) -> Interval:
    return Interval(starts_at=opening.starts_at, ends_at=opening.ends_at)


def _looked_at(spans: Sequence[Hours]) -> dict[str, object]:
    return {
        "whose": [who for who, _ in spans],
        "starts": [span.starts_at for _, span in spans],
        "ends": [span.ends_at for _, span in spans],
    }
