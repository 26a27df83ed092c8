"""Text messages of patients, as their gateway hands them on."""

from typing import Annotated

from fastapi import APIRouter, Request
from prometheus_client import Counter
from pydantic import Field
from pydantic.config import JsonDict
from starlette.responses import Response

from adapters.messages.phones import BadPhone, e164
from adapters.postgres.replies import Received
from api.booking.replies import Replies
from api.dependencies import CommandsDep, DatabaseDep, ReceiptsDep
from api.http.actor import FOR_ANYBODY_FREELY
from api.http.answers import NO_STORE, JsonAnswer
from api.http.json_route import JsonRoute
from api.http.problems import Malformed
from api.http.schemas import Body, example
from api.http.signatures import check_signature, signature_header
from domain.replies import word_of

router = APIRouter(route_class=JsonRoute, dependencies=[FOR_ANYBODY_FREELY])

EXAMPLE: JsonDict = {"messageId": "mo-7712", "from": "+79001234567", "text": "0"}
ANSWER: JsonDict = {
    "messageId": "mo-7712",
    "outcome": "ask_again",
    "reply": "Cancel appointment 1A2B3C4D, 24 Nov at 10:30 (UTC+3)? To cancel it, reply 0 again.",
}

RECEIVED = Counter("priyom_replies_total", "Text messages of patients", ["outcome"])

SIGNED_AS = "inbound"
"""In the place of a receipt's provider: a signature is good for one of the two."""

Signature = Annotated[str, signature_header(SIGNED_AS)]


class InboundBody(Body):
    """One text message that a patient has sent."""

    model_config = example(EXAMPLE)

    message_id: str = Field(
        pattern=r"^[!-~]{1,255}$", description="the provider's id: the same message counts once"
    )
    from_: str = Field(alias="from", min_length=2, max_length=32, description="who sent it, E.164")
    text: str = Field(max_length=2000)


class ReplyBody(Body):
    """What to send back to where it came from."""

    model_config = example(ANSWER)

    message_id: str
    outcome: str = Field(
        description="promised, ask_again, cancelled, rule, changed, stopped, how_to or nothing"
    )
    reply: str | None = Field(description="the text to send back, null for none")


@router.post(
    "/sms/inbound",
    tags=["receipts"],
    response_model=ReplyBody,
    summary="Hand on a patient's text message",
)
async def take_text(  # noqa: PLR0913 - what it needs is asked for by name
    *,
    said: InboundBody,
    request: Request,
    database: DatabaseDep,
    commands: CommandsDep,
    desk: ReceiptsDep,
    signature: Signature,
) -> Response:
    """For SMS gateways: 1 promises to come, 0 twice cancels, STOP ends text messages.

    It is about the next appointment that was reminded of by text message; the reply names it.
    """
    await check_signature(signature, desk.key, SIGNED_AS, request)
    received = Received(
        message_id=said.message_id, phone=_phone(said.from_), word=word_of(said.text)
    )
    answered = await Replies(database, commands).answer(received)
    RECEIVED.labels(answered.reply.value).inc()
    document = {
        "messageId": said.message_id,
        "outcome": answered.reply.value,
        "reply": answered.text,
    }
    return JsonAnswer(document, headers=NO_STORE)


def _phone(written: str) -> str:
    """Some gateways leave out the plus; names of senders, which are no numbers, name nobody."""
    number = written if written.startswith("+") else f"+{written}"
    try:
        return e164(number)
    except BadPhone:
        raise Malformed("from", "must be a phone number, E.164") from None
