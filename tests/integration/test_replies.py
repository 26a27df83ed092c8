"""Answers to a reminder by text message: each once, about the right visit, by the rules."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from sqlalchemy import text

from adapters.messages.visit import Kind
from adapters.postgres.cancel import cancel_appointment
from adapters.postgres.clinic_rules import write_rules
from adapters.postgres.consents import Channel, Consent, consents_of
from adapters.postgres.forgetting import forget_messages
from adapters.postgres.notifications import Channel as By
from adapters.postgres.notifications import Notifications, Outcome, State
from adapters.postgres.replies import Received
from adapters.temporal.client import TemporalConnection
from api.booking.commands import Commands
from api.booking.replies import Replies
from api.booking.runs import Runs
from api.http.signatures import signature
from domain.actors import ActorRef, Role
from domain.booking import Cancellation
from domain.booking import Outcome as Ended
from domain.clinic_rules import ClinicRules
from domain.durations import parse_duration
from domain.replies import Reply, Word
from tests.clinic_rows import Clinic, at
from tests.integration.conftest import RECEIPTS_KEY
from tests.messages import a_reminder


class DirectRuns(Runs):
    """Cancels by the row alone, as the run's step does."""

    def __init__(self, clinic: Clinic) -> None:
        super().__init__(TemporalConnection(), None)
        self._clinic = clinic

    async def cancel(self, cancellation: Cancellation) -> Ended:
        done = await cancel_appointment(self._clinic.database, cancellation)
        return Ended(attempt_id=cancellation.attempt_id, appointment=done)


@dataclass
class Telephone:
    """A patient's, and the gateway behind it."""

    http: httpx.AsyncClient
    clinic: Clinic
    phone: str
    patient: UUID

    async def reminded(self, clock: str, *, patient: UUID | None = None, by: By = By.SMS) -> UUID:
        """A visit that its patient was reminded of."""
        appointment_id = await self.clinic.book(at(clock), patient_id=patient or self.patient)
        reminder = a_reminder(
            appointment_id=appointment_id,
            patient_id=patient or self.patient,
            sequence=2,
            starts_at=at(clock),
        )
        notifications = Notifications(self.clinic.database)
        (attempt,) = await notifications.begin(reminder, [by])
        await notifications.record(
            [Outcome(attempt=attempt, state=State.SENT, provider_id="provider-1")]
        )
        return appointment_id

    async def says(self, word: Word, message_id: str | None = None) -> tuple[Reply, str | None]:
        """Where Temporal would be asked, the row is."""
        commands = Commands(self.clinic.database, DirectRuns(self.clinic))
        received = Received(message_id=message_id or uuid4().hex, phone=self.phone, word=word)
        answered = await Replies(self.clinic.database, commands).answer(received)
        return answered.reply, answered.text

    async def hands_on(self, **said: str) -> httpx.Response:
        """To the API, as the gateway does."""
        body = orjson.dumps({"messageId": uuid4().hex, "from": self.phone, "text": "1"} | said)
        signed = signature(RECEIPTS_KEY, "inbound", body, at=datetime.now(UTC))
        headers = {"Priyom-Signature": signed, "Content-Type": "application/json"}
        return await self.http.post("/sms/inbound", content=body, headers=headers)

    async def row(self, appointment_id: UUID) -> tuple[str, str | None]:
        found = await self.rows(
            "SELECT status, attendance FROM schedules WHERE id = :id", id=appointment_id
        )
        return found[0]["status"], found[0]["attendance"]

    async def rows(self, statement: str, **values: object) -> list[Mapping[str, str]]:
        async with self.clinic.database.connect() as connection:
            found = await connection.execute(text(statement), values)
            return [dict(row) for row in found.mappings()]

    async def lends(self) -> UUID:
        """Another patient with the same telephone."""
        patient = await self.clinic.patient()
        await self.clinic.execute(
            "UPDATE patients SET phone = :phone, language = 'en' WHERE id = :id",
            phone=self.phone,
            id=patient,
        )
        return patient


@pytest.fixture
async def telephone(api: str, clinic: Clinic) -> AsyncIterator[Telephone]:
    phone = f"+7900{uuid4().int % 10**7:07}"
    async with httpx.AsyncClient(base_url=api, timeout=20) as http:
        it = Telephone(http=http, clinic=clinic, phone=phone, patient=uuid4())
        it.patient = await it.lends()
        yield it


async def test_one_promises_to_come_to_the_next_visit_that_was_reminded_of(
    telephone: Telephone,
) -> None:
    later = await telephone.reminded("10:30")
    by_letter = await telephone.reminded("09:00", by=By.EMAIL)
    soonest = await telephone.reminded("09:30")

    answer = await telephone.hands_on(text="1")

    assert answer.json()["outcome"] == "promised"
    code = str(soonest)[:8].upper()
    assert answer.json()["reply"] == (
        f"Thank you! We expect you 14 Jan at 09:30 (UTC+3). Ref. {code}."
    )
    assert await telephone.row(soonest) == ("confirmed", "promised")
    for other in (later, by_letter):
        assert await telephone.row(other) == ("confirmed", None)


async def test_zero_asks_once_more_and_only_the_second_one_cancels(telephone: Telephone) -> None:
    visit = await telephone.reminded("09:30")

    first = [await telephone.says(Word.CANCEL, "first") for _ in range(3)]
    asked = await telephone.row(visit)
    second = [await telephone.says(Word.CANCEL, "second") for _ in range(2)]

    assert [reply for reply, _ in first] == [Reply.ASK_AGAIN] * 3
    assert "reply 0 again" in str(first[0][1])
    assert asked == ("confirmed", None)
    assert [reply for reply, _ in second] == [Reply.CANCELLED] * 2
    assert await telephone.row(visit) == ("cancelled", None)
    [line] = await telephone.rows(
        "SELECT role, actor FROM audit WHERE object = :id AND action = 'cancel'", id=str(visit)
    )
    assert line == {"role": "patient", "actor": str(telephone.patient)}


async def test_twenty_identical_messages_at_once_count_once(telephone: Telephone) -> None:
    visit = await telephone.reminded("09:30")

    answers = await asyncio.gather(*(telephone.says(Word.CANCEL, "same") for _ in range(20)))

    assert {reply for reply, _ in answers} == {Reply.ASK_AGAIN}
    assert await telephone.row(visit) == ("confirmed", None)
    kept = await telephone.rows("SELECT FROM replies WHERE appointment_id = :id", id=visit)
    assert len(kept) == 1


async def test_two_wishes_at_once_are_one_question_and_one_answer(telephone: Telephone) -> None:
    visit = await telephone.reminded("09:30")

    answers = await asyncio.gather(*(telephone.says(Word.CANCEL) for _ in range(2)))

    assert {reply for reply, _ in answers} == {Reply.ASK_AGAIN, Reply.CANCELLED}
    assert await telephone.row(visit) == ("cancelled", None)


async def test_the_question_stays_about_the_visit_that_it_was_asked_of(
    telephone: Telephone,
) -> None:
    asked = await telephone.reminded("10:30")
    await telephone.says(Word.CANCEL)
    sooner = await telephone.reminded("09:30", patient=await telephone.lends())

    await telephone.says(Word.CANCEL)

    assert await telephone.row(asked) == ("cancelled", None)
    assert await telephone.row(sooner) == ("confirmed", None)


async def test_a_question_of_yesterday_is_asked_anew(telephone: Telephone) -> None:
    visit = await telephone.reminded("09:30")
    await telephone.says(Word.CANCEL, "old")
    await telephone.clinic.execute(
        "UPDATE replies SET received_at = received_at - interval '25 hours'"
        " WHERE appointment_id = :id",
        id=visit,
    )

    reply, _ = await telephone.says(Word.CANCEL)

    assert reply is Reply.ASK_AGAIN


async def test_the_clinics_rule_is_told_before_the_question_and_at_the_answer(
    telephone: Telephone,
) -> None:
    visit = await telephone.reminded("09:30")
    await telephone.says(Word.CANCEL)
    rules = ClinicRules(cancel_notice=parse_duration("P10Y"))
    manager = ActorRef(id="m", role=Role.MANAGER)
    await write_rules(telephone.clinic.database, telephone.clinic.id, rules, manager)

    too_late = await telephone.says(Word.CANCEL)
    other = await telephone.reminded("09:00", patient=await telephone.lends())
    await telephone.clinic.execute("DELETE FROM replies WHERE appointment_id = :id", id=visit)
    not_asked = await telephone.says(Word.CANCEL)

    for (reply, said), code in ((too_late, visit), (not_asked, other)):
        assert reply is Reply.RULE
        assert "was possible until 14.01 0" in str(said)
        assert str(code)[:8].upper() in str(said)
    assert await telephone.row(visit) == ("confirmed", None)


@pytest.mark.parametrize("word", [Word.COMING, Word.CANCEL])
async def test_what_has_changed_since_its_message_was_taken_is_left_alone(
    word: Word, telephone: Telephone
) -> None:
    """The gateway says it again after the visit was moved."""
    visit = await telephone.reminded("09:30")
    await telephone.says(word, "first")
    await telephone.clinic.execute(
        "UPDATE schedules SET starts_at = :start, ends_at = :end WHERE id = :id",
        id=visit,
        start=at("10:00"),
        end=at("10:30"),
    )

    reply, _ = await telephone.says(word, "first")

    assert reply is Reply.CHANGED
    assert await telephone.row(visit) == ("confirmed", None)


async def test_a_second_wish_about_a_visit_that_has_changed_cancels_nothing(
    telephone: Telephone,
) -> None:
    visit = await telephone.reminded("09:30")
    await telephone.says(Word.CANCEL)
    await telephone.clinic.becomes(visit, "arrived")
    await telephone.clinic.execute(
        "INSERT INTO replies (message_id, word, appointment_id, version, is_again)"
        " VALUES ('late' || :key, 'cancel', :id, 2, true)",
        key=str(visit),
        id=visit,
    )

    reply, _ = await telephone.says(Word.CANCEL, f"late{visit}")

    assert reply is Reply.CHANGED
    assert await telephone.row(visit) == ("arrived", None)


async def test_stop_ends_text_messages_for_everybody_of_the_telephone(
    telephone: Telephone,
) -> None:
    other = await telephone.lends()

    answers = [(await telephone.hands_on(text=" стоп ")).json() for _ in range(2)]

    assert [each["outcome"] for each in answers] == ["stopped", "stopped"]
    assert "no more texts" in answers[0]["reply"]
    for patient in (telephone.patient, other):
        async with telephone.clinic.database.connect() as connection:
            said = await consents_of(connection, patient)
        assert {each.kind for each in said if each.channel is Channel.SMS} == set(Kind)
        assert all(
            (each.consent is Consent.WITHDRAWN) is (each.channel is Channel.SMS) for each in said
        )


async def test_stop_is_in_the_trail_as_a_word_of_each_patient(telephone: Telephone) -> None:
    other, message = await telephone.lends(), uuid4().hex

    for _ in range(2):
        await telephone.hands_on(messageId=message, text="STOP")

    found = await telephone.rows(
        "SELECT actor, role, action, object, patient_id::text AS patient FROM audit"
        " WHERE patient_id IN (:one, :other) AND action = 'consent'",
        one=telephone.patient,
        other=other,
    )
    assert sorted(each["object"] for each in found) == sorted([str(telephone.patient), str(other)])
    assert {each["role"] for each in found} == {"patient"}
    assert all(each["actor"] == each["object"] == each["patient"] for each in found)


async def test_what_is_not_understood_is_answered_with_how_to_answer(
    telephone: Telephone,
) -> None:
    nothing = (await telephone.hands_on(text="Позвоните мне")).json()
    await telephone.reminded("09:30")
    how = (await telephone.hands_on(text="Позвоните мне")).json()

    assert (nothing["outcome"], how["outcome"]) == ("nothing", "how_to")
    assert "no appointment that we have reminded you of" in nothing["reply"]
    assert "0: cancel" in how["reply"]


async def test_a_telephone_of_nobody_is_told_nothing(telephone: Telephone) -> None:
    answer = await telephone.hands_on(**{"from": "79000000001", "text": "STOP"})

    assert (answer.json()["outcome"], answer.json()["reply"]) == ("nothing", None)


async def test_an_appointment_that_is_gone_is_none(telephone: Telephone) -> None:
    visit = await telephone.reminded("09:30")
    await telephone.says(Word.COMING, "before")
    await telephone.clinic.execute(
        "UPDATE replies SET appointment_id = NULL WHERE appointment_id = :id", id=visit
    )

    reply, _ = await telephone.says(Word.COMING, "before")

    assert reply is Reply.NOTHING


async def test_a_message_that_is_forged_or_names_no_number_is_refused(
    telephone: Telephone,
) -> None:
    body = orjson.dumps({"messageId": "m", "from": telephone.phone, "text": "STOP"})
    as_receipt = signature(RECEIPTS_KEY, "sms", body, at=datetime.now(UTC))

    forged = await telephone.http.post(
        "/sms/inbound",
        content=body,
        headers={"Priyom-Signature": as_receipt, "Content-Type": "application/json"},
    )
    nameless = await telephone.hands_on(**{"from": "PRIYOM"})

    fields = [each.json()["errors"][0]["field"] for each in (forged, nameless)]
    assert fields == ["Priyom-Signature", "from"]


async def test_a_cancellation_that_nobody_can_tell_of_yet_is_said_again(
    telephone: Telephone,
) -> None:
    """Nobody answers for Temporal at this API."""
    await telephone.reminded("09:30")
    await telephone.hands_on(text="0")

    answer = await telephone.hands_on(text="0")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_answers_are_forgotten_with_the_messages(telephone: Telephone) -> None:
    visit = await telephone.reminded("09:30")
    await telephone.says(Word.COMING)
    await telephone.clinic.execute(
        "UPDATE replies SET received_at = received_at - interval '40 days'"
        " WHERE appointment_id = :id",
        id=visit,
    )

    await forget_messages(telephone.clinic.database, older_than=timedelta(days=30))

    assert await telephone.rows("SELECT FROM replies WHERE appointment_id = :id", id=visit) == []
