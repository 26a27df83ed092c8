"""A reminder that reached nobody before the visit changed, and kept its time, is told once more."""

from uuid import UUID

import pytest

from activities.messages import Told
from adapters.messages.delivery_errors import UNANSWERED, RefusedForGood, TryLater
from adapters.messages.visit import Kind
from adapters.postgres.consents import Agreed, Channel, Consent, say_consent
from adapters.postgres.notifications import State
from domain.reminders import Reminder
from tests.integration.test_reminders import DAY, SOON, Desk
from tests.integration.test_reminders import desk as desk  # noqa: PLC0414 - the same fixture

AWAY = TryLater("away")


async def due_visit(desk: Desk) -> tuple[UUID, Reminder]:
    visit = await desk.visit(begins_in=DAY - SOON)
    [reminder] = await desk.due(visit)
    return visit, reminder


async def changes(desk: Desk, visit: UUID) -> None:
    """The visit has another version, and begins at the same time."""
    await desk.clinic.execute(
        "UPDATE schedules SET reason = coalesce(reason, '') || 'x' WHERE id = :id", id=visit
    )


async def has(desk: Desk, reminder: Reminder, *, email: str = "a@b.c", phone: str = "+7") -> None:
    await desk.clinic.execute(
        "UPDATE patients SET email = :email, phone = :phone WHERE id = :id",
        id=reminder.patient_id,
        email=email,
        phone=phone,
    )


async def told_again(desk: Desk, visit: UUID) -> Told:
    """What is found is told; nothing is found afterwards, not even for a later version."""
    [again] = await desk.due(visit)
    told = await desk.tell(again)
    assert await desk.due(visit) == []
    await changes(desk, visit)
    assert await desk.due(visit) == []
    return told


async def test_who_has_a_phone_alone_is_reminded_though_the_visit_changed_meanwhile(
    desk: Desk,
) -> None:
    visit, before = await due_visit(desk)
    await has(desk, before, email="")
    desk.sms.faults = [AWAY]
    first = await desk.tell(before)

    await changes(desk, visit)
    overtaken = await desk.worker.run(desk.messages.send_sms, before)
    told = await told_again(desk, visit)

    assert (first.sms.state, first.email.state) == (State.SENDING, State.DECLINED)
    assert overtaken.state is State.SUPERSEDED
    assert (told.sms.state, told.email.state) == (State.SENT, State.DECLINED)
    assert len(desk.sms.sent) == 1


async def test_a_letter_in_reserve_of_an_overtaken_text_keeps_no_reminder_back(desk: Desk) -> None:
    visit, before = await due_visit(desk)
    agreed = Agreed(kind=Kind.REMINDER, channel=Channel.EMAIL, consent=Consent.FALLBACK)
    async with desk.clinic.database.connect() as connection:
        await say_consent(connection, before.patient_id, agreed)
    desk.sms.faults = [AWAY]
    first = await desk.tell(before)

    await changes(desk, visit)
    await desk.worker.run(desk.messages.send_sms, before)
    told = await told_again(desk, visit)

    assert (first.sms.state, first.email.state) == (State.SENDING, State.RESERVED)
    assert (told.sms.state, told.email.state) == (State.SENT, State.RESERVED)


async def test_a_text_that_failed_keeps_no_letter_back_that_was_overtaken(desk: Desk) -> None:
    visit, before = await due_visit(desk)
    desk.sms.faults, desk.mail.faults = (
        [RefusedForGood("sms_422"), RefusedForGood("sms_422")],
        [AWAY],
    )
    first = await desk.tell(before)

    await changes(desk, visit)
    await desk.worker.run(desk.messages.send_email, before)
    told = await told_again(desk, visit)

    assert (first.sms.state, first.email.state) == (State.FAILED, State.SENDING)
    assert (told.sms.state, told.email.state) == (State.FAILED, State.SENT)
    assert len(desk.mail.sent) == 1


async def test_a_letter_that_may_have_arrived_is_told_of_by_no_later_version(desk: Desk) -> None:
    visit, before = await due_visit(desk)
    await has(desk, before, phone="")
    desk.mail.faults = [TryLater(UNANSWERED), TryLater(UNANSWERED)]
    await desk.tell(before)
    ended = await desk.worker.run(desk.messages.send_email, before)

    await changes(desk, visit)

    assert (ended.state, ended.code) == (State.FAILED, UNANSWERED)
    assert await desk.due(visit) == []


@pytest.mark.parametrize("phone", ["", "+7"])
async def test_who_cannot_be_reminded_is_tried_once_a_version(desk: Desk, phone: str) -> None:
    visit, before = await due_visit(desk)
    await has(desk, before, email="", phone=phone)
    desk.sms.faults = [RefusedForGood("sms_422")] * 2

    tried = []
    for _ in range(2):
        [reminder] = await desk.due(visit)
        tried.append((await desk.tell(reminder)).sms.state)
        assert await desk.due(visit) == []
        await changes(desk, visit)

    assert tried == [State.FAILED if phone else State.DECLINED] * 2
    assert desk.sms.sent == []


async def test_what_still_goes_out_is_not_begun_beside_itself(desk: Desk) -> None:
    visit, before = await due_visit(desk)
    await has(desk, before, email="")
    desk.sms.faults = [AWAY]
    await desk.tell(before)

    await changes(desk, visit)

    assert await desk.due(visit) == []
    await desk.worker.run(desk.messages.send_sms, before)
    assert await desk.steps(visit) == ["P1D"]
    assert desk.sms.sent == []
