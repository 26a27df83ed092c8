"""Receipts of providers: whether a message that they took has reached the patient."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from prometheus_client import Counter
from pydantic import Field
from pydantic.config import JsonDict
from starlette.responses import Response

from adapters.postgres.consents import Channel
from adapters.postgres.reads import read
from adapters.postgres.receipts import Fate, Receipt, record_receipt
from api.dependencies import DatabaseDep, ReceiptsDep
from api.http.actor import FOR_ANYBODY_FREELY
from api.http.answers import NO_STORE, JsonAnswer
from api.http.json_route import JsonRoute
from api.http.openapi import problems
from api.http.problems import Malformed
from api.http.schemas import Body, example, parse_uuid
from api.http.signatures import check_signature, signature_header

router = APIRouter(route_class=JsonRoute, dependencies=[FOR_ANYBODY_FREELY])

EXAMPLE: JsonDict = {
    "key": "6f6d2a54-8a0e-4f8e-9a55-0f8b6f1c7e21",
    "status": "failed",
    "code": "absent_subscriber",
}
STANDING: JsonDict = {"key": EXAMPLE["key"], "status": "failed"}

RECEIPTS = Counter("priyom_receipts_total", "Receipts of providers", ["provider", "status"])

Signature = Annotated[str, signature_header("provider")]


class ReceiptBody(Body):
    """What became of one message."""

    model_config = example(EXAMPLE)

    key: str = Field(
        min_length=36, max_length=320, description="the SMS's Idempotency-Key or the Message-ID"
    )
    status: Annotated[Fate, Field(strict=False)]
    code: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="why it failed, if the provider says"
    )


class StandingBody(Body):
    """How the message stands now."""

    model_config = example(STANDING)

    key: str
    status: str


@router.post(
    "/receipts/{provider}",
    tags=["receipts"],
    response_model=StandingBody,
    summary="Say what became of a message",
    openapi_extra=problems("message_not_found"),
)
async def say_receipt(  # noqa: PLR0913 - what it needs is asked for by name
    *,
    provider: Channel,
    said: ReceiptBody,
    request: Request,
    database: DatabaseDep,
    desk: ReceiptsDep,
    signature: Signature,
) -> Response:
    """For mail servers and SMS gateways. The first word about a message is the last."""
    await check_signature(signature, desk.key, provider, request)
    told = Receipt(
        notification_id=_notification_of(said.key),
        channel=provider,
        fate=said.status,
        code=said.code,
    )

    found = await read(database, lambda connection: record_receipt(connection, told))
    if found.unheard is not None:
        await desk.deliver_instead(found.unheard, failed=provider)
    RECEIPTS.labels(provider.value, said.status.value).inc()
    return JsonAnswer({"key": said.key, "status": found.status}, headers=NO_STORE)


def _notification_of(key: str) -> UUID:
    """A Message-ID is the notification's id at our domain, in angle brackets."""
    try:
        return parse_uuid(key.strip("<>").partition("@")[0])
    except ValueError as wrong:
        raise Malformed("key", str(wrong)) from None
