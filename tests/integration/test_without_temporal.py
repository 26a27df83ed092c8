"""An API that was started while Temporal is away: it says so, and knows what it was asked."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from tests.clinic_rows import Clinic, at
from tests.integration.conftest import ANSWERED_WITHIN_SECONDS

SOONER_THAN_THE_DEADLINE = ANSWERED_WITHIN_SECONDS - 3
"""Seconds: where nobody listens, nobody is waited for. One answer at the deadline is too late."""


@pytest.fixture
async def wish(clinic: Clinic) -> dict[str, str]:
    return {
        "patientId": str(await clinic.patient()),
        "doctorId": str(clinic.doctor_id),
        "dateTime": at("09:00").strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


async def test_a_booking_may_yet_be_begun(api: str, wish: dict[str, str]) -> None:
    async with (
        asyncio.timeout(SOONER_THAN_THE_DEADLINE),
        httpx.AsyncClient(base_url=api, timeout=20) as http,
    ):
        answers = [
            await http.post("/appointments", json=wish, headers={"idempotency-key": key})
            for key in (str(uuid4()), str(uuid4()))
        ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.json()["appointmentId"]


@pytest.mark.parametrize("what", ["confirm", "cancel", "extend"])
async def test_a_hold_may_yet_be_changed(api: str, clinic: Clinic, what: str) -> None:
    hold = await clinic.hold(at("09:30"))
    body = {"version": 1} if what == "extend" else {}

    async with httpx.AsyncClient(base_url=api, timeout=20) as http:
        answer = await http.post(f"/appointments/{hold}/{what}", json=body)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.json()["appointmentId"] == str(hold)
