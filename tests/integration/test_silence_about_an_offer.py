"""What somebody is told of an offer: by when to answer, and what the clinic does if they do not."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from adapters.postgres.notifications import Channel, Notifications
from domain.campaign import ReofferOrder
from domain.events import appointment_offered
from domain.plan_exceptions import Policy
from domain.visit_links import link_key, link_to, token_of
from tests.clinic_rows import DAY, Clinic, at
from tests.integration.manager import Manager
from tests.integration.test_offers import Leave, on_leave

KEY = link_key(b"x" * 32)
SAID = {
    Policy.CALL_LIST: "If you do not answer, the clinic calls you.",
    Policy.MOVE: "If you do not answer, your appointment moves to the offered time.",
    Policy.CANCEL: "If you do not answer, your appointment is cancelled.",
}


@pytest.fixture
async def http(api: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"accept": "text/html", "accept-language": "en"}
    root = api.removesuffix("/api/v1")
    async with httpx.AsyncClient(base_url=root, timeout=20, headers=headers) as client:
        yield client


async def told(leave: Leave, order: ReofferOrder) -> Any:
    """What the message of the offer says."""
    made = await leave.offered(order)
    event = appointment_offered(made.offer, made.visit)
    [attempt] = await Notifications(leave.clinic.database).begin(event, [Channel.EMAIL])
    return attempt.visit


@pytest.mark.parametrize("policy", list(Policy))
async def test_the_message_of_an_offer_knows_what_silence_leads_to(
    clinic: Clinic, policy: Policy
) -> None:
    leave = await on_leave(clinic, policy)

    first = await told(leave, leave.order)
    await leave.declined()
    second = await told(leave, leave.order_of(2))

    assert first.offer.if_silent is policy
    assert first.offer.until is not None
    assert second.offer.if_silent is Policy.CALL_LIST


async def test_the_message_of_a_visit_knows_of_no_offer(clinic: Clinic) -> None:
    leave = await on_leave(clinic)
    made = await leave.offered()
    event = appointment_offered(made.visit, made.visit)

    [attempt] = await Notifications(clinic.database).begin(event, [Channel.EMAIL])

    assert attempt.visit.offer is None


@pytest.mark.parametrize("policy", list(Policy))
async def test_the_page_of_an_offer_says_what_silence_leads_to(
    http: httpx.AsyncClient, clinic: Clinic, policy: Policy
) -> None:
    made = await (await on_leave(clinic, policy)).offered()
    link = link_to(made.offer.appointment_id, 1, made.offer.ends_at or at("11:00"))

    page = (await http.get(f"/v/{token_of(KEY, link)}")).text

    assert "Until then your old appointment stays." in page
    assert [each for each, said in SAID.items() if said in page] == [policy]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Policy.CALL_LIST, "Who does not answer is called by reception."),
        (Policy.MOVE, "Who does not answer is moved to the time that we offered."),
        (Policy.CANCEL, "The appointment of who does not answer is cancelled."),
    ],
)
async def test_who_closes_a_time_reads_what_becomes_of_those_who_do_not_answer(
    manager: Manager, clinic: Clinic, policy: Policy, said: str
) -> None:
    await clinic.book(at("09:00"), patient_id=await clinic.patient())
    wish = {
        "kind": "remove",
        "from": f"{DAY}T09:00",
        "until": f"{DAY}T10:00",
        "reason": "vacation",
        "policy": policy.value,
        "doctorId": str(clinic.doctor_id),
    }

    preview = await manager.sends(f"/manage/clinics/{clinic.id}/exceptions", wish, 200)

    assert said in preview
    assert "until they accept" not in preview
