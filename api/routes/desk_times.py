"""The reception's search for a time: any doctor of a specialty, on a weekday, at any clinic."""

from dataclasses import dataclass
from datetime import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.postgres.database import Connection
from adapters.postgres.directory import Clinic, Specialty
from adapters.postgres.patients import patient_if_any
from adapters.postgres.reads import read
from adapters.postgres.slot_search import Wish
from api.dependencies import DatabaseDep
from api.http.actor import DeskCaller, forbidden
from api.http.cursors import Cursor, cursor_of, place_of
from api.http.looks import note_people_on_page
from api.http.schemas import Id, Text, parse_uuid
from api.page.choices import clinics_from, specialties_from
from api.page.directory import Times, free_times
from api.page.rendering import page
from api.page.visitor import Anybody
from domain.patients import Patient
from domain.search import TimesWished

Part = Literal["", "morning", "afternoon", "evening"]
PARTS: dict[Part, tuple[time, time]] = {
    "": (time.min, time.max),
    "morning": (time.min, time(11, 59)),
    "afternoon": (time(12), time(16, 59)),
    "evening": (time(17), time.max),
}
"""The first and the last minute at which an appointment may begin."""

LISTED = 100
"""Specialties, and clinics; where there are more, each list leads on."""

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What there is to choose from, and the times that fit; null before anything was asked."""

    specialties: list[Specialty]
    more_specialties: str | None
    clinics: list[Clinic]
    more_clinics: str | None
    patient: Patient | None
    times: Times | None


@router.get("/reception/times")
async def find_time(  # noqa: PLR0913 - each is a part of the wish
    *,
    caller: DeskCaller,
    visitor: Anybody,
    database: DatabaseDep,
    specialty: Annotated[Text | Literal[""], Query()] = "",
    clinic: Annotated[Id | Literal[""], Query()] = "",
    weekday: Annotated[Literal["", "1", "2", "3", "4", "5", "6", "7"], Query()] = "",
    part: Annotated[Part, Query()] = "",
    patient: Id | None = None,
    asked: Literal["", "1"] = "",
    cursor: Cursor = None,
    clinics: Cursor = None,
    specialties: Cursor = None,
) -> Response:
    """Soonest first; a field that is left empty is one that does not matter."""
    own = None if caller.sees.everything else caller.sees.clinic_ids
    clinic_id = parse_uuid(clinic) if clinic else None
    if own is not None and clinic_id is not None and clinic_id not in own:
        raise forbidden()
    earliest, latest = PARTS[part]
    days = frozenset({int(weekday)} if weekday else range(1, 8))
    wish = Wish(
        times=TimesWished(weekdays=days, earliest=earliest, latest=latest),
        specialty=specialty or None,
        clinic_id=clinic_id,
        clinic_ids=own,
    )
    of = f"times of the desk {specialty} {clinic} {weekday} {part}"
    after = place_of(cursor, of=of)

    async def ask(connection: Connection) -> Found:
        whom = None if patient is None else await patient_if_any(connection, patient)
        if whom is not None:
            await note_people_on_page(connection, caller.actor, "read", [whom.patient_id])
        kinds, more_kinds = await specialties_from(connection, specialties, most=LISTED)
        places, more_places = await clinics_from(
            connection, clinics, most=LISTED, ids=own, chosen=clinic_id
        )
        return Found(
            specialties=kinds,
            more_specialties=more_kinds,
            clinics=places,
            more_clinics=more_places,
            patient=whom,
            times=await free_times(connection, wish, after) if asked else None,
        )

    found = await read(database, ask, caller.sees_patients)
    following = found.times.following if found.times else None
    return page(
        visitor,
        "reception_times.html",
        here="reception",
        found=found,
        chosen={"specialty": specialty, "clinic": clinic_id, "weekday": weekday, "part": part},
        following=None if following is None else cursor_of(following, of=of),
    )
