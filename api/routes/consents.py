"""What a patient agreed to be told, and by which channel."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from pydantic.config import JsonDict
from starlette.responses import Response

from adapters.messages.visit import Kind
from adapters.postgres.consents import Agreed, Channel, Consent, consents_of, say_consent
from adapters.postgres.database import Connection
from adapters.postgres.reads import read
from api.dependencies import DatabaseDep
from api.http.actor import ConsentReader, PatientChanger
from api.http.answers import NO_STORE, JsonAnswer
from api.http.json_route import JsonRoute
from api.http.looks import note
from api.http.schemas import Body, Id, example, page_example
from domain.errors import PatientNotFound
from domain.permissions import Whose

router = APIRouter(route_class=JsonRoute)

EXAMPLE_CONSENT: JsonDict = {"kind": "confirmed", "channel": "sms", "consent": "withdrawn"}


class ConsentChoiceBody(Body):
    """Whether messages of one kind may come by one channel."""

    model_config = example(EXAMPLE_CONSENT)

    kind: Annotated[Kind, Field(strict=False)]
    channel: Annotated[Channel, Field(strict=False)]
    consent: Annotated[Consent, Field(strict=False)] = Field(
        description="given, withdrawn, or fallback: only where the other channel failed for good"
        " or may not be used"
    )


class ConsentPage(Body):
    """What a patient agreed to, every kind of message and channel."""

    model_config = page_example(EXAMPLE_CONSENT)

    items: list[ConsentChoiceBody]
    next: str | None = Field(description="null: the list is short")


@router.get(
    "/patients/{patient_id}/consents",
    tags=["patients"],
    response_model=ConsentPage,
    summary="What a patient agreed to be told",
)
async def list_consents(patient_id: Id, caller: ConsentReader, database: DatabaseDep) -> Response:
    """Every kind of message by every channel; `given` where nothing was said."""
    actor = caller.check(Whose(patient_id=patient_id), hidden=PatientNotFound)

    async def ask(connection: Connection) -> list[Agreed]:
        found = await consents_of(connection, patient_id)
        await note(connection, actor, "read", [patient_id])
        return found

    return _page(await read(database, ask))


@router.post(
    "/patients/{patient_id}/consents",
    tags=["patients"],
    response_model=ConsentPage,
    summary="Give or withdraw a consent",
)
async def choose_consent(
    patient_id: Id, said: ConsentChoiceBody, caller: PatientChanger, database: DatabaseDep
) -> Response:
    """It counts from the next attempt on, also for a message that is under way."""
    actor = caller.check(Whose(patient_id=patient_id), hidden=PatientNotFound)
    agreed = Agreed(kind=said.kind, channel=said.channel, consent=said.consent)

    async def ask(connection: Connection) -> list[Agreed]:
        await say_consent(connection, patient_id, agreed)
        await note(connection, actor, "consent", [patient_id], always=True)
        return await consents_of(connection, patient_id)

    return _page(await read(database, ask))


def _page(found: list[Agreed]) -> Response:
    items = [
        {"kind": each.kind, "channel": each.channel, "consent": each.consent} for each in found
    ]
    return JsonAnswer({"items": items, "next": None}, headers=NO_STORE)
