"""The managers' page of a clinic's rules: what patients may do by themselves."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from adapters.postgres.clinic_rules import find_rules, write_rules
from adapters.postgres.database import Database
from adapters.postgres.reads import read_by_cursor
from api.dependencies import DatabaseDep
from api.http.actor import Caller, RulesChanger
from api.http.rule_schemas import RulesBody
from api.http.schemas import Id
from api.page.forms import OwnForm, see
from api.page.rendering import page
from api.page.typed import NOTHING_SENT, Fields, NotTaken, Sent, Typed, body_of
from api.page.visitor import Anybody, Visitor
from api.routes.manage_pages import WRONG, Note, managed
from domain.clinic_rules import rules_document
from domain.errors import ClinicNotFound
from domain.permissions import Whose

NOTICES = ("PT1H", "PT2H", "PT4H", "PT12H", "P1D", "P2D", "P3D", "P7D")
HORIZONS = ("P7D", "P14D", "P30D", "P60D", "P90D", "P180D", "P365D")
ABSENCES = ("PT15M", "PT30M", "PT1H", "PT2H")
COUNTS = ("P30D", "P90D", "P180D", "P365D")
OFFERS = ("PT30M", "PT1H", "PT2H", "PT4H", "P1D")
REMINDERS = ("P7D", "P3D", "P2D", "P1D", "PT4H", "PT2H")
"""What a clinic usually chooses from; what it has by the API is offered, too."""

router = APIRouter(prefix="/manage/clinics", include_in_schema=False)


@router.get("/{clinic_id}/rules")
async def rules(
    clinic_id: Id,
    caller: RulesChanger,
    visitor: Anybody,
    database: DatabaseDep,
    note: Note = None,
) -> Response:
    return await _rules(caller, visitor, database, clinic_id, note=note)


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
    await write_rules(database, clinic_id, wish.rules(), actor.ref)
    return see(f"/manage/clinics/{clinic_id}/rules?note=saved")


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
) -> Response:
    clinic = await managed(caller, database, clinic_id)
    kept = await read_by_cursor(database, partial(find_rules, clinic_id=clinic_id))
    return page(
        visitor,
        "manage_rules.html",
        status=WRONG if sent.faults else 200,
        here="manage",
        clinic=clinic,
        rules=rules_document(kept.rules),
        choices={
            "notices": NOTICES,
            "horizons": HORIZONS,
            "absences": ABSENCES,
            "counts": COUNTS,
            "offers": OFFERS,
            "reminders": REMINDERS,
        },
        note=note,
        sent=sent,
    )
