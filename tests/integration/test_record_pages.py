"""Whoever has signed in and is nobody here yet gives name and contact once."""

from uuid import UUID, uuid4

import httpx
import pytest

from tests.clinic_rows import Clinic
from tests.integration.browsers import at_a_browser

FORM = {
    "fullName": "Maria Newcomer",
    "phone": "",
    "email": "",
    "birthDate": "",
    "language": "en",
    "back": "/visits",
}


async def record_of(clinic: Clinic, subject: str) -> UUID | None:
    async with clinic.database.connect() as connection:
        found = await connection.exec_driver_sql(
            "SELECT patient_id FROM accounts WHERE subject = %s", (subject,)
        )
        kept: UUID | None = found.scalar_one_or_none()
    return kept


async def gives(http: httpx.AsyncClient, **changes: str) -> httpx.Response:
    return await http.post("/record", data=FORM | changes)


async def test_somebody_new_gives_name_and_contact_and_goes_on_where_they_were(
    clinic: Clinic, signed_in_api: str, cache_url: str
) -> None:
    subject = uuid4().hex
    async with at_a_browser(signed_in_api, cache_url, subject) as http:
        asked = await http.get("/visits")
        form = await http.get(asked.headers["location"])
        given = await gives(http, email=f"{subject}@example.org", birthDate="1985-03-07")
        after = await http.get("/visits")
        again = await http.get("/record?back=/visits")
        twice = await gives(http, email=f"{subject}@example.org")

    assert asked.headers["location"] == "/record?back=%2Fvisits"
    assert 'name="back" value="/visits"' in form.text
    assert [each.headers["location"] for each in (given, again, twice)] == ["/visits"] * 3
    assert after.status_code == 200
    assert await record_of(clinic, subject) is not None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fullName": " "}, "Enter the name."),
        ({}, "Enter a phone number, or an email address instead."),
        ({"phone": "many"}, "Enter a phone number, or"),
        ({"email": "x@"}, "Enter one email address"),
        ({"phone": "+79161234567", "birthDate": "2999-01-01"}, "Enter a date of birth"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    changes: dict[str, str], words: str, clinic: Clinic, signed_in_api: str, cache_url: str
) -> None:
    subject = uuid4().hex
    async with at_a_browser(signed_in_api, cache_url, subject) as http:
        answer = await gives(http, **changes)

    assert answer.status_code == 422
    assert words in answer.text
    assert all(f'value="{each}"' in answer.text for each in changes.values())
    assert await record_of(clinic, subject) is None


async def test_a_record_that_the_clinic_has_is_not_taken_over(
    clinic: Clinic, signed_in_api: str, cache_url: str
) -> None:
    mail, subject = f"{uuid4().hex}@example.org", uuid4().hex
    async with at_a_browser(signed_in_api, cache_url, uuid4().hex) as http:
        await gives(http, email=mail)
    async with at_a_browser(signed_in_api, cache_url, subject) as http:
        answer = await gives(http, email=mail)

    assert answer.status_code == 422
    assert "already has a record with this name" in answer.text
    assert await record_of(clinic, subject) is None


async def test_nobody_is_asked_where_nobody_signs_in(api: str) -> None:
    """There a patient of the demo is chosen instead."""
    async with httpx.AsyncClient(headers={"accept": "text/html"}, timeout=20) as http:
        answer = await http.get(api.removesuffix("/api/v1") + "/record")

    assert answer.status_code == 401
