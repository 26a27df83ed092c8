"""A patient's answer by text message: what it does, by the same ways as elsewhere."""

from dataclasses import dataclass

from adapters.messages.answers import answer, answer_without_visit
from adapters.messages.visit import Language
from adapters.postgres.database import Database
from adapters.postgres.promise import promise
from adapters.postgres.reads import read
from adapters.postgres.replies import Received, Taken, take
from adapters.postgres.visits import PatientVisit, visit
from api.booking.commands import Commands
from api.http.refusals import note_refusal
from api.page.calendar import as_entry
from domain.actors import Actor, Role
from domain.booking import CancelReason, Status
from domain.errors import Refused, RuleForbids
from domain.replies import Reply, Word


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What the gateway sends back; `text` is null where nobody is known to have asked."""

    reply: Reply
    text: str | None


class Replies:
    """Takes text messages. The second of two wishes to cancel cancels."""

    def __init__(self, database: Database, commands: Commands) -> None:
        self._database = database
        self._commands = commands

    async def answer(self, received: Received) -> Answered:
        """Raises NoAnswer where nobody can tell yet: the gateway says it again."""
        taken = await take(self._database, received)
        if taken.language is None:
            return Answered(reply=Reply.NOTHING, text=None)
        if taken.word is Word.STOP:
            return _without_visit(Reply.STOPPED, taken.language)
        if taken.appointment_id is None:
            return _without_visit(Reply.NOTHING, taken.language)
        appointment_id = taken.appointment_id
        seen = await read(self._database, lambda connection: visit(connection, appointment_id))
        if seen is None:
            return _without_visit(Reply.NOTHING, taken.language)
        reply = await self._reply(taken, seen)
        until = seen.ruled.cancel_until if reply is Reply.RULE else None
        text = answer(reply, as_entry(seen, taken.language), until=until)
        return Answered(reply=reply, text=text)

    async def _reply(self, taken: Taken, seen: PatientVisit) -> Reply:
        if taken.word is Word.OTHER:
            return Reply.HOW_TO
        if taken.word is Word.COMING:
            actor = _actor(seen)
            id_ = seen.appointment.appointment_id
            stands = await promise(self._database, id_, taken.version, actor.ref)
            return Reply.PROMISED if stands else Reply.CHANGED
        return await self._cancel(taken, seen) if taken.is_again else _may_cancel(taken, seen)

    async def _cancel(self, taken: Taken, seen: PatientVisit) -> Reply:
        id_, reason = seen.appointment.appointment_id, CancelReason.PATIENT_REQUEST
        try:
            await self._commands.cancel(id_, reason, taken.version, by=_actor(seen))
        except RuleForbids as refused:
            note_refusal(refused, appointment_id=id_)
            return Reply.RULE
        except Refused as refused:
            note_refusal(refused, appointment_id=id_)
            return Reply.CHANGED
        return Reply.CANCELLED


def _may_cancel(taken: Taken, seen: PatientVisit) -> Reply:
    """Nobody is asked about what would be refused."""
    booked = seen.appointment
    if booked.version != taken.version or booked.status is not Status.CONFIRMED:
        return Reply.CHANGED
    return Reply.ASK_AGAIN if seen.ruled.may_cancel else Reply.RULE


def _without_visit(reply: Reply, language: Language) -> Answered:
    return Answered(reply=reply, text=answer_without_visit(reply, language))


def _actor(seen: PatientVisit) -> Actor:
    """The patient, whom the reminder was for."""
    patient_id = seen.appointment.patient_id
    return Actor(
        subject=f"text message of {patient_id}",
        roles=frozenset({Role.PATIENT}),
        patient_id=patient_id,
    )
