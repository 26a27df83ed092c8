"""Patients' records at the reception: make, change, let others act; merge and erase for managers.

Each form does what the API's call of the same name does, by the same function.
"""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.responses import Response

from adapters.messages.visit import Kind
from adapters.postgres.consents import Channel, Consent
from adapters.postgres.reads import read
from api.dependencies import CallersDep, DatabaseDep, Settings
from api.http.actor import PatientChanger, PatientFinder, PatientRegistrar, PatientRemover
from api.http.patient_schemas import MergeOrder, NewPatient, NewProxy, PatientChange
from api.http.problems import Malformed
from api.http.refusals import note_refusal
from api.http.schemas import Id, Text
from api.page.forms import OwnForm, Searched, see, see_with
from api.page.patient_record import FIELDS, Typed, record_of, wished
from api.page.rendering import page
from api.page.visitor import Anybody
from api.routes import consents, patients, proxies
from domain.errors import Changed, HasVisits, PatientBusy, PatientExists

Word = Annotated[Text | None, Query()]

router = APIRouter(prefix="/reception/patients", include_in_schema=False)


async def _typed(
    *,
    full_name: Annotated[Text, Form(alias="fullName")] = "",
    phone: Annotated[Text, Form()] = "",
    email: Annotated[Text, Form()] = "",
    birth_date: Annotated[Text, Form(alias="birthDate")] = "",
    language: Annotated[Text, Form()] = "",
) -> dict[str, str]:
    return {
        "fullName": full_name,
        "phone": phone,
        "email": email,
        "birthDate": birth_date,
        "language": language,
    }


FormTyped = Annotated[dict[str, str], Depends(_typed)]


@router.get("/new")
async def new_patient(_: PatientFinder, visitor: Anybody, name: Word = None) -> Response:
    """`name` is what was looked for, where it found nobody."""
    known = {"fullName": name or "", "language": visitor.language.value}
    typed = Typed(values=dict.fromkeys(FIELDS, "") | known)
    return page(visitor, "patient_new.html", here="reception", typed=typed, known=None)


@router.post("/new")
async def register(  # noqa: PLR0913 - each is a part of the form
    *,
    _: OwnForm,
    caller: PatientRegistrar,
    visitor: Anybody,
    database: DatabaseDep,
    settings: Settings,
    callers: CallersDep,
    typed: FormTyped,
) -> Response:
    """On to the times, for this patient."""
    wish, known, wrong = wished(NewPatient, typed), None, frozenset[str]()
    if isinstance(wish, NewPatient):
        try:
            made = await patients.registered(wish, caller.actor, database, settings)
        except PatientExists as exists:
            note_refusal(exists, patient_id=exists.refusal.patient_id)
            known = exists.refusal.patient_id
        except Malformed:
            wrong = frozenset({"phone"})
        else:
            callers.forget_accounts()
            return see(f"/reception?patient={made.patient_id}")
    else:
        wrong = wish
    shown = Typed(values=typed, wrong=wrong)
    return page(visitor, "patient_new.html", status=422, here="reception", typed=shown, known=known)


@router.get("/{patient_id}")
async def one_patient(  # noqa: PLR0913 - each is a part of the request
    *,
    patient_id: Id,
    caller: PatientFinder,
    visitor: Anybody,
    database: DatabaseDep,
    q: Searched = None,
    note: Word = None,
) -> Response:
    """`q` looks for another patient: to act for this one, or to be merged with it."""
    ask = partial(record_of, patient_id=patient_id, caller=caller, sought=q)
    found = await read(database, ask, caller.sees_patients)
    return page(
        visitor,
        "patient_record.html",
        here="reception",
        found=found,
        typed=found.typed,
        version=found.patient.version,
        q=q,
        note=note,
    )


@router.post("/{patient_id}")
async def change(  # noqa: PLR0913 - each is a part of the form
    *,
    _: OwnForm,
    patient_id: Id,
    caller: PatientChanger,
    visitor: Anybody,
    database: DatabaseDep,
    typed: FormTyped,
    version: Annotated[int, Form(ge=1)],
) -> Response:
    """As it was shown: what another has changed meanwhile is not written over."""
    place = f"/reception/patients/{patient_id}"
    wish = wished(PatientChange, typed, version=version)
    if isinstance(wish, PatientChange):
        try:
            await patients.change(patient_id, wish, caller, database)
        except Malformed:
            wrong = frozenset({"phone"})
        except Changed as changed:
            note_refusal(changed, patient_id=patient_id)
            return see_with(place, note="changed")
        else:
            return see_with(place, note="saved")
    else:
        wrong = wish
    ask = partial(record_of, patient_id=patient_id, caller=caller, sought=None)
    found = await read(database, ask, caller.sees_patients)
    return page(
        visitor,
        "patient_record.html",
        status=422,
        here="reception",
        found=found,
        typed=Typed(values=typed, wrong=wrong),
        version=version,
        q=None,
        note=None,
    )


@router.post("/{patient_id}/consents")
async def choose_consent(  # noqa: PLR0913 - each is a part of the form
    *,
    _: OwnForm,
    patient_id: Id,
    caller: PatientChanger,
    database: DatabaseDep,
    kind: Annotated[Kind, Form()],
    channel: Annotated[Channel, Form()],
    consent: Annotated[Consent, Form()],
) -> Response:
    said = consents.ConsentChoiceBody.model_validate(
        {"kind": kind, "channel": channel, "consent": consent}
    )
    await consents.choose_consent(patient_id, said, caller, database)
    return see_with(f"/reception/patients/{patient_id}", note="saved")


@router.post("/{patient_id}/proxies")
async def allow_proxy(
    *,
    _: OwnForm,
    patient_id: Id,
    caller: PatientChanger,
    database: DatabaseDep,
    callers: CallersDep,
    other: Annotated[Id, Form()],
) -> Response:
    """Another patient may act for this one from now on."""
    wish = NewProxy.model_validate({"patientId": str(other)})
    await proxies.allow_proxy(patient_id, wish, caller, database, callers)
    return see_with(f"/reception/patients/{patient_id}", note="saved")


@router.post("/{patient_id}/proxies/{proxy_id}/end")
async def end_proxy(
    *,
    _: OwnForm,
    patient_id: Id,
    proxy_id: Id,
    caller: PatientChanger,
    database: DatabaseDep,
    callers: CallersDep,
) -> Response:
    await proxies.end_proxy(patient_id, proxy_id, caller, database, callers)
    return see_with(f"/reception/patients/{patient_id}", note="saved")


@router.post("/{patient_id}/merge")
async def merge(
    *,
    _: OwnForm,
    patient_id: Id,
    caller: PatientRemover,
    database: DatabaseDep,
    callers: CallersDep,
    into: Annotated[Id, Form()],
) -> Response:
    """On to the record that stays."""
    order = MergeOrder.model_validate({"into": str(into)})
    try:
        await patients.merge(patient_id, order, caller, database, callers)
    except PatientBusy as busy:
        note_refusal(busy, patient_id=patient_id)
        return see_with(f"/reception/patients/{patient_id}", note="patient_busy")
    return see_with(f"/reception/patients/{into}", note="merged")


@router.post("/{patient_id}/erase")
async def erase(
    *,
    _: OwnForm,
    patient_id: Id,
    caller: PatientRemover,
    database: DatabaseDep,
    callers: CallersDep,
) -> Response:
    """Gone for good."""
    try:
        await patients.erase(patient_id, caller, database, callers)
    except HasVisits as visits:
        note_refusal(visits, patient_id=patient_id)
        return see_with(f"/reception/patients/{patient_id}", note="has_visits")
    return see_with("/reception", note="erased")
