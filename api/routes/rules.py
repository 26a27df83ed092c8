"""What a clinic lets patients do by themselves: read it, write it anew."""

from functools import partial

from fastapi import APIRouter
from starlette.responses import Response

from adapters.postgres.clinic_rules import find_rules, write_rules
from adapters.postgres.reads import read_by_cursor
from api.dependencies import DatabaseDep
from api.http.actor import RulesChanger, RulesReader
from api.http.answers import NO_STORE, JsonAnswer
from api.http.json_route import JsonRoute
from api.http.rule_schemas import RulesBody
from api.http.schemas import Id
from domain.clinic_rules import rules_document
from domain.errors import ClinicNotFound
from domain.permissions import Whose

router = APIRouter(prefix="/clinics", tags=["setup"], route_class=JsonRoute)


@router.get("/{clinic_id}/rules", response_model=RulesBody, summary="Read a clinic's rules")
async def get_rules(clinic_id: Id, caller: RulesReader, database: DatabaseDep) -> Response:
    """A clinic that has set none limits nothing, and reminds three days and one day ahead."""
    own = caller.actor.practitioner_id
    ask = partial(find_rules, clinic_id=clinic_id, practitioner_id=own)
    kept = await read_by_cursor(database, ask)
    whose = Whose(clinic_id=clinic_id, practitioner_id=own if kept.works_there else None)
    caller.check(whose, hidden=ClinicNotFound)
    return JsonAnswer(rules_document(kept.rules), headers=NO_STORE)


@router.put("/{clinic_id}/rules", response_model=RulesBody, summary="Write a clinic's rules")
async def put_rules(
    clinic_id: Id, wish: RulesBody, caller: RulesChanger, database: DatabaseDep
) -> Response:
    """All of them: what is absent is no limit. They count at once, also for what is booked."""
    await read_by_cursor(database, partial(find_rules, clinic_id=clinic_id))
    actor = caller.check(Whose(clinic_id=clinic_id), hidden=ClinicNotFound)
    await write_rules(database, clinic_id, wish.rules(), actor.ref)
    return JsonAnswer(rules_document(wish.rules()), headers=NO_STORE)
