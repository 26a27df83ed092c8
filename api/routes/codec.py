"""What payloads of runs say, for the Temporal UI: a codec server that asks who is looking."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from google.protobuf.json_format import MessageToDict, Parse, ParseError
from starlette.responses import Response
from temporalio.api.common.v1 import Payloads

from adapters.temporal.codec import SealedPayloadError, SealedPayloads
from api.dependencies import Settings
from api.http.actor import PayloadReader
from api.http.answers import NO_STORE, JsonAnswer
from api.http.problems import Malformed
from api.http.strict_query import StrictRoute

router = APIRouter(prefix="/codec", include_in_schema=False, route_class=StrictRoute)


@router.post("/decode")
async def decode(
    _: PayloadReader,
    request: Request,
    settings: Settings,
    _references: Annotated[str | None, Query(alias="preserveStorageRefs")] = None,
) -> Response:
    """As Temporal's protocol of codec servers has it; plain payloads come back as they are."""
    try:
        given = Parse(await request.body(), Payloads())
    except (ParseError, UnicodeDecodeError):
        raise Malformed("body", "must be {payloads: [{metadata, data}]}") from None
    try:
        opened = await SealedPayloads(settings.keys_of_payloads).decode(given.payloads)
    except SealedPayloadError as error:
        raise Malformed("payloads", str(error)) from None
    return JsonAnswer(MessageToDict(Payloads(payloads=opened)), headers=NO_STORE)
