"""Whoever has signed in and is no patient here yet gives name and contact, once."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from api.dependencies import CallersDep, DatabaseDep, Settings
from api.http.actor import Caller, PatientRegistrar
from api.http.patient_schemas import NewPatient
from api.http.problems import Malformed, Problem
from api.http.refusals import note_refusal
from api.page.forms import OwnForm, local, see
from api.page.patient_record import FIELDS, Typed, wished
from api.page.rendering import page
from api.page.visitor import Anybody, Visitor
from api.routes import patients
from api.routes.patient_pages import FormTyped
from domain.actors import Actor, Role
from domain.errors import PatientExists

Back = Annotated[str, Query()]

router = APIRouter(prefix="/record", include_in_schema=False)


@router.get("")
async def ask(caller: PatientRegistrar, visitor: Anybody, back: Back = "/") -> Response:
    """Nothing to give for those who have a record: they go on."""
    actor = _patient(caller)
    if actor.patient_id is not None:
        return see(local(back))
    blank = dict.fromkeys(FIELDS, "") | {"language": visitor.language.value}
    return _form(visitor, local(back), Typed(values=blank))


@router.post("")
async def give(  # noqa: PLR0913 - each is a part of the form
    *,
    _: OwnForm,
    caller: PatientRegistrar,
    visitor: Anybody,
    database: DatabaseDep,
    settings: Settings,
    callers: CallersDep,
    typed: FormTyped,
    back: Annotated[str, Form()] = "/",
) -> Response:
    """By the rules of the API; what is wrong is said at its field, and nothing typed is lost."""
    actor, place = _patient(caller), local(back)
    wish, is_known, wrong = wished(NewPatient, typed), False, frozenset[str]()
    if isinstance(wish, NewPatient):
        try:
            await patients.registered(wish, actor, database, settings)
        except Malformed:
            wrong = frozenset({"phone"})
        except PatientExists as known:
            note_refusal(known)
            is_known = known.refusal.patient_id != actor.patient_id
    else:
        wrong = wish
    if wrong or is_known:
        shown = Typed(values=typed, wrong=wrong)
        return _form(visitor, place, shown, is_known=is_known, status=422)
    callers.forget_accounts()
    return see(place)


def _patient(caller: Caller) -> Actor:
    """As a patient; staff who are none have no record to give here."""
    if Role.PATIENT not in caller.actor.roles:
        raise Problem(code="nobody", detail="Only a patient has a record.")
    return caller.actor.acting_as(Role.PATIENT)


def _form(
    visitor: Visitor, back: str, typed: Typed, *, is_known: bool = False, status: int = 200
) -> Response:
    answer = page(
        visitor,
        "record.html",
        status=status,
        here="visits",
        back=back,
        typed=typed,
        is_known=is_known,
    )
    answer.headers["cache-control"] = "no-store"
    return answer
