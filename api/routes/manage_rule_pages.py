"""The managers' page of a clinic's rules: what patients may do by themselves."""

from dataclasses import replace
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.postgres.clinic_rules import change_rules, find_rules
from adapters.postgres.database import Database
from adapters.postgres.directory import list_specialties
from adapters.postgres.reads import read, read_by_cursor
from api.dependencies import DatabaseDep
from api.http.actor import Caller, RulesChanger
from api.http.rule_schemas import RulesBody, SpecialtyRulesBody
from api.http.schemas import Id, Text
from api.page.forms import OwnForm, see, see_with
from api.page.rendering import page
from api.page.typed import NOTHING_SENT, Fields, NotTaken, Sent, Typed, body_of, taken
from api.page.visitor import Anybody, Visitor
from api.routes.manage_pages import WRONG, Note, managed
from domain.clinic_rules import ClinicRules, rules_document
from domain.errors import ClinicNotFound
from domain.permissions import Whose

NOTICES = ("PT1H", "PT2H", "PT4H", "PT12H", "P1D", "P2D", "P3D", "P7D")
HORIZONS = ("P7D", "P14D", "P30D", "P60D", "P90D", "P180D", "P365D")
ABSENCES = ("PT15M", "PT30M", "PT1H", "PT2H")
COUNTS = ("P30D", "P90D", "P180D", "P365D")
OFFERS = ("PT30M", "PT1H", "PT2H", "PT4H", "P1D")
MOVES = ("0", "1", "2", "3", "5", "10")
REMINDERS = ("P7D", "P3D", "P2D", "P1D", "PT4H", "PT2H")
"""What a clinic usually chooses from; what it has by the API is offered, too."""

NO_LIMIT = "none"
SPECIALTIES = 100

router = APIRouter(prefix="/manage/clinics", include_in_schema=False)


@router.get("/{clinic_id}/rules")
async def rules(  # noqa: PLR0913, PLR0917 - each is a part of the request
    clinic_id: Id,
    caller: RulesChanger,
    visitor: Anybody,
    database: DatabaseDep,
    note: Note = None,
    specialty: Annotated[Text, Query()] = "",
) -> Response:
    return await _rules(caller, visitor, database, clinic_id, note=note, specialty=specialty)


@router.post("/{clinic_id}/rules")
async def write(
    _: OwnForm,
    clinic_id: Id,
    caller: RulesChanger,
    visitor: Anybody,
    fields: Typed,
    database: DatabaseDep,
) -> Response:
    """All of them; they count at once, also for what is booked."""
    await managed(caller, database, clinic_id)
    actor = caller.check(Whose(clinic_id=clinic_id), hidden=ClinicNotFound)
    try:
        wish = body_of(RulesBody, fields, lists={"reminders"}, offers=_offers(fields))
    except NotTaken as wrong:
        sent = Sent(form="rules", fields=fields, faults=wrong.faults)
        return await _rules(caller, visitor, database, clinic_id, sent=sent)

    def of_all(kept: ClinicRules) -> ClinicRules:
        return replace(wish.rules(), specialties=kept.specialties)

    await change_rules(database, clinic_id, of_all, actor.ref)
    return see(f"/manage/clinics/{clinic_id}/rules?note=saved")


@router.post("/{clinic_id}/rules/specialty")
async def write_for_specialty(
    _: OwnForm,
    clinic_id: Id,
    caller: RulesChanger,
    visitor: Anybody,
    fields: Typed,
    database: DatabaseDep,
) -> Response:
    """What this specialty has in the place of the clinic's rules; nothing where all is blank."""
    await managed(caller, database, clinic_id)
    actor = caller.check(Whose(clinic_id=clinic_id), hidden=ClinicNotFound)
    specialty = next(iter(fields.get("specialty", ())), "")
    try:
        wish = taken(RulesBody, {"specialties": {specialty: _in_place(fields)}})
    except NotTaken as wrong:
        sent = Sent(form="specialty", fields=fields, faults=wrong.faults)
        return await _rules(caller, visitor, database, clinic_id, sent=sent, specialty=specialty)

    def of_one(kept: ClinicRules) -> ClinicRules:
        others = {name: own for name, own in kept.specialties.items() if name != specialty}
        return replace(kept, specialties=others | dict(wish.rules().specialties))

    await change_rules(database, clinic_id, of_one, actor.ref)
    path = f"/manage/clinics/{clinic_id}/rules"
    return see_with(path, note="saved", specialty=specialty)


def _in_place(fields: Fields) -> dict[str, str | None]:
    names = [each.alias or name for name, each in SpecialtyRulesBody.model_fields.items()]
    chosen = {name: next(iter(fields.get(name, ())), "") for name in names}
    return {name: None if each == NO_LIMIT else each for name, each in chosen.items() if each}


def _offers(fields: Fields) -> dict[str, str] | None:
    lasts = next(iter(fields.get("offers.lasts", ())), "")
    return {"lasts": lasts} if lasts else None


async def _rules(  # noqa: PLR0913 - who sees what of which clinic
    caller: Caller,
    visitor: Visitor,
    database: Database,
    clinic_id: UUID,
    *,
    note: str | None = None,
    sent: Sent = NOTHING_SENT,
    specialty: str = "",
) -> Response:
    clinic = await managed(caller, database, clinic_id)
    ask = partial(list_specialties, limit=SPECIALTIES, clinic_id=clinic_id)
    listed = [each.name for each in await read(database, ask)]
    kept = await read_by_cursor(database, partial(find_rules, clinic_id=clinic_id))
    return page(
        visitor,
        "manage_rules.html",
        status=WRONG if sent.faults else 200,
        here="manage",
        clinic=clinic,
        rules=rules_document(kept.rules),
        specialties=sorted({*listed, *kept.rules.specialties}),
        specialty=specialty,
        in_place=kept.rules.specialties.get(specialty, {}),
        choices={
            "notices": NOTICES,
            "horizons": HORIZONS,
            "absences": ABSENCES,
            "counts": COUNTS,
            "offers": OFFERS,
            "reminders": REMINDERS,
            "moves": MOVES,
        },
        note=note,
        sent=sent,
    )
