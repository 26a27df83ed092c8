"""Offers of a campaign: another time is held for the visit, taken, declined or left to lapse."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from uuid import UUID, uuid4

import httpx
import pytest

from activities.appointments import Appointments
from activities.campaigns import Campaigns
from activities.slots import Slots
from adapters.postgres.appointments import see
from adapters.postgres.borne_out import Rows
from adapters.postgres.campaign_rows import Pace, Part, find_campaign, set_pace
from adapters.postgres.campaign_runs import answered_offers, heard_of_answer
from adapters.postgres.exceptions import Accepted, ExceptionOrder, make_exception, preview_exception
from adapters.postgres.plan_rows import WrittenPlan
from adapters.postgres.plans import PlanOrder, preview_plan, write_plan
from adapters.postgres.reads import read_by_cursor
from adapters.postgres.transactions import serializable
from api.booking.commands import Commands
from api.booking.runs import Runs
from api.booking.temporal_errors import NoRun
from domain.actors import ANYONE, SYSTEM, ActorRef
from domain.booking import Move, Outcome, Placement, Status
from domain.campaign import CampaignLook, CampaignOrder, Offer, ReofferOrder, Verdict
from domain.errors import ExtensionLimit, HoldExpired
from domain.events import EventType, appointment_offered
from domain.plan import Plan, Weekly
from domain.plan_exceptions import ExceptionKind, ExceptionReason, PlanException, Policy
from domain.quiet_hours import QuietHours
from domain.visit_links import link_key, link_to, token_of
from tests.builders import a_move
from tests.clinic_rows import DAY, Clinic, at
from tests.integration.test_slots import a_wish, refusal_of

NEVER_QUIET = QuietHours(begin=time(3), end=time(3))


@dataclass(frozen=True)
class Leave:
    """The doctor is away from nine to ten, and one visit stands at nine."""

    clinic: Clinic
    campaigns: Campaigns
    campaign_id: UUID
    visit_id: UUID

    @property
    def order(self) -> ReofferOrder:
        return ReofferOrder(campaign_id=self.campaign_id, appointment_id=self.visit_id)

    async def offered(self, order: ReofferOrder | None = None) -> Offer:
        offer = await self.campaigns.offer_another_time(order or self.order)
        assert offer is not None
        return offer

    async def declined(self, order: ReofferOrder | None = None) -> Verdict:
        """What comes of it that the offer is declined."""
        asked = order or self.order
        await self.clinic.becomes(asked.offer_id, "cancelled")
        return (await self.campaigns.judge_offer(asked)).verdict

    def order_of(self, number: int) -> ReofferOrder:
        return replace(self.order, round=number)

    async def unheard(self) -> list[ReofferOrder]:
        """Of this campaign: those of other tests are in the rows as well."""
        found = await answered_offers(self.clinic.database)
        return [each for each in found if each.campaign_id == self.campaign_id]

    async def lapse(self) -> None:
        await self.clinic.execute(
            "UPDATE schedules SET held_until = clock_timestamp() WHERE id = :id",
            id=self.order.offer_id,
        )

    async def begins(self) -> None:
        """As if the hour of the visit had come, and nobody had done anything about it."""
        long_ago = datetime.combine(date(2024, 1, 15), time(9), UTC)
        await self.clinic.on_duty(long_ago, long_ago + timedelta(minutes=30))
        await self.clinic.execute(
            "UPDATE schedules SET starts_at = :start, ends_at = :end WHERE id = :id",
            id=self.visit_id,
            start=long_ago,
            end=long_ago + timedelta(minutes=30),
        )
        await self.clinic.execute(
            "UPDATE campaign_visits SET starts_at = :start WHERE appointment_id = :id",
            id=self.visit_id,
            start=long_ago,
        )

    async def pace(self, pace: Pace) -> None:
        await serializable(
            self.clinic.database,
            lambda cursor: set_pace(cursor, self.campaign_id, pace, SYSTEM),
        )

    async def parts(self) -> dict[str, int]:
        found = await read_by_cursor(
            self.clinic.database, lambda cursor: find_campaign(cursor, self.campaign_id)
        )
        return {part.value: n for part, n in found.parts.items() if n}


async def on_leave(clinic: Clinic, policy: Policy = Policy.CALL_LIST) -> Leave:
    visit_id = await clinic.book(at("09:00"))
    closing = await away(clinic, 9, 10, policy)
    return Leave(clinic, closing.campaigns, closing.campaign_id, visit_id)


@dataclass(frozen=True)
class Closing:
    """A campaign for whoever is affected, and what its run sees."""

    campaigns: Campaigns
    campaign_id: UUID

    async def look(self) -> CampaignLook:
        return await self.campaigns.look_at_campaign(CampaignOrder(campaign_id=self.campaign_id))


async def away(
    clinic: Clinic, begins: int, ends: int, policy: Policy = Policy.CALL_LIST
) -> Closing:
    """By an exception, between two hours of the day."""
    order = ExceptionOrder(
        clinic_id=clinic.id,
        doctor_id=clinic.doctor_id,
        what=PlanException(
            kind=ExceptionKind.REMOVE,
            start=datetime.combine(DAY, time(begins)),
            until=datetime.combine(DAY, time(ends)),
        ),
        reason=ExceptionReason.ILLNESS,
        policy=policy,
        digest=None,
    )
    shown = await preview_exception(clinic.database, order)
    made = await make_exception(clinic.database, replace(order, digest=shown.digest), SYSTEM)
    assert isinstance(made, Accepted)
    return Closing(Campaigns(clinic.database, NEVER_QUIET), made.campaign_id)


async def on_duty_from(clinic: Clinic, hour: int, *, lasts: int = 1, version: int = 0) -> Closing:
    """By a plan of that day alone, which is within the horizon: for an hour, or some."""
    weekly = Weekly(weekday=DAY.isoweekday(), start=time(hour), until=time(hour + lasts))
    order = PlanOrder(
        doctor_id=clinic.doctor_id,
        plan=Plan(effective_from=DAY, effective_until=DAY, weekly=(weekly,)),
        version=version,
        digest=None,
        horizon_days=(DAY - datetime.now(UTC).date()).days + 1,
    )
    shown = await preview_plan(clinic.database, order)
    made = await write_plan(clinic.database, replace(order, digest=shown.digest), SYSTEM)
    assert isinstance(made, WrittenPlan)
    assert made.campaign_id is not None
    return Closing(Campaigns(clinic.database, NEVER_QUIET), made.campaign_id)


async def confirmed(clinic: Clinic, hold: UUID) -> None:
    await clinic.execute(
        "UPDATE schedules SET status = 'confirmed', confirmed_at = clock_timestamp()"
        " WHERE id = :id",
        id=hold,
    )


async def test_another_time_is_held_once_for_the_same_visit(clinic: Clinic) -> None:
    leave = await on_leave(clinic)

    first, second = await leave.offered(), await leave.offered()

    assert first.offer == second.offer
    assert (first.offer.origin, first.offer.status) == ("offer", Status.HELD)
    assert first.offer.starts_at == at("10:00")
    assert await leave.parts() == {"asked": 1}


async def test_a_visit_that_takes_its_offer_ends_it(clinic: Clinic) -> None:
    leave = await on_leave(clinic)
    offer = await leave.offered()
    visit = offer.visit
    move = Move(
        appointment_id=visit.appointment_id,
        attempt_id=uuid4(),
        patient_id=visit.patient_id,
        version=visit.version or 1,
        previous=Placement(
            doctor_id=visit.doctor_id,
            clinic_id=visit.clinic_id,
            starts_at=visit.starts_at,
            ends_at=visit.ends_at or visit.starts_at,
        ),
        doctor_id=offer.offer.doctor_id,
        clinic_id=offer.offer.clinic_id,
        starts_at=offer.offer.starts_at,
        leaves_day=False,
        reason=None,
        actor=SYSTEM,
    )

    moved = await Appointments(clinic.database).move_appointment(move)

    judged = await leave.campaigns.judge_offer(leave.order)
    assert moved.starts_at == offer.offer.starts_at
    assert (judged.verdict, judged.offer.status) == (Verdict.ANSWERED, Status.CANCELLED)
    assert await leave.parts() == {"moved": 1}


async def test_who_declines_is_offered_other_times_and_has_declined(clinic: Clinic) -> None:
    leave = await on_leave(clinic)
    first = await leave.offered()
    again = await leave.declined()
    stands = await leave.campaigns.judge_offer(leave.order)

    second = [await leave.offered(leave.order_of(2)) for _ in range(2)]

    look = await leave.campaigns.look_at_campaign(CampaignOrder(campaign_id=leave.campaign_id))
    assert (again, stands.visit.status) == (Verdict.ASK_AGAIN, Status.CONFIRMED)
    assert second[0].offer == second[1].offer
    assert (first.offer.starts_at, second[0].offer.starts_at) == (at("10:00"), at("10:30"))
    assert await leave.parts() == {"declined": 1}
    assert (look.is_over, look.open_holds) == (False, 1)


async def test_who_declines_in_every_round_is_called_and_so_is_who_is_silent_then(
    clinic: Clinic,
) -> None:
    leave = await on_leave(clinic, Policy.CANCEL)
    await clinic.on_duty(at("12:00"), at("15:00"))
    await leave.offered()
    await leave.declined()
    await leave.offered(leave.order_of(2))
    await clinic.execute(
        "UPDATE schedules SET held_until = clock_timestamp() WHERE id = :id",
        id=leave.order_of(2).offer_id,
    )
    silent = await leave.campaigns.judge_offer(leave.order_of(2))
    await leave.offered(leave.order_of(3))

    assert silent.verdict is Verdict.CALL
    assert await leave.declined(leave.order_of(3)) is Verdict.ANSWERED
    assert await leave.parts() == {"declined": 1}


async def test_where_there_is_no_other_time_a_refusal_stays_one(clinic: Clinic) -> None:
    leave = await on_leave(clinic)
    await clinic.book(at("10:30"))
    await leave.offered()
    await leave.declined()

    assert await leave.campaigns.offer_another_time(leave.order_of(2)) is None
    assert await leave.parts() == {"declined": 1}


async def test_a_run_hears_once_that_its_offer_was_answered(clinic: Clinic) -> None:
    leave = await on_leave(clinic)
    await leave.offered()
    before = await leave.unheard()
    await leave.declined()

    answered = await leave.unheard()
    await heard_of_answer(clinic.database, leave.order)
    heard = await leave.unheard()
    await leave.offered(leave.order_of(2))
    await leave.declined(leave.order_of(2))
    again = await leave.unheard()

    assert (before, answered, heard, again) == ([], [leave.order], [], [leave.order_of(2)])


async def test_the_reminder_is_due_halfway_and_never_while_a_campaign_is_paused(
    clinic: Clinic,
) -> None:
    leave = await on_leave(clinic)
    offer = await leave.offered()
    early = await leave.campaigns.judge_offer(leave.order)
    await clinic.execute(
        "UPDATE campaign_visits SET asked_at = asked_at - interval '3 days'"
        " WHERE appointment_id = :id",
        id=leave.visit_id,
    )
    due = await leave.campaigns.judge_offer(leave.order)
    await leave.pace(Pace.PAUSED)
    paused = await leave.campaigns.judge_offer(leave.order)

    assert {each.verdict for each in (early, due, paused)} == {Verdict.WAIT}
    assert (early.reminds, due.reminds, paused.reminds) == (False, True, False)
    assert early.in_seconds == pytest.approx(offer.remind_in_seconds, abs=10)
    assert due.in_seconds == pytest.approx(offer.ends_in_seconds, abs=10)


async def test_an_offer_lasts_as_long_as_the_clinics_rule_says(clinic: Clinic) -> None:
    await clinic.execute(
        "UPDATE clinics SET rules = CAST(:rules AS jsonb) WHERE id = :id",
        id=clinic.id,
        rules='{"offers": {"lasts": "PT20M"}}',
    )
    leave = await on_leave(clinic)

    offer = await leave.offered()

    assert offer.ends_in_seconds == pytest.approx(20 * 60, abs=20)
    assert offer.remind_in_seconds == pytest.approx(10 * 60, abs=20)


async def test_two_who_are_offered_the_last_free_time_at_once_share_nothing(clinic: Clinic) -> None:
    other = await clinic.book(at("09:30"))
    leave = await on_leave(clinic)
    await clinic.book(at("10:30"))
    orders = [leave.order, replace(leave.order, appointment_id=other)]

    made = await asyncio.gather(*(leave.campaigns.offer_another_time(each) for each in orders))

    assert [each.offer.starts_at for each in made if each is not None] == [at("10:00")]
    assert await leave.parts() == {"asked": 1, "silent": 1}


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (Policy.CALL_LIST, Verdict.CALL),
        (Policy.MOVE, Verdict.MOVE),
        (Policy.CANCEL, Verdict.CANCEL),
    ],
)
async def test_silence_is_judged_by_the_policy_when_its_time_is_over(
    clinic: Clinic, policy: Policy, verdict: Verdict
) -> None:
    leave = await on_leave(clinic, policy)
    await leave.offered()

    early = await leave.campaigns.judge_offer(leave.order)
    await leave.lapse()
    late = [(await leave.campaigns.judge_offer(leave.order)).verdict for _ in range(2)]

    assert early.verdict is Verdict.WAIT
    assert early.in_seconds > 0
    assert late == [verdict, verdict]
    assert await leave.parts() == {"silent": 1}


@pytest.mark.parametrize(
    ("policy", "is_kept"), [(Policy.CALL_LIST, False), (Policy.MOVE, True), (Policy.CANCEL, False)]
)
async def test_the_time_that_a_silent_visit_is_moved_to_is_kept_until_the_move_has_come(
    clinic: Clinic, policy: Policy, *, is_kept: bool
) -> None:
    leave = await on_leave(clinic, policy)
    offer = (await leave.offered()).offer
    await leave.lapse()

    judged = [await leave.campaigns.judge_offer(leave.order) for _ in range(2)]

    assert [each.visit.version for each in judged] == [2, 2]
    if is_kept:
        wish = await a_wish(clinic, "10:00")
        assert await refusal_of(Slots(clinic.database).hold_slot(wish)) == "slot_taken"
        moved = await Moving(clinic).move(a_move(judged[-1].visit, starts_at=offer.starts_at))
        assert (moved.refusal, await leave.parts()) == (None, {"moved": 1})
    else:
        await clinic.hold(offer.starts_at)


async def test_nobody_is_asked_while_a_campaign_is_paused_and_silence_waits(
    clinic: Clinic,
) -> None:
    leave = await on_leave(clinic, Policy.CANCEL)
    await leave.pace(Pace.PAUSED)
    asked = await leave.campaigns.offer_another_time(leave.order)
    await leave.pace(Pace.RUNNING)
    await leave.offered()
    await leave.pace(Pace.PAUSED)
    await leave.lapse()

    paused = await leave.campaigns.judge_offer(leave.order)
    await leave.pace(Pace.STOPPED)
    stopped = await leave.campaigns.judge_offer(leave.order)

    assert asked is None
    assert (paused.verdict, stopped.verdict) == (Verdict.WAIT, Verdict.CALL)


async def test_where_nothing_is_free_reception_calls(clinic: Clinic) -> None:
    leave = await on_leave(clinic)
    await clinic.book(at("10:00"))
    await clinic.book(at("10:30"))

    assert await leave.campaigns.offer_another_time(leave.order) is None
    assert await leave.parts() == {"silent": 1}


async def test_a_campaign_takes_in_who_confirms_a_hold_from_before(clinic: Clinic) -> None:
    hold = await clinic.hold(at("09:30"))
    leave = await on_leave(clinic)
    order = CampaignOrder(campaign_id=leave.campaign_id)

    before = await leave.campaigns.look_at_campaign(order)
    await clinic.becomes(hold, "confirmed")
    after = await leave.campaigns.look_at_campaign(order)

    assert (before.to_ask, before.open_holds) == ([leave.visit_id], 1)
    assert (after.to_ask, after.open_holds) == ([leave.visit_id, hold], 0)
    assert after.parts[Part.LEFT] == 2


async def test_a_plans_campaign_takes_in_who_confirms_a_hold_from_before(clinic: Clinic) -> None:
    booked, hold = await clinic.book(at("09:00")), await clinic.hold(at("09:30"))
    await clinic.hold(at("10:00"))
    closing = await on_duty_from(clinic, 10)

    before = await closing.look()
    await confirmed(clinic, hold)
    after = await closing.look()

    assert (before.to_ask, before.open_holds) == ([booked], 1)
    assert (after.to_ask, after.open_holds) == ([booked, hold], 0)
    assert after.parts[Part.LEFT] == 2


async def test_a_hold_that_several_have_closed_belongs_to_one_campaign(clinic: Clinic) -> None:
    """That of the exception which took its time, or of the first plan that looks."""
    left, hold = await clinic.hold(at("09:00")), await clinic.hold(at("10:00"))
    closing = await on_duty_from(clinic, 10)
    leave = await away(clinic, 10, 11)
    later = await on_duty_from(clinic, 12, version=1)
    for each in (left, hold):
        await confirmed(clinic, each)

    looks = [await each.look() for each in (closing, leave, later)]

    assert [each.to_ask for each in looks] == [[left], [hold], []]
    assert [each.open_holds for each in looks] == [0, 0, 0]


@pytest.mark.parametrize("pace", [Pace.RUNNING, Pace.PAUSED, Pace.STOPPED])
@pytest.mark.parametrize("comes", [True, False])
async def test_who_was_not_asked_before_the_visit_is_left_no_more(
    clinic: Clinic, pace: Pace, *, comes: bool
) -> None:
    """The run is neither kept busy by it, nor does it wait for it for ever."""
    leave = await on_leave(clinic)
    await leave.pace(pace)
    if comes:
        await clinic.becomes(leave.visit_id, "arrived")
    else:
        await leave.begins()

    order = CampaignOrder(campaign_id=leave.campaign_id)
    looks = [await leave.campaigns.look_at_campaign(order) for _ in range(2)]

    assert [each.to_ask for each in looks] == [[], []]
    assert [each.is_over for each in looks] == [pace is not Pace.PAUSED] * 2
    assert await leave.parts() == {"silent": 1}


async def test_who_cancelled_before_the_visit_counts_so_after_it(clinic: Clinic) -> None:
    leave = await on_leave(clinic)
    await clinic.becomes(leave.visit_id, "cancelled")

    await leave.campaigns.look_at_campaign(CampaignOrder(campaign_id=leave.campaign_id))

    assert await leave.parts() == {"cancelled": 1}


class Moving(Runs):
    """Runs that move at once."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic

    async def move(self, move: Move) -> Outcome:
        moved = await Appointments(self._clinic.database).move_appointment(move)
        return Outcome(attempt_id=move.attempt_id, appointment=moved)

    async def extend(
        self, _appointment_id: UUID, _version: int, _by: ActorRef | None = None
    ) -> Outcome:
        raise NoRun


async def test_who_confirms_an_offer_has_the_visit_there_under_either_id(clinic: Clinic) -> None:
    leave = await on_leave(clinic)
    offer = (await leave.offered()).offer
    commands = Commands(clinic.database, Moving(clinic))
    with pytest.raises(ExtensionLimit):
        await commands.extend(offer.appointment_id, 1, ANYONE)

    taken = [await commands.confirm(offer.appointment_id, ANYONE) for _ in range(2)]
    found = await commands.find(offer.appointment_id, ANYONE)

    assert {each.appointment_id for each in (*taken, found.appointment)} == {leave.visit_id}
    assert {each.starts_at for each in taken} == {at("10:00")}


async def test_an_offer_that_lapsed_cannot_be_taken(clinic: Clinic) -> None:
    leave = await on_leave(clinic)
    offer = (await leave.offered()).offer
    await clinic.becomes(offer.appointment_id, "expired")
    commands = Commands(clinic.database, Moving(clinic))

    with pytest.raises(HoldExpired):
        await commands.confirm(offer.appointment_id, ANYONE)
    assert (await commands.find(offer.appointment_id, ANYONE)).appointment.origin == "offer"


async def test_what_is_said_of_an_offer_is_borne_out_by_its_row(clinic: Clinic) -> None:
    leave = await on_leave(clinic)
    made = await leave.offered()
    told = [
        appointment_offered(made.offer, made.visit),
        appointment_offered(made.offer, made.visit, EventType.REOFFERED),
        appointment_offered(made.offer, made.offer),
    ]

    assert await Rows(clinic.database).forged(told) == {2}


async def test_an_offer_that_was_declined_before_it_was_told_is_as_true_as_before(
    clinic: Clinic,
) -> None:
    leave = await on_leave(clinic)
    first = await leave.offered()
    assert await leave.declined() is Verdict.ASK_AGAIN
    second = await leave.offered(leave.order_of(2))
    true = appointment_offered(first.offer, first.visit)
    itself = replace(first.visit, status=Status.HELD, version=1)
    doctor = await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=doctor)
    held = await clinic.hold(at("09:30"), doctor_id=doctor, patient_id=first.visit.patient_id)
    seen = await read_by_cursor(clinic.database, partial(see, appointment_id=held))
    assert seen is not None
    told = [
        true,
        appointment_offered(second.offer, second.visit),
        appointment_offered(itself, first.visit),
        appointment_offered(seen.appointment, first.visit),
        appointment_offered(first.offer, second.offer),
    ]

    assert await Rows(clinic.database).forged(told) == {2, 3, 4}


async def test_the_page_of_an_offer_leads_to_the_visit(api: str, clinic: Clinic) -> None:
    leave = await on_leave(clinic)
    made = await leave.offered()
    key = link_key(b"x" * 32)
    token = token_of(key, link_to(made.offer.appointment_id, 1, made.offer.ends_at or at("11:00")))
    page = f"{api.removesuffix('/api/v1')}/v/{token}"

    async with httpx.AsyncClient(timeout=20) as http:
        shown = (await http.get(page)).text
        form = shown.partition('name="form" value="')[2].partition('"')[0]
        wrong = await http.post(page, data={"form": form, "action": "dance"})
        other = await http.post(page, data={"form": form, "action": "move"})
        taken = await http.post(page, data={"form": form, "action": "accept"})
        await leave.lapse()
        late = await http.post(page, data={"form": form, "action": "accept"})

    assert 'value="accept"' in shown
    assert wrong.status_code == 422
    assert (other.status_code, other.headers["location"].split("?")[0] == f"/v/{token}") == (
        303,
        False,
    )
    assert (taken.status_code, taken.headers["location"]) == (303, f"/v/{token}?said=unavailable")
    assert late.status_code == 409
