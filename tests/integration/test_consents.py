"""Consents over HTTP: every kind and channel, given until it is withdrawn."""

from uuid import uuid4

import httpx
import pytest

from adapters.messages.visit import Kind
from adapters.postgres.consents import Channel
from tests.clinic_rows import Clinic


async def test_what_was_not_said_is_given_and_what_was_said_stays(api: str, clinic: Clinic) -> None:
    path = f"/patients/{await clinic.patient()}/consents"
    said = {"kind": "confirmed", "channel": "sms", "consent": "withdrawn"}
    async with httpx.AsyncClient(base_url=api, timeout=20) as http:
        before = (await http.get(path)).json()
        answer = await http.post(path, json=said)
        again = await http.post(path, json=said)
        after = (await http.get(path)).json()

    assert {each["consent"] for each in before["items"]} == {"given"}
    assert len(before["items"]) == len(Kind) * len(Channel)
    assert answer.json() == again.json() == after
    assert [each for each in after["items"] if each["consent"] != "given"] == [said]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"channel": "inbox"}, "malformed"),
        ({"kind": "advertisement"}, "malformed"),
        ({"consent": "maybe"}, "malformed"),
        ({}, "patient_not_found"),
    ],
)
async def test_another_consent_is_refused(api: str, change: dict[str, str], code: str) -> None:
    said = {"kind": "confirmed", "channel": "sms", "consent": "given"} | change
    async with httpx.AsyncClient(base_url=api, timeout=20) as http:
        answer = await http.post(f"/patients/{uuid4()}/consents", json=said)

    assert answer.json()["code"] == code


async def test_an_unknown_patient_has_no_consents(api: str) -> None:
    async with httpx.AsyncClient(base_url=api, timeout=20) as http:
        answer = await http.get(f"/patients/{uuid4()}/consents")

    assert (answer.status_code, answer.json()["code"]) == (404, "patient_not_found")
