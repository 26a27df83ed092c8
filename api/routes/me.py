"""Who calls, as the clinic knows him."""

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from api.http.actor import SelfCaller
from api.http.answers import NO_STORE, JsonAnswer
from api.http.schemas import CLINIC_ID, PATIENT_ID, Body, Id, example
from api.http.strict_query import StrictRoute

router = APIRouter(tags=["sign-in"], route_class=StrictRoute)


class MeBody(Body):
    """The caller: its subject at the issuer, its roles, and who it is here."""

    model_config = example(
        {
            "subject": "0c5e1b52-6f0d-4f7c-9d1b-2b9a5e0f3a77",
            "roles": ["patient"],
            "patientId": PATIENT_ID,
            "practitionerId": None,
            "clinicIds": [CLINIC_ID],
            "proxyFor": [],
        }
    )

    subject: str
    roles: list[str] = Field(description="patient, reception, doctor, manager, operations")
    patient_id: Id | None
    practitioner_id: Id | None
    clinic_ids: list[Id]
    proxy_for: list[Id] = Field(description="patients whom the caller may act for")


@router.get("/me", response_model=MeBody, summary="Who am I?")
async def me(caller: SelfCaller) -> Response:
    """What the token says of its bearer, and what the clinic knows beside it."""
    actor = caller.actor
    own, practitioner = actor.patient_id, actor.practitioner_id
    document = {
        "subject": actor.subject,
        "roles": sorted(actor.roles),
        "patientId": None if own is None else str(own),
        "practitionerId": None if practitioner is None else str(practitioner),
        "clinicIds": sorted(str(each) for each in actor.clinic_ids),
        "proxyFor": sorted(str(each) for each in actor.proxy_for),
    }
    return JsonAnswer(document, headers=NO_STORE)
