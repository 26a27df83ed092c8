"""Clinics and specialties to choose from: a list that is cut leads on."""

from collections.abc import Collection
from uuid import UUID

from fastapi import Request

from adapters.postgres.database import Connection
from adapters.postgres.directory import (
    Clinic,
    Specialty,
    clinic_of,
    list_clinics,
    list_specialties,
)
from api.http.name_cursors import cursor_after, place_after
from api.http.schemas import parse_uuid
from domain.permissions import Visible

CLINIC_COOKIE = "clinic"
"""Where this desk stands: the clinic that was chosen last."""
OF_A_DESK = 40
"""Clinics in the list to choose from."""

CLINICS, SPECIALTIES = "clinics to choose from", "specialties to choose from"


async def clinics_from(
    connection: Connection,
    cursor: str | None,
    *,
    most: int,
    ids: Collection[UUID] | None = None,
    chosen: UUID | None = None,
) -> tuple[list[Clinic], str | None]:
    """Those of a page, and where the list goes on; the chosen one is always among them."""
    place = place_after(cursor, of=CLINICS)
    listed = await list_clinics(connection, limit=most + 1, after=place, ids=ids)
    named, further = listed[:most], None
    if len(listed) > most:
        further = cursor_after(named[-1].name, named[-1].clinic_id, of=CLINICS)
    if chosen is not None and chosen not in {each.clinic_id for each in named}:
        found = await clinic_of(connection, chosen)
        named = [*([found] if found else []), *named]
    return named, further


async def clinic_of_desk(
    connection: Connection, cursor: str | None, *, sees: Visible, chosen: UUID | None
) -> tuple[list[Clinic], str | None, Clinic | None]:
    """Those to choose from, where the list goes on, and the one whose desk this is."""
    own = None if sees.everything else sees.clinic_ids
    asked = chosen if own is None or chosen in own else None
    clinics, more = await clinics_from(connection, cursor, most=OF_A_DESK, ids=own, chosen=asked)
    asked_for = (each for each in clinics if each.clinic_id == asked)
    return clinics, more, next(asked_for, None) or next(iter(clinics), None)


def remembered_clinic(request: Request) -> UUID | None:
    try:
        return parse_uuid(request.cookies.get(CLINIC_COOKIE))
    except ValueError:
        return None


async def specialties_from(
    connection: Connection, cursor: str | None, *, most: int, clinic_id: UUID | None = None
) -> tuple[list[Specialty], str | None]:
    """Those of a page, and where the list goes on."""
    place = place_after(cursor, of=SPECIALTIES)
    after = None if place is None else place.name
    listed = await list_specialties(connection, limit=most + 1, after=after, clinic_id=clinic_id)
    named = listed[:most]
    is_cut = len(listed) > most
    return named, cursor_after(named[-1].name, of=SPECIALTIES) if is_cut else None
